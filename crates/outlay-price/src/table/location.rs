use crate::region::{geos, is_commercial};
use crate::row::Place;
use crate::{Geo, Routing};

/// Where a price applies, in order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Location {
    Region(Box<str>),
    /// A whole geography, the narrow ones first.
    Geo(GeoWidth, Geo),
    /// Every region.
    Any,
    /// The regions of a geography without a price, which use a fallback from the same geography.
    GeoFallback(GeoWidth, Geo),
    /// All other regions without a price, and unknown regions, which use a fallback too.
    Fallback,
}

/// The width of a geography. Narrow ones take precedence: Japan is also part of Asia.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GeoWidth {
    Narrow,
    Wide,
}

impl GeoWidth {
    pub(super) const fn of(geo: Geo) -> Self {
        match geo {
            Geo::Us | Geo::Eu | Geo::Apac => Self::Wide,
            _ => Self::Narrow,
        }
    }
}

impl Location {
    /// Returns the locations of a row with one of its routings. In a list, a geo profile only applies to the regions of its
    /// geography.
    pub(super) fn of(place: &Place, routing: Routing, is_listed: bool) -> Vec<Self> {
        let has_profile = |region: &&String| match routing {
            Routing::Geo(geo) if is_listed => geos(region).contains(&geo),
            _ => true,
        };
        match place {
            Place::Any => vec![Self::Any],
            Place::Geo(geo) => vec![Self::Geo(GeoWidth::of(*geo), *geo)],
            Place::Regions(regions) => {
                regions.iter().filter(has_profile).map(|region| Self::Region(region.as_str().into())).collect()
            }
        }
    }

    pub(super) fn region(&self) -> Option<&str> {
        match self {
            Self::Region(region) => Some(region),
            _ => None,
        }
    }

    /// Returns the region of prices at this location.
    pub(super) fn name(&self) -> Option<Box<str>> {
        match self {
            Self::Region(region) => Some(region.clone()),
            Self::Geo(_, geo) => Some(geo.as_str().into()),
            Self::Any | Self::GeoFallback(..) | Self::Fallback => None,
        }
    }

    /// Returns whether the location includes a call to a region with a routing.
    pub(super) fn includes(&self, region: Option<&str>, routing: Routing, is_own: bool) -> bool {
        match self {
            Self::Region(own) => region == Some(own),
            Self::Geo(_, geo) | Self::GeoFallback(_, geo) => match region {
                Some(region) => geos(region).contains(geo),
                None => routing == Routing::Geo(*geo),
            },
            Self::Any => is_own || region.is_none_or(is_commercial),
            Self::Fallback => region.is_none_or(is_commercial),
        }
    }
}
