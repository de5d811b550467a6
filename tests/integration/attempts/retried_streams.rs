//! Attempts whose stream had started and was discarded for another attempt.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_bedrockruntime::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::ErrorKind;
use bedrock_sim::Operation;
use outlay::bedrock::Metered as _;
use outlay::{CostStatus, Outcome};
use outlay_tests::{HAIKU, Harness, call_spans, client_config, read_stream};

use super::{ANSWER_COST, answer, attempts};

/// An application interceptor that rejects the first answer.
#[derive(Debug, Default)]
struct RejectFirst {
    rejected: AtomicBool,
}

#[dyn_dispatch_hint]
impl Intercept for RejectFirst {
    fn name(&self) -> &'static str {
        "RejectFirst"
    }

    fn read_after_deserialization(
        &self,
        _context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.rejected.swap(true, Ordering::SeqCst) { Ok(()) } else { Err("rejected".into()) }
    }
}

#[derive(Debug)]
struct Always;

impl ClassifyRetry for Always {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error() {
            Some(Err(_)) => RetryAction::retryable_error(ErrorKind::TransientError),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "Always"
    }
}

#[tokio::test]
async fn usage_is_read_from_the_stream_that_the_application_gets() {
    for operation in [Operation::ConverseStream, Operation::InvokeModelWithResponseStream] {
        let h = Harness::new().await;
        let config = client_config(&h.sim.url()).interceptor(RejectFirst::default()).retry_classifier(Always);
        let client = Client::from_conf(config.build()).metered(&h.outlay);
        h.sim.push(answer()).push(answer());
        let task = h.outlay.task("t").start();
        let read = task.run(read_stream(&client, operation, HAIKU)).await;
        assert_eq!((read.error, h.sim.requests().len()), (None, 2), "{operation}");
        let totals = task.finish(Outcome::success()).totals().clone();
        assert_eq!((totals.calls(), totals.pending_calls(), totals.attempts()), (1, 0, 2), "{operation}");
        let spans = h.spans();
        let call = call_spans(&spans)[0];
        assert_eq!(attempts(&spans, call).len(), 2, "{operation}");
        // The usage of the second answer plus a bound for the first, whose stream was never read.
        assert_eq!(totals.cost().status(), CostStatus::Bounded, "{operation}");
        assert_eq!(call.int("gen_ai.usage.output_tokens"), Some(200), "{operation}");
        assert!(call.int("outlay.cost.picousd").unwrap() >= 2 * ANSWER_COST, "{operation}");
    }
}
