//! Replies in a JSON file, so that programs in other languages can script the simulator.

mod entry;

use std::path::Path;
use std::{fs, io};

use crate::reply::Reply;
use crate::request_match::Match;
use crate::script::entry::Entry;

/// Replies read from a JSON file: a list, in the order in which they are queued.
///
/// Each entry has a `reply`, and may have
/// - `match`: any of `model`, `operation` and `body`, which must all hold, as in [`Match`],
/// - `times`: how often it is queued, 1 by default,
/// - `headers`: an object of header names and values,
/// - `token_headers`: what the token headers say, or `"without_token_headers": true`,
/// - `delay_ms`, `first_byte_delay_ms`, `pace_ms` and `split`,
/// - `fault`: a [`Fault`](crate::Fault) by its name in snake case, such as `"no_metadata"` or
///   `{"exception_at": [3, "throttling"]}`.
///
/// A `reply` is one of
/// - `{"message": {...}}` with `content`, a list of `{"text": ...}`, `{"reasoning": ...}` and
///   `{"tool_use": {"id": ..., "name": ..., "input": ...}}`, and any of `stop_reason`, `usage`,
///   `without_usage`, `invocation_metrics`, `without_invocation_metrics`, `latency_ms`,
///   `service_tier`, `latency_mode`, `trace`, `additional_fields`, `deltas` and `family`,
/// - `{"error": {"kind": "throttling"}}`, an [`ErrorKind`](crate::ErrorKind) in snake case, where
///   `message` may be added,
/// - `{"status": 502}`, `{"json": ...}`, `{"chunks": [...]}`,
/// - `{"events": [["messageStart", {...}], ...]}`,
/// - `"reset"`, `"reset_after_headers"` or `"hang"`.
///
/// Token counts are an object of `input`, `output` and, where they are there, `cache_read`,
/// `cache_write`, `cache_write_5m`, `cache_write_1h`, `reasoning` and `total`.
///
/// ```
/// use bedrock_sim::Script;
///
/// let script = Script::parse("replies.json", r#"[
///     {"reply": {"error": {"kind": "throttling"}}},
///     {
///         "match": {"model": "haiku", "operation": "Converse"},
///         "reply": {"message": {"content": [{"text": "hi"}], "usage": {"input": 8, "output": 1}}}
///     }
/// ]"#)?;
/// assert_eq!(script.len(), 2);
///
/// let error = Script::parse("replies.json", r#"[{"reply": {"status": "bad"}}]"#).unwrap_err();
/// assert!(error.to_string().starts_with("replies.json:1:27: in `status`: invalid type"));
/// # Ok::<(), bedrock_sim::ScriptError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Script {
    replies: Vec<(Option<Match>, Reply)>,
}

impl Script {
    /// Reads a script from a file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ScriptError> {
        let file = path.as_ref().display().to_string();
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&file, &text),
            Err(source) => Err(ScriptError::Unreadable { file, source }),
        }
    }

    /// Reads a script from its text; `file` is the name that errors give.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScriptError> {
        let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| ScriptError::at(file, text, &error))?;
        let replies = entries.into_iter().flat_map(Entry::into_replies).collect();
        Ok(Self { replies })
    }

    /// How many replies it queues.
    #[must_use]
    pub fn len(&self) -> usize {
        self.replies.len()
    }

    /// Whether it queues none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    pub(crate) fn into_replies(self) -> Vec<(Option<Match>, Reply)> {
        self.replies
    }
}

/// Why a script could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("{file}: cannot be read")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The text is not a script.
    #[error("{file}:{line}:{column}: in `{field}`: {problem}")]
    Invalid {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The last member named before that place.
        field: String,
        /// What is wrong there.
        problem: String,
    },
}

impl ScriptError {
    fn at(file: &str, text: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let told = error.to_string();
        let place = format!(" at line {line} column {column}");
        let problem = told.strip_suffix(&place).unwrap_or(&told).to_owned();
        let field = last_member(text, line, column).unwrap_or("the script").to_owned();
        Self::Invalid { file: file.to_owned(), line, column, field, problem }
    }
}

/// The last `"name":` before a place.
fn last_member(text: &str, line: usize, column: usize) -> Option<&str> {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut before = text.get(..start + column).unwrap_or(text);
    loop {
        let (rest, _) = before.rsplit_once(':')?;
        let named = rest.trim_end().strip_suffix('"').and_then(|rest| rest.rsplit_once('"'));
        if let Some((_, name)) = named {
            return Some(name);
        }
        before = rest;
    }
}
