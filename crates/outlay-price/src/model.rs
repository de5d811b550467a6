use std::fmt;

use crate::{Family, Routing};

mod arn;
mod name;

#[cfg(test)]
mod model_id_tests;

pub use name::shorter_ids;
pub(crate) use name::{bare_names, without_variant};

/// A parsed model id or ARN, as used in calls to Bedrock. It borrows from the text.
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
    /// The model or resource: an id, or `type/id` of an ARN.
    resource: &'a str,
    base: Option<&'a str>,
    routing: Option<Routing>,
    /// The region prefix of the ARN's partition, or `None` for the commercial one.
    partition: Option<&'static str>,
    region: Option<&'a str>,
    account: Option<&'a str>,
}

/// The kind of resource that a model id or ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ModelKind {
    /// A model of the catalogue, called directly.
    FoundationModel,
    /// A cross-region profile defined by AWS, with a prefix such as `us.` or `global.`.
    InferenceProfile,
    /// A profile created by the user. It is opaque: the id does not name the model.
    ApplicationInferenceProfile,
    /// A customized model.
    CustomModel,
    /// A model imported by the user.
    ImportedModel,
    /// An on-demand deployment of a customized model.
    CustomModelDeployment,
    /// Capacity bought in advance, by ARN or by name.
    ProvisionedModel,
    /// A prompt of prompt management.
    Prompt,
    /// A router that picks a model per call.
    PromptRouter,
    /// A marketplace model on a SageMaker endpoint.
    SagemakerEndpoint,
}

/// The error for a text that is not a model id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseModelError {
    /// The text is empty or lacks an id.
    #[error("empty model id")]
    Empty,
    /// A character that is not allowed in a model id.
    #[error("unexpected character at byte {at} of the model id")]
    BadCharacter {
        /// The offset in bytes from the start of the text.
        at: usize,
    },
    /// An ARN with fewer than six parts.
    #[error("incomplete ARN: expected arn:aws:bedrock:REGION:ACCOUNT:TYPE/ID")]
    IncompleteArn,
    /// An ARN of a service other than Bedrock and SageMaker.
    #[error("not an ARN of Bedrock or SageMaker")]
    OtherService,
    /// An ARN of a resource that is not a model.
    #[error("an ARN of a resource that is not a model")]
    UnknownResource,
}

impl<'a> ModelRef<'a> {
    /// Parses any form of model id that Bedrock takes, without allocating.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is malformed. A well-formed id of an unknown model is not an error: the catalogue has
    /// no price for it.
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
        // Model ids have a dot after the vendor. A text without a dot names an opaque resource.
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

    /// Returns the original text.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// Returns the kind of resource.
    pub const fn kind(&self) -> ModelKind {
        self.kind
    }

    /// Returns whether this is an ARN of provisioned throughput. A name without a dot is not enough: it may also be an
    /// application profile, or a name defined by a gateway.
    pub(crate) fn is_provisioned(&self) -> bool {
        self.kind == ModelKind::ProvisionedModel && self.text.starts_with("arn:")
    }

    /// Returns the model's id without its geo prefix, or `None` if the text does not name the model.
    pub const fn base_id(&self) -> Option<&'a str> {
        self.base
    }

    /// Returns where calls may be served, or `None` if the text does not say so or has an unknown prefix. An unknown
    /// prefix is never mistaken for a known one or for the vendor.
    pub const fn routing(&self) -> Option<Routing> {
        self.routing
    }

    /// Returns the region in an ARN.
    pub const fn region(&self) -> Option<&'a str> {
        self.region
    }

    /// Returns the region in an ARN. For an ARN without a region, returns the region prefix of its partition unless that
    /// is the commercial one, so that it never gets a commercial price.
    pub(crate) fn region_or_partition(&self) -> Option<&'a str> {
        self.region.or(self.partition)
    }

    /// Returns the account in an ARN.
    pub const fn account(&self) -> Option<&'a str> {
        self.account
    }

    /// Returns the vendor's label in the id, such as `anthropic`.
    pub fn provider(&self) -> Option<&'a str> {
        self.base.and_then(|base| base.split_once('.')).map(|(provider, _)| provider)
    }

    /// Returns the family, which determines where a native body reports its usage.
    pub fn family(&self) -> Family {
        self.base.map_or(Family::Other, Family::of)
    }

    /// Returns a short name for display: the geo prefix and the model, without vendor, date and version.
    ///
    /// `-v1` and `:0` are dropped. `-v2` and context sizes such as `:200k` distinguish models and are kept. The name of an
    /// opaque resource is its type and id.
    pub fn short_name(&self) -> String {
        match self.base {
            Some(base) => name::short(self.routing, base),
            None => self.resource.to_owned(),
        }
    }

    /// Returns the same model with another routing. Has no effect on an opaque id.
    pub(crate) const fn with_routing(mut self, routing: Routing) -> Self {
        if self.base.is_some() {
            self.routing = Some(routing);
        }
        self
    }

    /// Returns the id of an opaque resource: the part after the last `/` of its ARN.
    pub(crate) fn resource_id(&self) -> &'a str {
        self.resource.rsplit_once('/').map_or(self.resource, |(_, id)| id)
    }
}

impl fmt::Display for ModelRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text)
    }
}
