//! Tests of the global providers. A process has one of each, so the tests run one at a time.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use opentelemetry::trace::noop::NoopTracerProvider;
use opentelemetry::{Context, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, Span, SpanData, SpanProcessor};
use outlay::budget::{BudgetRule, Period};
use outlay::{Outcome, Outlay, Usage, Usd};

fn provider() -> (SdkMeterProvider, InMemoryMetricExporter) {
    let exporter = InMemoryMetricExporter::default();
    (SdkMeterProvider::builder().with_periodic_exporter(exporter.clone()).build(), exporter)
}

static SERIAL: Mutex<()> = Mutex::new(());

/// Returns the current sum of a metric.
fn sum((provider, exporter): &(SdkMeterProvider, InMemoryMetricExporter), name: &str) -> f64 {
    provider.force_flush().unwrap();
    let exported = exporter.get_finished_metrics().unwrap();
    let points = exported.last().map(outlay_tests::read_points).unwrap_or_default();
    points.iter().filter(|point| point.name == name).map(|point| point.value).sum()
}

fn cost(provider: &(SdkMeterProvider, InMemoryMetricExporter)) -> f64 {
    sum(provider, "outlay.cost")
}

fn spend(outlay: &Outlay, cents: i64) {
    let task = outlay.task("t").start();
    task.charge("api", Usd::from_cents(cents));
    task.finish(Outcome::success());
}

#[test]
fn a_global_meter_provider_set_late_reports_earlier_spending() {
    let _serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let outlay = Outlay::builder().build();
    spend(&outlay, 1);
    let first = provider();
    global::set_meter_provider(first.0.clone());
    spend(&outlay, 2);
    // The `Outlay` keeps the sums, so they include earlier spending.
    assert!((cost(&first) - 0.03).abs() < 1e-9, "{}", cost(&first));
    let second = provider();
    global::set_meter_provider(second.0.clone());
    spend(&outlay, 4);
    assert!((cost(&second) - 0.07).abs() < 1e-9, "{}", cost(&second));
}

#[test]
fn a_global_meter_provider_set_during_a_task_gets_the_task_and_its_later_calls() {
    let _serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    global::set_meter_provider(provider().0);
    let outlay = Outlay::builder().build();
    let task = outlay.task("t").start();
    let call = || {
        let usage = Usage::new().with_uncached_input(1_000).with_output(100);
        task.run_sync(|| outlay::call("us.anthropic.claude-haiku-4-5-20251001-v1:0").usage(usage).record());
    };
    call();
    let late = provider();
    global::set_meter_provider(late.0.clone());
    call();
    assert!((cost(&late) - 2.0 * 0.001_65).abs() < 1e-9, "{}", cost(&late));
    assert_eq!(sum(&late, "gen_ai.client.token.usage"), 1_100.0, "histograms start with the provider");
    // Nothing but the end of the task.
    let last = provider();
    global::set_meter_provider(last.0.clone());
    task.finish(Outcome::success());
    assert_eq!(sum(&last, "outlay.tasks"), 1.0);
    assert!((sum(&last, "outlay.task.cost") - 2.0 * 0.001_65).abs() < 1e-9);
    assert!((cost(&last) - 2.0 * 0.001_65).abs() < 1e-9);
}

#[test]
fn a_global_meter_provider_may_be_replaced_many_times() {
    let _serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let outlay = Outlay::builder().build();
    for count in 1..=20 {
        let provider = provider();
        global::set_meter_provider(provider.0.clone());
        spend(&outlay, 1);
        assert!((cost(&provider) - f64::from(count) / 100.0).abs() < 1e-9, "the provider {count}");
    }
}

#[test]
fn a_global_tracer_provider_set_late_gets_the_spans_that_start_from_then_on() {
    let _serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    global::set_tracer_provider(NoopTracerProvider::new());
    let outlay = Outlay::builder().build();
    spend(&outlay, 1);
    let task = outlay.task("t").start();
    task.charge("api", Usd::from_cents(2));
    let exporter = InMemorySpanExporter::default();
    global::set_tracer_provider(SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build());
    task.charge("api", Usd::from_cents(4));
    task.finish(Outcome::success());
    spend(&outlay, 8);
    let spans = exporter.get_finished_spans().unwrap();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
    // The task that had started before has no span, and its later charge has one of its own.
    assert_eq!(names, ["charge api", "charge api", "invoke_workflow t"]);
    let total = spans[2].attributes.iter().find(|attribute| attribute.key.as_str() == "outlay.total.usd").unwrap();
    assert_eq!(total.value, opentelemetry::Value::F64(0.08));
    global::set_tracer_provider(NoopTracerProvider::new());
    assert_eq!(outlay.attribution().total, Usd::from_cents(15), "the ledger counts all of it");
}

/// The SDK keeps only the last of several callbacks with the same attributes.
#[test]
fn outlays_that_share_the_global_provider_are_summed() {
    let _serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let provider = provider();
    global::set_meter_provider(provider.0.clone());
    let [first, second] = [(); 2].map(|()| Outlay::builder().build());
    let third = Outlay::builder().build();
    let open = [&first, &second].map(|outlay| outlay.task("t").team("a").start());
    open[0].charge("api", Usd::from_cents(1));
    open[1].charge("api", Usd::from_cents(2));
    spend(&third, 5);
    assert!((cost(&provider) - 0.08).abs() < 1e-9, "{}", cost(&provider));
    assert_eq!(sum(&provider, "outlay.tasks.open"), 2.0);
    assert_eq!(sum(&provider, "outlay.task.cost.open_max"), 0.02);
    let ratio = sum(&provider, "outlay.attribution.ratio");
    assert!((ratio - 3.0 / 8.0).abs() < 1e-9, "three of eight cents have a team; no other dimension is set: {ratio}");
    open.iter().for_each(|task| drop(task.finish(Outcome::success())));
    // The counts of a dropped `Outlay` stay.
    drop((open, first));
    assert!((cost(&provider) - 0.08).abs() < 1e-9, "{}", cost(&provider));
    assert_eq!(sum(&provider, "outlay.tasks"), 3.0);
    assert_eq!(sum(&provider, "outlay.tasks.open"), 0.0);
}

/// Series beyond the SDK's limit are summed: no value is lost and no sum goes down.
#[test]
fn the_fuller_budget_of_outlays_that_share_the_global_provider_is_reported() {
    let _serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let provider = provider();
    global::set_meter_provider(provider.0.clone());
    let outlays = [3, 1, 2].map(|cents| {
        let rule = BudgetRule::new("month", Usd::from_dollars(1)).every(Period::Month);
        let outlay = Outlay::builder().budget_rule(rule).build();
        spend(&outlay, cents);
        outlay
    });
    assert_eq!(sum(&provider, "outlay.budget.spent"), 0.03, "each has a budget of its own");
    assert_eq!(sum(&provider, "outlay.budget.limit"), 1.0);
    drop(outlays);
    assert_eq!(sum(&provider, "outlay.budget.used_ratio"), 0.03, "the last export may come after the last Outlay");
}

#[test]
fn series_of_several_outlays_stay_within_the_sdk_limit() {
    let _serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let provider = provider();
    global::set_meter_provider(provider.0.clone());
    let outlays = [(); 3].map(|()| Outlay::builder().metric_dimension("tenant").build());
    for round in 1..=2 {
        for (number, outlay) in outlays.iter().enumerate() {
            for tenant in 0..900 {
                let task = outlay.task("t").dimension("tenant", &format!("{number}-{tenant}")).start();
                task.charge("api", Usd::from_cents(1));
                task.finish(Outcome::success());
            }
            let (dollars, tasks) = (cost(&provider), sum(&provider, "outlay.tasks"));
            let expected = 2_700 * (round - 1) + 900 * (number + 1);
            assert!((dollars - expected as f64 / 100.0).abs() < 1e-6, "{dollars} of {expected} cents");
            assert_eq!(tasks, expected as f64);
        }
    }
}

/// A span processor that charges a task whenever a span starts, except for the spans of that charge.
#[derive(Debug)]
struct ChargesOnStart {
    outlay: Outlay,
    is_charging: AtomicBool,
}

impl SpanProcessor for ChargesOnStart {
    fn on_start(&self, _: &mut Span, _: &Context) {
        if !self.is_charging.swap(true, Ordering::SeqCst) {
            spend(&self.outlay, 1);
            self.is_charging.store(false, Ordering::SeqCst);
        }
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn a_span_processor_can_spend_during_the_first_use_of_the_global_tracer() {
    let _serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let outlay = Outlay::builder().build();
    let processor = ChargesOnStart { outlay: outlay.clone(), is_charging: AtomicBool::new(false) };
    global::set_tracer_provider(SdkTracerProvider::builder().with_span_processor(processor).build());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        spend(&outlay, 2);
        sender.send(outlay.attribution().total).unwrap();
    });
    let total = receiver.recv_timeout(Duration::from_secs(60)).expect("the first span starts");
    global::set_tracer_provider(NoopTracerProvider::new());
    assert!(total >= Usd::from_cents(3), "{total}");
}
