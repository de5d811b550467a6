//! The engines that report their sums through one meter provider.
//!
//! For each set of attributes, an observable instrument of the SDK keeps only the value of the last callback. Two callbacks
//! with the same attributes would hide each other's values. So each provider has one callback, which adds up all engines.

use std::sync::{Arc, Mutex, Weak};

use hashbrown::HashMap;
use opentelemetry::metrics::MeterProvider;

use super::counter::{Counters, Labels, Sum, lock};
use super::gauge_sources::{GaugeSources, LateSources};
use super::open_task_figures::OpenTaskFigures;
use super::series_cap::SeriesCap;
use super::sums::Sums;

pub(super) type Provider = dyn MeterProvider + Send + Sync;

/// The sums, the open tasks and the gauges of one engine.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) sums: Arc<Sums>,
    pub(super) open: OpenTaskFigures,
    pub(super) gauges: LateSources,
}

/// The engines of one provider. The provider's callbacks hold the group, because the last collection may come after the
/// last engine is dropped.
#[derive(Default)]
pub(super) struct Group(Mutex<Vec<Member>>);

/// The groups of the current and earlier global providers.
static GLOBAL: Mutex<Vec<(Weak<Provider>, Arc<Group>)>> = Mutex::new(Vec::new());

impl Group {
    /// Returns the group of a meter in the settings of one engine.
    pub(super) fn of_given(member: Member) -> Arc<Self> {
        Arc::new(Self(Mutex::new(vec![member])))
    }

    /// Adds a member to the group of a global provider. Returns the group if it is new and needs its callbacks registered.
    pub(super) fn join(provider: &Arc<Provider>, member: Member) -> Option<Arc<Self>> {
        let mut groups = lock(&GLOBAL);
        groups.retain(|(known, _)| known.strong_count() > 0);
        if let Some((_, group)) =
            groups.iter().find(|(known, _)| std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(provider)))
        {
            lock(&group.0).push(member);
            return None;
        }
        let group = Self::of_given(member);
        groups.push((Arc::downgrade(provider), group.clone()));
        Some(group)
    }

    pub(super) fn members(&self) -> Vec<Member> {
        lock(&self.0).clone()
    }

    /// Returns the sources of the gauges of all members.
    pub(super) fn gauges(&self) -> Vec<GaugeSources> {
        lock(&self.0).iter().filter_map(|member| member.gauges.get().cloned()).collect()
    }

    /// Returns a copy of a counter's series, added up over all members, so that no call waits while the SDK reads them.
    /// Together they may be more than the SDK keeps: series beyond `cap` are summed under fewer labels.
    pub(super) fn series<L: Labels, V: Sum>(
        &self,
        counters: impl Fn(&Sums) -> &Counters<L, V>,
        cap: &SeriesCap<L>,
    ) -> HashMap<L, V> {
        let (members, mut all) = (self.members(), HashMap::new());
        for member in &members {
            counters(&member.sums).add_to(&mut all);
        }
        // The series of a single engine are within the cap already.
        if members.len() < 2 { all } else { cap.within(all, L::overflow, L::rest, V::add) }
    }
}
