//! Reads what each frame of a stream says of the call's cost.

use std::sync::Arc;

use aws_smithy_types::body::Error;
use http_body::Frame as BodyFrame;
use memchr::memmem;

use super::chunk_decoder::ChunkDecoder;
use super::frames::{Frame, FrameReader};
use crate::call::Call;
use crate::input::Kind;
use crate::sent_events::SentEvents;
use crate::stream_result::{Ended, StreamResult};
use crate::usage::{EventBytes, TEXTS, Traffic, read_converse, read_native, read_speech};

/// Reads the events of a stream. Reports to the call once, when the stream ends.
#[derive(Debug)]
pub(crate) struct EventReader {
    call: Arc<Call>,
    attempt: usize,
    frames: FrameReader,
    state: ReaderState,
    reported: bool,
}

#[derive(Debug)]
struct ReaderState {
    kind: Kind,
    is_guarded: bool,
    /// The number of answers that were asked for.
    answers: u64,
    result: StreamResult,
    text: TextFinder,
    decoder: ChunkDecoder,
    /// What the application sends in a speech session, and the traffic as of the last usage event.
    sent_events: SentEvents,
    counted: Traffic,
    received: EventBytes,
}

impl EventReader {
    pub(crate) fn new(call: Arc<Call>) -> Self {
        let state = ReaderState {
            kind: call.kind(),
            is_guarded: call.is_guarded(),
            answers: call.answers(),
            result: StreamResult::default(),
            text: TextFinder::new(call.kind()),
            decoder: ChunkDecoder::default(),
            sent_events: call.sent_events(),
            counted: Traffic::default(),
            received: EventBytes::default(),
        };
        Self { attempt: call.attempts(), call, frames: FrameReader::default(), state, reported: false }
    }

    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    /// Reads the next frame of the body. `None` is its end.
    pub(super) fn read_frame(&mut self, frame: Option<&Result<BodyFrame<bytes::Bytes>, Error>>) {
        match frame {
            Some(Ok(frame)) => {
                if let Some(bytes) = frame.data_ref() {
                    self.read_bytes(bytes);
                }
            }
            Some(Err(_)) => self.report_end(Ended::Broken),
            None => self.report_end(Ended::Whole),
        }
    }

    fn read_bytes(&mut self, bytes: &[u8]) {
        if self.state.result.first_chunk.is_none() {
            self.state.result.first_chunk = Some(self.call.engine().now());
        }
        let Self { frames, state, .. } = self;
        frames.push(bytes, |frame| state.read_frame(&frame));
    }

    /// Returns whether the rest of the stream cannot change the figure.
    pub(crate) fn is_final(&self) -> bool {
        // A guardrail's trace comes after the counts.
        let result = &self.state.result;
        let is_counted = !self.state.is_guarded && result.is_counted() && !result.has_uncounted_text;
        self.reported || is_counted || self.state.result.error.is_some() || self.frames.is_corrupt()
    }

    /// Reports the end of the stream. Only the first call counts: a body's end may be polled more than once.
    pub(crate) fn report_end(&mut self, how: Ended) {
        if std::mem::replace(&mut self.reported, true) {
            return;
        }
        let mut result = std::mem::take(&mut self.state.result);
        result.ended = how;
        result.uncounted = self.state.uncounted();
        if self.frames.is_corrupt() || (how == Ended::Whole && self.frames.is_cut()) {
            result.ended = Ended::Corrupt;
            result.error.get_or_insert_with(|| "corrupt_stream".to_owned());
        } else if how == Ended::Broken {
            result.error.get_or_insert_with(|| "connection_error".to_owned());
        }
        self.call.stream_ended(self.attempt, result);
    }
}

impl ReaderState {
    fn read_frame(&mut self, frame: &Frame<'_>) {
        let found = frame.frame_type();
        match found.message {
            Some(b"event") | None => self.read_event(found.event.unwrap_or_default(), frame.payload),
            Some(b"exception") => self.read_error(found.exception),
            Some(_) => self.read_error(found.error),
        }
    }

    fn read_error(&mut self, name: Option<&[u8]>) {
        self.result.refused |= self.result.events == 0 && self.result.error.is_none();
        let name = name.map_or("stream_error".into(), String::from_utf8_lossy);
        self.result.error.get_or_insert_with(|| name.chars().take(64).collect());
    }

    fn read_event(&mut self, event: &[u8], payload: &[u8]) {
        // It only announces the stream.
        if event == b"initial-response" {
            return;
        }
        self.result.events += 1;
        match (self.kind, event) {
            (Kind::InvokeStream, b"chunk") => self.read_chunk(payload),
            (Kind::Speech, b"chunk") => self.read_speech_event(payload),
            (Kind::InvokeStream | Kind::Speech, _) => {}
            (_, b"contentBlockDelta" | b"contentBlockStart") => self.text.add(payload, &mut self.result),
            (_, b"messageStart" | b"messageStop") => {
                let answer = read_converse(payload);
                self.result.stopped |= event == b"messageStop";
                self.result.stop_reason = answer.stop_reason.or(self.result.stop_reason.take());
                // Bedrock names no model here, but gateways do.
                self.result.native.named_model = answer.named_model.or(self.result.native.named_model.take());
            }
            (_, b"metadata") => {
                let answer = read_converse(payload);
                self.result.has_uncounted_text &= answer.usage.is_empty();
                self.result.converse.get_or_insert_default().merge(answer);
            }
            _ => {}
        }
    }

    fn read_chunk(&mut self, payload: &[u8]) {
        let Some(json) = self.decoder.decode(payload) else { return };
        self.text.add(json, &mut self.result);
        if !may_have_usage(json) {
            return;
        }
        let answer = read_native(json);
        self.result.stopped |= answer.stopped;
        self.result.has_uncounted_text &= answer.metrics.is_empty() && answer.usage().is_empty();
        if let Some(error) = &answer.error {
            self.result.error.get_or_insert_with(|| error.chars().take(64).collect());
        }
        self.result.stop_reason = answer.stop_reason.clone().or(self.result.stop_reason.take());
        self.result.native.merge(answer);
        // Each requested answer has to end.
        self.result.stopped |= u64::from(self.result.native.ended_choices.count_ones()) >= self.answers.min(64);
    }

    fn read_speech_event(&mut self, payload: &[u8]) {
        let Some(json) = self.decoder.decode(payload) else { return };
        match memmem::find(json, b"\"usageEvent\"").and_then(|_| read_speech(json)) {
            Some(usage) => {
                self.result.speech = Some(self.result.speech.take().unwrap_or_default().latest(usage));
                self.counted = Traffic { sent: self.sent_events.so_far(), received: self.received };
            }
            None => self.received = self.received.and(EventBytes::of_event(json)),
        }
    }

    /// Returns the traffic of a speech session since its last usage event.
    fn uncounted(&self) -> Traffic {
        let Traffic { sent, received } = self.counted;
        Traffic { sent: self.sent_events.so_far().since(sent), received: self.received.since(received) }
    }
}

/// The members with the output of Converse's deltas.
const CONVERSE_TEXTS: [&str; 2] = ["text", "input"];

/// Finds the output in a delta's JSON. It is built once for a stream, because building a search costs as much as
/// searching one event.
#[derive(Debug)]
struct TextFinder {
    members: Vec<memmem::Finder<'static>>,
    deltas: u64,
}

/// The number of deltas that are all measured. After them, one in [`SAMPLE`] is measured and represents the others,
/// because the text is only needed for an estimate.
const MEASURED: u64 = 64;
const SAMPLE: u64 = 8;

impl TextFinder {
    fn new(kind: Kind) -> Self {
        let names = if matches!(kind, Kind::InvokeStream | Kind::Speech) { &TEXTS[..] } else { &CONVERSE_TEXTS };
        let finder = |name: &&str| memmem::Finder::new(&format!("\"{name}\"")).into_owned();
        Self { members: names.iter().map(finder).collect(), deltas: 0 }
    }

    /// Adds the output of the next delta.
    fn add(&mut self, json: &[u8], result: &mut StreamResult) {
        if !result.has_bedrock_counts() && !result.is_counted() {
            result.text_bytes += self.sample(json);
        } else if memmem::find(json, b"\"amazon-bedrock-").is_none() {
            // A guardrail's trace may come here. It repeats the text.
            let bytes = self.output_bytes(json);
            result.text_bytes += bytes;
            result.has_uncounted_text |= bytes > 0;
        }
    }

    /// Returns the bytes of output to count for the next delta.
    fn sample(&mut self, json: &[u8]) -> u64 {
        let delta = self.deltas;
        self.deltas += 1;
        match delta {
            0..MEASURED => self.output_bytes(json),
            _ if delta.is_multiple_of(SAMPLE) => self.output_bytes(json) * SAMPLE,
            _ => 0,
        }
    }

    /// Returns the bytes of output in a delta, as encoded in its JSON: those of the first member that has any.
    fn output_bytes(&self, json: &[u8]) -> u64 {
        let texts = |member: &memmem::Finder<'static>| {
            let after = member.find_iter(json).filter_map(|at| json.get(at + member.needle().len()..));
            after.filter_map(string_after_colon).map(string_bytes).find(|bytes| *bytes > 0)
        };
        self.members.iter().find_map(texts).unwrap_or(0)
    }
}

/// Returns the text after the opening quote of a member's value, if the value is a string. It may follow whitespace.
fn string_after_colon(json: &[u8]) -> Option<&[u8]> {
    json.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")
}

/// Returns the length of a JSON string after its opening quote.
fn string_bytes(json: &[u8]) -> u64 {
    let mut rest = json;
    let mut bytes = 0;
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        bytes += at as u64;
        if rest[at] == b'"' {
            return bytes;
        }
        // An escape sequence stands for one character.
        bytes += 1;
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    bytes + rest.len() as u64
}

/// Returns whether a chunk may contain a count or a stop. Most contain neither and need not be parsed as JSON.
fn may_have_usage(json: &[u8]) -> bool {
    // Parts of `usage`, `..._token_count`, `...TokenCount`, `stop_reason`, `stopReason`, `message_stop`,
    // `finish_reason`, `completionReason`, `amazon-bedrock-guardrailAction`, `status`, and Anthropic's
    // `"type":"error"`.
    let marks = [&b"sage"[..], b"oken", b"top", b"eason", b"rail", b"tatus", b"\"error\""];
    marks.iter().any(|mark| memmem::find(json, mark).is_some())
}
