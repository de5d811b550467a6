use outlay_bedrock_sim::{BedrockSim, Match, Operation, Reply, Tokens};
use serde_json::json;

use crate::client::{Client, HAIKU};

async fn text(client: &mut Client, operation: &str, model_id: &str, body: &str) -> String {
    let answer = client.post(&format!("/model/{model_id}/{operation}"), body).await.unwrap();
    answer.json()["output"]["message"]["content"][0]["text"].as_str().unwrap().to_owned()
}

fn saying(text: &str) -> outlay_bedrock_sim::Message {
    Reply::message().text(text)
}

#[tokio::test]
async fn replies_are_sent_in_the_order_of_pushes() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut client = Client::connect(&bedrock).await;
    bedrock.push(saying("first")).push_times(2, saying("again")).push(saying("last"));
    assert_eq!(bedrock.pending(), 4);
    for expected in ["first", "again", "again", "last"] {
        assert_eq!(text(&mut client, "converse", "m", "{}").await, expected);
    }
    assert_eq!(bedrock.pending(), 0);
}

#[tokio::test]
async fn the_first_matching_queue_with_a_reply_is_used() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut client = Client::connect(&bedrock).await;
    bedrock.push(saying("general"));
    bedrock.when(Match::model("haiku")).push(saying("haiku 1")).push(saying("haiku 2"));
    bedrock.when(Match::body("plan").and(Match::operation(Operation::Converse))).push(saying("plan"));
    bedrock.when(Match::model("haiku")).push(saying("haiku 3"));

    for (model_id, body, expected) in [
        ("nova", "{\"do\":\"plan\"}", "plan"),
        (HAIKU, "{}", "haiku 1"),
        (HAIKU, "{\"do\":\"plan\"}", "haiku 2"),
        (HAIKU, "{}", "haiku 3"),
        (HAIKU, "{}", "general"),
    ] {
        assert_eq!(text(&mut client, "converse", model_id, body).await, expected);
    }
}

#[tokio::test]
async fn a_queue_whose_match_fails_is_not_used() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut client = Client::connect(&bedrock).await;
    bedrock.when(Match::operation(Operation::InvokeModel)).push(saying("never"));
    bedrock.when(Match::model("haiku").and(Match::body("plan"))).push(saying("never"));
    bedrock.push(saying("general"));
    assert_eq!(text(&mut client, "converse", HAIKU, "{}").await, "general");
    assert_eq!(bedrock.pending(), 2);
}

#[tokio::test]
async fn empty_queues_fall_back_to_the_responder() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut client = Client::connect(&bedrock).await;
    bedrock.otherwise(|request| saying(&format!("{} {}", request.model_id, request.json()["n"])));
    bedrock.push(saying("scripted"));
    assert_eq!(text(&mut client, "converse", "m", "{\"n\": 7}").await, "scripted");
    assert_eq!(text(&mut client, "converse", "m", "{\"n\": 7}").await, "m 7");
}

#[tokio::test]
async fn the_default_reply_echoes_the_last_user_text() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut client = Client::connect(&bedrock).await;
    let body = json!({"messages": [
        {"role": "user", "content": [{"text": "old"}]},
        {"role": "user", "content": [{"text": "new"}, {"cachePoint": {"type": "default"}}]},
    ]});
    for _ in 0..2 {
        let answer = client.post("/model/m/converse", &body.to_string()).await.unwrap().json();
        assert_eq!(answer["output"]["message"]["content"], json!([{"text": "echo: new"}]));
        let input = body.to_string().len().div_ceil(4);
        assert_eq!(answer["usage"], json!({"inputTokens": input, "outputTokens": 3, "totalTokens": input + 3}));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_take_each_reply_once() {
    let bedrock = BedrockSim::start().await.unwrap();
    for n in 0..20 {
        bedrock.push(saying("x").usage(Tokens::new(n, 0)));
    }
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut client = Client::connect(&bedrock).await;
        requests
            .spawn(async move { client.ask(Operation::Converse, HAIKU).await.json()["usage"]["inputTokens"].as_u64() });
    }
    let mut inputs: Vec<_> = requests.join_all().await.into_iter().flatten().collect();
    inputs.sort_unstable();
    assert_eq!(inputs, (0..20).collect::<Vec<_>>());
}
