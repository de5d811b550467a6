//! Estimates of the tokens of prompts before they are sent, corrected by what this process has measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashMap;
use outlay_price::ModelRef;

/// The estimated input tokens of a call, before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptTokens {
    /// The maximum number of tokens.
    pub max: u64,
    /// The likely number of tokens.
    pub likely: u64,
    /// The likely tokens that are not text.
    likely_non_text: u64,
}

impl PromptTokens {
    /// Returns the estimate for a prompt with `text_bytes` of text, and with the maximum and likely number of tokens
    /// besides the text.
    pub fn new(model: &str, text_bytes: u64, max_non_text: u64, likely_non_text: u64) -> Self {
        // A name that is no model id is treated as an unknown model.
        let model = ModelRef::parse(model).or_else(|_| ModelRef::parse("unknown"));
        let likely = model.map_or(text_bytes, |model| model.likely_tokens(text_bytes));
        let max = text_bytes.saturating_add(max_non_text);
        let likely_non_text = likely_non_text.min(max);
        Self { max, likely: likely.saturating_add(likely_non_text).min(max), likely_non_text }
    }
}

/// The average ratio of measured to likely tokens, in thousandths, by model.
#[derive(Debug, Default)]
pub(crate) struct MeasuredPrompts(RwLock<HashMap<Arc<str>, AtomicU64>>);

/// The ratio 1, in thousandths.
const ONE: u64 = 1_000;
/// The maximum number of models with a ratio.
const MAX_MODELS: usize = 1_000;
/// The last call has a weight of one part in this many.
const AVERAGED_CALLS: u64 = 8;
/// A prompt is measured only if at most one part in this many is not text.
const MOSTLY_TEXT: u64 = 10;
/// The minimum text tokens of a measured prompt. The count of a shorter one depends more on what the vendor adds to it.
const MIN_TEXT: u64 = 2_000;
/// The margin on top of the measured tokens, in thousandths.
const MARGIN: u64 = 250;

impl MeasuredPrompts {
    /// Records the measured tokens of a call. A prompt with much besides text is ignored: it does not show how many tokens
    /// the model makes of text.
    pub(crate) fn record(&self, model: &Arc<str>, prompt: PromptTokens, measured: u64) {
        if measured == 0 || prompt.likely == 0 || prompt.likely_non_text > prompt.likely / MOSTLY_TEXT {
            return;
        }
        let text = prompt.likely - prompt.likely_non_text;
        if text < MIN_TEXT {
            return;
        }
        let ratio =
            u128::from(measured.saturating_sub(prompt.likely_non_text)) * u128::from(ONE) / u128::from(text.max(1));
        let ratio = u64::try_from(ratio.clamp(250, 20_000)).unwrap_or(ONE);
        let update = |old: u64| {
            // Rises at once and falls slowly: if a part of a prompt was not sent, the low count means nothing.
            if ratio > old { ratio } else { (old * (AVERAGED_CALLS - 1) + ratio).div_ceil(AVERAGED_CALLS) }
        };
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(average) = known.get(model) {
            let _ = average.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(update(old)));
            return;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_MODELS {
            known.entry(model.clone()).or_insert_with(|| AtomicU64::new(update(ONE)));
        }
    }

    /// Returns the expected tokens of a prompt: the likely number, with its text corrected by the measured ratio, plus a
    /// quarter, and at most the prompt's maximum.
    pub(crate) fn expected(&self, model: &str, prompt: PromptTokens) -> u64 {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let ratio = known.get(model).map_or(ONE, |average| average.load(Ordering::Relaxed));
        let text = u128::from(prompt.likely - prompt.likely_non_text) * u128::from(ratio);
        let all = text + u128::from(prompt.likely_non_text) * u128::from(ONE);
        let expected = (all * u128::from(ONE + MARGIN)).div_ceil(u128::from(ONE) * u128::from(ONE));
        u64::try_from(expected).unwrap_or(u64::MAX).min(prompt.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

    #[test]
    fn text_is_likely_to_have_fewer_tokens_than_bytes() {
        let prompt = PromptTokens::new(CLAUDE, 10_000, 100, 10);
        assert_eq!((prompt.max, prompt.likely), (10_100, 2_870));
        let unknown = PromptTokens::new("no model\n", 10_000, 0, 0);
        assert_eq!((unknown.max, unknown.likely), (10_000, 2_860));
        assert_eq!(PromptTokens::new(CLAUDE, u64::MAX, 1, 1).max, u64::MAX);
    }

    #[test]
    fn measured_prompts_correct_the_expected_tokens_up_to_the_maximum() {
        let (measured, model) = (MeasuredPrompts::default(), Arc::from(CLAUDE));
        let prompt = PromptTokens { max: 10_000, likely: 2_000, likely_non_text: 0 };
        assert_eq!(measured.expected(CLAUDE, prompt), 2_500);
        measured.record(&model, prompt, 3_000);
        assert_eq!(measured.expected(CLAUDE, prompt), 3_750);
        for _ in 0..50 {
            measured.record(&model, prompt, 2_000);
        }
        assert!((2_500..=2_520).contains(&measured.expected(CLAUDE, prompt)));
        measured.record(&model, prompt, u64::MAX);
        assert_eq!(measured.expected(CLAUDE, prompt), 10_000);
        measured.record(&model, PromptTokens::default(), 5);
        assert_eq!(measured.expected("another", prompt), 2_500);
    }

    #[test]
    fn short_prompts_are_ignored() {
        let (measured, model) = (MeasuredPrompts::default(), Arc::from(CLAUDE));
        let short = PromptTokens { max: 1_200, likely: 343, likely_non_text: 0 };
        measured.record(&model, short, 713);
        let long = PromptTokens { max: 40_000, likely: 11_440, likely_non_text: 0 };
        assert_eq!(measured.expected(CLAUDE, long), 14_300);
    }

    #[test]
    fn documents_are_ignored_and_one_low_count_has_little_weight() {
        let (measured, model) = (MeasuredPrompts::default(), Arc::from(CLAUDE));
        let prompt = PromptTokens { max: 400_000, likely: 100_000, likely_non_text: 0 };
        let document = PromptTokens { max: 1_000_000, likely: 189_500, likely_non_text: 189_000 };
        measured.record(&model, document, 6_000);
        assert_eq!(measured.expected(CLAUDE, prompt), 125_000);
        measured.record(&model, prompt, 10);
        assert!(measured.expected(CLAUDE, prompt) > 110_000);
        // The expected tokens of a document do not change.
        assert!(measured.expected(CLAUDE, document) > 230_000);
    }
}
