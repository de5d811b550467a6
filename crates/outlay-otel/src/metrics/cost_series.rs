//! `outlay.cost`: summed here in integers, and reported when metrics are collected.
//!
//! A counter of the SDK would add doubles, one for each direction of each call, and look up each of them by all of its
//! attributes. Here a call needs one lookup, and the sums are exact until they are reported.

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

/// The number of directions of a charge.
const DIRECTIONS: usize = DirectionTotals::ZERO.parts().len();
/// The directions that a new series starts with, because every call has them.
const START_DIRECTIONS: [usize; 2] = [0, 1];

/// All series of the metric.
#[derive(Debug, Default)]
pub(super) struct CostSeries {
    sums: Mutex<Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    series: HashMap<Series, Parts>,
    /// The number of attribute sets: one for each reported direction of each series.
    sets: usize,
    /// The combinations whose series have been started at 0.
    started: HashSet<Started>,
}

/// A combination whose series start at 0 together.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Started {
    task: Arc<str>,
    model: Arc<str>,
    principal: Option<Arc<str>>,
}

/// The cost of a series by direction; `None` for a direction that is not reported yet.
type Parts = [Option<Usd>; DIRECTIONS];

/// The attributes of a series, except the direction.
#[derive(Clone, Debug)]
pub(super) struct Series {
    task: Arc<str>,
    agent: Option<Arc<str>>,
    model: Option<Arc<str>>,
    /// The signer of the calls, if known.
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

    /// Returns the key for comparison. Of the custom dimensions, it has only those on metrics.
    fn key(&self) -> impl Hash + Eq + '_ {
        let known = outlay_ledger::Dimension::ALL.map(|d| self.dimensions.value(d));
        (&self.task, &self.agent, &self.model, &self.principal, known, &self.own, self.status)
    }

    /// Returns the series itself if it exists or there is room for it, else the overflow series of its team, cost
    /// center and environment, and if there is no room for that either, the series for all others.
    fn within_cap(self, sets: usize, exists: impl Fn(&Self) -> bool) -> Self {
        if sets + DIRECTIONS <= MAX_SERIES || exists(&self) {
            return self;
        }
        let overflow = self.overflow();
        if sets + DIRECTIONS <= MAX_SERIES + MAX_OVERFLOW || exists(&overflow) {
            return overflow;
        }
        overflow.rest()
    }

    /// Returns the series for everything that has no room in the overflow series.
    fn rest(&self) -> Self {
        Self { dimensions: Arc::default(), ..self.overflow() }
    }

    /// Returns the overflow series, which has fewer attributes.
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
    /// Observes the summed costs of several engines.
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
        // The series of a single engine are within the cap already.
        let all = if is_one { all } else { cap.within(all, Series::overflow, Series::rest, sum_of_parts) };
        observe(&all, observer);
    }

    /// Returns the cap for the series of several engines. Each series may have all directions.
    pub(super) fn cap() -> SeriesCap<Series> {
        SeriesCap::new([MAX_SERIES, MAX_OVERFLOW].map(|most| most / DIRECTIONS))
    }

    /// Starts the series of a call that is being sent at 0, if it is the first one of its task, model and principal.
    pub(super) fn start(
        &self,
        task: &Arc<str>,
        scope: &Scope,
        model: &Arc<str>,
        principal: Option<Arc<str>>,
        on_metrics: &[Arc<str>],
    ) {
        if !self.is_first(Started { task: task.clone(), model: model.clone(), principal: principal.clone() }) {
            return;
        }
        let mut parts = Parts::default();
        for direction in START_DIRECTIONS {
            parts[direction] = Some(Usd::ZERO);
        }
        self.add_to(Series::of(task, scope, Some(model), principal, CostStatus::Exact, on_metrics), parts);
    }

    fn is_first(&self, started: Started) -> bool {
        let mut sums = lock(&self.sums);
        sums.started.len() < MAX_SERIES && sums.started.insert(started)
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
            self.add_to(Series::of(task, scope, model, principal, charge.status(), on_metrics), parts(charge));
        }
    }

    fn add_to(&self, key: Series, parts: Parts) {
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

/// Adds the parts by direction. Returns the number of new directions.
fn add_parts(sums: &mut Parts, parts: Parts) -> usize {
    let mut new = 0;
    for (sum, part) in sums.iter_mut().zip(parts) {
        let Some(part) = part else { continue };
        new += usize::from(sum.is_none());
        *sum = Some(sum.unwrap_or_default().saturating_add(part));
    }
    new
}

/// Returns the parts of a charge that are not zero, in the order of [`DirectionTotals::parts`].
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
