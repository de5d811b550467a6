//! What a task cost, on its way to the process that asked for it: JSON in one line of ASCII, fit for a header.

mod receipt_json;

use std::fmt;
use std::str::FromStr;

use crate::{ReceiptId, RemoteId, Scope, Totals};

use receipt_json::Wire;

/// A receipt holds at most this many bytes.
const MAX_LENGTH: usize = 16 * 1024;
/// One that is longer names fewer models and kinds.
const MAX_HEADER: usize = 3 * 1024;

/// What a task that another process asked for has cost, and which run of it that is. A delivery that is repeated counts
/// once, for the run is the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    id: ReceiptId,
    remote: Option<RemoteId>,
    /// `None` while something of the task is open.
    totals: Option<Totals>,
    /// Where the final one can be asked for.
    at: Option<Box<str>>,
}

/// A text that is no receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no receipt: {what}")]
pub struct ParseReceiptError {
    what: String,
}

impl Receipt {
    /// The run of the task that it is of.
    pub const fn id(&self) -> ReceiptId {
        self.id
    }

    /// What the caller's books know the work by; `None` where nobody waits for it.
    pub const fn remote_id(&self) -> Option<RemoteId> {
        self.remote
    }

    /// What the task cost, once that is final: it has finished, and nothing in it is open.
    pub const fn totals(&self) -> Option<&Totals> {
        self.totals.as_ref()
    }

    /// Where the final one can be asked for, on the host that this one came from.
    pub fn at(&self) -> Option<&str> {
        self.at.as_deref()
    }

    /// Says where the final one can be asked for: a path on the same host.
    #[must_use]
    pub fn with_path(mut self, path: &str) -> Self {
        self.at = Some(path.into());
        self
    }

    /// Whether it says what the task cost.
    pub const fn is_final(&self) -> bool {
        self.totals.is_some()
    }
}

impl Scope {
    /// The receipt of the task, as of now.
    pub fn receipt(&self) -> Receipt {
        Receipt {
            id: self.run_id(),
            remote: self.caller().and_then(|caller| caller.remote_id()),
            totals: self.is_closed().then(|| self.totals()),
            at: None,
        }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What proxies pass on as a header is less than what there may be to name.
        let mut named = Wire::MAX_NAMED;
        loop {
            let text = self.text(named).ok_or(fmt::Error)?;
            if text.len() <= MAX_HEADER || named == 1 {
                return f.write_str(&text);
            }
            named /= 2;
        }
    }
}

impl Receipt {
    /// With at most so many models and kinds by their names.
    fn text(&self, named: usize) -> Option<String> {
        let json = serde_json::to_string(&Wire::of(self, named)).ok()?;
        let mut text = String::with_capacity(json.len());
        for c in json.chars() {
            match c.is_ascii_graphic() || c == ' ' {
                true => text.push(c),
                // Beyond these there are only the texts of names, where an escape means the same.
                false => text.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
            }
        }
        Some(text)
    }
}

impl FromStr for Receipt {
    type Err = ParseReceiptError;

    fn from_str(text: &str) -> Result<Self, ParseReceiptError> {
        if text.len() > MAX_LENGTH {
            return Err(ParseReceiptError::new(format!("it has {} bytes, more than {MAX_LENGTH}", text.len())));
        }
        let wire: Wire = serde_json::from_str(text).map_err(|error| ParseReceiptError::new(error.to_string()))?;
        wire.receipt()
    }
}

impl ParseReceiptError {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests;
