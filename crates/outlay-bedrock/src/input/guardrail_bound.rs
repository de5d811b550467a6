//! The maximum number of units that a guardrail can be billed for. Its policies are not known here, so each possible
//! policy is assumed to read everything.

use aws_sdk_bedrockruntime::types::{
    GuardrailChecksConfig, GuardrailChecksContentBlock, GuardrailChecksMessage, GuardrailContentBlock,
};
use outlay_price::{GuardrailUse, Unit, UnitCount, Units};

use crate::usage::{CHECKS, IMAGE_POLICY, MAX_REASONING_POLICIES, REASONING_POLICY, TEXT_POLICIES};

/// The number of characters in a text unit. A partial unit counts as a whole one.
const TEXT_UNIT: u64 = 1_000;
/// Characters of output for each token, if only a number of tokens is known.
const CHARACTERS_PER_TOKEN: u64 = 8;

/// Returns the maximum for the guardrail of a model call, which reads the input and then the output.
pub(crate) fn max_for_call(input_bound: u64, most_output: u64, seen_bytes: u64) -> GuardrailUse {
    let output = most_output.saturating_mul(CHARACTERS_PER_TOKEN).max(seen_bytes);
    // An image has no characters. Its tokens in the bound come to more than its one unit.
    GuardrailUse::AtMost(all_policies(text_units(input_bound).saturating_add(text_units(output))))
}

/// Returns the maximum for ApplyGuardrail.
pub(super) fn max_for_content(content: &[GuardrailContentBlock]) -> GuardrailUse {
    let (mut texts, mut images) = (0_u64, 0);
    for block in content {
        match block {
            GuardrailContentBlock::Text(text) => texts = texts.saturating_add(text_units(characters(text.text()))),
            GuardrailContentBlock::Image(_) => images += 1,
            // Content that this version cannot read.
            _ => return GuardrailUse::Unknown,
        }
    }
    let mut units = all_policies(texts);
    units.add(policy(IMAGE_POLICY, images));
    GuardrailUse::AtMost(units)
}

/// Returns the maximum for InvokeGuardrailChecks, which names its checks.
pub(super) fn max_for_checks(
    messages: &[GuardrailChecksMessage],
    checks: Option<&GuardrailChecksConfig>,
) -> GuardrailUse {
    let Some(checks) = checks else { return GuardrailUse::Unknown };
    let mut texts = 0_u64;
    for block in messages.iter().flat_map(|message| message.content()) {
        match block {
            GuardrailChecksContentBlock::Text(text) => texts = texts.saturating_add(text_units(characters(text))),
            _ => return GuardrailUse::Unknown,
        }
    }
    let is_requested =
        [checks.content_filter().is_some(), checks.prompt_attack().is_some(), checks.sensitive_information().is_some()];
    let of_check = |(check, _): (&'static str, bool)| policy(check, texts);
    GuardrailUse::AtMost(
        CHECKS.into_iter().zip(is_requested).filter(|(_, requested)| *requested).map(of_check).collect(),
    )
}

fn all_policies(texts: u64) -> Units {
    let mut units: Units = TEXT_POLICIES.into_iter().map(|name| policy(name, texts)).collect();
    units.add(policy(REASONING_POLICY, texts.saturating_mul(MAX_REASONING_POLICIES)));
    units
}

fn policy(name: &'static str, units: u64) -> UnitCount {
    UnitCount::new(Unit::GuardrailUnit, units).with_word(name)
}

fn characters(text: &str) -> u64 {
    text.chars().count() as u64
}

const fn text_units(characters: u64) -> u64 {
    characters.div_ceil(TEXT_UNIT)
}
