//! Reads the SDK's typed output of an answer whose bytes were not seen. An application, or a test with the SDK's own
//! mocks, can supply an output that was never read from the wire.

use aws_sdk_bedrockruntime::operation::apply_guardrail::ApplyGuardrailOutput;
use aws_sdk_bedrockruntime::operation::converse::ConverseOutput;
use aws_sdk_bedrockruntime::operation::count_tokens::CountTokensOutput;
use aws_sdk_bedrockruntime::operation::get_async_invoke::GetAsyncInvokeOutput;
use aws_sdk_bedrockruntime::operation::invoke_guardrail_checks::InvokeGuardrailChecksOutput;
use aws_sdk_bedrockruntime::operation::invoke_model::InvokeModelOutput;
use aws_sdk_bedrockruntime::operation::list_async_invokes::ListAsyncInvokesOutput;
use aws_sdk_bedrockruntime::operation::start_async_invoke::StartAsyncInvokeOutput;
use aws_sdk_bedrockruntime::types::{
    AsyncInvokeStatus, ContentBlock, ConverseTrace, GuardrailAssessment, GuardrailTraceAssessment, GuardrailUsage,
    TokenUsage,
};
use aws_smithy_runtime_api::client::interceptors::context::Output;
use outlay_otel::JobEnd;
use outlay_price::Units;

use crate::document;
use crate::usage::{AssessedUnits, ConverseAnswer, GuardrailReport, Members, TypedTokens, check_units, policy_units};

/// What an output says of the call's cost.
#[derive(Debug)]
pub(crate) enum TypedAnswer {
    Converse {
        answer: Box<ConverseAnswer>,
        /// Bytes of the model's output.
        text_bytes: u64,
    },
    /// The body of InvokeModel.
    Body(Vec<u8>),
    /// The units of a standalone guardrail, or `None` if the output does not have them.
    Guardrail(Option<Units>),
    /// The ARN of a job.
    JobStarted(String),
    /// How a job ended, or `None` while it is running.
    JobEnded(Option<(String, JobEnd)>),
    Free,
}

/// Reads the output of an operation that is not a stream.
pub(crate) fn read_output(output: &Output) -> Option<TypedAnswer> {
    if let Some(output) = output.downcast_ref::<ConverseOutput>() {
        return Some(converse(output));
    }
    if let Some(output) = output.downcast_ref::<InvokeModelOutput>() {
        return Some(TypedAnswer::Body(output.body().as_ref().to_vec()));
    }
    if let Some(output) = output.downcast_ref::<ApplyGuardrailOutput>() {
        return Some(TypedAnswer::Guardrail(output.usage().map(guardrail_units)));
    }
    if let Some(output) = output.downcast_ref::<InvokeGuardrailChecksOutput>() {
        let units = output.usage().map(|usage| {
            check_units([
                usage.content_filter().map(|check| check.text_units()),
                usage.prompt_attack().map(|check| check.text_units()),
                usage.sensitive_information().map(|check| check.text_units()),
            ])
        });
        return Some(TypedAnswer::Guardrail(units));
    }
    if let Some(output) = output.downcast_ref::<StartAsyncInvokeOutput>() {
        return Some(TypedAnswer::JobStarted(output.invocation_arn().to_owned()));
    }
    if let Some(output) = output.downcast_ref::<GetAsyncInvokeOutput>() {
        let end = match output.status() {
            AsyncInvokeStatus::Completed => Some(JobEnd::Completed),
            AsyncInvokeStatus::Failed => Some(JobEnd::Failed),
            _ => None,
        };
        return Some(TypedAnswer::JobEnded(end.map(|end| (output.invocation_arn().to_owned(), end))));
    }
    let is_free = output.downcast_ref::<CountTokensOutput>().is_some()
        || output.downcast_ref::<ListAsyncInvokesOutput>().is_some();
    is_free.then_some(TypedAnswer::Free)
}

fn converse(output: &ConverseOutput) -> TypedAnswer {
    let trace = output.trace();
    let answer = ConverseAnswer {
        usage: output.usage().map(tokens).unwrap_or_default(),
        stop_reason: Some(output.stop_reason().as_str().to_owned()),
        served_tier: output.service_tier().map(|tier| tier.r#type().as_str().to_owned()),
        served_latency: output.performance_config().map(|config| config.latency().as_str().to_owned()),
        invoked_model: trace
            .and_then(ConverseTrace::prompt_router)
            .and_then(|r| r.invoked_model_id())
            .map(str::to_owned),
        named_model: None,
        guardrail: trace.and_then(ConverseTrace::guardrail).and_then(guardrail),
    };
    let content = output.output().and_then(|output| output.as_message().ok()).map_or(&[][..], |m| m.content());
    TypedAnswer::Converse { answer: Box::new(answer), text_bytes: content.iter().map(text_bytes).sum() }
}

fn text_bytes(block: &ContentBlock) -> u64 {
    match block {
        ContentBlock::Text(text) => text.len() as u64,
        ContentBlock::ToolUse(tool) => document::bytes(tool.input()),
        ContentBlock::ReasoningContent(reasoning) => {
            reasoning.as_reasoning_text().map_or(0, |text| text.text().len() as u64)
        }
        _ => 0,
    }
}

fn tokens(usage: &TokenUsage) -> Members {
    let details = usage.cache_details().iter().map(|detail| (detail.ttl().as_str(), detail.input_tokens()));
    Members::typed(TypedTokens {
        input: usage.input_tokens(),
        output: usage.output_tokens(),
        total: usage.total_tokens(),
        cache_read: usage.cache_read_input_tokens(),
        cache_write: usage.cache_write_input_tokens(),
        lifetimes: details.collect(),
    })
}

fn guardrail(trace: &GuardrailTraceAssessment) -> Option<GuardrailReport> {
    let units = |assessment: &GuardrailAssessment| {
        assessment.invocation_metrics().and_then(|metrics| metrics.usage()).map(guardrail_units)
    };
    let inputs = trace.input_assessment().into_iter().flat_map(|by_id| by_id.values());
    let outputs = trace.output_assessments().into_iter().flat_map(|by_id| by_id.values().flatten());
    // Each policy has its own type of action, which is not read here. The rule for traces without actions applies.
    let report = GuardrailReport {
        input: AssessedUnits::of(inputs.map(units)),
        output: AssessedUnits::of(outputs.map(units)),
        blocked_input: None,
    };
    (report != GuardrailReport::default()).then_some(report)
}

fn guardrail_units(usage: &GuardrailUsage) -> Units {
    policy_units([
        ("topicPolicyUnits", Some(usage.topic_policy_units())),
        ("contentPolicyUnits", Some(usage.content_policy_units())),
        ("wordPolicyUnits", Some(usage.word_policy_units())),
        ("sensitiveInformationPolicyUnits", Some(usage.sensitive_information_policy_units())),
        ("sensitiveInformationPolicyFreeUnits", Some(usage.sensitive_information_policy_free_units())),
        ("contextualGroundingPolicyUnits", Some(usage.contextual_grounding_policy_units())),
        ("contentPolicyImageUnits", usage.content_policy_image_units()),
        ("automatedReasoningPolicyUnits", usage.automated_reasoning_policy_units()),
        ("automatedReasoningPolicies", usage.automated_reasoning_policies()),
    ])
}
