//! Receipts, which carry the cost of a task to the caller. The text is one line of ASCII JSON, so that it fits a header.

mod receipt_json;

use std::fmt;
use std::str::FromStr;

use crate::{ReceiptId, RemoteId, Scope, Totals};

use receipt_json::ReceiptJson;

/// The maximum length of a received receipt in bytes.
const MAX_LENGTH: usize = 16 * 1024;
/// The target length of a sent receipt in bytes. A longer one names fewer models and kinds.
const MAX_HEADER: usize = 3 * 1024;

/// The cost of a task that another process asked for, with the id of its run. A repeated delivery counts once, because
/// the run is the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    id: ReceiptId,
    remote: Option<RemoteId>,
    /// `None` while the task has open work.
    totals: Option<Totals>,
    /// The path for fetching the final receipt.
    at: Option<Box<str>>,
}

/// The error for a text that is not a valid receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid receipt: {problem}")]
pub struct ParseReceiptError {
    problem: String,
}

impl Receipt {
    /// Returns the id of the run of the task.
    pub const fn id(&self) -> ReceiptId {
        self.id
    }

    /// Returns the id of the remote work in the caller's ledger, or `None` if the caller does not wait for a receipt.
    pub const fn remote_id(&self) -> Option<RemoteId> {
        self.remote
    }

    /// Returns the totals if they are final: the task has finished and has no open work.
    pub const fn totals(&self) -> Option<&Totals> {
        self.totals.as_ref()
    }

    /// Returns the path for fetching the final receipt, on the host that sent this one.
    pub fn at(&self) -> Option<&str> {
        self.at.as_deref()
    }

    /// Sets the path for fetching the final receipt, on the same host.
    #[must_use]
    pub fn with_path(mut self, path: &str) -> Self {
        self.at = Some(path.into());
        self
    }

    /// Returns whether the receipt has the final totals.
    pub const fn is_final(&self) -> bool {
        self.totals.is_some()
    }
}

impl Scope {
    /// Returns the receipt of the task as of now.
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
        // Proxies limit the length of a header, so reduce the number of names until the text fits.
        let mut named = ReceiptJson::MAX_NAMED;
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
    /// Returns the text with at most `named` models and `named` kinds by name.
    fn text(&self, named: usize) -> Option<String> {
        let json = serde_json::to_string(&ReceiptJson::of(self, named)).ok()?;
        let mut text = String::with_capacity(json.len());
        for c in json.chars() {
            match c.is_ascii_graphic() || c == ' ' {
                true => text.push(c),
                // Other characters occur only in JSON strings, where an escape is equivalent.
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
            return Err(ParseReceiptError::new(format!("{} bytes, and the maximum is {MAX_LENGTH}", text.len())));
        }
        let json: ReceiptJson =
            serde_json::from_str(text).map_err(|error| ParseReceiptError::new(error.to_string()))?;
        json.into_receipt()
    }
}

impl ParseReceiptError {
    fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into() }
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod receipt_tests;
