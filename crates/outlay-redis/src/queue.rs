//! What has been spent, on its way to Redis: in batches that are numbered, so that one that arrives twice counts once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use outlay_ledger::{Held, Settlement};

/// So many are settled at once.
const BATCH: usize = 128;
/// So far back is looked for one that another can be added to, within so long a time.
const LOOK_BACK: usize = 32;
const TOGETHER: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) settlement: Settlement,
    /// Whether Redis may have been asked, and may yet hear of it.
    pub(crate) may_come: bool,
    /// When it was spent, for the period that it counts in.
    pub(crate) at: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    /// What has been sent and not been confirmed: the same again until it is.
    unconfirmed: Option<Batch>,
    number: u64,
}

/// What is settled at once. Of number 0, and empty, it is a sign of life.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) number: u64,
    pub(crate) entries: Vec<Entry>,
}

impl Queue {
    pub(crate) fn push(&mut self, entry: Entry) {
        // While Redis is away for long, many small amounts are one.
        let mut last = self.entries.iter_mut().rev().take(LOOK_BACK);
        if let Some(known) = last.find(|known| known.is_like(&entry)) {
            known.add(&entry.settlement);
            return;
        }
        self.entries.push_back(entry);
    }

    /// What is to be sent next: what was put back, if something was.
    pub(crate) fn take_batch(&mut self) -> Batch {
        if let Some(batch) = self.unconfirmed.take() {
            return batch;
        }
        if self.entries.is_empty() {
            return Batch { number: 0, entries: Vec::new() };
        }
        self.number += 1;
        let many = self.entries.len().min(BATCH);
        Batch { number: self.number, entries: self.entries.drain(..many).collect() }
    }

    /// Nobody knows whether the batch has arrived.
    pub(crate) fn put_back(&mut self, batch: Batch) {
        self.unconfirmed = Some(batch).filter(|batch| batch.number > 0);
    }

    /// Whether nothing waits, but for what has been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.unconfirmed.is_none() && self.entries.is_empty()
    }
}

impl Entry {
    /// Nothing in Redis is looked up for it: it is an amount, and no more.
    const fn is_amount(&self) -> bool {
        !self.may_come && matches!(self.settlement.held, Held::Nothing | Held::Unchecked)
    }

    fn is_like(&self, other: &Self) -> bool {
        let (mine, others) = (self.settlement.ask.holds(), other.settlement.ask.holds());
        self.is_amount()
            && other.is_amount()
            && self.settlement.held == other.settlement.held
            && other.at.saturating_duration_since(self.at) < TOGETHER
            && mine.len() == others.len()
            && mine.iter().zip(others).all(|(a, b)| a.budget == b.budget)
    }

    fn add(&mut self, other: &Settlement) {
        for (sum, more) in self.settlement.spent.iter_mut().zip(&other.spent) {
            *sum = sum.with_units(sum.units().saturating_add(more.units()));
        }
        if self.settlement.on_soft_limit.is_none() {
            self.settlement.on_soft_limit.clone_from(&other.on_soft_limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use outlay_ledger::{Amount, StoreAsk, StoreBudget, StoreHold};

    use super::*;

    fn entry(id: u64, held: Held) -> Entry {
        let hold = StoreHold::new(StoreBudget::new("b".into(), Amount::Calls(9)), Amount::Calls(1));
        let settlement = Settlement::new(StoreAsk::new(id, vec![hold]), held, vec![Amount::Calls(1)]);
        Entry { settlement, may_come: false, at: Instant::now() }
    }

    #[test]
    fn a_batch_stays_the_same_until_it_is_confirmed() {
        let mut queue = Queue::default();
        assert_eq!(queue.take_batch().number, 0, "nothing is no batch");
        queue.push(entry(1, Held::Reserved));
        let batch = queue.take_batch();
        queue.push(entry(2, Held::Reserved));
        queue.put_back(batch);
        let again = queue.take_batch();
        assert_eq!((again.number, again.entries.len()), (1, 1));
        let next = queue.take_batch();
        assert_eq!((next.number, next.entries.len()), (2, 1));
        assert!(queue.is_empty());
    }

    #[test]
    fn amounts_alone_are_added_up() {
        let mut queue = Queue::default();
        for id in 0..1_000 {
            queue.push(entry(id, Held::Unchecked));
        }
        queue.push(entry(1_000, Held::Reserved));
        let spent: Vec<_> = queue.take_batch().entries.iter().map(|entry| entry.settlement.spent[0]).collect();
        assert_eq!(spent, [Amount::Calls(1_000), Amount::Calls(1)]);
    }
}
