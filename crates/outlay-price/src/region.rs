//! Where a region is: its partition, and the geographies whose inference profiles can be called there.

use crate::{Geo, Routing};

/// Whether a region is in AWS's commercial partition. The others have prices of their own (the US
/// government's about 1.2 times these), which no row of a commercial region may stand in for.
pub fn is_commercial(region: &str) -> bool {
    partition(region).is_none()
}

/// What the regions of AWS's other partitions begin with: `us-iso` is of `us-iso-`, `us-isob-` and `us-isof-`.
const OTHER_PARTITIONS: [&str; 5] = ["us-gov-", "us-iso", "eu-iso", "eusc-", "cn-"];

/// Returns what the regions of the partition begin with that a region is in; `None` for the commercial one.
pub(crate) fn partition(region: &str) -> Option<&'static str> {
    // A FIPS endpoint is named after its region, in some settings.
    let region = region.strip_prefix("fips-").unwrap_or(region);
    // Nearly always it is the commercial one: what comes after `us-` or `eu-` tells.
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

/// Returns the same of a region or of a geography.
pub(crate) fn place_partition(place: &str) -> Option<&'static str> {
    if place == Geo::UsGov.as_str() { Some("us-gov-") } else { partition(place) }
}

/// Returns what the regions of a partition begin with, by the partition's name in an ARN; `None` for the commercial one.
pub(crate) fn partition_prefix(name: &str) -> Option<&'static str> {
    match name {
        "aws" => None,
        "aws-us-gov" => Some("us-gov-"),
        "aws-cn" => Some("cn-"),
        "aws-eusc" => Some("eusc-"),
        "aws-iso-e" => Some("eu-iso"),
        // Partitions of which no price is public, and those to come.
        _ => Some("us-iso"),
    }
}

/// Whether a model can be called so in a region.
pub fn is_callable(routing: Routing, region: &str) -> bool {
    match routing {
        Routing::Geo(geo) => geos(region).contains(&geo),
        Routing::Global => is_commercial(region),
        _ => true,
    }
}

/// Returns the geographies whose inference profiles can be called in a region, the narrowest first.
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

/// Regions of which no row says anything of its own: what they have costs the same everywhere.
pub const UNNAMED: [&str; 1] = ["mx-central-1"];

/// The regions whose prices stand in for those of other regions, the first one that has a price: where most models were
/// offered first.
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

/// The order in which regions stand in for others.
pub(crate) fn fallback_rank(region: &str) -> usize {
    FALLBACK_ORDER.iter().position(|main| *main == region).unwrap_or(FALLBACK_ORDER.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_do_not_mix() {
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
