//! What the native bodies of all model families are made from.

use crate::message::Message;
use crate::tokens::Tokens;

/// A message on its way to a native body.
pub(super) struct Turn<'a> {
    pub(super) message: &'a Message,
    pub(super) tokens: Option<Tokens>,
    pub(super) model_id: &'a str,
}

impl<'a> Turn<'a> {
    pub(super) fn new(message: &'a Message, model_id: &'a str) -> Self {
        Self { message, tokens: message.tokens(), model_id }
    }

    /// The stop reason in the words of families that know an end, a limit and a call of a tool.
    pub(super) fn stop_reason(&self, end: &'static str, limit: &'static str, tool: &'static str) -> &'static str {
        match self.message.stop_reason_or_default() {
            "max_tokens" | "model_context_window_exceeded" => limit,
            "tool_use" => tool,
            _ => end,
        }
    }

    /// The text in the pieces of a stream, each with whether it is the last. Never empty.
    pub(super) fn text_pieces(&self) -> Vec<(String, bool)> {
        let mut pieces = self.message.pieces(&self.message.all_text());
        if pieces.is_empty() {
            pieces.push(String::new());
        }
        let last = pieces.len() - 1;
        pieces.into_iter().enumerate().map(|(index, piece)| (piece, index == last)).collect()
    }

    /// Output tokens after `done` of `of` pieces, for families that count as they go.
    pub(super) fn output_after(&self, done: usize, of: usize) -> Option<u64> {
        self.tokens.map(|tokens| tokens.output * done as u64 / of.max(1) as u64)
    }
}
