//! A simulated Bedrock on loopback. It speaks the real wire format to the real SDK. Only the models are scripted: their
//! replies, their token counts, and a throttling error that the SDK retries.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Config, Region};
use bedrock_sim::{BedrockSim, Match, Reply, StartError, Tokens};
use serde_json::json;

use crate::{agent, researcher, tools};

const HANDBOOK_TOKENS: u64 = 4_096;

/// Starts a simulated Bedrock. It stops when it is dropped.
pub(crate) async fn bedrock() -> Result<BedrockSim, StartError> {
    let bedrock = BedrockSim::start().await?;
    script(&bedrock);
    Ok(bedrock)
}

/// Returns an AWS SDK client for `bedrock`.
pub(crate) fn client(bedrock: &BedrockSim) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(bedrock.url())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("simulated", "simulated", None, None, "simulated"))
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(50)))
        .build();
    Client::from_conf(config)
}

/// Scripts the replies of the three roles, in order.
fn script(bedrock: &BedrockSim) {
    bedrock
        .when(Match::body(agent::ROLE))
        .push(
            Reply::message()
                .text("I look for known limits of exports, and have the articles read.")
                .tool_use("tooluse_1", "search_kb", json!({"query": "export ends after 10,000 rows"}))
                .tool_use("tooluse_2", "researcher", json!({"question": "Why would an export lose rows?"}))
                .usage(Tokens::new(412, 186).cache_write_5m(HANDBOOK_TOKENS))
                .delay(Duration::from_millis(160)),
        )
        .push(
            Reply::message()
                .text("We are sorry for the trouble. Please try the export again.")
                .usage(Tokens::new(1_240, 905).cache_read(HANDBOOK_TOKENS))
                .delay(Duration::from_millis(230)),
        )
        .push(
            Reply::message()
                .text("Your change of plan reset the flag that lifts the limit of 10,000 rows (KB-112, KB-207).\n")
                .text("We have set it again: run the export once more, and nothing will be missing.")
                .usage(Tokens::new(1_655, 612).cache_read(HANDBOOK_TOKENS))
                .first_byte_delay(Duration::from_millis(80))
                .pace(Duration::from_millis(5)),
        );

    bedrock.when(Match::body(tools::SEARCHER)).push(
        Reply::message()
            .text("KB-112 Limits of exports. KB-207 What a change of plan resets.")
            .usage(Tokens::new(2_310, 58))
            .delay(Duration::from_millis(70)),
    );

    bedrock
        .when(Match::body(researcher::ROLE))
        .push(
            Reply::message()
                .tool_use("tooluse_3", "read_article", json!({"id": "KB-112"}))
                .tool_use("tooluse_4", "read_article", json!({"id": "KB-207"}))
                .usage(Tokens::new(3_120, 240))
                .delay(Duration::from_millis(100)),
        )
        .push(Reply::throttled())
        .push(
            Reply::message()
                .text("The flag large_exports is gone since the change of plan; support can set it again.")
                .usage(Tokens::new(3_410, 310))
                .delay(Duration::from_millis(100)),
        );
}
