//! The HTTP attempts of a call: their costs and their spans.

mod attempt_spans;
mod cancelled;
mod lost;
mod retried_streams;

use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::Builder;
use aws_sdk_bedrockruntime::config::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use bedrock_sim::{Message, Reply, Tokens};
use outlay::bedrock::Metered as _;
use outlay_tests::{Harness, Span, Spans, client_config};

/// The cost of [`answer`] on Haiku, in pico-dollars.
const ANSWER_COST: i64 = 1_000 * 1_100_000 + 200 * 5_500_000;

/// A short timeout for tests.
const SHORT: Duration = Duration::from_millis(150);

fn answer() -> Message {
    Reply::message().text("ok").usage(Tokens::new(1_000, 200))
}

/// Returns a metered client with the settings that `set` makes.
fn client(h: &Harness, set: impl FnOnce(Builder) -> Builder) -> Client {
    Client::from_conf(set(client_config(&h.sim.url())).build()).metered(&h.outlay)
}

fn timeouts(set: impl FnOnce(&mut TimeoutConfigBuilder)) -> TimeoutConfig {
    let mut builder = TimeoutConfig::builder();
    set(&mut builder);
    builder.build()
}

/// Returns the attempts in order. Asserts that each is a child of its call and has no `gen_ai.*` attributes and no cost.
fn attempts<'a>(spans: &'a Spans, call: &Span) -> Vec<&'a Span> {
    let mut attempts = spans.named("attempt");
    attempts.sort_by_key(|span| span.int("outlay.attempt.number"));
    for (index, attempt) in attempts.iter().enumerate() {
        assert_eq!(attempt.int("outlay.attempt.number"), Some(index as i64 + 1));
        assert_eq!(spans.parent(attempt).expect("an attempt has a parent").id(), call.id());
        assert!(attempt.data().attributes.iter().all(|a| !a.key.as_str().starts_with("gen_ai.")));
        assert!(!attempt.has("outlay.cost.picousd") && !attempt.has("outlay.cost.usd"));
        assert!(attempt.data().start_time >= call.data().start_time);
        assert!(attempt.data().end_time <= call.data().end_time);
        assert!(attempt.data().start_time <= attempt.data().end_time);
    }
    attempts
}
