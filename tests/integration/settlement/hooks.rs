//! Interceptors that fail in each hook of the SDK, before or after the library's interceptor.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
    BeforeDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use bedrock_sim::{Operation, Reply, Tokens};
use outlay::bedrock::Metered as _;
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, NATIVE_BODY, call_spans, client_config, eventually, user};

/// An interceptor that fails in the hook with this name.
#[derive(Clone, Debug)]
struct FailsIn(&'static str);

macro_rules! hooks {
    ($($hook:ident($context:ty $(, $components:ty)?)),* $(,)?) => {
        /// All hooks, in the order in which the SDK runs them.
        const HOOKS: &[&str] = &[$(stringify!($hook)),*];

        #[dyn_dispatch_hint]
        impl Intercept for FailsIn {
            fn name(&self) -> &'static str {
                "FailsIn"
            }

            $(
                fn $hook(&self, _: $context, $(_: $components,)? _: &mut ConfigBag) -> Result<(), BoxError> {
                    if self.0 == stringify!($hook) { Err("on purpose".into()) } else { Ok(()) }
                }
            )*
        }
    };
}

hooks! {
    read_before_execution(&BeforeSerializationInterceptorContextRef<'_>),
    modify_before_serialization(&mut BeforeSerializationInterceptorContextMut<'_>, &RuntimeComponents),
    read_before_serialization(&BeforeSerializationInterceptorContextRef<'_>, &RuntimeComponents),
    read_after_serialization(&BeforeTransmitInterceptorContextRef<'_>, &RuntimeComponents),
    modify_before_retry_loop(&mut BeforeTransmitInterceptorContextMut<'_>, &RuntimeComponents),
    read_before_attempt(&BeforeTransmitInterceptorContextRef<'_>, &RuntimeComponents),
    modify_before_signing(&mut BeforeTransmitInterceptorContextMut<'_>, &RuntimeComponents),
    read_before_signing(&BeforeTransmitInterceptorContextRef<'_>, &RuntimeComponents),
    read_after_signing(&BeforeTransmitInterceptorContextRef<'_>, &RuntimeComponents),
    modify_before_transmit(&mut BeforeTransmitInterceptorContextMut<'_>, &RuntimeComponents),
    read_before_transmit(&BeforeTransmitInterceptorContextRef<'_>, &RuntimeComponents),
    read_after_transmit(&BeforeDeserializationInterceptorContextRef<'_>, &RuntimeComponents),
    modify_before_deserialization(&mut BeforeDeserializationInterceptorContextMut<'_>, &RuntimeComponents),
    read_before_deserialization(&BeforeDeserializationInterceptorContextRef<'_>, &RuntimeComponents),
    read_after_deserialization(&AfterDeserializationInterceptorContextRef<'_>, &RuntimeComponents),
    modify_before_attempt_completion(&mut FinalizerInterceptorContextMut<'_>, &RuntimeComponents),
    read_after_attempt(&FinalizerInterceptorContextRef<'_>, &RuntimeComponents),
    modify_before_completion(&mut FinalizerInterceptorContextMut<'_>, &RuntimeComponents),
    read_after_execution(&FinalizerInterceptorContextRef<'_>, &RuntimeComponents),
}

/// Sends one call and reads its answer. Returns whether `send` failed.
async fn ask(client: &Client, operation: Operation) -> bool {
    let messages = user("hello");
    match operation {
        Operation::Converse => client.converse().model_id(HAIKU).messages(messages).send().await.is_err(),
        Operation::InvokeModel => {
            client.invoke_model().model_id(HAIKU).body(Blob::new(NATIVE_BODY)).send().await.is_err()
        }
        Operation::ConverseStream => match client.converse_stream().model_id(HAIKU).messages(messages).send().await {
            Ok(mut out) => {
                while let Ok(Some(_)) = out.stream.recv().await {}
                false
            }
            Err(_) => true,
        },
        _ => {
            let call = client.invoke_model_with_response_stream().model_id(HAIKU).body(Blob::new(NATIVE_BODY));
            match call.send().await {
                Ok(mut out) => {
                    while let Ok(Some(_)) = out.body.recv().await {}
                    false
                }
                Err(_) => true,
            }
        }
    }
}

/// The position of the other interceptor relative to the library's.
#[derive(Clone, Copy, Debug)]
enum Position {
    Before,
    After,
}

#[tokio::test]
async fn a_call_settles_once_with_its_error_whichever_hook_of_another_interceptor_fails() {
    for hook in ["none"].iter().chain(HOOKS) {
        for operation in Operation::TURNS {
            for position in [Position::Before, Position::After] {
                settles_once(hook, operation, position).await;
            }
        }
    }
}

async fn settles_once(hook: &'static str, operation: Operation, position: Position) {
    let case = format!("{operation}, an error in {hook}, {position:?} ours");
    let h = Harness::new().await;
    h.sim.otherwise(|_| Reply::message().text("hello").usage(Tokens::new(1_000, 200)));
    let config = client_config(&h.sim.url());
    let client = match position {
        Position::Before => Client::from_conf(config.interceptor(FailsIn(hook)).build()).metered(&h.outlay),
        Position::After => {
            let metered = Client::from_conf(config.build()).metered(&h.outlay);
            Client::from_conf(metered.config().to_builder().interceptor(FailsIn(hook)).build())
        }
    };
    let task = h.outlay.task("t").budget(Usd::from_dollars(1)).start();
    let failed = task.run(ask(&client, operation)).await;
    assert_eq!(failed, hook != "none", "{case}");
    eventually(&case, || task.totals().pending_calls() == 0).await;
    let sent = h.sim.requests().len() as u64;
    let report = task.finish(Outcome::success());
    let totals = report.totals();
    let spans = h.spans();
    spans.assert_conserved();
    assert!(totals.calls() <= 1 && totals.calls() >= sent, "{case}: {} calls", totals.calls());
    assert_eq!(call_spans(&spans).len() as u64, totals.calls(), "{case}");
    assert_eq!(report.budget().unwrap().reserved, Usd::ZERO, "{case}");
    // The results of the last hook are combined after all its interceptors have run, so ours cannot see another's error.
    let is_visible = hook != "read_after_execution";
    let failures = if is_visible { totals.calls().min(u64::from(failed)) } else { 0 };
    assert_eq!(totals.failed_calls(), failures, "{case}");
    let cost = totals.cost();
    if sent == 0 {
        assert_eq!(cost.usd().unwrap_or(Usd::ZERO), Usd::ZERO, "{case}");
    } else {
        assert!(cost.usd() > Some(Usd::ZERO), "{case}: {cost}");
        assert_eq!(report.budget().unwrap().spent, cost.usd().unwrap(), "{case}");
    }
}

/// A duplicate header, as some proxies write it. The SDK fails the call after Bedrock has answered.
#[tokio::test]
async fn a_stream_with_headers_that_the_sdk_cannot_parse_is_charged() {
    for (operation, header) in [
        (Operation::InvokeModelWithResponseStream, "x-amzn-bedrock-content-type"),
        (Operation::InvokeModelWithResponseStream, "x-amzn-bedrock-service-tier"),
    ] {
        let h = Harness::new().await;
        let reply = Reply::message().text("hello").usage(Tokens::new(1_000, 200)).header(header, "default");
        h.sim.push(reply.header(header, "default"));
        let client = Client::from_conf(client_config(&h.sim.url()).build()).metered(&h.outlay);
        let task = h.outlay.task("t").start();
        let failed = task.run(ask(&client, operation)).await;
        let totals = task.finish(Outcome::success()).totals().clone();
        assert_eq!(
            (totals.calls(), totals.failed_calls(), totals.pending_calls()),
            (1, u64::from(failed), 0),
            "{header}"
        );
        assert!(totals.cost().usd() > Some(Usd::ZERO), "{header}: {}", totals.cost());
        assert_eq!(call_spans(&h.spans()).len(), 1, "{header}");
    }
}
