use std::fmt;

use super::build_error::BuildError;
use outlay_price::{ModelRef, Routing};

/// The model, region and routing that a price is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) model: String,
    pub(super) region: Option<String>,
    pub(super) routing: Routing,
}

impl Id {
    /// Parses a model id as it is sent to Bedrock.
    pub(super) fn new(wire: &str, region: Option<&str>) -> Result<Self, BuildError> {
        let unknown = || BuildError::one(format!("`{wire}` is not a model id: skip it with a reason"));
        let model = ModelRef::parse(wire).map_err(|_| unknown())?;
        let (Some(base), Some(routing)) = (model.base_id(), model.routing()) else {
            return Err(unknown());
        };
        Ok(Self { model: base.to_owned(), region: region.map(str::to_owned), routing })
    }

    /// Parses what `Display` writes: `us.amazon.nova-pro-v1:0`, or with ` in us-gov-west-1` after it.
    pub(super) fn parse(text: &str) -> Result<Self, BuildError> {
        match text.split_once(" in ") {
            Some((wire, region)) => Self::new(wire, Some(region)),
            None => Self::new(text, None),
        }
    }

    /// Returns the model id as it is sent to Bedrock.
    pub(super) fn wire(&self) -> String {
        match self.routing {
            Routing::InRegion => self.model.clone(),
            routing => format!("{routing}.{}", self.model),
        }
    }

    pub(super) fn vendor(&self) -> &str {
        self.model.split_once('.').map_or("", |(vendor, _)| vendor)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.wire())?;
        match &self.region {
            Some(region) => write!(f, " in {region}"),
            None => Ok(()),
        }
    }
}

/// Returns whether a text matches a pattern, in which each `*` stands for any text.
pub(super) fn matches_pattern(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|tail| matches_pattern(rest, tail)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_text() {
        assert!(matches_pattern("us-gov.*", "us-gov.anthropic.x"));
        assert!(matches_pattern("*-month-commitment/*", "bedrock/x/1-month-commitment/y"));
        assert!(matches_pattern("a*c*", "abc"));
        assert!(!matches_pattern("a*c", "abd"));
        assert!(!matches_pattern("us.*", "eu.x"));
    }

    #[test]
    fn ids_round_trip() {
        for text in ["amazon.nova-pro-v1:0", "us.x.y", "a.b in us-gov-west-1"] {
            assert_eq!(Id::parse(text).unwrap().to_string(), text);
        }
    }
}
