//! The service, tested as its authors would: with `outlay::testing`, the simulator, and no network but loopback.
#![allow(missing_docs, clippy::unwrap_used, reason = "a panic fails the test")]

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use bedrock_sim::{BedrockSim, ErrorKind, Reply, Tokens};
use outlay::bedrock::Metered as _;
use outlay::budget::{BudgetRule, Period};
use outlay::outcome::OutcomeKey;
use outlay::{Budget, Outcome, Outlay, Usd, testing};
use outlay_facade_tests::routes;
use serde_json::Value;
use tower::ServiceExt as _;

/// What an answer of 1,000 and 200 tokens costs, with the search.
const ANSWER: Usd = Usd::from_micros(2_200 + 500);

fn outlay() -> Outlay {
    let teams = BudgetRule::new("teams", Budget::new(Usd::from_dollars(1))).per("team").every(Period::Day);
    testing::builder().budget_rule(teams).outcome_key(OutcomeKey::new("the same in all replicas").unwrap()).build()
}

async fn service(outlay: &Outlay) -> (BedrockSim, Router) {
    let bedrock = BedrockSim::start().await.unwrap();
    let routes = routes(outlay, bedrock.client().metered(outlay));
    (bedrock, routes)
}

async fn question(routes: &Router, team: &str) -> (StatusCode, Value) {
    let request = Request::post("/questions").header("x-team", team).body(Body::from("why?")).unwrap();
    let response = routes.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn an_answer_costs_at_most_half_a_cent_and_says_so() {
    let outlay = outlay();
    let (bedrock, routes) = service(&outlay).await;
    bedrock.push(Reply::message().text("because").usage(Tokens::new(1_000, 200)));
    let task = outlay.task("test").start();
    let (status, answer) = task.run(question(&routes, "support")).await;
    assert_eq!((status, &answer["text"]), (StatusCode::OK, &Value::from("because")));
    assert_eq!((&answer["cost"]["usd"], &answer["cost"]["status"]), (&Value::from("0.0027"), &Value::from("exact")));
    testing::assert_costs_at_most(&task.totals(), Usd::from_micros(5_000));
    let kinds: Vec<_> = task.totals().by_kind().iter().map(|of| (of.kind.as_str().to_owned(), of.cost)).collect();
    assert_eq!(kinds, [("act".to_owned(), Usd::from_micros(2_200)), ("tool".to_owned(), Usd::from_micros(500))]);
    assert_eq!(serde_json::to_value(task.finish(Outcome::success())).unwrap()["totals"]["usd"], "0.0027");
}

#[tokio::test]
async fn a_team_without_budget_gets_402_with_the_time_at_which_it_starts_anew() {
    let outlay = outlay();
    let (_bedrock, routes) = service(&outlay).await;
    outlay.task("spend").team("research").start().charge("training", Usd::from_dollars(1));
    let (status, answer) = question(&routes, "research").await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED);
    let budget = &answer["budget"];
    assert_eq!((&budget["rule"], &budget["key"]["team"]), (&Value::from("teams"), &Value::from("research")));
    assert_eq!(budget["resets_at"], "2026-11-29T00:00:00Z", "the clock of the tests stands at noon of the day before");
    assert_eq!(question(&routes, "support").await.0, StatusCode::OK);
}

#[tokio::test]
async fn feedback_reaches_another_replica() {
    let (one, other) = (outlay(), outlay());
    let (bedrock, routes_of_one) = service(&one).await;
    bedrock.push(Reply::message().text("because").usage(Tokens::new(1_000, 200)));
    let token = question(&routes_of_one, "support").await.1["feedback"].as_str().unwrap().to_owned();
    let (_bedrock, routes_of_other) = service(&other).await;
    for (token, expected) in [(&*token, StatusCode::NO_CONTENT), (&token[..20], StatusCode::BAD_REQUEST)] {
        let request = Request::post(format!("/feedback/{token}")).body(Body::empty()).unwrap();
        assert_eq!(routes_of_other.clone().oneshot(request).await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn a_failed_answer_fails_the_task_and_the_process_can_wait_for_all() {
    let outlay = outlay();
    let (bedrock, routes) = service(&outlay).await;
    bedrock.push(Reply::error(ErrorKind::Validation));
    assert_eq!(question(&routes, "support").await.0, StatusCode::BAD_GATEWAY);
    assert_eq!(outlay.idle(Duration::from_secs(10)).await, Ok(()));
}

#[tokio::test]
async fn a_caller_that_uses_reqwest_has_the_cost_in_its_own_task() {
    let (caller, callee) = (testing::outlay(), outlay());
    let (bedrock, routes) = service(&callee).await;
    bedrock.push(Reply::message().text("because").usage(Tokens::new(1_000, 200)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let task = caller.task("resolve-ticket").start();
    let ask = async {
        let (work, mut headers) = (outlay::remote("questions"), axum::http::HeaderMap::new());
        work.inject(&mut headers);
        let request = reqwest::Client::new().post(format!("{origin}/questions")).headers(headers);
        let response = request.header("x-team", "support").body("why?").send().await.unwrap();
        work.receive_response(&origin, response.headers());
    };
    task.run(outlay::tool("ask").run(ask)).await;
    server.abort();
    assert_eq!((task.totals().cost().usd(), task.totals().remote()), (Some(ANSWER), ANSWER));
}

#[tokio::test]
async fn a_mock_of_the_sdk_is_metered_too() {
    use aws_sdk_bedrockruntime::operation::converse::ConverseOutput;
    use aws_sdk_bedrockruntime::types::{ConverseOutput as Output, Message, StopReason, TokenUsage};
    use aws_sdk_bedrockruntime::{Client, types::ConversationRole};
    let rule = aws_smithy_mocks::mock!(Client::converse).then_output(|| {
        let usage = TokenUsage::builder().input_tokens(1_000).output_tokens(200).total_tokens(1_200).build().unwrap();
        let message =
            Message::builder().role(ConversationRole::Assistant).set_content(Some(Vec::new())).build().unwrap();
        let output = ConverseOutput::builder().usage(usage).output(Output::Message(message));
        output.stop_reason(StopReason::EndTurn).build().unwrap()
    });
    let outlay = outlay();
    let client = aws_smithy_mocks::mock_client!(aws_sdk_bedrockruntime, [&rule]).metered(&outlay);
    let task = outlay.task("test").start();
    assert_eq!(task.run(question(&routes(&outlay, client), "support")).await.0, StatusCode::OK);
    testing::assert_costs_at_most(&task.totals(), ANSWER);
}
