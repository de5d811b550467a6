//! `outlay.cost`: summed here in whole units, and told when it is collected.
//!
//! A counter of the SDK would add doubles, one for each direction of each call, and look each up by all of its
//! attributes. Here a call is one look-up, and the sums are exact until they are told.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, ObservableCounter};
use outlay_ledger::Dimensions;
use outlay_price::{Charge, CostStatus, Usd};

use crate::Scope;
use crate::names::{metric, outlay, semconv};
use crate::span_attributes::push_known_dimensions;

/// As many directions as a charge has.
const DIRECTIONS: [&str; 6] = ["input", "output", "cache_read", "cache_write", "external", "other"];
/// As many attribute sets are kept apart, well below the SDK's own cap of 2,000; what comes beyond is summed with its
/// team, cost centre and environment alone.
const MAX_SETS: usize = 1_000;

/// As many more for what comes beyond.
const MAX_OVERFLOW_SETS: usize = 500;

/// All series of the metric.
#[derive(Debug, Default)]
pub(super) struct CostSeries {
    sums: Arc<Mutex<Sums>>,
}

#[derive(Debug, Default)]
struct Sums {
    series: HashMap<Series, [Usd; 6]>,
    /// Attribute sets: the directions of each series that cost something.
    sets: usize,
}

/// What is told apart, beside the direction.
#[derive(Clone, Debug)]
struct Series {
    task: Arc<str>,
    agent: Option<Arc<str>>,
    model: Option<Arc<str>>,
    dimensions: Arc<Dimensions>,
    status: CostStatus,
}

impl Series {
    fn of(scope: &Scope, model: Option<&Arc<str>>, status: CostStatus) -> Self {
        let books = scope.books();
        Self {
            task: books.task_name().clone(),
            agent: books.agent_in_scope().map(|(_, name)| name),
            model: model.cloned(),
            dimensions: books.dimensions().clone(),
            status,
        }
    }

    /// The known dimensions only: the user's own are not on metrics.
    fn key(&self) -> impl Hash + Eq + '_ {
        let known = outlay_ledger::Dimension::ALL.map(|d| self.dimensions.value(d));
        (&self.task, &self.agent, &self.model, known, self.status)
    }

    /// Itself while there is room, or it has a place; beyond that the series of its team, cost centre and environment,
    /// and beyond twice the room one for all.
    fn within_cap(self, sets: usize, has_place: impl Fn(&Self) -> bool) -> Self {
        if sets + DIRECTIONS.len() <= MAX_SETS || has_place(&self) {
            return self;
        }
        let overflow = self.overflow();
        if sets + DIRECTIONS.len() <= MAX_SETS + MAX_OVERFLOW_SETS || has_place(&overflow) {
            return overflow;
        }
        Self { dimensions: Arc::default(), ..overflow }
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
        Self { task: other, agent: None, model: None, dimensions: Arc::new(dimensions), status: self.status }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(12);
        attributes.push(KeyValue::new(outlay::TASK_NAME, self.task.clone()));
        if let Some(agent) = &self.agent {
            attributes.push(KeyValue::new(outlay::AGENT_NAME, agent.clone()));
        }
        if let Some(model) = &self.model {
            attributes.push(KeyValue::new(semconv::REQUEST_MODEL, model.clone()));
        }
        push_known_dimensions(&mut attributes, &self.dimensions);
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
    /// Has the meter ask for the sums when it collects.
    pub(super) fn register(&self, meter: &Meter) -> ObservableCounter<f64> {
        // Held for as long as the provider lives: the last collection may come after the last engine has gone.
        let sums = self.sums.clone();
        meter
            .f64_observable_counter(metric::COST)
            .with_unit("USD")
            .with_description("Cost, as it is settled.")
            .with_callback(move |observer| {
                // Copied, so that no call waits while the SDK takes the sums.
                let series = sums.lock().unwrap_or_else(PoisonError::into_inner).series.clone();
                observe(&series, observer);
            })
            .build()
    }

    pub(super) fn add(&self, scope: &Scope, model: Option<&Arc<str>>, charge: &Charge) {
        if charge.total().is_zero() {
            return;
        }
        let key = Series::of(scope, model, charge.status());
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let Sums { series, sets } = &mut *sums;
        let key = key.within_cap(*sets, |key| series.contains_key(key));
        for (sum, part) in series.entry(key).or_default().iter_mut().zip(parts(charge)) {
            *sets += usize::from(sum.is_zero() && !part.is_zero());
            *sum += part;
        }
    }
}

/// In the order of [`DIRECTIONS`].
fn parts(charge: &Charge) -> [Usd; 6] {
    [
        charge.input(),
        charge.output(),
        charge.cache_read(),
        charge.cache_write(),
        charge.external_amount(),
        charge.other(),
    ]
}

fn observe(series: &HashMap<Series, [Usd; 6]>, observer: &dyn AsyncInstrument<f64>) {
    for (key, sums) in series {
        let mut attributes = key.attributes();
        for (direction, sum) in DIRECTIONS.into_iter().zip(sums) {
            if !sum.is_zero() {
                attributes.push(KeyValue::new(outlay::COST_DIRECTION, direction));
                observer.observe(sum.to_f64(), &attributes);
                attributes.pop();
            }
        }
    }
}
