use std::fmt;

use super::BuildError;
use outlay_price::{ModelRef, Routing};

/// What a price is of, whatever its tier and date.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) model: String,
    pub(super) region: Option<String>,
    pub(super) routing: Routing,
}

impl Id {
    /// Of a model id as it goes on the wire.
    pub(super) fn new(wire: &str, region: Option<&str>) -> Result<Self, BuildError> {
        let unknown = || BuildError::one(format!("`{wire}` is no model id: skip it with a reason"));
        let model = ModelRef::parse(wire).map_err(|_| unknown())?;
        let (Some(base), Some(routing)) = (model.base_id(), model.routing()) else {
            return Err(unknown());
        };
        Ok(Self { model: base.to_owned(), region: region.map(str::to_owned), routing })
    }

    /// Reads what `Display` writes: `us.amazon.nova-pro-v1:0`, or with ` in us-gov-west-1` after it.
    pub(super) fn parse(text: &str) -> Result<Self, BuildError> {
        match text.split_once(" in ") {
            Some((wire, region)) => Self::new(wire, Some(region)),
            None => Self::new(text, None),
        }
    }

    /// The model id as it goes on the wire.
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

/// Whether a text fits a pattern in which each `*` stands for anything.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|text| (0..=text.len()).any(|at| text.get(at..).is_some_and(|tail| fits(rest, tail)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_what_they_say() {
        assert!(fits("us-gov.*", "us-gov.anthropic.x"));
        assert!(fits("*-month-commitment/*", "bedrock/x/1-month-commitment/y"));
        assert!(fits("a*c*", "abc"));
        assert!(!fits("a*c", "abd"));
        assert!(!fits("us.*", "eu.x"));
    }

    #[test]
    fn ids_round_trip() {
        for text in ["amazon.nova-pro-v1:0", "us.x.y", "a.b in us-gov-west-1"] {
            assert_eq!(Id::parse(text).unwrap().to_string(), text);
        }
    }
}
