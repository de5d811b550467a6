//! The metered client against a third-party Bedrock emulator.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::primitives::Blob;
use outlay::bedrock::Metered as _;
use outlay::{CostStatus, Outcome};
use outlay_tests::{HAIKU, Harness, Independent, client_config, haiku, user};

const PROMPT: &str = "What is the weather in Vienna today, please?";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_four_operations_are_metered_against_a_third_party_bedrock() {
    let Some(ministack) = Independent::start("ministack.sh", &["MINISTACK_URL"]) else { return };
    let h = Harness::new().await;
    let config = client_config(ministack.value("MINISTACK_URL")).build();
    let client = Client::from_conf(config).metered(&h.outlay);
    let task = h.outlay.task("t").start();
    task.run(async {
        let answer = haiku(&client).send().await.unwrap();
        let usage = answer.usage().expect("the answer has usage");
        assert!(usage.output_tokens() > 0);

        let stream = client.converse_stream().model_id(HAIKU).messages(user(PROMPT)).send().await.unwrap();
        let mut events = stream.stream;
        while events.recv().await.unwrap().is_some() {}

        let body = format!(
            r#"{{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{{"role":"user","content":"{PROMPT}"}}]}}"#
        );
        let answer = client.invoke_model().model_id(HAIKU).body(Blob::new(body.clone())).send().await.unwrap();
        assert!(!answer.body().as_ref().is_empty());

        let request = client.invoke_model_with_response_stream().model_id(HAIKU).body(Blob::new(body));
        let mut chunks = request.send().await.unwrap().body;
        while chunks.recv().await.unwrap().is_some() {}
    })
    .await;
    let report = task.finish(Outcome::success());
    let totals = report.totals();
    assert_eq!((totals.calls(), totals.pending_calls(), totals.unpriced_calls()), (4, 0, 0));
    assert_eq!(totals.cost().status(), CostStatus::Exact);
    let spans = h.spans();
    spans.assert_conserved();
    for call in spans.named(&format!("chat {HAIKU}")) {
        // The `us.` prices of Haiku: $1.10 per million input tokens, $5.50 per million output tokens.
        let input = call.int("gen_ai.usage.input_tokens").unwrap();
        let output = call.int("gen_ai.usage.output_tokens").unwrap();
        assert!(output > 0);
        assert_eq!(call.int("outlay.cost.picousd"), Some(input * 1_100_000 + output * 5_500_000));
    }
}
