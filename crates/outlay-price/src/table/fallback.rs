//! Fallback prices for regions without a price of their own: from another region of the same geography, else from
//! us-east-1. A cost at a fallback price is an estimate.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::location::{GeoWidth, Location};
use super::{Slot, VariantPrices};
use crate::Price;
use crate::price::Entry;
use crate::region::{fallback_rank, geos, is_commercial};

impl VariantPrices {
    /// Adds fallbacks. They include the price for any region, for calls to an unknown region: another table may have a
    /// different price for some regions.
    pub(super) fn add_fallbacks(&mut self) {
        let regions: BTreeSet<&str> = self.regions.iter().filter_map(|slot| slot.location.region()).collect();
        let preferred = |mut candidates: Vec<&str>| {
            candidates.sort_by_key(|region| (fallback_rank(region), *region));
            candidates.first().map(|region| Location::Region((*region).into()))
        };
        let mut added = Vec::new();
        for geo in regions.iter().flat_map(|region| geos(region)).collect::<BTreeSet<_>>() {
            let in_geo = regions.iter().copied().filter(|region| geos(region).contains(geo)).collect();
            if let Some(source) = preferred(in_geo) {
                added.extend(self.fallback_slots(&source, &Location::GeoFallback(GeoWidth::of(*geo), *geo)));
            }
        }
        let commercial = regions.iter().copied().filter(|region| is_commercial(region)).collect();
        // Without prices of regions, the price of a geography is the fallback.
        let source = preferred(commercial).or_else(|| {
            let is_commercial =
                |slot: &&Slot| matches!(slot.location, Location::Geo(_, geo) if geo != crate::Geo::UsGov);
            self.wide.iter().find(is_commercial).map(|slot| slot.location.clone())
        });
        let own = source.map_or_else(Vec::new, |source| self.fallback_slots(&source, &Location::Fallback));
        let first = own.iter().map(|slot| slot.price.effective_at()).min();
        // Before the region had its own price, the price for any region applied there.
        let before = |slot: &Slot| first.is_none_or(|first| slot.price.effective_at() < first);
        added.extend(self.fallback_slots(&Location::Any, &Location::Fallback).into_iter().filter(before));
        added.extend(own);
        added.sort_by(|a, b| a.order().cmp(&b.order()));
        self.fallbacks = added.into();
    }

    /// Returns the prices of one location as fallbacks for another.
    fn fallback_slots(&self, source: &Location, location: &Location) -> Vec<Slot> {
        let own = self.regions.iter().chain(&self.wide).filter(|slot| slot.location == *source);
        let fallback = |slot: &Slot| {
            let entry = Entry { is_fallback: true, ..(*slot.price.0).clone() };
            Slot { location: location.clone(), price: Price(Arc::new(entry)), is_end: false }
        };
        own.map(fallback).collect()
    }
}
