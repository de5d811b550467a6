//! The queue of settlements for Redis. They are sent in numbered batches, so that a batch that arrives twice counts once.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use outlay_ledger::{Held, OnSoftLimit, Settlement, StoreAsk, StoreFigures};

/// The maximum numbers of entries and of holds in a batch. Redis is blocked while it settles a batch.
const MAX_BATCH: usize = 128;
const MAX_BATCH_HOLDS: usize = 512;
/// The maximum number of queued entries; more are lost.
const MAX_QUEUED: usize = 100_000;

/// A queued settlement, or the sum of several.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) settlement: Settlement,
    /// Whether Redis may have reserved for the ask, or may yet receive it.
    pub(crate) may_be_reserved: bool,
    /// The time of the ask, which decides the period that it counts in.
    pub(crate) at: Instant,
    /// The number of the first settlement in it.
    first: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    /// The positions of entries that amounts can be added to, counted from the first entry ever pushed.
    sums: HashMap<SumKey, usize>,
    /// The number of entries that were taken.
    taken: usize,
    /// The number of settlements that were pushed.
    pushed: u64,
    /// The batch that was sent but not confirmed. It is sent again until it is confirmed.
    unconfirmed: Option<Rc<Batch>>,
    number: u64,
}

/// The key of amounts that can be summed.
#[derive(Debug, PartialEq, Eq, Hash)]
struct SumKey {
    budget: Arc<str>,
    is_unchecked: bool,
    /// The hour by the clock of Redis. Every period ends at the end of an hour.
    hour: u64,
}

/// Entries that are settled together. An empty batch with number 0 is a heartbeat.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) number: u64,
    pub(crate) entries: Vec<Entry>,
}

impl Queue {
    /// Queues `entry`. `hour` is its hour by the clock of Redis, or `None` if that is not known yet. Returns the parts that
    /// do not fit and are lost.
    pub(crate) fn push(&mut self, entry: Entry, hour: Option<u64>) -> Vec<Entry> {
        self.pushed += 1;
        if entry.is_amount() {
            // Summed, so that the queue stays short in a long outage.
            let parts = (0..entry.settlement.ask.holds().len()).filter_map(|hold| entry.part(hold));
            return parts.filter_map(|part| self.add(part, hour)).collect();
        }
        self.push_back(entry).into_iter().collect()
    }

    fn add(&mut self, part: Entry, hour: Option<u64>) -> Option<Entry> {
        let hold = part.settlement.ask.holds().first()?;
        let hour = match (hold.budget.period, hour) {
            (None, _) => 0,
            (Some(_), Some(hour)) => hour,
            // Without the hour, two amounts may belong to different periods.
            (Some(_), None) => return self.push_back(part),
        };
        let is_unchecked = part.settlement.held == Held::Unchecked;
        let key = SumKey { budget: hold.budget.key.clone(), is_unchecked, hour };
        let index = self.sums.get(&key).and_then(|position| position.checked_sub(self.taken));
        if let Some(sum) = index.and_then(|index| self.entries.get_mut(index)) {
            sum.add(part.settlement);
            return None;
        }
        let (position, lost) = (self.taken + self.entries.len(), self.push_back(part));
        if lost.is_none() {
            self.sums.insert(key, position);
        }
        lost
    }

    /// Appends `entry`. Returns it if the queue is full.
    fn push_back(&mut self, entry: Entry) -> Option<Entry> {
        if self.entries.len() >= MAX_QUEUED {
            return Some(entry);
        }
        self.entries.push_back(Entry { first: self.pushed, ..entry });
        None
    }

    /// Returns the next batch to send. That is the unconfirmed batch, if there is one.
    pub(crate) fn take_batch(&mut self) -> Rc<Batch> {
        if let Some(batch) = &self.unconfirmed {
            return batch.clone();
        }
        let mut holds = 0;
        let fits = |entry: &&Entry| {
            holds += entry.settlement.ask.holds().len();
            holds <= MAX_BATCH_HOLDS
        };
        // At least one entry, however many holds it has.
        let count = self.entries.iter().take(MAX_BATCH).take_while(fits).count().max(1).min(self.entries.len());
        if count == 0 {
            return Rc::new(Batch { number: 0, entries: Vec::new() });
        }
        self.number += 1;
        let batch = Rc::new(Batch { number: self.number, entries: self.entries.drain(..count).collect() });
        self.taken += count;
        let taken = self.taken;
        self.sums.retain(|_, position| *position >= taken);
        self.unconfirmed = Some(batch.clone());
        batch
    }

    /// Marks the last batch as received by Redis.
    pub(crate) fn confirm(&mut self) {
        self.unconfirmed = None;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unconfirmed.is_none() && self.entries.is_empty()
    }

    /// Returns the number of the last settlement.
    pub(crate) const fn last(&self) -> u64 {
        self.pushed
    }

    /// Returns whether Redis has all settlements up to a number.
    pub(crate) fn is_written(&self, number: u64) -> bool {
        self.unwritten().next().is_none_or(|entry| entry.first > number)
    }

    /// Returns whether an unwritten entry has a hold on a budget.
    pub(crate) fn contains_budget(&self, budget: &str) -> bool {
        self.unwritten().any(|entry| entry.settlement.ask.holds().iter().any(|hold| *hold.budget.key == *budget))
    }

    fn unwritten(&self) -> impl Iterator<Item = &Entry> {
        self.unconfirmed.iter().flat_map(|batch| &batch.entries).chain(&self.entries)
    }
}

impl Entry {
    pub(crate) fn new(settlement: Settlement, may_be_reserved: bool) -> Self {
        let at = settlement.ask.asked_at();
        Self { settlement, may_be_reserved, at, first: 0 }
    }

    /// Returns whether the entry is only an amount, without a reservation in Redis to look up.
    const fn is_amount(&self) -> bool {
        !self.may_be_reserved && matches!(self.settlement.held, Held::Nothing | Held::Unchecked)
    }

    /// Returns the part for one hold, or `None` if nothing was spent on it.
    fn part(&self, index: usize) -> Option<Self> {
        let Settlement { ask, held, spent, on_soft_limit, .. } = &self.settlement;
        let (hold, spent) = (ask.holds().get(index)?, spent.get(index)?);
        if spent.units() == 0 {
            return None;
        }
        let mut settlement = Settlement::new(StoreAsk::new(ask.id(), vec![hold.clone()]), *held, vec![*spent]);
        settlement.on_soft_limit = on_soft_limit
            .clone()
            .filter(|_| hold.budget.soft_from.is_some())
            .map(|handler| OnSoftLimit::new(move |figures| handler.tell(StoreFigures { hold: index, ..figures })));
        Some(Self { settlement, may_be_reserved: false, at: self.at, first: 0 })
    }

    fn add(&mut self, other: Settlement) {
        for (sum, more) in self.settlement.spent.iter_mut().zip(&other.spent) {
            *sum = sum.with_units(sum.units().saturating_add(more.units()));
        }
        if self.settlement.on_soft_limit.is_none() {
            self.settlement.on_soft_limit = other.on_soft_limit;
        }
    }
}

#[cfg(test)]
mod tests {
    use outlay_ledger::{Amount, Period, StoreBudget, StoreHold};

    use super::*;

    fn entry(id: u64, held: Held) -> Entry {
        entry_for(id, held, &["b"])
    }

    fn entry_for(id: u64, held: Held, budgets: &[&str]) -> Entry {
        let hold = |name: &&str| {
            let mut budget = StoreBudget::new((*name).into(), Amount::Calls(9));
            budget.period = Some(Period::Hour);
            StoreHold::new(budget, Amount::Calls(1))
        };
        let spent = vec![Amount::Calls(1); budgets.len()];
        Entry::new(Settlement::new(StoreAsk::new(id, budgets.iter().map(hold).collect()), held, spent), false)
    }

    fn spent(batch: &Batch) -> Vec<Amount> {
        batch.entries.iter().flat_map(|entry| entry.settlement.spent.clone()).collect()
    }

    #[test]
    fn a_batch_stays_the_same_until_it_is_confirmed() {
        let mut queue = Queue::default();
        assert_eq!(queue.take_batch().number, 0, "an empty queue");
        queue.push(entry(1, Held::Reserved), Some(0));
        let _ = queue.take_batch();
        queue.push(entry(2, Held::Reserved), Some(0));
        let again = queue.take_batch();
        assert_eq!((again.number, again.entries.len()), (1, 1));
        assert!(!queue.is_written(1));
        queue.confirm();
        assert!(queue.is_written(1) && !queue.is_written(2));
        let next = queue.take_batch();
        assert_eq!((next.number, next.entries.len()), (2, 1));
        assert!(!queue.is_empty() && queue.contains_budget("b"));
        queue.confirm();
        assert!(queue.is_empty() && queue.is_written(2));
    }

    #[test]
    fn plain_amounts_are_summed_by_budget_and_hour() {
        let mut queue = Queue::default();
        let first = entry_for(0, Held::Unchecked, &["b"]);
        assert_eq!(first.at, first.settlement.ask.asked_at(), "it counts in the period of the ask");
        for id in 0..1_000 {
            let budgets: &[&str] = if id % 2 == 0 { &["b", "c"] } else { &["b"] };
            queue.push(entry_for(id, Held::Unchecked, budgets), Some(id / 500));
        }
        queue.push(entry(1_000, Held::Reserved), Some(1));
        let batch = queue.take_batch();
        assert_eq!(spent(&batch), [500, 250, 500, 250, 1].map(Amount::Calls));
        queue.push(entry(1_001, Held::Unchecked), Some(1));
        queue.confirm();
        assert_eq!(spent(&queue.take_batch()), [Amount::Calls(1)], "a sent batch does not change");
    }

    #[test]
    fn amounts_of_a_period_are_not_summed_before_the_hour_is_known() {
        let mut queue = Queue::default();
        for id in 0..3 {
            assert!(queue.push(entry_for(id, Held::Unchecked, &["b"]), None).is_empty());
        }
        assert_eq!(spent(&queue.take_batch()), [Amount::Calls(1); 3], "they may belong to different periods");
    }

    #[test]
    fn a_batch_is_limited_by_its_holds() {
        let names: Vec<String> = (0..200).map(|number| format!("b{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut queue = Queue::default();
        for id in 0..10 {
            queue.push(entry_for(id, Held::Reserved, &names), Some(0));
        }
        assert_eq!(queue.take_batch().entries.len(), 2, "two entries with 400 holds; a third would exceed the limit");
        queue.confirm();
        let many: Vec<&str> = names.iter().copied().cycle().take(5 * MAX_BATCH_HOLDS).collect();
        let mut queue = Queue::default();
        queue.push(entry_for(0, Held::Reserved, &many), Some(0));
        assert_eq!(queue.take_batch().entries.len(), 1, "a batch has at least one entry");
    }

    #[test]
    fn entries_beyond_the_maximum_are_returned_as_lost() {
        let mut queue = Queue::default();
        for id in 0..MAX_QUEUED as u64 {
            assert!(queue.push(entry(id, Held::Reserved), Some(0)).is_empty());
        }
        let lost = queue.push(entry(1, Held::Reserved), Some(0));
        assert_eq!(lost.iter().map(|entry| entry.settlement.ask.id()).collect::<Vec<_>>(), [1]);
        let lost = queue.push(entry_for(2, Held::Unchecked, &["b", "c"]), Some(0));
        assert_eq!(lost.len(), 2, "one part per budget");
        let _ = queue.take_batch();
        assert!(queue.push(entry(0, Held::Unchecked), Some(0)).is_empty());
    }
}
