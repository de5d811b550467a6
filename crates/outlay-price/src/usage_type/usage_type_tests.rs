use proptest::prelude::*;

use super::*;
use crate::Prices;

/// Returns a summary of a parsed usage type on one line.
fn summary(text: &str) -> String {
    let line = UsageType::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let kind = match line.kind() {
        UsageKind::Tokens(kind) => format!("{kind:?}"),
        UsageKind::Units { unit, side, word } => {
            let side = side.map_or_else(String::new, |side| format!(" {side}"));
            format!("{unit}{side}{}", word.as_ref().map_or_else(String::new, |word| format!(" {word}")))
        }
        UsageKind::TokensPerMinute { kind, commitment } => format!("{kind:?} a minute {}", commitment.unwrap_or("")),
    };
    let flags = [("long", line.is_long_context()), ("custom", line.is_custom_model())];
    let flags: String = flags.iter().filter(|(_, is)| *is).map(|(name, _)| format!(" {name}")).collect();
    let model = line.base_id().unwrap_or(Cow::Borrowed("-"));
    format!("{} {model} {kind} {:?} {}{flags}", line.region(), line.routing(), line.tier())
}

#[test]
fn every_sample_usage_type_is_parsed() {
    let mut expected = include_str!("expected.txt").lines();
    let samples = include_str!("../../data/usagetype-samples.txt").lines().filter(|line| !line.starts_with('#'));
    for sample in samples {
        let summary = match sample.starts_with("Runtime:") {
            true => UsageType::parse(sample).unwrap_err().to_string(),
            false => summary(sample),
        };
        assert_eq!(expected.next(), Some(&*summary), "{sample}");
    }
    assert_eq!(expected.next(), None);
}

#[test]
fn errors_name_the_unknown_part() {
    for (text, expected) in [
        ("", "usage type ``: unknown region prefix ``"),
        ("USE1", "usage type `USE1`: no known unit in ``"),
        ("XYZ1-NovaLite-input-tokens", "usage type `XYZ1-NovaLite-input-tokens`: unknown region prefix `XYZ1`"),
        ("USE1-NovaLite-input-tokens-turbo", "usage type `USE1-NovaLite-input-tokens-turbo`: unknown part `turbo`"),
        (
            "USE1-NovaLite-input-tokens-flex-batch",
            "usage type `USE1-NovaLite-input-tokens-flex-batch`: unknown part `batch`",
        ),
        (
            "USE1-NovaLite-input-tokens-1h",
            "usage type `USE1-NovaLite-input-tokens-1h`: unknown part `NovaLite-input-tokens-1h`",
        ),
        (
            "USE1-MP:EU_input_tokens_standard-Units",
            "usage type `USE1-MP:EU_input_tokens_standard-Units`: conflicting region prefix `EU`",
        ),
        (
            "USE1-MP:USE1_InputFurlongCount-Units",
            "usage type `USE1-MP:USE1_InputFurlongCount-Units`: unknown part `Input`",
        ),
        ("USE1-Guardrail-Other", "usage type `USE1-Guardrail-Other`: unknown part `Other`"),
        ("USE1-NovaLite-storage", "usage type `USE1-NovaLite-storage`: no known unit in `NovaLite-storage`"),
    ] {
        assert_eq!(UsageType::parse(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn labels_map_to_model_ids() {
    for (label, expected) in [
        ("Claude4.6Sonnet", Some("anthropic.claude-sonnet-4-6")),
        ("Claude Sonnet 4.6", Some("anthropic.claude-sonnet-4-6")),
        ("Claude 3.5 Sonnet v2 (Amazon Bedrock Edition)", Some("anthropic.claude-3-5-sonnet-20241022-v2:0")),
        ("NovaLite", Some("amazon.nova-lite-v1:0")),
        ("Nova2.0Lite", Some("amazon.nova-2-lite-v1:0")),
        ("gpt-oss-120b", Some("openai.gpt-oss-120b-1:0")),
        ("openai.gpt-oss-120b", Some("openai.gpt-oss-120b")),
        ("deepseek.v3.1", Some("deepseek.v3.1")),
        ("moonshotai.kimi-k9", Some("moonshotai.kimi-k9")),
        ("us.deepseek.v3.1", None),
        ("nonesuch.model", None),
        ("Claude 99", None),
        ("", None),
    ] {
        assert_eq!(base_id(label).as_deref(), expected, "{label}");
    }
}

#[test]
fn every_label_names_one_model_of_the_bundled_table() {
    let prices = Prices::bundled();
    let mut labels = std::collections::BTreeSet::new();
    for line in include_str!("../../data/model-labels.tsv").lines() {
        let (label, id) = line.split_once('\t').unwrap();
        assert!(prices.rows().any(|price| price.model() == id), "{line}");
        assert_eq!(base_id(label).as_deref(), Some(id), "{line}: conflicts with another label");
        assert!(labels.insert(label), "{line}");
    }
}

const WORDS: &str = "cache|write|read|input|tokens?|count|output|1h|long|ctx|batch|global|cross|region|T2I|[0-9]{1,4}|\
    Premium|x";

proptest! {
    #[test]
    fn any_text_parses_or_is_rejected(text in "\\PC*|(USE1|EU)-(MP:USE1_)?[A-Za-z0-9._é-]{0,40}") {
        match UsageType::parse(&text) {
            Ok(line) => drop((line.base_id(), line.region())),
            Err(error) => prop_assert!(text.contains(&error.part)),
        }
    }

    #[test]
    fn any_words_parse_or_are_rejected(words in prop::collection::vec(WORDS, 0..8)) {
        let _ = UsageType::parse(&format!("USE1-NovaLite-{}", words.join("-")));
        let _ = UsageType::parse(&format!("USE1-MP:USE1_{}-Units", words.join("_")));
    }
}
