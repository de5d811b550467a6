use std::time::{Duration, Instant};

use outlay_bedrock_sim::{BedrockSim, Ending, Operation, Reply, Tokens, render};

use crate::client::{HAIKU, ask, decode, native};

fn turn() -> outlay_bedrock_sim::Message {
    Reply::message().text("Grüße, 世界: a text of some length").usage(Tokens::new(3, 5)).deltas(3)
}

#[test]
fn each_rendered_frame_is_one_message() {
    for operation in [Operation::ConverseStream, Operation::InvokeModelWithResponseStream] {
        let rendered = render(&turn().into(), operation, HAIKU);
        assert_eq!(rendered.ending, Ending::Complete);
        for frame in rendered.frames {
            let (messages, error) = decode([frame]);
            assert_eq!((messages.len(), error.is_none()), (1, true));
        }
    }
}

#[tokio::test]
async fn frames_decode_at_any_split() {
    let bedrock = BedrockSim::start().await.unwrap();
    for operation in [Operation::ConverseStream, Operation::InvokeModelWithResponseStream] {
        let rendered = render(&turn().into(), operation, HAIKU);
        let (expected, _) = decode(rendered.frames.clone());
        for split in (1..=40).chain([97, 1_000, 100_000]) {
            bedrock.push(turn().split(split));
            let answer = ask(&bedrock, operation).await;
            let (last, others) = answer.pieces.split_last().unwrap();
            assert!(others.iter().all(|piece| piece.len() == split) && last.len() <= split);
            assert_eq!(answer.body(), rendered.body());
            let (messages, error) = decode(answer.pieces);
            assert!(error.is_none());
            assert_eq!(messages, expected);
        }
    }
}

#[tokio::test]
async fn without_a_split_each_piece_is_a_frame() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(turn());
    let answer = ask(&bedrock, Operation::ConverseStream).await;
    assert_eq!(answer.pieces, render(&turn().into(), Operation::ConverseStream, HAIKU).frames);
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
}

#[tokio::test]
async fn delays_apply_to_head_first_byte_and_frames() {
    let bedrock = BedrockSim::start().await.unwrap();
    let pause = Duration::from_millis(40);
    for (reply, least) in [
        (turn().delay(pause), pause),
        (turn().first_byte_delay(pause), pause),
        (Reply::message().text("abc").deltas(1).pace(pause), pause * 6),
    ] {
        bedrock.push(reply);
        let start = Instant::now();
        let answer = ask(&bedrock, Operation::ConverseStream).await;
        assert!(start.elapsed() >= least, "{:?} for {least:?}", start.elapsed());
        assert!(answer.end.is_ok());
    }
}

#[tokio::test]
async fn a_stream_of_ten_thousand_events_is_complete() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::message().text("y".repeat(10_000)).deltas(1));
    let messages = ask(&bedrock, Operation::InvokeModelWithResponseStream).await.messages();
    // The deltas and message_start, content_block_start, content_block_stop, message_delta and message_stop.
    assert_eq!(messages.len(), 10_005);
    assert_eq!(native(&messages[5_000])["delta"]["text"], "y");
}
