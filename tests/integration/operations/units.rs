//! Calls that are billed by the image and by the query.

use aws_sdk_bedrockruntime::primitives::Blob;
use bedrock_sim::Reply;
use outlay::{Outcome, Usd};
use outlay_tests::Harness;
use serde_json::{Value, json};

use super::{cost, finished};

/// Returns the cost, status and span name of an InvokeModel call. Without a reply the simulator gives its default answer.
async fn cost_of(model: &str, body: Value, reply: Option<Reply>) -> (Option<i64>, String, String) {
    let h = Harness::new().await;
    if let Some(reply) = reply {
        h.sim.push(reply);
    }
    let task = h.outlay.task("t").start();
    let call = h.client.invoke_model().model_id(model).body(Blob::new(body.to_string()));
    let _ = task.run(call.send()).await;
    let spans = finished(&h, &task);
    let call = outlay_tests::call_spans(&spans)[0];
    let (picos, status) = cost(call);
    (picos, status.to_owned(), call.name().to_owned())
}

const CENT: i64 = 10_000_000_000;

#[tokio::test]
async fn images_are_charged_per_image() {
    let canvas = "amazon.nova-canvas-v1:0";
    let three = json!({"taskType": "TEXT_IMAGE", "imageGenerationConfig": {"numberOfImages": 3, "quality": "premium"}});
    let (picos, status, name) = cost_of(canvas, three.clone(), None).await;
    assert_eq!((picos, &*status), (Some(18 * CENT), "exact"));
    assert_eq!(name, format!("generate_content {canvas}"));

    let two = Reply::json(json!({"images": ["AA==", "AA=="], "error": "one was blocked"}));
    let (picos, status, _) = cost_of(canvas, three.clone(), Some(two)).await;
    assert_eq!((picos, &*status), (Some(12 * CENT), "estimated"));

    let unknown = Reply::json(json!({"unknown": "field"}));
    assert_eq!(cost_of(canvas, three, Some(unknown)).await.0, Some(18 * CENT));

    let xl = json!({"text_prompts": [{"text": "x"}], "width": 512, "height": 512, "steps": 30});
    let artifact = Reply::json(json!({"result": "success", "artifacts": [{"base64": "AA=="}]}));
    let (picos, status, _) = cost_of("stability.stable-diffusion-xl-v0", xl, Some(artifact)).await;
    assert_eq!((picos, &*status), (Some(CENT * 18 / 10), "estimated"), "only one source states the price");
}

#[tokio::test]
async fn an_unanswered_image_call_is_bounded_by_the_requested_images() {
    let three = json!({"imageGenerationConfig": {"numberOfImages": 3}});
    let (picos, status, _) = cost_of("amazon.nova-canvas-v1:0", three, Some(Reply::reset_after_headers())).await;
    assert_eq!(status, "bounded");
    assert!(picos >= Some(18 * CENT), "{picos:?}");
}

#[tokio::test]
async fn a_rerank_is_charged_per_query() {
    let documents = |n: usize| json!({"query": "q", "documents": vec!["d"; n], "api_version": 2});
    for (model, documents, picos) in [
        ("cohere.rerank-v3-5:0", documents(3), CENT / 5),
        ("cohere.rerank-v3-5:0", documents(250), 3 * CENT / 5),
        ("amazon.rerank-v1:0", documents(100), CENT / 10),
    ] {
        let (found, status, name) = cost_of(model, documents, None).await;
        assert_eq!((found, &*status), (Some(picos), "exact"), "{model}");
        assert_eq!(name, format!("rerank {model}"));
    }
}

#[tokio::test]
async fn an_embedded_image_is_charged_in_addition_to_its_text() {
    let answer = || Reply::json(json!({"embedding": [0.5], "inputTextTokenCount": 10}));
    let both = json!({"inputText": "a cat", "inputImage": "AA=="});
    let (picos, status, name) = cost_of("amazon.titan-embed-image-v1", both, Some(answer())).await;
    // 10 tokens at $0.80 per million, and an image at $0.00006.
    assert_eq!((picos, &*status), (Some(10 * 800_000 + 60_000_000), "estimated"), "only one source states the price");
    assert_eq!(name, "embeddings amazon.titan-embed-image-v1");
    let text = json!({"inputText": "a cat"});
    assert_eq!(cost_of("amazon.titan-embed-image-v1", text, Some(answer())).await.0, Some(10 * 800_000));
}

#[tokio::test]
async fn audio_of_unknown_duration_is_unpriced() {
    let sound = json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"audio": {"format": "mp3"}}});
    let answer = Reply::json(json!({"embeddings": [{"embedding": [0.5]}]}));
    let (_, status, _) = cost_of("amazon.nova-2-multimodal-embeddings-v1:0", sound, Some(answer)).await;
    assert_eq!(status, "unpriced");
}

#[tokio::test]
async fn a_budget_reserves_the_requested_number_of_images() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").budget(Usd::from_cents(10)).start();
    let ask = |images: u64| {
        let body = json!({"imageGenerationConfig": {"numberOfImages": images}}).to_string();
        h.client.invoke_model().model_id("amazon.nova-canvas-v1:0").body(Blob::new(body)).send()
    };
    let error = task.run(ask(3)).await.unwrap_err();
    assert!(outlay::budget_exceeded(&error).is_some(), "{error:?}");
    task.run(ask(1)).await.unwrap();
    let report = task.finish(Outcome::success());
    assert_eq!(report.budget().unwrap().spent, Usd::from_cents(4));
    assert_eq!(report.budget().unwrap().reserved, Usd::ZERO);
}
