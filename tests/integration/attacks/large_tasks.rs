//! Tasks with very many calls, scopes, models and kinds, and very deep ones.

use std::sync::Arc;

use outlay::{Outcome, Usage, Usd};
use outlay_tests::{HAIKU, Harness};

/// Records a call without a request.
fn record_call(model: &str, input: u64) {
    outlay::call(model).usage(Usage::new().with_uncached_input(input)).record();
}

#[tokio::test]
async fn ten_thousand_calls_in_one_task_sum_exactly_though_its_report_keeps_fewer() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run_sync(|| {
        for call in 0..10_000 {
            outlay::tool("x").run_sync(|| record_call(HAIKU, call));
        }
    });
    let live = task.totals();
    let report = task.finish(Outcome::success());
    let expected = Usd::from_picos((0..10_000).sum::<i128>() * 1_100_000);
    assert_eq!(live.cost().usd(), Some(expected));
    assert_eq!(report.totals().cost().usd(), Some(expected));
    assert_eq!(report.totals().calls(), 10_000);
    let root = &report.record().root;
    let kept: Usd = root.children.iter().map(|record| record.cost()).sum();
    assert_eq!(kept + root.elided.cost, expected, "the kept and the elided records sum to the total");
    assert!(root.children.len() <= 1_000);
    let spans = h.spans();
    let root = spans.one("invoke_workflow t");
    assert_eq!(root.int("outlay.total.picousd").map(i128::from), Some(expected.picos()));
    let below: i64 = spans.iter().filter_map(|s| s.int("outlay.cost.picousd")).sum();
    assert_eq!(i128::from(below), expected.picos());
    let running = spans.iter().filter_map(|s| s.int("outlay.task.running.calls")).max();
    assert_eq!(running, Some(10_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_in_one_task_are_all_counted() {
    let h = Harness::new().await;
    let task = Arc::new(h.outlay.task("t").start());
    let handles: Vec<_> = (0..8_u64)
        .map(|thread| {
            let task = task.clone();
            std::thread::spawn(move || {
                for call in 0..500 {
                    let step = || record_call(HAIKU, thread * 1_000 + call);
                    task.run_sync(|| if call % 2 == 0 { outlay::agent("a").run_sync(step) } else { step() });
                    let totals = task.totals();
                    let kinds: Usd = totals.by_kind().iter().map(|k| k.cost).sum();
                    assert_eq!(Some(kinds), totals.cost().usd());
                }
            })
        })
        .collect();
    for handle in handles {
        handle.join().unwrap();
    }
    let expected: i128 = (0..8).map(|thread| (0..500).map(|call| thread * 1_000 + call).sum::<i128>()).sum();
    assert_eq!(task.finish(Outcome::success()).totals().cost().usd(), Some(Usd::from_picos(expected * 1_100_000)));
    let last = h.spans();
    let running = last.iter().filter_map(|s| s.int("outlay.task.running.picousd")).max();
    assert_eq!(running.map(i128::from), Some(expected * 1_100_000), "the last running total is the total");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_race_with_the_end_of_their_step_count_in_the_open_task() {
    let h = Harness::new().await;
    for _ in 0..200 {
        let task = h.outlay.task("t").start();
        let (call, end) = task.run_sync(|| {
            let entered = outlay::agent("a");
            entered.run_sync(|| {
                let inner = outlay::in_scope(async {
                    for _ in 0..20 {
                        record_call(HAIKU, 1);
                    }
                });
                (tokio::spawn(inner), tokio::spawn(async { tokio::task::yield_now().await }))
            })
        });
        end.await.unwrap();
        call.await.unwrap();
        assert_eq!(task.totals().calls(), 20, "the task stayed open: no call is late");
        task.finish(Outcome::success());
    }
    assert!(h.spans().iter().all(|span| !span.has("outlay.late")));
}

#[tokio::test]
async fn kinds_beyond_the_limit_are_summed_as_other_and_library_kinds_stay_separate() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let cent = Usd::from_cents(1);
    task.run_sync(|| {
        for kind in 0..63 {
            outlay::step(&format!("kind-{kind}"), "s").run_sync(|| outlay::charge("c", cent));
        }
        outlay::plan("p").run_sync(|| outlay::charge("c", cent));
        for kind in 63..100 {
            outlay::step(&format!("kind-{kind}"), "s").run_sync(|| outlay::charge("c", cent));
        }
        outlay::tool("t").run_sync(|| outlay::charge("c", cent));
        outlay::retry(2).run_sync(|| outlay::charge("c", cent));
        outlay::charge("direct", cent);
    });
    let totals = task.finish(Outcome::success()).totals().clone();
    assert_eq!(totals.cost().usd(), Some(Usd::from_cents(104)));
    assert_eq!(totals.by_kind().iter().map(|k| k.cost).sum::<Usd>(), Usd::from_cents(104));
    let spans = h.spans();
    spans.assert_conserved();
    let root = spans.one("invoke_workflow t");
    for kind in ["plan", "tool", "retry", "direct"] {
        assert_eq!(root.double(&format!("outlay.total.kind.{kind}.usd")), Some(0.01), "{kind}");
    }
    assert_eq!(root.double("outlay.total.kind.other.usd"), Some(1.0));
}

#[tokio::test]
async fn custom_kinds_stay_separate_from_those_of_the_library() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run_sync(|| {
        for kind in ["other", "direct", "", "kinds", "a\"b\\\n"] {
            outlay::step(kind, "s").run_sync(|| outlay::charge("c", Usd::from_cents(1)));
        }
    });
    task.finish(Outcome::success());
    let spans = h.spans();
    spans.assert_conserved();
    let root = spans.one("invoke_workflow t");
    assert_eq!(root.double("outlay.total.kind.other.usd"), Some(0.05));
    assert!(!root.has("outlay.total.kind.direct.usd"));
    let split: serde_json::Value = serde_json::from_str(root.text("outlay.total.kinds").unwrap()).unwrap();
    let split = split.as_object().unwrap();
    assert_eq!(split.values().filter_map(|v| v.as_f64()).map(|v| (v * 100.0) as u64).sum::<u64>(), 5);
}

#[tokio::test]
async fn models_beyond_the_limit_are_still_summed() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run_sync(|| {
        for n in 0..200 {
            record_call(&format!("arn:aws:bedrock:us-east-1:{n:012}:inference-profile/{HAIKU}"), 1);
        }
    });
    let totals = task.finish(Outcome::success()).totals().clone();
    assert_eq!(totals.cost().usd(), Some(Usd::from_picos(200 * 1_100_000)));
    assert_eq!(totals.by_model().iter().map(|m| m.cost).sum::<Usd>(), Usd::from_picos(200 * 1_100_000));
    assert_eq!(totals.by_model().iter().map(|m| m.calls).sum::<u64>(), 200);
    assert!(totals.by_model().len() <= 64);
}

#[test]
fn four_hundred_nested_agents_do_not_overflow_the_stack() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let h = runtime.block_on(Harness::new());
    // The default stack size of a tokio worker.
    let deep = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let task = h.outlay.task("t").start();
        let entered = task.enter();
        let mut agents: Vec<_> = (0..400).map(|_| outlay::agent("a").enter()).collect();
        outlay::charge("search", Usd::from_cents(1));
        assert_eq!(task.totals().cost().usd(), Some(Usd::from_cents(1)));
        while let Some(agent) = agents.pop() {
            drop(agent);
        }
        drop(entered);
        let report = task.finish(Outcome::success());
        assert_eq!(report.totals().cost().usd(), Some(Usd::from_cents(1)));
        assert!(report.to_string().contains("$0.01"));
        let spans = h.spans();
        assert_eq!(spans.one("invoke_workflow t").int("outlay.total.picousd"), Some(10_000_000_000));
    });
    deep.unwrap().join().unwrap();
}
