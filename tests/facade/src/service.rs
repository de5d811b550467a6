//! A service that answers questions with a model. It uses only the crate `outlay`.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use outlay::tower::ServerLayer;
use outlay::{CurrentTask, Outcome, Outlay, Usd};
use serde_json::json;

const MODEL: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

/// Returns the routes of the service. Each question is a task of its team.
pub fn routes(outlay: &Outlay, client: Client) -> Router {
    let layer = ServerLayer::new(outlay).trust(|_| true).task_per_request(|outlay, request| {
        let team = request.headers.get("x-team")?.to_str().ok()?;
        Some(outlay.task("answer-question").team(team))
    });
    Router::new()
        .route("/questions", post(answer))
        .with_state(client)
        .layer(layer)
        .merge(Router::new().route("/feedback/{token}", post(feedback)).with_state(outlay.clone()))
}

async fn answer(State(client): State<Client>, task: CurrentTask, question: String) -> Response {
    match ask(&client, &question).await {
        Ok(text) => {
            let totals = outlay::current_task().map(|task| task.totals());
            let token = task.outcome_token().with_outcome(Outcome::success()).with_dimensions().to_string();
            Json(json!({"text": text, "cost": totals, "feedback": token})).into_response()
        }
        Err(error) => match outlay::budget_exceeded(&*error) {
            Some(refused) => (StatusCode::PAYMENT_REQUIRED, Json(json!({"budget": refused}))).into_response(),
            None => {
                task.fail("the model did not answer");
                StatusCode::BAD_GATEWAY.into_response()
            }
        },
    }
}

async fn ask(client: &Client, question: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let message = Message::builder().role(ConversationRole::User).content(ContentBlock::Text(question.to_owned()));
    let request = client.converse().model_id(MODEL).messages(message.build()?);
    let answer = outlay::step("act", "answer").try_run(request.send()).await?;
    outlay::tool("search").run_sync(|| outlay::charge("serp-api", Usd::from_micros(500)));
    let message = answer.output.and_then(|output| output.as_message().ok().cloned());
    let text = message.and_then(|message| message.content.first()?.as_text().ok().cloned());
    Ok(text.unwrap_or_default())
}

async fn feedback(State(outlay): State<Outlay>, Path(token): Path<String>, headers: HeaderMap) -> StatusCode {
    let outcome = if headers.contains_key("x-helpful") { Outcome::success() } else { Outcome::failure() };
    match outlay.record_outcome(&token, outcome) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}
