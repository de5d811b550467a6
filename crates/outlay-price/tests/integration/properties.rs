//! Properties of every row of the bundled table, for any counts.

use std::time::{Duration, SystemTime};

use outlay_price::{
    Charge, Confidence, CostStatus, Latency, ModelRef, Price, PriceQuery, Prices, Routing, Tier, Timestamp, Unit,
    UnitCount, Units, Usage, Usd,
};
use proptest::prelude::*;

use crate::table::{KINDS, Line, lines, usage};

fn price(line: &Line) -> Price {
    Prices::bundled().lookup(&line.query()).unwrap_or_else(|| panic!("{line:?}")).clone()
}

/// The index in `split` of each column of the table: input, output, cache reads or cache writes.
const DIRECTIONS: [usize; KINDS] = [0, 1, 2, 3, 3, 3, 0, 1];

fn split(charge: &Charge) -> [i128; 4] {
    [charge.input(), charge.output(), charge.cache_read(), charge.cache_write()].map(Usd::picos)
}

/// Returns the rates in the table's text times the counts, and whether all rates are known. A write without a lifetime uses
/// the only one of the model.
fn expected(line: &Line, counts: [u64; KINDS]) -> ([i128; 4], bool) {
    let mut rates = line.rates;
    if rates[3].is_none() && rates[5].is_none() {
        rates[3] = rates[4];
    }
    let mut split = [0; 4];
    let mut known = true;
    for (kind, count) in counts.into_iter().enumerate() {
        match rates[kind] {
            Some(rate) => split[DIRECTIONS[kind]] += rate * i128::from(count),
            None => known &= count == 0,
        }
    }
    (split, known)
}

/// Returns the charge for counts of tokens, without other units.
fn charge(line: &Line, counts: [u64; KINDS]) -> Charge {
    price(line).charge_with_units(&usage(counts), &Units::new())
}

/// Returns the maximum input of a line's context tier, or `None` if it is the last tier.
fn max_input(line: &Line) -> Option<u64> {
    lines()
        .iter()
        .filter(|other| other.has_same_key(line))
        .map(|other| other.over)
        .filter(|&over| over > line.over)
        .min()
}

#[test]
fn every_rate_applies_to_its_whole_context_tier() {
    let mut bounds = 0;
    for line in lines().iter().filter(|line| line.applies_to_calls()) {
        let max_input = max_input(line);
        bounds += usize::from(max_input.is_some());
        for input in [Some(line.over + 1), max_input].into_iter().flatten() {
            for kind in 0..KINDS {
                let mut counts = [0; KINDS];
                counts[kind] = input;
                // Output does not affect the context tier, so add input.
                if DIRECTIONS[kind] == 1 && line.over > 0 {
                    counts[0] = input;
                }
                let charge = charge(line, counts);
                let (split_expected, known) = expected(line, counts);
                assert_eq!((split(&charge), charge.is_priced()), (split_expected, known), "{line:?} {counts:?}");
            }
        }
    }
    assert!(bounds > 60, "{bounds} bounds");
}

#[test]
fn every_row_applies_from_its_start_on_and_not_before() {
    let mut dated = 0;
    for line in lines().iter().filter(|line| line.applies_to_calls()) {
        let start = line.start.as_deref();
        let query = line.query();
        let found = |query: &PriceQuery<'_>| {
            let price = Prices::bundled().lookup(query).cloned();
            price.map(|price| (price.effective_from().map(ToString::to_string), price.region().map(str::to_owned)))
        };
        let own = Some((start.map(str::to_owned), line.place.clone()));
        assert_eq!(found(&query), own, "{line:?}");
        if start.is_some() {
            dated += 1;
            let before = PriceQuery { at: at(SystemTime::from(query.at) - Duration::from_nanos(1)), ..query };
            assert_ne!(found(&before), own, "{line:?}");
            let later = PriceQuery { at: at(SystemTime::from(query.at) + Duration::from_hours(24 * 365)), ..query };
            assert!(found(&later) >= own, "an older row applies later: {line:?}");
        }
    }
    assert!(dated >= 14, "{dated} dated rows");
}

#[test]
fn every_unit_of_the_table_is_charged_exactly_to_a_thousandth() {
    for line in lines().iter().filter(|line| line.applies_to_calls() && !line.units.is_empty()) {
        let price = price(line);
        for unit in price.units().iter().filter(|unit| !unit.unit().is_capacity()) {
            for thousandths in [1, 999, 1_000, 1_001, u64::MAX - 1, u64::MAX] {
                let mut count = UnitCount::of_thousandths(unit.unit(), thousandths);
                count = unit.side_limit().map_or(count.clone(), |side| count.with_side(side));
                count = unit.steps_limit().map_or(count.clone(), |steps| count.with_steps(steps));
                count = unit.word().map_or(count.clone(), |word| count.with_word(word.to_owned()));
                let charge = price.charge_units(&count.into());
                let expected = unit.price().picos() * i128::from(thousandths);
                assert_eq!((charge.total().picos() * 1_000, charge.is_priced()), (expected, true), "{unit}");
            }
        }
    }
}

/// Returns the line of the context tier for an amount of input.
fn line_for_input(line: Line, input: u64) -> Line {
    let lines = lines().iter().filter(|other| other.has_same_key(&line) && other.over < input.max(1));
    lines.max_by_key(|other| other.over).cloned().unwrap_or(line)
}

fn any_counts(max: u64) -> impl Strategy<Value = [u64; KINDS]> {
    prop::array::uniform8(prop_oneof![Just(0), 0..=max])
}

/// Generates a line that applies to calls.
fn any_line() -> impl Strategy<Value = Line> {
    let lines: Vec<Line> = lines().iter().filter(|line| line.applies_to_calls()).cloned().collect();
    prop::sample::select(lines)
}

fn any_id() -> impl Strategy<Value = String> {
    let known = prop::sample::select(lines()).prop_map(|line| line.wire);
    prop_oneof![
        "\\PC{0,60}",
        "(us|eu|apac|global|us-gov|sa|)\\.?[a-z0-9]{1,9}\\.[a-z0-9-]{1,20}(:[0-9]{1,3}k?){0,3}",
        "arn:aws:bedrock:[a-z0-9-]{0,12}:[0-9]{0,12}:[a-z-]{1,30}/[a-z0-9.:/-]{0,30}",
        ("(sa\\.|mars\\.|us\\.|global\\.)?", known.clone()).prop_map(|(prefix, id)| prefix + &id),
        (known, "(:[0-9]{1,3}k?|-v1|-v1:0){0,3}").prop_map(|(id, more)| id + &more),
    ]
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    let (first, last) = ("-009999-01-02T01:59:59Z", "9999-12-30T22:00:00.999999999Z");
    let [first, last] = [first, last].map(|text| text.parse::<Timestamp>().expect("a time"));
    let days = (-719_162_i64..=2_932_895).prop_map(|day| {
        let offset = Duration::from_hours(24) * u32::try_from(day.unsigned_abs()).expect("in range");
        at(if day < 0 { SystemTime::UNIX_EPOCH - offset } else { SystemTime::UNIX_EPOCH + offset })
    });
    prop_oneof![Just(first), Just(last), days]
}

fn at(time: SystemTime) -> Timestamp {
    time.try_into().expect("in range")
}

proptest! {
    #[test]
    fn charges_are_exact_for_any_counts(line in any_line(), counts in any_counts(u64::MAX)) {
        let line = line_for_input(line, usage(counts).input_tokens());
        let charge = charge(&line, counts);
        let (split_expected, known) = expected(&line, counts);
        prop_assert_eq!(split(&charge), split_expected);
        prop_assert_eq!(charge.total().picos(), split_expected.iter().sum::<i128>());
        prop_assert_eq!(charge.is_priced(), known);
    }

    #[test]
    fn a_charge_is_linear_in_each_kind_within_a_context_tier(
        line in any_line(), a in any_counts(5_000), b in any_counts(5_000), kind in 0..KINDS,
    ) {
        // Both and their sum are in the same context tier, because no bound is below 100,000 tokens.
        let above = |mut counts: [u64; KINDS]| {
            counts[kind] += if DIRECTIONS[kind] == 1 { 0 } else { line.over };
            counts[0] += if DIRECTIONS[kind] == 1 { line.over } else { 0 };
            counts[0] += 1;
            counts
        };
        let (a, b) = (above(a), above(b));
        let max_input = max_input(&line).unwrap_or(u64::MAX);
        let sum = usage(a) + usage(b);
        prop_assert!(sum.input_tokens() <= max_input);
        let price = price(&line);
        let charge = |usage: &Usage| price.charge_with_units(usage, &Units::new());
        let (x, y, both) = (charge(&usage(a)), charge(&usage(b)), charge(&sum));
        prop_assert_eq!(split(&both), std::array::from_fn(|at| split(&x)[at] + split(&y)[at]));
        prop_assert_eq!(both.cache_savings(), x.cache_savings() + y.cache_savings());
        prop_assert_eq!(both, x.and(y));
    }

    #[test]
    fn more_usage_never_strengthens_the_status(
        line in any_line(), a in any_counts(10_000), more in any_counts(10_000), units in 0_u64..3, status in 0_usize..4,
    ) {
        let price = price(&line);
        let status = [CostStatus::Exact, CostStatus::Estimated, CostStatus::Bounded, CostStatus::Unpriced][status];
        let less = price.charge(&usage(a)).with_status(status);
        prop_assert!(less.status() >= status);
        prop_assert!(price.charge(&(usage(a) + usage(more))).with_status(status).status() >= less.status());
        let counted = Units::from(UnitCount::new(Unit::OutputVideoSecond, units));
        let with_units = price.charge_with_units(&usage(a), &counted).with_status(status);
        let without_units = price.charge_with_units(&usage(a), &Units::new()).with_status(status);
        prop_assert_eq!(with_units.is_priced(), units == 0 && without_units.is_priced());
        let sum = less.and(with_units);
        prop_assert_eq!(sum.status(), less.status().max(with_units.status()));
    }

    #[test]
    fn any_lookup_returns_a_price_that_applies_or_none(
        id in any_id(), region in prop::option::of("[a-z0-9-]{0,16}|us-east-1|us-gov-west-1|\\PC{0,9}"),
        at in any_time(), tier in 0_usize..7, fast in any::<bool>(),
    ) {
        use Tier::{Batch, Default, Flex, Priority, Provisioned, Reserved, Ultrafast};
        let Ok(model) = ModelRef::parse(&id) else {
            return Ok(());
        };
        let mut query = PriceQuery::new(model, at);
        query.region = region.as_deref();
        query.tier = [Default, Flex, Priority, Reserved, Batch, Ultrafast, Provisioned][tier];
        query.latency = if fast { Latency::Optimized } else { Latency::Standard };
        let prices = Prices::bundled();
        let _ = prices.guardrails(query.region, at);
        if let Some(price) = prices.lookup(&query) {
            // All models share one row for reserved capacity.
            let is_own = price.model() != "provisioned-model";
            prop_assert_eq!(price.tier(), query.tier);
            prop_assert!(!is_own || (price.latency(), Some(price.routing())) == (query.latency, model.routing()));
            prop_assert!(price.effective_at().is_none_or(|start| start <= at));
            let region = query.region.or(model.region());
            let is_fallback = price.confidence() == Confidence::Elsewhere;
            let is_geo = price.region().is_some_and(|place| !place.contains('-') || place == "us-gov");
            prop_assert!(is_fallback || is_geo || price.region().is_none() || price.region() == region);
            let is_gov = |region: &str| region.starts_with("us-gov");
            prop_assert!(region.is_none() || region.is_some_and(is_gov) == price.region().is_some_and(is_gov));
            prop_assert!(!is_own || model.base_id().is_some_and(|base| base.starts_with(price.model())));
        }
        prop_assert!(model.routing() != Some(Routing::Global) || id.starts_with("global.") || id.starts_with("arn:"));
    }
}
