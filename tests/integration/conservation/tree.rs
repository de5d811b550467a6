//! Random trees of scopes, charges and calls.

use bedrock_sim::{ErrorKind, Fault, Operation};
use outlay_tests::{HAIKU, SONNET};
use proptest::prelude::*;

/// Models with their prices in pico-dollars per token: input, output, cache read, cache write. `None` if unpriced.
pub(super) const MODELS: [(&str, Option<[i128; 4]>); 4] = [
    (HAIKU, Some([1_100_000, 5_500_000, 110_000, 1_375_000])),
    (SONNET, Some([3_300_000, 16_500_000, 330_000, 4_125_000])),
    ("us.amazon.nova-lite-v1:0", Some([60_000, 240_000, 15_000, 0])),
    ("vendor.unpriced-v1:0", None),
];

/// An event in a task.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Call(Call),
    /// An external charge, in millionths of a dollar.
    Charge(u32),
    /// Marks the enclosing scope as failed.
    Fail,
    Scope(Scope),
}

#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) kind: Kind,
    pub(super) execution: Execution,
    /// Whether its future returns an error.
    pub(super) fails: bool,
    /// The poll at which its future is dropped.
    pub(super) cancelled_at: Option<u8>,
    pub(super) children: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Task,
    Agent,
    Plan,
    Tool,
    Act,
    Retry,
    Custom,
}

/// How a scope runs its children.
#[derive(Clone, Copy, Debug)]
pub(super) enum Execution {
    Sequential,
    Concurrent,
    /// In tokio tasks that the scope awaits.
    Spawned,
    /// In tokio tasks that the scope does not await.
    Detached,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) model: usize,
    /// The numbers of input, output, cache read and cache write tokens.
    pub(super) tokens: [u64; 4],
    pub(super) disturbance: Disturbance,
    pub(super) read: Read,
}

/// A disturbance before the answer or of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Disturbance {
    None,
    Slow,
    Throttled,
    Lost,
    Refused,
    Broken(Fault),
}

/// What the application does with a stream.
#[derive(Clone, Copy, Debug)]
pub(super) enum Read {
    All,
    /// Drops it after this number of events.
    Some(u8),
    /// Keeps it past the end of its scope and of the task.
    Keep,
}

/// Generates trees with disturbances, cancellation and detached tasks.
pub(super) fn disturbed_tree() -> impl Strategy<Value = Vec<Node>> {
    let leaf = prop_oneof![
        8 => call(disturbance(), read()).prop_map(Node::Call),
        2 => (0..50_000_u32).prop_map(Node::Charge),
        1 => Just(Node::Fail),
    ];
    let execution = prop_oneof![
        Just(Execution::Sequential),
        Just(Execution::Concurrent),
        Just(Execution::Spawned),
        Just(Execution::Detached)
    ];
    let cancelled = prop_oneof![4 => Just(None), 1 => (0..12_u8).prop_map(Some)];
    tree(leaf.boxed(), execution.boxed(), cancelled.boxed())
}

/// Generates trees in which each call is answered completely.
pub(super) fn undisturbed_tree() -> impl Strategy<Value = Vec<Node>> {
    let leaf = prop_oneof![
        8 => call(Just(Disturbance::None).boxed(), Just(Read::All).boxed()).prop_map(Node::Call),
        2 => (0..50_000_u32).prop_map(Node::Charge),
        1 => Just(Node::Fail),
    ];
    let execution = prop_oneof![Just(Execution::Sequential), Just(Execution::Concurrent), Just(Execution::Spawned)];
    tree(leaf.boxed(), execution.boxed(), Just(None).boxed())
}

fn tree(
    leaf: BoxedStrategy<Node>,
    execution: BoxedStrategy<Execution>,
    cancelled: BoxedStrategy<Option<u8>>,
) -> impl Strategy<Value = Vec<Node>> {
    let node = leaf.prop_recursive(5, 40, 5, move |inner| {
        let children = prop::collection::vec(inner, 0..6);
        let fails = prop::bool::weighted(0.15);
        (kind(), execution.clone(), fails, cancelled.clone(), children).prop_map(
            |(kind, execution, fails, cancelled_at, children)| {
                Node::Scope(Scope { kind, execution, fails, cancelled_at, children })
            },
        )
    });
    prop::collection::vec(node, 1..7)
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        1 => Just(Kind::Task),
        2 => Just(Kind::Agent),
        1 => Just(Kind::Plan),
        2 => Just(Kind::Tool),
        1 => Just(Kind::Act),
        1 => Just(Kind::Retry),
        1 => Just(Kind::Custom),
    ]
}

fn call(disturbance: BoxedStrategy<Disturbance>, read: BoxedStrategy<Read>) -> impl Strategy<Value = Call> {
    let operation = prop::sample::select(Operation::TURNS.to_vec());
    // The input stays below the size where another context tier begins.
    // Every prompt and every answer has text, so input and output counts are at least 1.
    let tokens = [1..90_000_u64, 1..5_000, 0..50_000, 0..50_000];
    (operation, 0..MODELS.len(), tokens, disturbance, read)
        .prop_map(|(operation, model, tokens, disturbance, read)| Call { operation, model, tokens, disturbance, read })
}

fn disturbance() -> BoxedStrategy<Disturbance> {
    let fault = prop_oneof![
        Just(Fault::NoMetadata),
        (0..8_usize).prop_map(Fault::TruncateAfterFrames),
        (0..8_usize, 0..40_usize).prop_map(|(frame, bytes)| Fault::TruncateInFrame(frame, bytes)),
        (0..8_usize).prop_map(Fault::CorruptFrame),
        (0..8_usize).prop_map(|frame| Fault::ExceptionAt(frame, ErrorKind::Throttling)),
        (0..8_usize).prop_map(|frame| Fault::ExceptionAt(frame, ErrorKind::ModelStreamError)),
        (0..8_usize).prop_map(Fault::ErrorFrameAt),
        (0..8_usize).prop_map(Fault::ResetAt),
    ];
    prop_oneof![
        6 => Just(Disturbance::None),
        2 => Just(Disturbance::Slow),
        1 => Just(Disturbance::Throttled),
        1 => Just(Disturbance::Lost),
        1 => Just(Disturbance::Refused),
        4 => fault.prop_map(Disturbance::Broken),
    ]
    .boxed()
}

fn read() -> BoxedStrategy<Read> {
    prop_oneof![3 => Just(Read::All), 2 => (0..8_u8).prop_map(Read::Some), 1 => Just(Read::Keep)].boxed()
}
