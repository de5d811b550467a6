//! Where a region is: its partition, and the geographies whose inference profiles can be called there.

use crate::Geo;

/// Whether a region is in AWS's commercial partition. The others have prices of their own (the US
/// government's about 1.2 times these), which no row of a commercial region may stand in for.
pub fn is_commercial(region: &str) -> bool {
    !["us-gov-", "us-iso", "eu-iso", "eusc-", "cn-"].iter().any(|prefix| region.starts_with(prefix))
}

/// Returns the geographies whose inference profiles can be called in a region, the narrowest first.
pub fn geos(region: &str) -> &'static [Geo] {
    match region {
        "ap-northeast-1" | "ap-northeast-3" => &[Geo::Jp, Geo::Apac],
        "ap-southeast-2" | "ap-southeast-4" => &[Geo::Au, Geo::Apac],
        "ap-south-1" | "ap-south-2" => &[Geo::In, Geo::Apac],
        "il-central-1" => &[Geo::Eu],
        "me-central-1" => &[Geo::Apac],
        _ if region.starts_with("us-gov-") => &[Geo::UsGov],
        _ if !is_commercial(region) => &[],
        _ if region.starts_with("us-") => &[Geo::Us],
        _ if region.starts_with("eu-") => &[Geo::Eu],
        _ if region.starts_with("ap-") => &[Geo::Apac],
        _ if region.starts_with("ca-") => &[Geo::Ca, Geo::Us],
        _ => &[],
    }
}

/// The regions whose prices stand in for those of other regions, the first one that has a price: where most models were
/// offered first.
const MAIN: [&str; 8] = [
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
pub(crate) fn rank(region: &str) -> usize {
    MAIN.iter().position(|main| *main == region).unwrap_or(MAIN.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_do_not_mix() {
        assert_eq!(geos("us-gov-east-1"), [Geo::UsGov]);
        for region in ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1", "cn-north-1"] {
            assert!(!is_commercial(region) && geos(region).is_empty(), "{region}");
        }
        assert_eq!(geos("ca-central-1"), [Geo::Ca, Geo::Us]);
        assert_eq!((geos("il-central-1"), geos("me-central-1")), (&[Geo::Eu][..], &[Geo::Apac][..]));
    }
}
