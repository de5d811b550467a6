//! Measures what metering adds to a stream of 10,000 events.
//!
//! `cargo bench -p outlay-benches --bench stream`
#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark prints its results")]

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message};
use bedrock_sim::{Operation, Reply, Tokens};
use outlay::Outlay;
use outlay::bedrock::Metered as _;
use outlay_benches::{Chunks, Sink, client, median, paired, replay, rounds};

const MODEL: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const PAIRS: usize = 30;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let events = rounds(10_000);
    let text = "word ".repeat(events);
    let reply = Reply::from(Reply::message().text(&text).deltas(5).usage(Tokens::new(1_000, events as u64)));
    let sink = Sink::default();
    let (traces, metrics) = (sink.tracer_provider(), sink.meter_provider());
    let outlay = Outlay::builder().tracer_provider(&traces).meter_provider(&metrics).build();
    for size in [180, 16 * 1024] {
        let bare = client(replay(&reply, Operation::ConverseStream, MODEL, Chunks::Of(size)));
        let metered = bare.clone().metered(&outlay);
        let times = paired(
            PAIRS,
            || assert!(runtime.block_on(read(&metered)) > events),
            || assert!(runtime.block_on(read(&bare)) > events),
        );
        let overhead = (times.median_of(|metered, bare| metered / bare) - 1.0) * 100.0;
        let each = median(times.b.clone()) / events as f64 * 1e9;
        println!(
            "{events} events in chunks of {size:5} B: bare {each:6.0} ns each, metered {overhead:+5.2} % (bar: 5 %)"
        );
    }
}

/// Reads a stream. Returns the number of events.
async fn read(client: &Client) -> usize {
    let message = Message::builder()
        .role(ConversationRole::User)
        .content(ContentBlock::Text("hello".to_owned()))
        .build()
        .expect("role and content are set");
    let output = client.converse_stream().model_id(MODEL).messages(message).send().await;
    let mut stream = output.expect("the replay answers").stream;
    let mut events = 0;
    while stream.recv().await.expect("the stream is well-formed").is_some() {
        events += 1;
    }
    events
}
