//! Application interceptors that take the answer's body, as agent frameworks do.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;
use bedrock_sim::{Fault, Operation, Reply, Tokens};
use outlay::{CostStatus, Outcome};
use outlay_tests::{HAIKU, Harness, call_spans, eventually, haiku, invoke, user};

const ANSWER_COST: i64 = 1_000 * 1_100_000 + 200 * 5_500_000;

/// Takes the body of an answer and puts another in its place.
#[derive(Clone, Debug, Default)]
struct Taker {
    taken: Arc<Mutex<Option<SdkBody>>>,
    replacement: &'static str,
}

#[dyn_dispatch_hint]
impl Intercept for Taker {
    fn name(&self) -> &'static str {
        "Taker"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = std::mem::replace(context.response_mut().body_mut(), SdkBody::from(self.replacement));
        *self.taken.lock().expect("no test panics while it holds the lock") = Some(body);
        Ok(())
    }
}

impl Taker {
    fn body(&self) -> SdkBody {
        self.taken.lock().expect("no test panics while it holds the lock").take().expect("an answer has arrived")
    }
}

/// Sends one call and takes the body of its answer. Ignores the SDK's result.
async fn ask(h: &Harness, operation: Operation, taker: &Taker) {
    let taker = taker.clone();
    match operation {
        Operation::Converse => drop(haiku(&h.client).customize().interceptor(taker).send().await),
        Operation::InvokeModel => drop(invoke(&h.client, HAIKU).customize().interceptor(taker).send().await),
        Operation::ConverseStream => {
            let call = h.client.converse_stream().model_id(HAIKU).messages(user("hello"));
            drop(call.customize().interceptor(taker).send().await);
        }
        _ => {
            let call = h.client.invoke_model_with_response_stream().model_id(HAIKU).body(Vec::new().into());
            drop(call.customize().interceptor(taker).send().await);
        }
    }
}

fn answer() -> bedrock_sim::Message {
    Reply::message().text("abc").deltas(1).usage(Tokens::new(1_000, 200))
}

#[tokio::test]
async fn a_taken_body_is_counted_once_the_application_has_read_it() {
    let mut wrong = Vec::new();
    for operation in Operation::TURNS {
        for replacement in ["", "{}"] {
            let case = format!("{operation}, replaced by {replacement:?}");
            let h = Harness::new().await;
            h.sim.push(answer());
            let taker = Taker { replacement, ..Taker::default() };
            let task = h.outlay.task("t").start();
            task.run(ask(&h, operation, &taker)).await;
            let read = ByteStream::new(taker.body()).collect().await.unwrap();
            assert!(!read.into_bytes().is_empty(), "{case}");
            eventually(&case, || task.totals().pending_calls() == 0).await;
            task.finish(Outcome::success());
            let spans = h.spans();
            spans.assert_conserved();
            assert_eq!(call_spans(&spans).len(), 1, "{case}");
            let call = call_spans(&spans)[0];
            let found = (call.int("outlay.cost.picousd"), call.text("outlay.cost.status"));
            if found != (Some(ANSWER_COST), Some("exact")) {
                wrong.push(format!("{case}: {found:?}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[tokio::test]
async fn a_taken_body_that_is_dropped_or_breaks_is_settled_once_and_never_free() {
    for operation in Operation::TURNS {
        for fault in [None, Some(Fault::ResetAt(0)), Some(Fault::TruncateInFrame(0, 20))] {
            let case = format!("{operation} {fault:?}");
            let h = Harness::new().await;
            h.sim.push(match fault {
                Some(fault) => answer().fault(fault),
                None => answer().into(),
            });
            let taker = Taker::default();
            let task = h.outlay.task("t").start();
            task.run(ask(&h, operation, &taker)).await;
            match fault {
                Some(_) => drop(ByteStream::new(taker.body()).collect().await),
                None => drop(taker.body()),
            }
            eventually(&case, || task.totals().pending_calls() == 0).await;
            let totals = task.finish(Outcome::success()).totals().clone();
            assert_eq!(totals.calls(), 1, "{case}");
            // The headers of InvokeModel state the usage.
            let status = if operation == Operation::InvokeModel { CostStatus::Exact } else { CostStatus::Bounded };
            assert_eq!(totals.cost().status(), status, "{case}");
            assert!(
                totals.cost().usd().is_some_and(|usd| usd.picos() >= i128::from(ANSWER_COST)),
                "{case}: {}",
                totals.cost()
            );
            assert_eq!(call_spans(&h.spans()).len(), 1, "{case}");
        }
    }
}

#[tokio::test]
async fn a_taken_body_kept_past_the_end_of_its_task_keeps_the_task_open() {
    for operation in Operation::TURNS {
        let h = Harness::new().await;
        h.sim.push(answer());
        let taker = Taker::default();
        let task = h.outlay.task("t").start();
        task.run(ask(&h, operation, &taker)).await;
        let body = taker.body();
        assert_eq!(task.finish(Outcome::success()).totals().pending_calls(), 1, "{operation}");
        drop(ByteStream::new(body).collect().await);
        eventually("the task ends", || h.spans().len() == 2).await;
        assert_eq!(h.spans().one("invoke_workflow t").int("outlay.total.picousd"), Some(ANSWER_COST), "{operation}");
    }
}
