use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Builder, Region};

use crate::BedrockSim;

impl BedrockSim {
    /// Returns a client of the AWS SDK for the simulator, in us-east-1. Its retries are quick.
    pub fn client(&self) -> Client {
        Client::from_conf(self.client_config().build())
    }

    /// Returns the configuration of such a client, to change it.
    pub fn client_config(&self) -> Builder {
        aws_sdk_bedrockruntime::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(self.url())
            .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "simulator"))
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
    }
}
