//! The partition of a region, and the geographies with inference profiles that can be called there.

use crate::{Geo, Routing};

/// Returns whether a region is in AWS's commercial partition. Other partitions have different prices (about 1.2 times as
/// much in the US government's), so they never use a price of a commercial region.
pub fn is_commercial(region: &str) -> bool {
    partition(region).is_none()
}

/// The region prefixes of AWS's other partitions. `us-iso` covers `us-iso-`, `us-isob-` and `us-isof-`.
const OTHER_PARTITIONS: [&str; 5] = ["us-gov-", "us-iso", "eu-iso", "eusc-", "cn-"];

/// Returns the region prefix of a region's partition, or `None` for the commercial one.
pub(crate) fn partition(region: &str) -> Option<&'static str> {
    // Some settings name the FIPS endpoint of a region.
    let region = region.strip_prefix("fips-").unwrap_or(region);
    // Fast path: the first letter after `us-` or `eu-` identifies most commercial regions.
    if let [a, b, _, d, ..] = region.as_bytes()
        && !matches!(
            [a, b, d].map(u8::to_ascii_lowercase),
            [b'u', b's', b'g' | b'i'] | [b'e', b'u', b'i' | b'c'] | [b'c', b'n', _]
        )
    {
        return None;
    }
    let begins = |prefix: &&str| region.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    OTHER_PARTITIONS.into_iter().find(begins)
}

/// Like [`partition`], but also accepts a geography.
pub(crate) fn place_partition(place: &str) -> Option<&'static str> {
    if place == Geo::UsGov.as_str() { Some("us-gov-") } else { partition(place) }
}

/// Returns the region prefix of a partition, by its name in an ARN, or `None` for the commercial one.
pub(crate) fn partition_prefix(name: &str) -> Option<&'static str> {
    match name {
        "aws" => None,
        "aws-us-gov" => Some("us-gov-"),
        "aws-cn" => Some("cn-"),
        "aws-eusc" => Some("eusc-"),
        "aws-iso-e" => Some("eu-iso"),
        // Partitions without public prices, and future ones.
        _ => Some("us-iso"),
    }
}

/// Returns whether a model can be called with this routing in a region.
pub fn is_callable(routing: Routing, region: &str) -> bool {
    match routing {
        Routing::Geo(geo) => geos(region).contains(&geo),
        Routing::Global => is_commercial(region),
        _ => true,
    }
}

/// Returns the geographies with inference profiles that can be called in a region, the narrowest first.
pub fn geos(region: &str) -> &'static [Geo] {
    match region {
        "ap-northeast-1" | "ap-northeast-3" => &[Geo::Jp, Geo::Apac],
        "ap-southeast-2" | "ap-southeast-4" => &[Geo::Au, Geo::Apac],
        "ap-south-1" | "ap-south-2" => &[Geo::In, Geo::Apac],
        "il-central-1" => &[Geo::Eu],
        "me-central-1" => &[Geo::Apac],
        _ if partition(region) == Some("us-gov-") => &[Geo::UsGov],
        _ if !is_commercial(region) => &[],
        _ if region.starts_with("us-") => &[Geo::Us],
        _ if region.starts_with("eu-") => &[Geo::Eu],
        _ if region.starts_with("ap-") => &[Geo::Apac],
        _ if region.starts_with("ca-") => &[Geo::Ca, Geo::Us],
        _ => &[],
    }
}

/// The regions that no row names, because the models there cost the same in all regions.
pub const UNNAMED: [&str; 1] = ["mx-central-1"];

/// The preferred regions for fallback prices, in order. Most models were first offered there.
const FALLBACK_ORDER: [&str; 8] = [
    "us-east-1",
    "us-west-2",
    "us-east-2",
    "eu-west-1",
    "eu-central-1",
    "ap-northeast-1",
    "ap-southeast-2",
    "us-gov-west-1",
];

/// Returns the position of a region in the order of fallback regions.
pub(crate) fn fallback_rank(region: &str) -> usize {
    FALLBACK_ORDER.iter().position(|main| *main == region).unwrap_or(FALLBACK_ORDER.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_belong_to_one_partition() {
        assert_eq!(geos("us-gov-east-1"), [Geo::UsGov]);
        for region in
            ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1", "cn-north-1", "CN-NORTH-1"]
        {
            assert!(!is_commercial(region) && geos(region).is_empty(), "{region}");
        }
        for region in ["US-GOV-EAST-1", "fips-us-gov-west-1", "us-gov-west-1-fips"] {
            assert_eq!(geos(region), [Geo::UsGov], "{region}");
        }
        assert!(is_commercial("fips-us-east-1") && is_commercial("us") && is_commercial(""));
        assert_eq!(geos("ca-central-1"), [Geo::Ca, Geo::Us]);
        assert_eq!((geos("il-central-1"), geos("me-central-1")), (&[Geo::Eu][..], &[Geo::Apac][..]));
    }
}
