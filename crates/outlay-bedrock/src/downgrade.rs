//! Downgrades a call that a budget refuses. This changes the typed input before it is serialized.
//!
//! Only Converse and ConverseStream can be downgraded. The body of InvokeModel is vendor-specific and stays as it is.

use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamInput;
use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use outlay_otel::{Downgrade, OpenCall};

use crate::call::{Call, CallHandle};
use crate::input::{Request, RequestDetails};
use crate::metering_entry::Metering;
use crate::refusal_to_sdk_error::sdk_error;

/// The maximum number of times that a call is downgraded.
const MAX_DOWNGRADES: usize = 3;

/// Begins the call. Downgrades it while a budget refuses it and a downgrade rule applies.
pub(crate) fn begin_downgraded(metering: &Metering, input: &mut Input, region: Option<&str>) -> Result<(), BoxError> {
    // The same interceptor may be set on the client and in an override of its configuration.
    if metering.call.get().is_some() {
        return Ok(());
    }
    let (scope, engine, mut first) = (&metering.scope, &metering.engine, None);
    for downgrades_left in (0..=MAX_DOWNGRADES).rev() {
        let Some(request) = Request::of(input).filter(|request| request.can_downgrade()) else { break };
        let RequestDetails { kind, mut start, limits, size, requested } =
            request.read(engine, metering.started, region);
        start.degraded_from.clone_from(&first);
        let open = match OpenCall::try_begin(scope, &start) {
            Ok(Some(open)) => open,
            // The call is free, or its task is stopped.
            Ok(None) => break,
            Err(refusal) => {
                let downgrade = (downgrades_left > 0).then(|| engine.downgrade_of(&refusal)).flatten();
                // A model that the policy forbids is no alternative.
                let downgrade =
                    downgrade.filter(|to| to.model().is_none_or(|model| scope.in_ledger().allows_model(model)));
                if downgrade.is_some_and(|downgrade| apply(&downgrade, input)) {
                    first.get_or_insert(start.model);
                    continue;
                }
                OpenCall::begin(scope, start).map_err(sdk_error)?
            }
        };
        metering
            .call
            .get_or_init(|| CallHandle(Call::new(metering.engine.clone(), kind, size, limits, requested, open)));
        break;
    }
    Ok(())
}

/// Returns whether the input has changed.
fn apply(downgrade: &Downgrade, input: &mut Input) -> bool {
    let (model, inference) = if let Some(input) = input.downcast_mut::<ConverseInput>() {
        (&mut input.model_id, &mut input.inference_config)
    } else if let Some(input) = input.downcast_mut::<ConverseStreamInput>() {
        (&mut input.model_id, &mut input.inference_config)
    } else {
        return false;
    };
    let mut changed = false;
    if let Some(other) = downgrade.model().filter(|other| model.as_deref() != Some(other)) {
        *model = Some(other.to_owned());
        changed = true;
    }
    let limit = downgrade.max_tokens().map(|tokens| i32::try_from(tokens).unwrap_or(i32::MAX));
    let current = inference.as_ref().and_then(InferenceConfiguration::max_tokens);
    if let Some(limit) = limit.filter(|limit| current.is_none_or(|current| current > *limit)) {
        let mut config = inference.take().unwrap_or_else(|| InferenceConfiguration::builder().build());
        config.max_tokens = Some(limit);
        *inference = Some(config);
        changed = true;
    }
    changed
}
