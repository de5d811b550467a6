use super::{ModelKind, ModelRef, ParseModelError, name};
use crate::Routing;
use crate::region::partition_prefix;

/// Parses `partition:service:region:account:resource`, the part after `arn:`.
pub(super) fn parse<'a>(text: &'a str, rest: &'a str) -> Result<ModelRef<'a>, ParseModelError> {
    let mut parts = rest.splitn(5, ':');
    let mut part = || parts.next().ok_or(ParseModelError::IncompleteArn);
    let (partition, service, region, account, resource) = (part()?, part()?, part()?, part()?, part()?);
    if partition != "aws" && !partition.starts_with("aws-") {
        return Err(ParseModelError::OtherService);
    }
    let some = |text: &'a str| (!text.is_empty()).then_some(text);
    let (class, id) = resource.split_once('/').ok_or(ParseModelError::UnknownResource)?;
    if id.is_empty() || id.ends_with('/') {
        return Err(ParseModelError::Empty);
    }
    let kind = kind(service, class, id)?;
    let model = ModelRef {
        partition: partition_prefix(partition),
        region: some(region),
        account: some(account),
        ..ModelRef::opaque(text, kind, resource)
    };
    match kind {
        ModelKind::FoundationModel | ModelKind::InferenceProfile => with_model_id(model, id),
        _ => Ok(model),
    }
}

fn kind(service: &str, class: &str, id: &str) -> Result<ModelKind, ParseModelError> {
    Ok(match (service, class) {
        ("sagemaker", "endpoint") => ModelKind::SagemakerEndpoint,
        ("bedrock", "foundation-model") => ModelKind::FoundationModel,
        // Some documents write application profiles this way. Their ids have no dot.
        ("bedrock", "inference-profile") if !id.contains('.') => ModelKind::ApplicationInferenceProfile,
        ("bedrock", "inference-profile") => ModelKind::InferenceProfile,
        ("bedrock", "application-inference-profile") => ModelKind::ApplicationInferenceProfile,
        ("bedrock", "custom-model") => ModelKind::CustomModel,
        ("bedrock", "imported-model") => ModelKind::ImportedModel,
        ("bedrock", "custom-model-deployment") => ModelKind::CustomModelDeployment,
        ("bedrock", "provisioned-model") => ModelKind::ProvisionedModel,
        ("bedrock", "prompt") => ModelKind::Prompt,
        ("bedrock", "prompt-router" | "default-prompt-router") => ModelKind::PromptRouter,
        ("bedrock" | "sagemaker", _) => return Err(ParseModelError::UnknownResource),
        _ => return Err(ParseModelError::OtherService),
    })
}

/// Parses the model id in an ARN. A foundation model without a region has global routing.
fn with_model_id<'a>(model: ModelRef<'a>, id: &'a str) -> Result<ModelRef<'a>, ParseModelError> {
    if !id.contains('.') || id.contains('/') {
        return Err(ParseModelError::UnknownResource);
    }
    let (routing, base) = name::split_routing(id);
    if base.is_empty() || base.starts_with('.') {
        return Err(ParseModelError::Empty);
    }
    let routing = match (model.kind, routing) {
        (ModelKind::FoundationModel, Some(Routing::InRegion)) if model.region.is_none() => Some(Routing::Global),
        // A profile always has a prefix, so this one has a prefix that is not known.
        (ModelKind::InferenceProfile, Some(Routing::InRegion)) => None,
        (_, routing) => routing,
    };
    Ok(ModelRef { base: Some(base), routing, ..model })
}
