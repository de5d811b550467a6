//! Request metadata for Bedrock's invocation log: signed, within the limits of AWS, and only if requested.

use aws_sdk_bedrockruntime::primitives::Blob;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use bedrock_sim::{Operation, Recorded, Reply};
use outlay_tests::{HAIKU, Harness, NATIVE_BODY, haiku, read_stream};
use serde_json::{Map, Value, json};

const HEADER: &str = "x-amzn-bedrock-request-metadata";

/// Returns the metadata of a request, from its body or its header.
fn metadata(request: &Recorded) -> Option<Map<String, Value>> {
    let value = match request.operation {
        Operation::Converse | Operation::ConverseStream => request.json().get("requestMetadata").cloned()?,
        _ => serde_json::from_slice(request.headers.get(HEADER)?.as_bytes()).unwrap(),
    };
    Some(value.as_object().expect("an object").clone())
}

/// Makes a call of each operation in a step of a task and returns the requests.
async fn requests(h: &Harness) -> Vec<Recorded> {
    let task = h.outlay.task("resolve").team("support").workflow("Tickets & more").dimension("tenant", "acme").start();
    task.run(outlay::agent("triage").run(outlay::plan("p").run(async {
        for operation in Operation::TURNS {
            match operation {
                Operation::Converse => drop(haiku(&h.client).send().await.unwrap()),
                Operation::InvokeModel => {
                    let call = h.client.invoke_model().model_id(HAIKU).body(Blob::new(NATIVE_BODY));
                    drop(call.send().await.unwrap());
                }
                _ => drop(read_stream(&h.client, operation, HAIKU).await),
            }
        }
    })))
    .await;
    h.sim.requests()
}

#[tokio::test]
async fn every_operation_sends_the_requested_metadata() {
    let keys = ["team", "workflow", "task.name", "agent.name", "step.kind", "tenant", "owner"];
    let h = Harness::with(|builder| builder.request_metadata(keys)).await;
    for request in requests(&h).await {
        let expected = json!({
            "outlay.team": "support",
            "outlay.workflow": "Tickets _ more",
            "outlay.task.name": "resolve",
            "outlay.agent.name": "triage",
            "outlay.step.kind": "plan",
            "outlay.dim.tenant": "acme",
        });
        assert_eq!(metadata(&request), expected.as_object().cloned(), "{}", request.operation);
        if request.headers.contains_key(HEADER) {
            let authorization = request.headers["authorization"].to_str().unwrap();
            assert!(authorization.contains(&format!(";{HEADER}")), "the header is signed: {authorization}");
        }
    }
}

#[tokio::test]
async fn no_metadata_is_sent_unless_requested() {
    let h = Harness::new().await;
    for request in requests(&h).await {
        assert_eq!(metadata(&request), None, "{}", request.operation);
        assert!(!request.headers.contains_key(HEADER));
    }
}

/// An application interceptor that sets the header itself.
#[derive(Debug)]
struct OwnHeader;

#[dyn_dispatch_hint]
impl Intercept for OwnHeader {
    fn name(&self) -> &'static str {
        "OwnHeader"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let metadata = json!({"outlay.team": "mine", "own": "1"}).to_string();
        context.request_mut().headers_mut().insert(HEADER, metadata);
        Ok(())
    }
}

#[tokio::test]
async fn metadata_of_the_application_is_kept_and_takes_precedence() {
    let h = Harness::with(|builder| builder.request_metadata(["team", "task.name"])).await;
    let task = h.outlay.task("t").team("support").start();
    task.run(async {
        haiku(&h.client).request_metadata("outlay.team", "mine").request_metadata("own", "1").send().await.unwrap();
        let call = h.client.invoke_model().model_id(HAIKU).body(Blob::new(NATIVE_BODY)).customize();
        call.interceptor(OwnHeader).send().await.unwrap();
    })
    .await;
    let expected = json!({"outlay.team": "mine", "own": "1", "outlay.task.name": "t"});
    for request in h.sim.requests() {
        assert_eq!(metadata(&request), expected.as_object().cloned(), "{}", request.operation);
    }
}

#[tokio::test]
async fn metadata_stays_within_the_limits_of_aws_and_keeps_the_first_keys() {
    let keys: Vec<String> = (0..40).map(|n| format!("d{n}")).collect();
    let h = Harness::with(|builder| builder.request_metadata(&keys)).await;
    let mut task = h.outlay.task("t");
    for key in &keys {
        task = task.dimension(key, &"\u{e9}".repeat(1_000));
    }
    let task = task.start();
    task.run(async {
        haiku(&h.client).request_metadata("own", "1").send().await.unwrap();
        h.client.invoke_model().model_id(HAIKU).body(Blob::new(NATIVE_BODY)).send().await.unwrap();
    })
    .await;
    for request in h.sim.requests() {
        let metadata = metadata(&request).unwrap();
        assert_eq!(metadata.len(), 16, "{}", request.operation);
        assert!(metadata.contains_key("outlay.dim.d0") && !metadata.contains_key("outlay.dim.d16"));
        assert!(metadata.iter().all(|(key, value)| key.len() <= 256 && value.as_str().unwrap().len() <= 256));
        assert!(request.headers.get(HEADER).is_none_or(|header| header.len() <= 8_500));
    }
}

#[tokio::test]
async fn metadata_is_on_every_attempt() {
    let h = Harness::with(|builder| builder.request_metadata(["team"])).await;
    h.sim.push(Reply::throttled());
    let task = h.outlay.task("t").team("support").start();
    task.run(h.client.invoke_model().model_id(HAIKU).body(Blob::new(NATIVE_BODY)).send()).await.unwrap();
    let requests = h.sim.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(metadata(&request), json!({"outlay.team": "support"}).as_object().cloned());
    }
}
