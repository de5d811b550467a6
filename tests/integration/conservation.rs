//! Money is conserved: over random trees with concurrency, cancellation, spawned tasks, dropped streams and failures
//! each parent's total is the sum of its parts, to the pico-dollar, on spans, in totals and in metrics.

mod books;
mod tree;
mod world;

use std::sync::LazyLock;

use opentelemetry_sdk::trace::Sampler;
use outlay::{Outcome, Usd};
use outlay_tests::{Harness, eventually};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tokio::runtime::Runtime;

use self::tree::{Node, clean_tree, wild_tree};
use self::world::World;

/// One runtime of each kind for all cases.
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

/// Runs the tree as a task and waits until all that it began is over.
async fn run(sampler: Sampler, tree: Vec<Node>, early_finish: bool) -> (World, outlay::Task) {
    let h = Harness::sampled(sampler).await;
    let world = World::new(h, &tree);
    let task = world.outlay().task("root").team("support").start();
    task.run(async {
        for (index, node) in tree.into_iter().enumerate() {
            world.run(node, index).await;
        }
    })
    .await;
    if early_finish {
        task.finish(Outcome::success());
    }
    eventually("all spawned tasks are over", || world.spawned() == 0).await;
    world.drop_kept_streams();
    eventually("all calls have settled", || task.totals().pending_calls() == 0).await;
    task.finish(Outcome::success());
    (world, task)
}

/// What can be asked of any tree.
async fn is_conserved(tree: Vec<Node>, early_finish: bool) {
    let (world, task) = run(Sampler::AlwaysOn, tree, early_finish).await;
    let totals = task.totals();
    eventually("the task's span has ended", || !world.h.spans().named("invoke_workflow root").is_empty()).await;
    let spans = world.h.spans();
    spans.assert_conserved();
    books::assert_parts_add_up(&totals);
    books::assert_root_says(&spans, &totals);
    books::assert_failures_are_those_of_the_spans(&spans, &totals);
    let spent: i128 = spans.iter().filter_map(|s| s.int("outlay.cost.picousd")).map(i128::from).sum();
    books::assert_metric_says(&world.h.metrics(), Usd::from_picos(spent));
    assert_eq!(task.finish(Outcome::success()).totals(), &totals, "the report is the totals");
    assert_eq!(world.outlay().unattributed().calls(), 0, "no call has lost its scope");
}

/// A tree without trouble costs what its plan says, by kind, by model and by failure.
async fn is_as_planned(tree: Vec<Node>) {
    let planned = books::Planned::of(&tree);
    let (world, task) = run(Sampler::AlwaysOn, tree, false).await;
    books::assert_planned(&planned, &task.totals());
    world.h.spans().assert_conserved();
}

async fn is_conserved_unsampled(tree: Vec<Node>) {
    let (world, task) = run(Sampler::AlwaysOff, tree, false).await;
    assert!(world.h.spans().is_empty());
    let totals = task.totals();
    books::assert_parts_add_up(&totals);
    books::assert_metric_says(&world.h.metrics(), totals.cost().usd().unwrap_or(Usd::ZERO));
    assert_eq!(world.outlay().unattributed().calls(), 0, "no call has lost its scope");
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn a_wild_tree_is_conserved_on_one_thread(tree in wild_tree()) {
        ONE_THREAD.block_on(is_conserved(tree, false));
    }

    #[test]
    fn a_wild_tree_is_conserved_on_two_threads(tree in wild_tree()) {
        TWO_THREADS.block_on(is_conserved(tree, false));
    }

    #[test]
    fn a_wild_tree_is_conserved_without_a_sampled_span(tree in wild_tree()) {
        TWO_THREADS.block_on(is_conserved_unsampled(tree));
    }

    #[test]
    fn a_tree_that_is_finished_while_parts_of_it_run_is_conserved(tree in wild_tree()) {
        TWO_THREADS.block_on(is_conserved(tree, true));
    }

    #[test]
    fn a_clean_tree_costs_what_was_planned(tree in clean_tree()) {
        TWO_THREADS.block_on(is_as_planned(tree));
    }
}
