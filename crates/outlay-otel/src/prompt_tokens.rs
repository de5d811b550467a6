//! How many tokens a prompt is taken for before it is sent, and what this process has measured of that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashMap;
use outlay_price::ModelRef;

/// How many tokens the input of a call has, before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptTokens {
    /// The most that it can have.
    pub most: u64,
    /// What it is likely to have.
    pub likely: u64,
    /// The part of that which is not text.
    likely_beside: u64,
}

impl PromptTokens {
    /// A prompt of so many bytes of text, and of tokens beside it, at most and likely.
    pub fn new(model: &str, text_bytes: u64, most_beside: u64, likely_beside: u64) -> Self {
        // What names no model is as dense as the unknown one.
        let model = ModelRef::parse(model).or_else(|_| ModelRef::parse("unknown"));
        let likely = model.map_or(text_bytes, |model| model.likely_tokens(text_bytes));
        let most = text_bytes.saturating_add(most_beside);
        let likely_beside = likely_beside.min(most);
        Self { most, likely: likely.saturating_add(likely_beside).min(most), likely_beside }
    }
}

/// How many tokens prompts have had for each token that was likely, by model.
#[derive(Debug, Default)]
pub(crate) struct MeasuredPrompts(RwLock<HashMap<Arc<str>, AtomicU64>>);

/// As likely.
const ONE: u64 = 1_000;
/// Of so many models at most.
const MAX_MODELS: usize = 1_000;
/// The last call counts for one part in so many.
const MEMORY: u64 = 8;
/// A prompt is measured where at most one part in so many is not text.
const MOSTLY_TEXT: u64 = 10;
/// A shorter prompt tells more of what the vendor puts around it than of its text.
const MIN_TEXT: u64 = 2_000;
/// What is expected on top of what was measured, in thousandths.
const MARGIN: u64 = 250;

impl MeasuredPrompts {
    /// Takes in what a call has had. What is not text tells nothing of how dense a model's text is.
    pub(crate) fn measured(&self, model: &Arc<str>, prompt: PromptTokens, had: u64) {
        if had == 0 || prompt.likely == 0 || prompt.likely_beside > prompt.likely / MOSTLY_TEXT {
            return;
        }
        let text = prompt.likely - prompt.likely_beside;
        if text < MIN_TEXT {
            return;
        }
        let ratio = u128::from(had.saturating_sub(prompt.likely_beside)) * u128::from(ONE) / u128::from(text.max(1));
        let ratio = u64::try_from(ratio.clamp(250, 20_000)).unwrap_or(ONE);
        let toward = |old: u64| {
            // Denser at once, and thinner little by little: a prompt of which a part was not sent is no sign of thin text.
            if ratio > old { ratio } else { (old * (MEMORY - 1) + ratio).div_ceil(MEMORY) }
        };
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(average) = known.get(model) {
            let _ = average.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(toward(old)));
            return;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_MODELS {
            known.entry(model.clone()).or_insert_with(|| AtomicU64::new(toward(ONE)));
        }
    }

    /// What a prompt is expected to have: what is likely, its text corrected by what was measured, and a quarter on top.
    pub(crate) fn expected(&self, model: &str, prompt: PromptTokens) -> u64 {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let ratio = known.get(model).map_or(ONE, |average| average.load(Ordering::Relaxed));
        let text = u128::from(prompt.likely - prompt.likely_beside) * u128::from(ratio);
        let all = text + u128::from(prompt.likely_beside) * u128::from(ONE);
        let expected = (all * u128::from(ONE + MARGIN)).div_ceil(u128::from(ONE) * u128::from(ONE));
        u64::try_from(expected).unwrap_or(u64::MAX).min(prompt.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

    #[test]
    fn text_is_likely_to_have_fewer_tokens_than_bytes() {
        let prompt = PromptTokens::new(CLAUDE, 10_000, 100, 10);
        assert_eq!((prompt.most, prompt.likely), (10_100, 2_870));
        let unknown = PromptTokens::new("no model\n", 10_000, 0, 0);
        assert_eq!((unknown.most, unknown.likely), (10_000, 2_860));
        assert_eq!(PromptTokens::new(CLAUDE, u64::MAX, 1, 1).most, u64::MAX);
    }

    #[test]
    fn what_was_measured_corrects_what_is_expected_and_the_bound_holds() {
        let (measured, model) = (MeasuredPrompts::default(), Arc::from(CLAUDE));
        let prompt = PromptTokens { most: 10_000, likely: 2_000, likely_beside: 0 };
        assert_eq!(measured.expected(CLAUDE, prompt), 2_500);
        measured.measured(&model, prompt, 3_000);
        assert_eq!(measured.expected(CLAUDE, prompt), 3_750);
        for _ in 0..50 {
            measured.measured(&model, prompt, 2_000);
        }
        assert!((2_500..=2_520).contains(&measured.expected(CLAUDE, prompt)));
        measured.measured(&model, prompt, u64::MAX);
        assert_eq!(measured.expected(CLAUDE, prompt), 10_000);
        measured.measured(&model, PromptTokens::default(), 5);
        assert_eq!(measured.expected("another", prompt), 2_500);
    }

    #[test]
    fn a_short_prompt_teaches_nothing() {
        let (measured, model) = (MeasuredPrompts::default(), Arc::from(CLAUDE));
        let short = PromptTokens { most: 1_200, likely: 343, likely_beside: 0 };
        measured.measured(&model, short, 713);
        let long = PromptTokens { most: 40_000, likely: 11_440, likely_beside: 0 };
        assert_eq!(measured.expected(CLAUDE, long), 14_300);
    }

    #[test]
    fn a_document_teaches_nothing_of_text_and_one_thin_prompt_little() {
        let (measured, model) = (MeasuredPrompts::default(), Arc::from(CLAUDE));
        let prompt = PromptTokens { most: 400_000, likely: 100_000, likely_beside: 0 };
        let document = PromptTokens { most: 1_000_000, likely: 189_500, likely_beside: 189_000 };
        measured.measured(&model, document, 6_000);
        assert_eq!(measured.expected(CLAUDE, prompt), 125_000);
        measured.measured(&model, prompt, 10);
        assert!(measured.expected(CLAUDE, prompt) > 110_000);
        // A document is expected as it was before.
        assert!(measured.expected(CLAUDE, document) > 230_000);
    }
}
