use crate::region::{geos, is_commercial};
use crate::row::Place;
use crate::{Geo, Routing};

/// Where a price holds, in the order in which a search prefers them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Location {
    Region(Box<str>),
    /// A geography as a whole; the narrow ones first.
    Geo(GeoWidth, Geo),
    /// Every region.
    Any,
    /// The regions of a geography that have no price: the price of another one there stands in.
    GeoFallback(GeoWidth, Geo),
    /// Any other region, and where none is known: likewise.
    Fallback,
}

/// Japan is in Asia too, and its own prices come first.
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
    /// Those of a row on one of its variants. A row of a list is of several: a profile of a geography can be called in its
    /// regions alone.
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

    /// What a price of it gives as its region.
    pub(super) fn name(&self) -> Option<Box<str>> {
        match self {
            Self::Region(region) => Some(region.clone()),
            Self::Geo(_, geo) => Some(geo.as_str().into()),
            Self::Any | Self::GeoFallback(..) | Self::Fallback => None,
        }
    }

    /// Whether a price holds for a call to this region on this variant.
    pub(super) fn holds_in(&self, region: Option<&str>, routing: Routing, is_own: bool) -> bool {
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
