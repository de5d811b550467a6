//! Prices that stand in where a region has none of its own: those of another region of the same geography, else those of
//! us-east-1. A cost at such a price is an estimate.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::location::{GeoWidth, Location};
use super::{Slot, VariantPrices};
use crate::Price;
use crate::price::Entry;
use crate::region::{fallback_rank, geos, is_commercial};

impl VariantPrices {
    /// Adds what stands in. A price that is the same in all regions but some stands in where no region is known: those
    /// that differ may be in another table.
    pub(super) fn add_fallbacks(&mut self) {
        let regions: BTreeSet<&str> = self.regions.iter().filter_map(|slot| slot.location.region()).collect();
        let main = |mut of: Vec<&str>| {
            of.sort_by_key(|region| (fallback_rank(region), *region));
            of.first().map(|region| Location::Region((*region).into()))
        };
        let mut added = Vec::new();
        for geo in regions.iter().flat_map(|region| geos(region)).collect::<BTreeSet<_>>() {
            let there = regions.iter().copied().filter(|region| geos(region).contains(geo)).collect();
            if let Some(of) = main(there) {
                added.extend(self.fallback_slots(&of, &Location::GeoFallback(GeoWidth::of(*geo), *geo)));
            }
        }
        let commercial = regions.iter().copied().filter(|region| is_commercial(region)).collect();
        // Without a region of its own, a geography's price stands in.
        let of = main(commercial).or_else(|| {
            let is_commercial =
                |slot: &&Slot| matches!(slot.location, Location::Geo(_, geo) if geo != crate::Geo::UsGov);
            self.wide.iter().find(is_commercial).map(|slot| slot.location.clone())
        });
        let own = of.map_or_else(Vec::new, |of| self.fallback_slots(&of, &Location::Fallback));
        let first = own.iter().map(|slot| slot.price.effective_at()).min();
        // Before the region had a price of its own, that of all others held there.
        let before = |slot: &Slot| first.is_none_or(|first| slot.price.effective_at() < first);
        added.extend(self.fallback_slots(&Location::Any, &Location::Fallback).into_iter().filter(before));
        added.extend(own);
        added.sort_by(|a, b| a.order().cmp(&b.order()));
        self.fallbacks = added.into();
    }

    /// The prices of one location, for another.
    fn fallback_slots(&self, of: &Location, location: &Location) -> Vec<Slot> {
        let own = self.regions.iter().chain(&self.wide).filter(|slot| slot.location == *of);
        let stand_in = |slot: &Slot| {
            let entry = Entry { is_fallback: true, ..(*slot.price.0).clone() };
            Slot { location: location.clone(), price: Price(Arc::new(entry)), is_end: false }
        };
        own.map(stand_in).collect()
    }
}
