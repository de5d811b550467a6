use crate::Geo;

/// The geographies whose inference profiles can be called in a region.
pub(super) fn geos(region: &str) -> &'static [Geo] {
    match region {
        "ap-northeast-1" | "ap-northeast-3" => &[Geo::Jp, Geo::Apac],
        "ap-southeast-2" | "ap-southeast-4" => &[Geo::Au, Geo::Apac],
        "ap-south-1" | "ap-south-2" => &[Geo::In, Geo::Apac],
        _ if region.starts_with("us-gov-") => &[Geo::UsGov],
        _ if region.starts_with("us-") => &[Geo::Us],
        _ if region.starts_with("eu-") => &[Geo::Eu],
        _ if region.starts_with("ap-") => &[Geo::Apac],
        _ if region.starts_with("ca-") => &[Geo::Ca, Geo::Us],
        _ => &[],
    }
}
