use proptest::prelude::*;

use super::*;
use crate::Geo;

fn parse(text: &str) -> ModelRef<'_> {
    ModelRef::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_form_of_model_id_is_parsed() {
    use ModelKind::*;
    let in_region = Some(Routing::InRegion);
    let us = Some(Routing::Geo(Geo::Us));
    for (text, kind, base, routing, region) in [
        ("amazon.nova-pro-v1:0", FoundationModel, Some("amazon.nova-pro-v1:0"), in_region, None),
        ("moonshotai.kimi-k2.5", FoundationModel, Some("moonshotai.kimi-k2.5"), in_region, None),
        ("us.openai.gpt-5.4", InferenceProfile, Some("openai.gpt-5.4"), us, None),
        (
            "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
            InferenceProfile,
            Some("anthropic.claude-sonnet-4-5-20250929-v1:0"),
            Some(Routing::Geo(Geo::UsGov)),
            None,
        ),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
            FoundationModel,
            Some("amazon.nova-pro-v1:0"),
            in_region,
            Some("us-east-1"),
        ),
        (
            "arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5",
            FoundationModel,
            Some("anthropic.claude-opus-5"),
            Some(Routing::Global),
            None,
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5",
            InferenceProfile,
            Some("anthropic.claude-opus-5"),
            us,
            Some("us-east-1"),
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/a1b2c3d4e5f6",
            ApplicationInferenceProfile,
            None,
            None,
            Some("us-east-1"),
        ),
        (
            "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:application-inference-profile/a1b2",
            ApplicationInferenceProfile,
            None,
            None,
            Some("us-gov-west-1"),
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.titan-text-lite-v1:0:4k/abcdefabcdef",
            CustomModel,
            None,
            None,
            Some("us-east-1"),
        ),
        ("arn:aws:bedrock:us-east-1:123456789012:imported-model/abc", ImportedModel, None, None, Some("us-east-1")),
        (
            "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abc",
            CustomModelDeployment,
            None,
            None,
            Some("us-east-1"),
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",
            ProvisionedModel,
            None,
            None,
            Some("us-east-1"),
        ),
        ("arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:1", Prompt, None, None, Some("us-east-1")),
        (
            "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1",
            PromptRouter,
            None,
            None,
            Some("us-east-1"),
        ),
        ("arn:aws:bedrock:us-east-1:123456789012:prompt-router/abc", PromptRouter, None, None, Some("us-east-1")),
        (
            "arn:aws:sagemaker:us-east-1:123456789012:endpoint/my-endpoint",
            SagemakerEndpoint,
            None,
            None,
            Some("us-east-1"),
        ),
        ("my-provisioned-name", ProvisionedModel, None, None, None),
    ] {
        let model = parse(text);
        assert_eq!(model.kind(), kind, "{text}");
        assert_eq!(model.base_id(), base, "{text}");
        assert_eq!(model.routing(), routing, "{text}");
        assert_eq!(model.region(), region, "{text}");
        assert_eq!(model.as_str(), text);
    }
    let profile = parse("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5");
    assert_eq!(profile.account(), Some("123456789012"));
}

#[test]
fn geo_prefixes_are_never_mistaken_for_the_vendor() {
    for geo in ["global", "us", "eu", "apac", "jp", "au", "in", "us-gov", "ca"] {
        let id = format!("{geo}.anthropic.claude-sonnet-4-5-20250929-v1:0");
        let model = parse(&id);
        assert_eq!(model.provider(), Some("anthropic"), "{id}");
        assert_eq!(model.family(), Family::Anthropic, "{id}");
        assert_eq!(model.routing().unwrap().as_str(), geo);
    }
    // A prefix that AWS may add later: the vendor is known and the routing is not.
    let model = parse("sa.anthropic.claude-opus-5");
    assert_eq!(model.provider(), Some("anthropic"));
    assert_eq!(model.base_id(), Some("anthropic.claude-opus-5"));
    assert_eq!(model.routing(), None);
}

#[test]
fn short_names_omit_vendor_date_and_version() {
    for (id, expected) in [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.claude-sonnet-4-5"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-v2"),
        ("global.anthropic.claude-opus-4-6-v1", "global.claude-opus-4-6"),
        ("anthropic.claude-3-haiku-20240307-v1:0:200k", "claude-3-haiku:200k"),
        ("anthropic.claude-v2:1", "claude-v2:1"),
        ("amazon.nova-pro-v1:0", "nova-pro"),
        ("amazon.titan-embed-text-v2:0", "titan-embed-text-v2"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b"),
        ("us.openai.gpt-6.1-sol", "us.gpt-6.1-sol"),
        ("moonshotai.kimi-k2.5", "kimi-k2.5"),
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0", "us.nova-lite"),
        ("arn:aws:bedrock:us-east-1:123456789012:imported-model/abc", "imported-model/abc"),
        ("my-provisioned-name", "my-provisioned-name"),
    ] {
        assert_eq!(parse(id).short_name(), expected, "{id}");
    }
}

#[test]
fn malformed_ids_are_rejected_with_the_reason() {
    use ParseModelError::*;
    for (text, expected) in [
        ("", Empty),
        ("us.", Empty),
        ("us..x", Empty),
        ("claude sonnet", BadCharacter { at: 6 }),
        ("anthropic.claude/x", BadCharacter { at: 16 }),
        ("anthropic.clàude", BadCharacter { at: 12 }),
        ("arn:aws:bedrock:us-east-1", IncompleteArn),
        ("arn:aws:s3:::bucket/key", OtherService),
        ("arn:gcp:bedrock:::foundation-model/a.b", OtherService),
        ("arn:aws:bedrock:us-east-1:1:agent/abc", UnknownResource),
        ("arn:aws:bedrock:us-east-1:1:foundation-model", UnknownResource),
        ("arn:aws:bedrock:us-east-1::foundation-model/", Empty),
        ("arn:aws:bedrock:us-east-1::foundation-model/nodot", UnknownResource),
    ] {
        assert_eq!(ModelRef::parse(text), Err(expected), "{text}");
    }
}

#[test]
fn shorter_ids_omit_context_size_revision_and_version() {
    let ids: Vec<_> = name::shorter_ids("amazon.titan-embed-text-v1:2:8k").collect();
    assert_eq!(ids, ["amazon.titan-embed-text-v1:2", "amazon.titan-embed-text-v1", "amazon.titan-embed-text"]);
}

proptest! {
    #[test]
    fn any_text_parses_or_is_rejected(text in "\\PC*|(arn:)?[a-z0-9.:/-]{0,60}") {
        if let Ok(model) = ModelRef::parse(&text) {
            let _ = (model.short_name(), model.provider(), model.family(), model.resource_id());
            if let Some(base) = model.base_id() {
                prop_assert!(text.ends_with(base));
                prop_assert!(name::shorter_ids(base).count() <= text.len());
            }
        }
    }
}

#[test]
fn all_spellings_of_a_model_have_the_same_bare_name() {
    use super::bare_names;
    for name in [
        "claude-sonnet-4-5",
        "claude-sonnet-4-5-20250929",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0:200k",
        "anthropic/claude-sonnet-4-5",
        "anthropic/claude-sonnet-4.5",
        "anthropic:claude-sonnet-4-5",
        "bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "claude-sonnet-4-5@20250929",
        "Claude-Sonnet-4-5-latest",
    ] {
        assert_eq!(bare_names(name)[2], "claude-sonnet-4-5", "{name}");
    }
    for (name, bare) in [
        ("openai.gpt-oss-120b-1:0", ["gpt-oss-120b-1", "gpt-oss-120b", "gpt-oss-120b", "gpt-oss-120b"]),
        ("gpt-5.6-sol-2026-07-01", ["gpt-5-6-sol-2026-07-01", "gpt-5-6-sol-2026-07-01", "gpt-5-6-sol", "gpt-5-6-sol"]),
        ("moonshotai.kimi-k2.5", ["kimi-k2-5"; 4]),
        (
            "amazon.titan-embed-text-v2:0",
            ["titan-embed-text-v2", "titan-embed-text", "titan-embed-text", "titan-embed-text"],
        ),
        ("my-vision-model", ["my-vision-model"; 4]),
        ("", [""; 4]),
    ] {
        assert_eq!(bare_names(name), bare, "{name}");
    }
}
