//! What has been spent, on its way to Redis: in batches that are numbered, so that one that arrives twice counts once.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use outlay_ledger::{Held, OnSoftLimit, Settlement, StoreAsk, StoreFigures};

/// So many are settled at once, of so many budgets in all: Redis does nothing else meanwhile.
const BATCH: usize = 128;
const BATCH_HOLDS: usize = 512;
/// So many wait at most; what is beyond them is lost.
const MAX_WAITING: usize = 100_000;

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) settlement: Settlement,
    /// Whether Redis may have been asked, and may yet hear of it.
    pub(crate) may_come: bool,
    /// When it was asked, for the period that it counts in.
    pub(crate) at: Instant,
    /// The number of the first settlement in it.
    first: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    /// Where amounts stand that others can be added to, counted from the first entry that there ever was.
    sums: HashMap<Sum, usize>,
    taken: usize,
    /// How many settlements there have been.
    pushed: u64,
    /// What has been sent and not been confirmed: the same again until it is.
    unconfirmed: Option<Rc<Batch>>,
    number: u64,
}

/// Amounts of which one can stand for all.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    budget: Arc<str>,
    is_unchecked: bool,
    /// Every period ends with an hour.
    hour: u64,
}

/// What is settled at once. Of number 0, and empty, it is a sign of life.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) number: u64,
    pub(crate) entries: Vec<Entry>,
}

impl Queue {
    /// Queues `entry`, of `hour` by the clock of Redis; `None` if that is not known yet. Returns the parts that found no room
    /// and are lost.
    pub(crate) fn push(&mut self, entry: Entry, hour: Option<u64>) -> Vec<Entry> {
        self.pushed += 1;
        if entry.is_amount() {
            // While Redis is away for long, many small amounts are one.
            let parts = (0..entry.settlement.ask.holds().len()).filter_map(|hold| entry.part(hold));
            return parts.filter_map(|part| self.add(part, hour)).collect();
        }
        self.wait(entry).into_iter().collect()
    }

    fn add(&mut self, part: Entry, hour: Option<u64>) -> Option<Entry> {
        let hold = part.settlement.ask.holds().first()?;
        let hour = match (hold.budget.period, hour) {
            (None, _) => 0,
            (Some(_), Some(hour)) => hour,
            // Two of them may be of two periods.
            (Some(_), None) => return self.wait(part),
        };
        let is_unchecked = part.settlement.held == Held::Unchecked;
        let sum = Sum { budget: hold.budget.key.clone(), is_unchecked, hour };
        let place = self.sums.get(&sum).and_then(|place| place.checked_sub(self.taken));
        if let Some(known) = place.and_then(|place| self.entries.get_mut(place)) {
            known.add(part.settlement);
            return None;
        }
        let (place, lost) = (self.taken + self.entries.len(), self.wait(part));
        if lost.is_none() {
            self.sums.insert(sum, place);
        }
        lost
    }

    /// Returns it where no more can wait.
    fn wait(&mut self, entry: Entry) -> Option<Entry> {
        if self.entries.len() >= MAX_WAITING {
            return Some(entry);
        }
        self.entries.push_back(Entry { first: self.pushed, ..entry });
        None
    }

    /// What is to be sent next: what has not been confirmed, if there is something.
    pub(crate) fn take_batch(&mut self) -> Rc<Batch> {
        if let Some(batch) = &self.unconfirmed {
            return batch.clone();
        }
        let mut holds = 0;
        let fits = |entry: &&Entry| {
            holds += entry.settlement.ask.holds().len();
            holds <= BATCH_HOLDS
        };
        // One at least, whatever it holds.
        let many = self.entries.iter().take(BATCH).take_while(fits).count().max(1).min(self.entries.len());
        if many == 0 {
            return Rc::new(Batch { number: 0, entries: Vec::new() });
        }
        self.number += 1;
        let batch = Rc::new(Batch { number: self.number, entries: self.entries.drain(..many).collect() });
        self.taken += many;
        let taken = self.taken;
        self.sums.retain(|_, place| *place >= taken);
        self.unconfirmed = Some(batch.clone());
        batch
    }

    /// Redis has the last batch.
    pub(crate) fn confirm(&mut self) {
        self.unconfirmed = None;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unconfirmed.is_none() && self.entries.is_empty()
    }

    /// The number of the last settlement so far.
    pub(crate) const fn last(&self) -> u64 {
        self.pushed
    }

    /// Whether Redis has all settlements up to that number.
    pub(crate) fn is_written(&self, number: u64) -> bool {
        self.waiting().next().is_none_or(|first| first.first > number)
    }

    /// Whether something of that budget is on its way.
    pub(crate) fn holds_some_of(&self, budget: &str) -> bool {
        self.waiting().any(|entry| entry.settlement.ask.holds().iter().any(|hold| *hold.budget.key == *budget))
    }

    fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.unconfirmed.iter().flat_map(|batch| &batch.entries).chain(&self.entries)
    }
}

impl Entry {
    pub(crate) fn new(settlement: Settlement, may_come: bool) -> Self {
        let at = settlement.ask.asked_at();
        Self { settlement, may_come, at, first: 0 }
    }

    /// Nothing in Redis is looked up for it: it is an amount, and no more.
    const fn is_amount(&self) -> bool {
        !self.may_come && matches!(self.settlement.held, Held::Nothing | Held::Unchecked)
    }

    /// What of it is of one budget.
    fn part(&self, place: usize) -> Option<Self> {
        let Settlement { ask, held, spent, on_soft_limit, .. } = &self.settlement;
        let (hold, spent) = (ask.holds().get(place)?, spent.get(place)?);
        if spent.units() == 0 {
            return None;
        }
        let mut settlement = Settlement::new(StoreAsk::new(ask.id(), vec![hold.clone()]), *held, vec![*spent]);
        settlement.on_soft_limit = on_soft_limit
            .clone()
            .filter(|_| hold.budget.soft_from.is_some())
            .map(|whole| OnSoftLimit::new(move |figures| whole.tell(StoreFigures { hold: place, ..figures })));
        Some(Self { settlement, may_come: false, at: self.at, first: 0 })
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
        of(id, held, &["b"])
    }

    fn of(id: u64, held: Held, budgets: &[&str]) -> Entry {
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
        assert_eq!(queue.take_batch().number, 0, "nothing is no batch");
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
        assert!(!queue.is_empty() && queue.holds_some_of("b"));
        queue.confirm();
        assert!(queue.is_empty() && queue.is_written(2));
    }

    #[test]
    fn amounts_alone_are_added_up_by_budget_and_not_across_the_end_of_a_period() {
        let mut queue = Queue::default();
        let first = of(0, Held::Unchecked, &["b"]);
        assert_eq!(first.at, first.settlement.ask.asked_at(), "it counts when it was asked");
        for id in 0..1_000 {
            let budgets: &[&str] = if id % 2 == 0 { &["b", "c"] } else { &["b"] };
            queue.push(of(id, Held::Unchecked, budgets), Some(id / 500));
        }
        queue.push(entry(1_000, Held::Reserved), Some(1));
        let batch = queue.take_batch();
        assert_eq!(spent(&batch), [500, 250, 500, 250, 1].map(Amount::Calls));
        queue.push(entry(1_001, Held::Unchecked), Some(1));
        queue.confirm();
        assert_eq!(spent(&queue.take_batch()), [Amount::Calls(1)], "nothing is added to what has been sent");
    }

    #[test]
    fn before_the_hour_is_known_nothing_of_a_period_is_added_up() {
        let mut queue = Queue::default();
        for id in 0..3 {
            assert!(queue.push(of(id, Held::Unchecked, &["b"]), None).is_empty());
        }
        assert_eq!(spent(&queue.take_batch()), [Amount::Calls(1); 3], "they may be of two periods");
    }

    #[test]
    fn a_batch_is_bounded_by_the_budgets_in_it() {
        let names: Vec<String> = (0..200).map(|number| format!("b{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut queue = Queue::default();
        for id in 0..10 {
            queue.push(of(id, Held::Reserved, &names), Some(0));
        }
        assert_eq!(queue.take_batch().entries.len(), 2, "400 budgets, and the next would be too many");
        queue.confirm();
        let many: Vec<&str> = names.iter().copied().cycle().take(5 * BATCH_HOLDS).collect();
        let mut queue = Queue::default();
        queue.push(of(0, Held::Reserved, &many), Some(0));
        assert_eq!(queue.take_batch().entries.len(), 1, "one goes in any case");
    }

    #[test]
    fn what_is_beyond_what_can_wait_is_said_to_be_lost() {
        let mut queue = Queue::default();
        for id in 0..MAX_WAITING as u64 {
            assert!(queue.push(entry(id, Held::Reserved), Some(0)).is_empty());
        }
        let lost = queue.push(entry(1, Held::Reserved), Some(0));
        assert_eq!(lost.iter().map(|entry| entry.settlement.ask.id()).collect::<Vec<_>>(), [1]);
        let lost = queue.push(of(2, Held::Unchecked, &["b", "c"]), Some(0));
        assert_eq!(lost.len(), 2, "by budget");
        let _ = queue.take_batch();
        assert!(queue.push(entry(0, Held::Unchecked), Some(0)).is_empty());
    }
}
