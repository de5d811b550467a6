//! Random trees of scopes, charges and calls.

use bedrock_sim::{ErrorKind, Fault, Operation};
use outlay_tests::{HAIKU, SONNET};
use proptest::prelude::*;

/// A model, and its prices in pico-dollars per token: input, output, cache read, cache write. None where it has none.
pub(super) const MODELS: [(&str, Option<[i128; 4]>); 4] = [
    (HAIKU, Some([1_100_000, 5_500_000, 110_000, 1_375_000])),
    (SONNET, Some([3_300_000, 16_500_000, 330_000, 4_125_000])),
    ("us.amazon.nova-lite-v1:0", Some([60_000, 240_000, 15_000, 0])),
    ("nobody.knows-v1:0", None),
];

/// Something that happens in a task.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Call(Call),
    /// An external charge, in millionths of a dollar.
    Charge(u32),
    /// The scope that it happens in is marked as failed.
    Fail,
    Scope(Scope),
}

#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) kind: Kind,
    pub(super) how: How,
    /// Its future returns an error.
    pub(super) fails: bool,
    /// It is dropped at this poll.
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
    Own,
}

/// How a scope runs what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    OneByOne,
    Together,
    /// In tokio tasks that it waits for.
    Spawned,
    /// In tokio tasks that it does not wait for.
    Forgotten,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) model: usize,
    /// Input, output, cache reads, cache writes.
    pub(super) tokens: [u64; 4],
    pub(super) trouble: Trouble,
    pub(super) read: Read,
}

/// What happens before, or to, the answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
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
    /// It drops it after so many events.
    Some(u8),
    /// It keeps it past the end of its scope and of the task.
    Keep,
}

/// Trees in which all can go wrong.
pub(super) fn wild_tree() -> impl Strategy<Value = Vec<Node>> {
    let leaf = prop_oneof![
        8 => call(trouble(), read()).prop_map(Node::Call),
        2 => (0..50_000_u32).prop_map(Node::Charge),
        1 => Just(Node::Fail),
    ];
    let how = prop_oneof![Just(How::OneByOne), Just(How::Together), Just(How::Spawned), Just(How::Forgotten)];
    let cancelled = prop_oneof![4 => Just(None), 1 => (0..12_u8).prop_map(Some)];
    tree(leaf.boxed(), how.boxed(), cancelled.boxed())
}

/// Trees in which each call is answered whole.
pub(super) fn clean_tree() -> impl Strategy<Value = Vec<Node>> {
    let leaf = prop_oneof![
        8 => call(Just(Trouble::None).boxed(), Just(Read::All).boxed()).prop_map(Node::Call),
        2 => (0..50_000_u32).prop_map(Node::Charge),
        1 => Just(Node::Fail),
    ];
    let how = prop_oneof![Just(How::OneByOne), Just(How::Together), Just(How::Spawned)];
    tree(leaf.boxed(), how.boxed(), Just(None).boxed())
}

fn tree(
    leaf: BoxedStrategy<Node>,
    how: BoxedStrategy<How>,
    cancelled: BoxedStrategy<Option<u8>>,
) -> impl Strategy<Value = Vec<Node>> {
    let node = leaf.prop_recursive(5, 40, 5, move |inner| {
        let children = prop::collection::vec(inner, 0..6);
        let fails = prop::bool::weighted(0.15);
        (kind(), how.clone(), fails, cancelled.clone(), children).prop_map(
            |(kind, how, fails, cancelled_at, children)| {
                Node::Scope(Scope { kind, how, fails, cancelled_at, children })
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
        1 => Just(Kind::Own),
    ]
}

fn call(trouble: BoxedStrategy<Trouble>, read: BoxedStrategy<Read>) -> impl Strategy<Value = Call> {
    let operation = prop::sample::select(Operation::TURNS.to_vec());
    // Below the size where another context tier begins.
    // Every prompt and every answer here has text, of which no count is 0.
    let tokens = [1..90_000_u64, 1..5_000, 0..50_000, 0..50_000];
    (operation, 0..MODELS.len(), tokens, trouble, read).prop_map(|(operation, model, tokens, trouble, read)| Call {
        operation,
        model,
        tokens,
        trouble,
        read,
    })
}

fn trouble() -> BoxedStrategy<Trouble> {
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
        6 => Just(Trouble::None),
        2 => Just(Trouble::Slow),
        1 => Just(Trouble::Throttled),
        1 => Just(Trouble::Lost),
        1 => Just(Trouble::Refused),
        4 => fault.prop_map(Trouble::Broken),
    ]
    .boxed()
}

fn read() -> BoxedStrategy<Read> {
    prop_oneof![3 => Just(Read::All), 2 => (0..8_u8).prop_map(Read::Some), 1 => Just(Read::Keep)].boxed()
}
