//! The attributes of viewers: money on calls and charges, tokens on calls, and a kind on every span.

mod mlflow;
mod phoenix;

use bedrock_sim::{Reply, Tokens};
use outlay::otel::Viewer;
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, Span, haiku};
use serde_json::{Value, json};

const VIEWERS: [Viewer; 4] = [Viewer::Langfuse, Viewer::Logfire, Viewer::Mlflow, Viewer::OpenInference];

/// The attributes with money, by the number of dollars on a span.
fn money(span: &Span) -> Vec<Option<f64>> {
    let mlflow: Option<Value> = span.text("mlflow.llm.cost").map(|text| serde_json::from_str(text).unwrap());
    vec![
        span.double("gen_ai.usage.cost"),
        span.double("operation.cost"),
        mlflow.and_then(|cost| cost["total_cost"].as_f64()),
        span.double("llm.cost.total"),
    ]
}

async fn run_a_task() -> Harness {
    let h = Harness::with(|builder| VIEWERS.into_iter().fold(builder, outlay::OutlayBuilder::viewer)).await;
    let task = h.outlay.task("t").start();
    let work = outlay::agent("triage").run(async {
        outlay::plan("read").run(h.ask(HAIKU, 1_000, 100)).await;
        outlay::tool("search").run(async { outlay::charge("serp-api", Usd::from_cents(1)) }).await;
        outlay::step("retrieve", "articles").run(async {}).await;
        outlay::step("verify", "answer").run(async {}).await;
        h.sim.push(Reply::throttled());
        h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 5).cache_read(20).cache_write_5m(30)));
        outlay::retry(2).run(haiku(&h.client).send()).await.unwrap();
    });
    task.run(work).await;
    let id = task.id();
    task.finish(Outcome::success());
    h.outlay.set_outcome(id, Outcome::failure());
    h
}

#[tokio::test]
async fn money_is_on_calls_and_charges_and_adds_up_to_the_total_for_each_viewer() {
    let h = run_a_task().await;
    let spans = h.spans();
    let total = spans.one("invoke_workflow t").double("outlay.total.usd").unwrap();
    let mut sums = [0.0; VIEWERS.len()];
    for span in spans.iter() {
        let costs = span.name().starts_with("chat ") || span.name() == "charge serp-api";
        for (sum, money) in sums.iter_mut().zip(money(span)) {
            assert_eq!(money.is_some(), costs, "{}", span.name());
            assert_eq!(money, span.double("outlay.cost.usd").filter(|_| costs), "{}", span.name());
            *sum += money.unwrap_or_default();
        }
    }
    for sum in sums {
        assert!((sum - total).abs() < 1e-12, "{sum} is not {total}");
    }
}

#[tokio::test]
async fn the_parts_of_a_calls_cost_and_its_tokens_are_inclusive() {
    let h = run_a_task().await;
    let spans = h.spans();
    let call = spans.named(&format!("chat {HAIKU}"))[1];
    let mlflow: Value = serde_json::from_str(call.text("mlflow.llm.cost").unwrap()).unwrap();
    let part = |key: &str| call.double(key).unwrap_or_default();
    let input =
        part("outlay.cost.input.usd") + part("outlay.cost.cache_read.usd") + part("outlay.cost.cache_write.usd");
    assert!((mlflow["input_cost"].as_f64().unwrap() - input).abs() < 1e-15);
    assert_eq!(mlflow["output_cost"], json!(part("outlay.cost.output.usd")));
    assert!((part("llm.cost.prompt") - input).abs() < 1e-15);
    assert_eq!(part("llm.cost.completion"), part("outlay.cost.output.usd"));
    let tokens = |key: &str| call.int(&format!("llm.token_count.{key}"));
    assert_eq!((tokens("prompt"), tokens("completion"), tokens("total")), (Some(60), Some(5), Some(65)));
    assert_eq!((tokens("prompt_details.cache_read"), tokens("prompt_details.cache_write")), (Some(20), Some(30)));
    assert_eq!(call.text("llm.model_name"), Some(HAIKU));
    let langfuse: Value = serde_json::from_str(call.text("langfuse.observation.usage_details").unwrap()).unwrap();
    let of_langfuse: u64 = langfuse.as_object().unwrap().values().map(|tokens| tokens.as_u64().unwrap()).sum();
    assert_eq!((of_langfuse, &langfuse["input"]), (65, &json!(10)), "its parts add up: {langfuse}");
}

#[tokio::test]
async fn every_span_has_the_kind_of_each_viewer() {
    let h = run_a_task().await;
    let spans = h.spans();
    let chat = format!("chat {HAIKU}");
    let expected = [
        ("invoke_workflow t", "chain", "WORKFLOW", "CHAIN"),
        ("invoke_agent triage", "agent", "AGENT", "AGENT"),
        ("plan read", "span", "TASK", "CHAIN"),
        ("execute_tool search", "tool", "TOOL", "TOOL"),
        ("retrieve articles", "retriever", "RETRIEVER", "RETRIEVER"),
        ("verify answer", "evaluator", "EVALUATOR", "EVALUATOR"),
        ("retry attempt 2", "span", "TASK", "CHAIN"),
        (&chat, "generation", "CHAT_MODEL", "LLM"),
        ("attempt", "span", "TASK", "CHAIN"),
        ("charge serp-api", "generation", "TASK", "CHAIN"),
        ("outcome t", "span", "TASK", "CHAIN"),
    ];
    for span in spans.iter() {
        let (_, langfuse, mlflow, open_inference) =
            expected.iter().find(|(name, ..)| *name == span.name()).unwrap_or_else(|| panic!("{}", span.name()));
        assert_eq!(span.text("langfuse.observation.type"), Some(*langfuse), "{}", span.name());
        assert_eq!(span.text("mlflow.spanType"), Some(*mlflow), "{}", span.name());
        assert_eq!(span.text("openinference.span.kind"), Some(*open_inference), "{}", span.name());
        let is_attempt = span.name() == "attempt";
        let has_gen_ai = span.data().attributes.iter().any(|a| a.key.as_str().starts_with("gen_ai."));
        assert!(!is_attempt || !has_gen_ai);
    }
    assert_eq!(spans.len(), 13);
}

#[tokio::test]
async fn without_a_viewer_there_are_none_of_their_attributes() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    task.charge("serp-api", Usd::from_cents(1));
    task.finish(Outcome::success());
    for span in h.spans().iter() {
        let foreign = ["langfuse.", "mlflow.", "openinference.", "llm.", "operation.cost", "gen_ai.usage.cost"];
        for attribute in &span.data().attributes {
            let key = attribute.key.as_str();
            assert!(!foreign.iter().any(|start| key.starts_with(start)), "{key} on `{}`", span.name());
        }
    }
}

#[tokio::test]
async fn a_model_called_by_its_arn_has_the_id_that_has_its_price() {
    let h = Harness::with(|builder| builder.viewer(Viewer::OpenInference)).await;
    let profile = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{HAIKU}");
    let model = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0";
    let unknown = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc";
    let task = h.outlay.task("t").start();
    for called in [&profile, model, unknown] {
        let usage = outlay::Usage::new().with_uncached_input(10).with_output(5);
        task.run_sync(|| outlay::call(called).usage(usage).record());
    }
    let spans = h.spans();
    let shown = |called: &str| spans.one(&format!("chat {called}")).text("llm.model_name").unwrap().to_owned();
    assert_eq!([shown(&profile), shown(model), shown(unknown)], [HAIKU, "amazon.nova-lite-v1:0", unknown]);
}
