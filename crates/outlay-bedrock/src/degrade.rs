//! Degrades a call that a budget refuses. This changes the typed input before it is serialized.
//!
//! Only Converse and ConverseStream can be degraded. The body of InvokeModel is vendor-specific and stays as it is.

use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamInput;
use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use outlay_otel::Degrade;

/// Returns whether the input has changed.
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
    let limit = degrade.max_tokens().map(|tokens| i32::try_from(tokens).unwrap_or(i32::MAX));
    let current = inference.as_ref().and_then(InferenceConfiguration::max_tokens);
    if let Some(limit) = limit.filter(|limit| current.is_none_or(|current| current > *limit)) {
        let mut config = inference.take().unwrap_or_else(|| InferenceConfiguration::builder().build());
        config.max_tokens = Some(limit);
        *inference = Some(config);
        changed = true;
    }
    changed
}
