use crate::message::Message;
use crate::tokens::Tokens;

/// An assistant turn to render as a native body.
pub(super) struct Turn<'a> {
    pub(super) message: &'a Message,
    pub(super) tokens: Option<Tokens>,
    pub(super) model_id: &'a str,
}

impl<'a> Turn<'a> {
    pub(super) fn new(message: &'a Message, model_id: &'a str) -> Self {
        Self { message, tokens: message.tokens(), model_id }
    }

    /// Returns the stop reason in the terms of a family that distinguishes an end, a token limit and a tool call.
    pub(super) fn stop_reason(&self, end: &'static str, limit: &'static str, tool: &'static str) -> &'static str {
        match self.message.stop_reason_or_default() {
            "max_tokens" | "model_context_window_exceeded" => limit,
            "tool_use" => tool,
            _ => end,
        }
    }

    /// Returns the text deltas of a stream, each with whether it is the last one. There is at least one.
    pub(super) fn text_pieces(&self) -> Vec<(String, bool)> {
        let mut pieces = self.message.pieces(&self.message.all_text());
        if pieces.is_empty() {
            pieces.push(String::new());
        }
        let last = pieces.len() - 1;
        pieces.into_iter().enumerate().map(|(index, piece)| (piece, index == last)).collect()
    }

    /// Returns the output tokens after `done` of `of` deltas, for families with a running count.
    pub(super) fn output_after(&self, done: usize, of: usize) -> Option<u64> {
        self.tokens.map(|tokens| tokens.output * done as u64 / of.max(1) as u64)
    }
}
