//! Asks Bedrock's control plane which model an id refers to.

use std::error::Error;

use aws_sdk_bedrock::Client;
use outlay_otel::{ModelAnswer, ResolveModel};
use outlay_price::{ModelKind, ModelRef};
use tokio::runtime::Handle;

mod inference_profile;

/// Resolves application inference profiles and provisioned models through Bedrock's control plane.
///
/// Asks once for each model, in the background, with `bedrock:GetInferenceProfile` and
/// `bedrock:GetProvisionedModelThroughput`. Calls that settle before the answer comes stay unpriced. The model behind
/// a router is in the trace of its answers. Custom and imported models have prices of their own, which a price file
/// sets.
///
/// ```no_run
/// # fn f(aws_config: aws_sdk_bedrock::Config) {
/// use outlay_bedrock::ControlPlane;
///
/// let control_plane = ControlPlane::new(aws_sdk_bedrock::Client::from_conf(aws_config));
/// let mut settings = outlay_otel::Settings::default();
/// settings.resolver = Some(std::sync::Arc::new(control_plane));
/// let engine = outlay_otel::Engine::new(settings);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ControlPlane {
    client: Client,
}

impl ControlPlane {
    /// Creates a resolver that asks with this client, in the client's region.
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    async fn model_of_profile(&self, arn: &str) -> Result<String, String> {
        let answer = self.client.get_inference_profile().inference_profile_identifier(arn).send().await;
        let answer = answer.map_err(|error| error_chain(&error))?;
        let models: Vec<&str> = answer.models().iter().filter_map(|model| model.model_arn()).collect();
        inference_profile::stands_for(&models).ok_or_else(|| format!("its models are {}", models.join(", ")))
    }

    async fn model_of_throughput(&self, id: &str) -> Result<String, String> {
        let answer = self.client.get_provisioned_model_throughput().provisioned_model_id(id).send().await;
        Ok(answer.map_err(|error| error_chain(&error))?.foundation_model_arn)
    }

    async fn find(&self, model: &str, kind: ModelKind) -> Result<String, String> {
        match kind {
            ModelKind::ApplicationInferenceProfile => self.model_of_profile(model).await,
            _ => self.model_of_throughput(model).await,
        }
    }
}

impl ResolveModel for ControlPlane {
    fn resolve(&self, model: ModelRef<'_>, answer: ModelAnswer) {
        let kind = model.kind();
        if !matches!(kind, ModelKind::ApplicationInferenceProfile | ModelKind::ProvisionedModel) {
            return answer.never();
        }
        let Ok(runtime) = Handle::try_current() else { return answer.unknown("there is no tokio runtime to ask in") };
        let (this, model) = (self.clone(), model.as_str().to_owned());
        runtime.spawn(async move {
            match this.find(&model, kind).await {
                Ok(found) if kind == ModelKind::ProvisionedModel => answer.is_provisioned(&found),
                Ok(found) => answer.stands_for(&found),
                Err(reason) => answer.unknown(&reason),
            }
        });
    }
}

/// Returns the error and its sources on one line.
fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
