//! A call that a budget refuses, made with less: on the typed input, before it is serialized.
//!
//! Converse and ConverseStream alone: the body of InvokeModel is in the words of its vendor, and stays as it is.

use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamInput;
use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use outlay_otel::Degrade;

/// False where there is nothing to change.
pub(crate) fn apply(degrade: &Degrade, input: &mut Input) -> bool {
    let (model, inference) = if let Some(input) = input.downcast_mut::<ConverseInput>() {
        (&mut input.model_id, &mut input.inference_config)
    } else if let Some(input) = input.downcast_mut::<ConverseStreamInput>() {
        (&mut input.model_id, &mut input.inference_config)
    } else {
        return false;
    };
    let mut changed = false;
    if let Some(other) = degrade.model().filter(|other| model.as_deref() != Some(other)) {
        *model = Some(other.to_owned());
        changed = true;
    }
    let most = degrade.max_tokens().map(|tokens| i32::try_from(tokens).unwrap_or(i32::MAX));
    let now = inference.as_ref().and_then(InferenceConfiguration::max_tokens);
    if let Some(most) = most.filter(|most| now.is_none_or(|now| now > *most)) {
        let mut config = inference.take().unwrap_or_else(|| InferenceConfiguration::builder().build());
        config.max_tokens = Some(most);
        *inference = Some(config);
        changed = true;
    }
    changed
}
