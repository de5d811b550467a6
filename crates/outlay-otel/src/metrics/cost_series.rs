//! `outlay.cost`: summed here in whole units, and told when it is collected.
//!
//! A counter of the SDK would add doubles, one for each direction of each call, and look each up by all of its
//! attributes. Here a call is one look-up, and the sums are exact until they are told.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

use hashbrown::{HashMap, HashSet};
use opentelemetry::KeyValue;
use opentelemetry::metrics::AsyncInstrument;
use outlay_ledger::{Dimensions, Scope};
use outlay_price::{Charge, CostStatus, DirectionTotals, Usd};

use super::counter::{MAX_OVERFLOW, MAX_SERIES, lock};
use super::custom_dimensions::CustomDimensions;
use super::series_cap::SeriesCap;
use crate::attribute_values::push_known_dimensions;
use crate::names::{outlay, semconv};

/// How many directions a charge has.
const DIRECTIONS: usize = DirectionTotals::ZERO.parts().len();
/// The directions that a series is born with: every call has them.
const BORN: [usize; 2] = [0, 1];

/// All series of the metric.
#[derive(Debug, Default)]
pub(super) struct CostSeries {
    sums: Mutex<Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    series: HashMap<Series, Parts>,
    /// Attribute sets: the directions of each series that are told.
    sets: usize,
    /// What has had its birth.
    born: HashSet<Born>,
}

/// What series are born for.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Born {
    task: Arc<str>,
    model: Arc<str>,
    principal: Option<Arc<str>>,
}

/// What a series has cost, by direction; `None` for a direction that is not told yet.
type Parts = [Option<Usd>; DIRECTIONS];

/// What is told apart, beside the direction.
#[derive(Clone, Debug)]
pub(super) struct Series {
    task: Arc<str>,
    agent: Option<Arc<str>>,
    model: Option<Arc<str>>,
    /// Whose credentials the calls were signed with, where that is known.
    principal: Option<Arc<str>>,
    dimensions: Arc<Dimensions>,
    own: CustomDimensions,
    status: CostStatus,
}

impl Series {
    fn of(
        task: &Arc<str>,
        scope: &Scope,
        model: Option<&Arc<str>>,
        principal: Option<Arc<str>>,
        status: CostStatus,
        on_metrics: &[Arc<str>],
    ) -> Self {
        Self {
            task: task.clone(),
            agent: scope.agent_in_scope().map(|(_, name)| name),
            model: model.cloned(),
            principal,
            dimensions: scope.dimensions().clone(),
            own: CustomDimensions::of(scope.dimensions(), on_metrics),
            status,
        }
    }

    /// The known dimensions, and of the user's own those that are on metrics.
    fn key(&self) -> impl Hash + Eq + '_ {
        let known = outlay_ledger::Dimension::ALL.map(|d| self.dimensions.value(d));
        (&self.task, &self.agent, &self.model, &self.principal, known, &self.own, self.status)
    }

    /// Itself while there is room, or it has a place; beyond that the series of its team, cost centre and environment,
    /// and beyond twice the room one for all.
    fn within_cap(self, sets: usize, has_place: impl Fn(&Self) -> bool) -> Self {
        if sets + DIRECTIONS <= MAX_SERIES || has_place(&self) {
            return self;
        }
        let overflow = self.overflow();
        if sets + DIRECTIONS <= MAX_SERIES + MAX_OVERFLOW || has_place(&overflow) {
            return overflow;
        }
        overflow.rest()
    }

    /// The series for what is beyond that: one for all.
    fn rest(&self) -> Self {
        Self { dimensions: Arc::default(), ..self.overflow() }
    }

    /// The series for what is beyond the cap.
    fn overflow(&self) -> Self {
        use outlay_ledger::Dimension::{CostCenter, Environment, Team};
        let mut dimensions = Dimensions::default();
        for dimension in [Team, CostCenter, Environment] {
            if let Some(value) = self.dimensions.value(dimension) {
                dimensions.set(dimension, value);
            }
        }
        let other = Arc::from("other");
        let dimensions = Arc::new(dimensions);
        let own = CustomDimensions::default();
        Self { task: other, agent: None, model: None, principal: None, dimensions, own, status: self.status }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(13);
        attributes.push(KeyValue::new(outlay::TASK_NAME, self.task.clone()));
        if let Some(agent) = &self.agent {
            attributes.push(KeyValue::new(outlay::AGENT_NAME, agent.clone()));
        }
        if let Some(model) = &self.model {
            attributes.push(KeyValue::new(semconv::REQUEST_MODEL, model.clone()));
        }
        if let Some(principal) = &self.principal {
            attributes.push(KeyValue::new(outlay::AWS_PRINCIPAL, principal.clone()));
        }
        push_known_dimensions(&mut attributes, &self.dimensions);
        self.own.push(&mut attributes);
        attributes.push(KeyValue::new(outlay::COST_STATUS, self.status.as_str()));
        attributes
    }
}

impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Series {}

impl Hash for Series {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl CostSeries {
    /// Tells what several have counted, added up.
    pub(super) fn observe<'a>(
        several: impl ExactSizeIterator<Item = &'a Self>,
        cap: &SeriesCap<Series>,
        observer: &dyn AsyncInstrument<f64>,
    ) {
        let (is_one, mut all) = (several.len() < 2, HashMap::new());
        for one in several {
            // Copied, so that no call waits while the SDK takes the sums.
            for (key, parts) in &lock(&one.sums).series {
                add_parts(all.entry(key.clone()).or_default(), *parts);
            }
        }
        // One keeps within the limit by itself.
        let all = if is_one { all } else { cap.within(all, Series::overflow, Series::rest, sum_of_parts) };
        observe(&all, observer);
    }

    /// The series of several that are kept apart: each may have all directions.
    pub(super) fn cap() -> SeriesCap<Series> {
        SeriesCap::new([MAX_SERIES, MAX_OVERFLOW].map(|most| most / DIRECTIONS))
    }

    /// A call goes out whose cost will be counted: its series begin with 0, where it is the first one of its task,
    /// model and principal.
    pub(super) fn born(
        &self,
        task: &Arc<str>,
        scope: &Scope,
        model: &Arc<str>,
        principal: Option<Arc<str>>,
        on_metrics: &[Arc<str>],
    ) {
        if !self.is_first(Born { task: task.clone(), model: model.clone(), principal: principal.clone() }) {
            return;
        }
        let mut parts = Parts::default();
        for direction in BORN {
            parts[direction] = Some(Usd::ZERO);
        }
        self.put(Series::of(task, scope, Some(model), principal, CostStatus::Exact, on_metrics), parts);
    }

    fn is_first(&self, born: Born) -> bool {
        let mut sums = lock(&self.sums);
        sums.born.len() < MAX_SERIES && sums.born.insert(born)
    }

    pub(super) fn add(
        &self,
        task: &Arc<str>,
        scope: &Scope,
        model: Option<&Arc<str>>,
        principal: Option<Arc<str>>,
        charge: &Charge,
        on_metrics: &[Arc<str>],
    ) {
        if !charge.total().is_zero() {
            self.put(Series::of(task, scope, model, principal, charge.status(), on_metrics), parts(charge));
        }
    }

    fn put(&self, key: Series, parts: Parts) {
        let mut sums = lock(&self.sums);
        let Sums { series, sets, .. } = &mut *sums;
        let key = key.within_cap(*sets, |key| series.contains_key(key));
        *sets += add_parts(series.entry(key).or_default(), parts);
    }
}

fn sum_of_parts(mut sums: Parts, parts: Parts) -> Parts {
    add_parts(&mut sums, parts);
    sums
}

/// Adds up by direction. Returns how many directions are new.
fn add_parts(sums: &mut Parts, parts: Parts) -> usize {
    let mut new = 0;
    for (sum, part) in sums.iter_mut().zip(parts) {
        let Some(part) = part else { continue };
        new += usize::from(sum.is_none());
        *sum = Some(sum.unwrap_or_default().saturating_add(part));
    }
    new
}

/// In the order of [`DirectionTotals::parts`].
fn parts(charge: &Charge) -> Parts {
    charge.by_direction().parts().map(|(_, part)| (!part.is_zero()).then_some(part))
}

fn observe(series: &HashMap<Series, Parts>, observer: &dyn AsyncInstrument<f64>) {
    for (key, sums) in series {
        let mut attributes = key.attributes();
        for ((direction, _), sum) in DirectionTotals::ZERO.parts().into_iter().zip(sums) {
            if let Some(sum) = sum {
                attributes.push(KeyValue::new(outlay::COST_DIRECTION, direction));
                observer.observe(sum.to_f64(), &attributes);
                attributes.pop();
            }
        }
    }
}
