use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use proptest::prelude::*;

use super::*;

fn encode(event: &str, payload: &[u8]) -> Vec<u8> {
    let message = Message::new(payload.to_vec())
        .add_header(Header::new(":date", HeaderValue::Int64(7)))
        .add_header(Header::new(":event-type", HeaderValue::String(event.to_owned().into())))
        .add_header(Header::new(":flag", HeaderValue::Bool(true)));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}

fn read(reader: &mut FrameReader, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut frames = Vec::new();
    reader.push(bytes, |frame| {
        let event = frame.frame_type().event.unwrap_or_default();
        frames.push((String::from_utf8_lossy(event).into_owned(), frame.payload.to_vec()));
    });
    frames
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_how_bytes_are_split(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
        cuts in prop::collection::vec(1_usize..80, 1..40),
    ) {
        let bytes: Vec<u8> = payloads.iter().flat_map(|p| encode("contentBlockDelta", p)).collect();
        let mut reader = FrameReader::default();
        let mut frames = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            frames.extend(read(&mut reader, piece));
            rest = after;
            if rest.is_empty() { break; }
        }
        prop_assert!(!reader.is_corrupt() && !reader.is_cut());
        let expected: Vec<_> = payloads.into_iter().map(|p| ("contentBlockDelta".to_owned(), p)).collect();
        prop_assert_eq!(frames, expected);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000), cut in 1_usize..64) {
        let mut reader = FrameReader::default();
        for piece in bytes.chunks(cut) {
            read(&mut reader, piece);
        }
    }

    #[test]
    fn nothing_is_read_after_a_flipped_bit(at in 0_usize..60, bit in 0_u8..8) {
        let mut bytes = encode("metadata", b"{\"usage\":{}}");
        prop_assume!(at < bytes.len());
        bytes[at] ^= 1 << bit;
        bytes.extend(encode("metadata", b"{}"));
        let mut reader = FrameReader::default();
        let frames = read(&mut reader, &bytes);
        prop_assert!(frames.is_empty());
        // A changed length within the limit would wait for bytes that never come, but the prelude's CRC already
        // differs.
        prop_assert!(reader.is_corrupt());
    }
}

#[test]
fn an_oversized_frame_is_corrupt_at_once() {
    let mut prelude = Vec::new();
    prelude.extend(u32::MAX.to_be_bytes());
    prelude.extend(0_u32.to_be_bytes());
    prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
    let mut reader = FrameReader::default();
    assert!(read(&mut reader, &prelude).is_empty());
    assert!(reader.is_corrupt());
}

#[test]
fn half_a_frame_is_cut() {
    let bytes = encode("metadata", b"{}");
    let mut reader = FrameReader::default();
    assert!(read(&mut reader, &bytes[..20]).is_empty());
    assert!(reader.is_cut() && !reader.is_corrupt());
}

#[test]
fn reading_allocates_nothing_per_event_once_the_buffer_has_grown() {
    let bytes: Vec<u8> = (0..1_000).flat_map(|i| encode("contentBlockDelta", format!("{i:0100}").as_bytes())).collect();
    for size in [7, 180, 16 * 1024] {
        let mut reader = FrameReader::default();
        let mut frames = 0;
        let mut read = |bytes: &[u8]| {
            for piece in bytes.chunks(size) {
                reader.push(piece, |frame| frames += usize::from(frame.frame_type().event.is_some()));
            }
        };
        read(&bytes);
        let used = allocation_counter::measure(|| read(&bytes));
        assert_eq!((used.count_total, frames), (0, 2_000), "in pieces of {size} bytes");
    }
}
