use std::fmt;

use crate::{Family, Routing};

mod arn;
mod name;

#[cfg(test)]
mod model_id_tests;

pub use name::shorter_ids;
pub(crate) use name::{bare_names, without_variant};

/// A parsed model id or ARN, as calls to Bedrock carry it, borrowing from the text.
///
/// ```
/// use outlay_price::{Geo, ModelRef, Routing};
///
/// let model = ModelRef::parse("us.anthropic.claude-sonnet-4-5-20250929-v1:0")?;
/// assert_eq!(model.base_id(), Some("anthropic.claude-sonnet-4-5-20250929-v1:0"));
/// assert_eq!(model.routing(), Some(Routing::Geo(Geo::Us)));
/// assert_eq!(model.provider(), Some("anthropic"));
/// assert_eq!(model.short_name(), "us.claude-sonnet-4-5");
/// # Ok::<(), outlay_price::ParseModelError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModelRef<'a> {
    text: &'a str,
    kind: ModelKind,
    /// The part that names the model or resource: an id, or `type/id` of an ARN.
    resource: &'a str,
    base: Option<&'a str>,
    routing: Option<Routing>,
    /// What the regions of the ARN's partition begin with, unless it is the commercial one.
    partition: Option<&'static str>,
    region: Option<&'a str>,
    account: Option<&'a str>,
}

/// What a model id or ARN stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ModelKind {
    /// A model of the catalogue, called directly.
    FoundationModel,
    /// A cross-region profile defined by AWS: `us.`, `global.` and so on.
    InferenceProfile,
    /// A profile made by the user, opaque: it says nothing about its model.
    ApplicationInferenceProfile,
    /// A customized model.
    CustomModel,
    /// A model imported by the user.
    ImportedModel,
    /// A customized model, deployed on demand.
    CustomModelDeployment,
    /// Capacity bought ahead, by ARN or by name.
    ProvisionedModel,
    /// A prompt of prompt management.
    Prompt,
    /// A router that picks a model per call.
    PromptRouter,
    /// A marketplace model on a SageMaker endpoint.
    SagemakerEndpoint,
}

/// Why a text is no model id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseModelError {
    /// No text, or no id where one must be.
    #[error("empty model id")]
    Empty,
    /// A character that no model id has, at this byte offset.
    #[error("unexpected character at byte {at} of the model id")]
    BadCharacter {
        /// The offset in bytes from the start of the text.
        at: usize,
    },
    /// An ARN with fewer than six parts.
    #[error("incomplete ARN: arn:aws:bedrock:REGION:ACCOUNT:TYPE/ID is expected")]
    IncompleteArn,
    /// An ARN of a service that serves no models.
    #[error("an ARN of neither Bedrock nor SageMaker")]
    OtherService,
    /// A resource type that serves no model.
    #[error("an ARN of a resource that is no model")]
    UnknownResource,
}

impl<'a> ModelRef<'a> {
    /// Parses any form of model id that Bedrock takes, without allocating.
    ///
    /// # Errors
    ///
    /// Where the text cannot be such an id. A well-formed id of an unknown model is fine: what it
    /// costs is the catalogue's to know.
    pub fn parse(text: &'a str) -> Result<Self, ParseModelError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte);
        if let Some(at) = text.bytes().position(|byte| !allowed(byte)) {
            return Err(ParseModelError::BadCharacter { at });
        }
        match text.strip_prefix("arn:") {
            Some(rest) => arn::parse(text, rest),
            None => Self::parse_id(text),
        }
    }

    fn parse_id(text: &'a str) -> Result<Self, ParseModelError> {
        if text.is_empty() {
            return Err(ParseModelError::Empty);
        }
        if let Some(at) = text.find('/') {
            return Err(ParseModelError::BadCharacter { at });
        }
        // Model ids have a dot after the vendor; without one it is the name of something opaque.
        if !text.contains('.') {
            return Ok(Self::opaque(text, ModelKind::ProvisionedModel, text));
        }
        let (routing, base) = name::split_routing(text);
        if base.is_empty() || base.starts_with('.') {
            return Err(ParseModelError::Empty);
        }
        let kind = match routing {
            Some(Routing::InRegion) => ModelKind::FoundationModel,
            _ => ModelKind::InferenceProfile,
        };
        Ok(Self { base: Some(base), routing, ..Self::opaque(text, kind, text) })
    }

    const fn opaque(text: &'a str, kind: ModelKind, resource: &'a str) -> Self {
        Self { text, kind, resource, base: None, routing: None, partition: None, region: None, account: None }
    }

    /// The original text.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// What it stands for.
    pub const fn kind(&self) -> ModelKind {
        self.kind
    }

    /// Whether it is provisioned throughput, which an ARN alone says: a name without a dot may be that of an application
    /// profile too, or of a gateway's own.
    pub(crate) fn is_provisioned(&self) -> bool {
        self.kind == ModelKind::ProvisionedModel && self.text.starts_with("arn:")
    }

    /// The model's id without its geo prefix; `None` where the text does not tell the model.
    pub const fn base_id(&self) -> Option<&'a str> {
        self.base
    }

    /// Where calls may be served; `None` where the text does not tell, or has a prefix that is not
    /// known (which is then never taken for a known one, nor for the vendor).
    pub const fn routing(&self) -> Option<Routing> {
        self.routing
    }

    /// The region in an ARN.
    pub const fn region(&self) -> Option<&'a str> {
        self.region
    }

    /// The region in an ARN; where it has none and is not of the commercial partition, what the regions of its own begin
    /// with, so that no commercial price is taken.
    pub(crate) fn region_or_partition(&self) -> Option<&'a str> {
        self.region.or(self.partition)
    }

    /// The account in an ARN.
    pub const fn account(&self) -> Option<&'a str> {
        self.account
    }

    /// The vendor's label in the id, such as `anthropic`.
    pub fn provider(&self) -> Option<&'a str> {
        self.base.and_then(|base| base.split_once('.')).map(|(provider, _)| provider)
    }

    /// The family, which decides how a native body tells its usage.
    pub fn family(&self) -> Family {
        self.base.map_or(Family::Other, Family::of)
    }

    /// A short name for people: the geo prefix and the model, without vendor, date and version.
    ///
    /// `-v1` and `:0` say nothing and go; `-v2` and context sizes such as `:200k` tell models
    /// apart and stay. An opaque resource is named by its type and id.
    pub fn short_name(&self) -> String {
        match self.base {
            Some(base) => name::short(self.routing, base),
            None => self.resource.to_owned(),
        }
    }

    /// The same model on another road. What does not tell its model has none.
    pub(crate) const fn with_routing(mut self, routing: Routing) -> Self {
        if self.base.is_some() {
            self.routing = Some(routing);
        }
        self
    }

    /// The id of an opaque resource: what follows the last `/` of its ARN.
    pub(crate) fn resource_id(&self) -> &'a str {
        self.resource.rsplit_once('/').map_or(self.resource, |(_, id)| id)
    }
}

impl fmt::Display for ModelRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text)
    }
}
