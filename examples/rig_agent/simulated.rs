//! A simulated Bedrock on loopback, with scripted model replies.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Config, Region};
use bedrock_sim::{BedrockSim, Match, Reply, StartError, Tokens};
use serde_json::json;

use crate::{LARGE, SMALL};

/// Starts a simulated Bedrock. It stops when it is dropped.
pub(crate) async fn bedrock() -> Result<BedrockSim, StartError> {
    let bedrock = BedrockSim::start().await?;
    bedrock
        .when(Match::model(LARGE))
        .push(
            // Two searches in one turn. rig runs them one after the other unless concurrency is configured.
            Reply::message()
                .tool_use("tooluse_1", "search_kb", json!({"query": "export rows enterprise"}))
                .tool_use("tooluse_2", "search_kb", json!({"query": "large_exports flag"}))
                .usage(Tokens::new(1_180, 124))
                .delay(Duration::from_millis(120)),
        )
        .push(
            Reply::message()
                .text(
                    "Since the flag `large_exports` is part of the plan; support sets it on request (KB-112, KB-207).",
                )
                .usage(Tokens::new(1_530, 96))
                .delay(Duration::from_millis(150)),
        );
    bedrock
        .when(Match::model(SMALL))
        .push(Reply::message().text("KB-112: limits of exports").usage(Tokens::new(890, 42)))
        .push(Reply::message().text("KB-207: flags of an account").usage(Tokens::new(910, 38)));
    Ok(bedrock)
}

/// Returns an AWS SDK client for `bedrock`.
pub(crate) fn client(bedrock: &BedrockSim) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(bedrock.url())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("simulated", "simulated", None, None, "simulated"))
        .build();
    Client::from_conf(config)
}
