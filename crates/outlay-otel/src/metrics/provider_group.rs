//! The Outlays whose sums are told by one meter provider.
//!
//! For each set of attributes, an observable instrument of the SDK keeps what the last callback said. Two callbacks with
//! the same attributes would hide each other's money. So each provider has one callback, which adds up.

use std::sync::{Arc, Mutex, Weak};

use hashbrown::HashMap;
use opentelemetry::metrics::MeterProvider;

use super::counter::{Counters, Labels, Sum, lock};
use super::open_task_figures::OpenTaskFigures;
use super::series_cap::SeriesCap;
use super::sums::Sums;

pub(super) type Provider = dyn MeterProvider + Send + Sync;

/// The sums and the open tasks of one Outlay.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) sums: Arc<Sums>,
    pub(super) open: OpenTaskFigures,
}

/// The Outlays of one provider. It is held by the provider's callbacks: the last collection may come after the last Outlay
/// has gone.
#[derive(Default)]
pub(super) struct Group(Mutex<Vec<Member>>);

/// The groups of the providers that are, or were, the global one.
static GLOBAL: Mutex<Vec<(Weak<Provider>, Arc<Group>)>> = Mutex::new(Vec::new());

impl Group {
    /// The group of a provider that was given to one Outlay.
    pub(super) fn of_given(member: Member) -> Arc<Self> {
        Arc::new(Self(Mutex::new(vec![member])))
    }

    /// Adds a member to its global provider's group. Returns the group if it is new: its callbacks are still to register.
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

    /// The series of a counter, added up over all members. They are copied, so that no call waits while the SDK takes them.
    /// Together they may be more than the SDK keeps: what `cap` has no place for is summed under fewer labels.
    pub(super) fn series<L: Labels, V: Sum>(
        &self,
        counters: impl Fn(&Sums) -> &Counters<L, V>,
        cap: &SeriesCap<L>,
    ) -> HashMap<L, V> {
        let (members, mut all) = (self.members(), HashMap::new());
        for member in &members {
            counters(&member.sums).add_to(&mut all);
        }
        // One keeps within the limit by itself.
        if members.len() < 2 { all } else { cap.within(all, L::overflow, L::rest, V::add) }
    }
}
