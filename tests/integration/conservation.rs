//! Property tests over random trees with concurrency, cancellation, spawned tasks, dropped streams and failures: each
//! parent's total is the sum of its parts, to the pico-dollar, on spans, in totals and in metrics.

mod checks;
mod tree;
mod tree_runner;

use std::sync::LazyLock;

use opentelemetry_sdk::trace::Sampler;
use outlay::{Outcome, Usd};
use outlay_tests::{Harness, eventually};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tokio::runtime::Runtime;

use self::tree::{Node, disturbed_tree, undisturbed_tree};
use self::tree_runner::TreeRunner;

/// A runtime of each kind, shared by all cases.
static ONE_THREAD: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts"));
static TWO_THREADS: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts")
});

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        max_shrink_iters: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/conservation.txt"))),
        ..ProptestConfig::default()
    }
}

/// Runs the tree as a task and waits until all its calls and spawned tasks have ended.
async fn run(sampler: Sampler, tree: Vec<Node>, early_finish: bool) -> (TreeRunner, outlay::Task) {
    let h = Harness::sampled(sampler).await;
    let runner = TreeRunner::new(h, &tree);
    let task = runner.outlay().task("root").team("support").start();
    task.run(async {
        for (index, node) in tree.into_iter().enumerate() {
            runner.run(node, index).await;
        }
    })
    .await;
    if early_finish {
        task.finish(Outcome::success());
    }
    eventually("all spawned tasks have ended", || runner.spawned() == 0).await;
    runner.drop_kept_streams();
    eventually("all calls have settled", || task.totals().pending_calls() == 0).await;
    task.finish(Outcome::success());
    (runner, task)
}

/// Asserts the invariants of any tree.
async fn check_conserved(tree: Vec<Node>, early_finish: bool) {
    let (runner, task) = run(Sampler::AlwaysOn, tree, early_finish).await;
    let totals = task.totals();
    eventually("the task's span has ended", || !runner.h.spans().named("invoke_workflow root").is_empty()).await;
    let spans = runner.h.spans();
    spans.assert_conserved();
    checks::assert_parts_add_up(&totals);
    checks::assert_root_matches(&spans, &totals);
    checks::assert_failures_match(&spans, &totals);
    let spent: i128 = spans.iter().filter_map(|s| s.int("outlay.cost.picousd")).map(i128::from).sum();
    checks::assert_metric_matches(&runner.h.metrics(), Usd::from_picos(spent));
    assert_eq!(task.finish(Outcome::success()).totals(), &totals, "the report has the task's totals");
    assert_eq!(runner.outlay().unattributed().calls(), 0, "every call has its scope");
}

/// Asserts that an undisturbed tree has the expected costs, by kind, by model and by failure.
async fn check_expected(tree: Vec<Node>) {
    let expected = checks::Expected::of(&tree);
    let (runner, task) = run(Sampler::AlwaysOn, tree, false).await;
    checks::assert_expected(&expected, &task.totals());
    runner.h.spans().assert_conserved();
}

async fn check_conserved_unsampled(tree: Vec<Node>) {
    let (runner, task) = run(Sampler::AlwaysOff, tree, false).await;
    assert!(runner.h.spans().is_empty());
    let totals = task.totals();
    checks::assert_parts_add_up(&totals);
    checks::assert_metric_matches(&runner.h.metrics(), totals.cost().usd().unwrap_or(Usd::ZERO));
    assert_eq!(runner.outlay().unattributed().calls(), 0, "every call has its scope");
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn a_disturbed_tree_is_conserved_on_one_thread(tree in disturbed_tree()) {
        ONE_THREAD.block_on(check_conserved(tree, false));
    }

    #[test]
    fn a_disturbed_tree_is_conserved_on_two_threads(tree in disturbed_tree()) {
        TWO_THREADS.block_on(check_conserved(tree, false));
    }

    #[test]
    fn a_disturbed_tree_is_conserved_without_a_sampled_span(tree in disturbed_tree()) {
        TWO_THREADS.block_on(check_conserved_unsampled(tree));
    }

    #[test]
    fn a_tree_finished_while_parts_of_it_run_is_conserved(tree in disturbed_tree()) {
        TWO_THREADS.block_on(check_conserved(tree, true));
    }

    #[test]
    fn an_undisturbed_tree_has_the_expected_cost(tree in undisturbed_tree()) {
        TWO_THREADS.block_on(check_expected(tree));
    }
}
