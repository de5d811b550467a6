//! The simulated models, and the work of the worker.

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Config, Region};
use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message};
use bedrock_sim::{BedrockSim, Reply, StartError, Tokens};
use outlay::bedrock::Metered as _;
use outlay::{Outlay, Usd};

use crate::Result;

pub(crate) const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
pub(crate) const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

/// Starts a Bedrock on loopback that answers every call.
pub(crate) async fn bedrock() -> std::result::Result<BedrockSim, StartError> {
    let bedrock = BedrockSim::start().await?;
    bedrock.otherwise(|_| Reply::message().text("As asked.").usage(Tokens::new(1_800, 240)));
    Ok(bedrock)
}

pub(crate) fn client(bedrock: &BedrockSim, outlay: &Outlay) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(bedrock.url())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("simulated", "simulated", None, None, "simulated"));
    Client::from_conf(config.build()).metered(outlay)
}

pub(crate) async fn ask(client: &Client, model: &str) -> Result<()> {
    let content = ContentBlock::Text("Why is my export cut off?".into());
    let message = Message::builder().role(ConversationRole::User).content(content).build()?;
    client.converse().model_id(model).messages(message).send().await?;
    Ok(())
}

/// Reads two articles, and pays for a search. This is the work of the worker.
pub(crate) async fn research(client: &Client) -> Result<()> {
    let reading = async {
        outlay::charge("serp-api", Usd::from_micros(5_000));
        outlay::tool("read article 1").try_run(ask(client, HAIKU)).await?;
        outlay::tool("read article 2").try_run(ask(client, HAIKU)).await
    };
    outlay::agent("researcher").try_run(reading).await
}
