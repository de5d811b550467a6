//! Scripts of replies in JSON, for programs in other languages.

mod entry;

use std::path::Path;
use std::{fs, io};

use crate::reply::Reply;
use crate::request_match::Match;
use crate::script::entry::Entry;

/// A list of replies read from a JSON file, in the order in which they are queued.
///
/// Each entry has a `reply` and these optional fields:
/// - `match`: any of `model`, `operation` and `body`, as in [`Match`]. All of them must match.
/// - `times`: how often the reply is queued. Defaults to 1.
/// - `headers`: an object of header names and values.
/// - `token_headers`: the token counts in the token headers. Omitted with `"without_token_headers": true`.
/// - `delay_ms`, `first_byte_delay_ms`, `pace_ms` and `split`: as the methods of [`Reply`].
/// - `fault`: the name of a [`Fault`](crate::Fault) in snake case, such as `"no_metadata"` or
///   `{"exception_at": [3, "throttling"]}`.
///
/// A `reply` is one of:
/// - `{"message": {...}}` with `content`, a list of `{"text": ...}`, `{"reasoning": ...}` and
///   `{"tool_use": {"id": ..., "name": ..., "input": ...}}`, and any of `stop_reason`, `usage`,
///   `without_usage`, `invocation_metrics`, `without_invocation_metrics`, `latency_ms`,
///   `service_tier`, `latency_mode`, `trace`, `additional_fields`, `deltas` and `family`,
/// - `{"error": {"kind": "throttling"}}` with an [`ErrorKind`](crate::ErrorKind) in snake case and an optional
///   `message`,
/// - `{"status": 502}`, `{"json": ...}`, `{"chunks": [...]}`,
/// - `{"events": [["messageStart", {...}], ...]}`,
/// - `"reset"`, `"reset_after_headers"` or `"hang"`.
///
/// Token counts are an object with `input`, `output` and, optionally, `cache_read`, `cache_write`, `cache_write_5m`,
/// `cache_write_1h`, `reasoning` and `total`.
///
/// ```
/// use outlay_bedrock_sim::Script;
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
/// # Ok::<(), outlay_bedrock_sim::ScriptError>(())
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

    /// Parses the text of a script. Errors name it as `file`.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScriptError> {
        let entries: Vec<Entry> =
            serde_json::from_str(text).map_err(|error| ScriptError::invalid(file, text, &error))?;
        let replies = entries.into_iter().flat_map(Entry::into_replies).collect();
        Ok(Self { replies })
    }

    /// Returns the number of replies in the script.
    #[must_use]
    pub fn len(&self) -> usize {
        self.replies.len()
    }

    /// Returns whether the script has no replies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    pub(crate) fn into_replies(self) -> Vec<(Option<Match>, Reply)> {
        self.replies
    }
}

/// An error returned when a script cannot be read or parsed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("{file}: cannot be read")]
    Unreadable {
        /// The file.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// The text is not a valid script.
    #[error("{file}:{line}:{column}: in `{field}`: {problem}")]
    Invalid {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// The last field named before the error.
        field: String,
        /// A description of the error.
        problem: String,
    },
}

impl ScriptError {
    fn invalid(file: &str, text: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let position = format!(" at line {line} column {column}");
        let problem = message.strip_suffix(&position).unwrap_or(&message).to_owned();
        let field = last_field(text, line, column).unwrap_or("the script").to_owned();
        Self::Invalid { file: file.to_owned(), line, column, field, problem }
    }
}

/// Returns the name of the last field, `"name":`, before a position.
fn last_field(text: &str, line: usize, column: usize) -> Option<&str> {
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
