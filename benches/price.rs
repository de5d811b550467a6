//! Measures price lookups and charges: warm, cold, and compared to a hand-written map and the public crate bedrock-cost.
//!
//! `cargo bench -p outlay-benches --bench price`
#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark prints its results")]

use std::collections::HashMap;
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use outlay_benches::{Paired, measures, median, paired, rounds};
use outlay_price::{CacheTtl, ModelRef, PriceQuery, Prices, Routing, Usage};

const PAIRS: usize = 31;
const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const GOLDEN: &str = include_str!("../crates/outlay-price/tests/golden/calls.tsv");

fn count() -> usize {
    rounds(200_000)
}

fn main() {
    let start = Instant::now();
    let prices = Prices::bundled();
    if std::env::args().any(|arg| arg == "load") {
        println!("{}", start.elapsed().as_secs_f64());
        return;
    }
    println!("table load, in a fresh process (bar: 5 ms)      {:8.2} ms", load() * 1e3);
    warm_lookup(&prices);
    cold_lookup(&prices);
    charge(&prices);
    compare_bedrock_cost(&prices);
}

/// Returns the median time to parse the table, which happens at the first use in a process.
fn load() -> f64 {
    let exe = std::env::current_exe().expect("the path is known");
    let once = |_| {
        let output = Command::new(&exe).arg("load").output().expect("the benchmark starts again");
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("it prints the seconds")
    };
    median((0..rounds(PAIRS)).map(once).collect())
}

fn query(id: &str) -> PriceQuery<'_> {
    PriceQuery::new(ModelRef::parse(id).expect("an id"), "2026-11-20T00:00:00Z".parse().expect("a time"))
}

/// Measures repeated lookups of one id. The baseline is a map of model ids, without region, tier, date or context size.
fn warm_lookup(prices: &Prices) {
    let query = PriceQuery { region: Some("eu-central-1"), ..query(SONNET) };
    let by_hand: HashMap<String, u32> = model_ids(prices).into_iter().zip(0..).collect();
    let times = paired(
        PAIRS,
        || {
            (0..count()).for_each(|_| {
                black_box(prices.lookup(black_box(&query)));
            })
        },
        || {
            (0..count()).for_each(|_| {
                black_box(by_hand.get(black_box(SONNET)));
            })
        },
    );
    println!("warm lookup (bar: 60 ns)                        {:8.1} ns", nanos(&times.a, count()));
    println!("  vs. `HashMap::get` of the same id             {:8.2} x", times.median_of(|ours, map| ours / map));
    let with_parse = paired(
        PAIRS,
        || {
            for _ in 0..count() {
                let model = ModelRef::parse(black_box(SONNET)).expect("an id");
                black_box(prices.lookup(&PriceQuery { model, ..query }));
            }
        },
        || {
            (0..count()).for_each(|_| {
                black_box(by_hand.get(black_box(SONNET)));
            })
        },
    );
    println!("  with the id parsed                            {:8.1} ns", nanos(&with_parse.a, count()));
}

/// Measures lookups of all ids in turn, and of one id after the CPU caches were filled with other data.
fn cold_lookup(prices: &Prices) {
    let ids = model_ids(prices);
    let queries: Vec<PriceQuery<'_>> = ids.iter().map(|id| query(id)).collect();
    let rounds = count().div_ceil(queries.len());
    let one = query(SONNET);
    let times = paired(
        PAIRS,
        || {
            (0..rounds).for_each(|_| {
                queries.iter().for_each(|query| {
                    black_box(prices.lookup(query));
                })
            })
        },
        || {
            (0..rounds * queries.len()).for_each(|_| {
                black_box(prices.lookup(black_box(&one)));
            })
        },
    );
    let calls = rounds * queries.len();
    println!("{:4} ids in turn (bar: 1000 ns)                 {:8.1} ns", queries.len(), nanos(&times.a, calls));
    println!("  vs. one id repeatedly                         {:8.2} x", times.median_of(|all, one| all / one));

    let by_hand: HashMap<&str, u32> = ids.iter().map(String::as_str).zip(0..).collect();
    let mut other = vec![1_u8; 64 << 20];
    let mut evict = || {
        other.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_add(1));
        black_box(&other);
    };
    let mut seconds = [Vec::new(), Vec::new(), Vec::new()];
    for id in ids.iter().step_by(if measures() { 4 } else { 400 }) {
        evict();
        // The id is in the cache, because the caller has just used it.
        let query = query(id);
        seconds[0].push(timed(|| ()));
        seconds[1].push(timed(|| {
            black_box(prices.lookup(&query));
        }));
        evict();
        black_box(id.len() + id.bytes().filter(u8::is_ascii_digit).count());
        seconds[0].push(timed(|| ()));
        seconds[2].push(timed(|| {
            black_box(by_hand.get(id.as_str()));
        }));
    }
    let [clock, ours, map] = seconds.map(median);
    let [ours, map] = [ours - clock, map - clock];
    println!("after 64 MiB of other memory (bar: 1000 ns)     {:8.1} ns", ours * 1e9);
    println!("  vs. `HashMap::get` in the same state          {:8.2} x", ours / map);
}

fn charge(prices: &Prices) {
    let price = prices.lookup(&query(SONNET)).expect("a price");
    let usage = Usage::new()
        .with_uncached_input(1_000)
        .with_output(500)
        .with_cache_read(20_000)
        .with_cache_write(CacheTtl::FiveMinutes, 1_000)
        .with_cache_write(CacheTtl::OneHour, 3_000);
    // The baseline is floating point, without cost parts, status or savings.
    let by_hand = |counts: [f64; 5]| {
        let rates = [3.3e-6, 16.5e-6, 0.33e-6, 4.125e-6, 6.6e-6];
        rates.iter().zip(counts).map(|(rate, count)| rate * count).sum::<f64>()
    };
    let times = paired(
        PAIRS,
        || {
            (0..count()).for_each(|_| {
                black_box(price.charge(black_box(&usage)));
            })
        },
        || {
            (0..count()).for_each(|_| {
                black_box(by_hand(black_box([1e3, 500.0, 20e3, 1e3, 3e3])));
            })
        },
    );
    println!("charge of the worked example                    {:8.1} ns", nanos(&times.a, count()));
    println!("  vs. five products of doubles                  {:8.2} x", times.median_of(|ours, hand| ours / hand));
}

/// Compares pricing from id to dollars with bedrock-cost, for the golden plain-text calls that bedrock-cost prices.
fn compare_bedrock_cost(prices: &Prices) {
    let calls: Vec<Call<'_>> = GOLDEN.lines().filter_map(Call::parse).filter(|call| call.theirs().is_some()).collect();
    let rounds = count().div_ceil(calls.len());
    let each = |price: &dyn Fn(&Call<'_>)| (0..rounds).for_each(|_| calls.iter().for_each(price));
    let times: Paired = paired(
        PAIRS,
        || {
            each(&|call| {
                black_box(call.ours(prices));
            })
        },
        || {
            each(&|call| {
                black_box(call.theirs());
            })
        },
    );
    let differ = calls.iter().filter(|call| {
        let (Some(ours), Some(theirs)) = (call.ours(prices), call.theirs()) else {
            return true;
        };
        (ours.to_f64() - theirs).abs() > theirs * 1e-9
    });
    let all = rounds * calls.len();
    println!("id to dollars, {:3} golden calls                 {:8.1} ns", calls.len(), nanos(&times.a, all));
    println!("  bedrock-cost 0.1.0                            {:8.1} ns", nanos(&times.b, all));
    println!("  ratio                                         {:8.2} x", times.median_of(|ours, theirs| ours / theirs));
    for call in differ {
        let ours = call.ours(prices).map_or_else(|| "unpriced".to_owned(), |ours| ours.to_string());
        println!("  differs: {} {ours}, theirs ${:.6}", call.model, call.theirs().unwrap_or_default());
    }
}

/// A golden call of plain input and output at the default tier.
struct Call<'a> {
    model: &'a str,
    query: PriceQuery<'a>,
    usage: Usage,
    theirs: bedrock_cost::Usage,
}

impl<'a> Call<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [model, region, "default", "standard", at, input, output, others @ ..] = fields.get(..15)? else {
            return None;
        };
        let [input_tokens, output_tokens] = [input, output].map(|count| count.parse().unwrap_or(0));
        let plain = others.iter().all(|field| field.is_empty()) && input_tokens < 1 << 40;
        let model_ref = ModelRef::parse(model).ok().filter(|_| plain)?;
        let mut query = PriceQuery::new(model_ref, at.parse().ok()?);
        query.region = (!region.is_empty()).then_some(*region);
        let usage = Usage::new().with_uncached_input(input_tokens).with_output(output_tokens);
        Some(Self { model, query, usage, theirs: bedrock_cost::Usage { input_tokens, output_tokens } })
    }

    fn ours(&self, prices: &Prices) -> Option<outlay_price::Usd> {
        let model = ModelRef::parse(self.model).ok()?;
        let charge = prices.lookup(&PriceQuery { model, ..self.query })?.charge(&self.usage);
        charge.is_priced().then(|| charge.total())
    }

    fn theirs(&self) -> Option<f64> {
        bedrock_cost::default_pricing(self.model).map(|pricing| pricing.cost_for(&self.theirs))
    }
}

/// Returns all model ids of the table as used in calls, sorted, so that the order is independent of the table's layout.
fn model_ids(prices: &Prices) -> Vec<String> {
    let id = |price: &outlay_price::Price| match price.routing() {
        Routing::InRegion => price.model().to_owned(),
        routing => format!("{routing}.{}", price.model()),
    };
    let mut ids: Vec<String> = prices.rows().map(id).filter(|id| id.contains('.')).collect();
    ids.sort();
    ids.dedup();
    ids
}

fn timed(f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64()
}

fn nanos(seconds: &[f64], calls: usize) -> f64 {
    median(seconds.to_vec()) / calls as f64 * 1e9
}
