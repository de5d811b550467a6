use std::net::SocketAddr;
use std::time::Duration;

use outlay_bedrock_sim::{BedrockSim, Operation, Reply, StartError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::{Client, HAIKU};

const TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn addresses_outside_loopback_are_rejected() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let address: SocketAddr = address.parse().unwrap();
        let error = BedrockSim::start_on(address).await.unwrap_err();
        assert!(matches!(error, StartError::NotLoopback { .. }), "{error}");
    }
    assert!(BedrockSim::start().await.unwrap().address().ip().is_loopback());
}

#[tokio::test]
async fn an_address_in_use_is_an_error() {
    let bedrock = BedrockSim::start().await.unwrap();
    let error = BedrockSim::start_on(bedrock.address()).await.unwrap_err();
    assert!(matches!(error, StartError::Bind { .. }), "{error}");
}

#[tokio::test]
async fn dropping_the_simulator_stops_it() {
    let bedrock = BedrockSim::start().await.unwrap();
    let address = bedrock.address();
    bedrock.push(Reply::hang());
    let mut open = Client::connect(&bedrock).await;
    let asking = tokio::spawn(async move { open.try_to_ask(Operation::Converse, HAIKU).await.is_err() });
    bedrock.wait_for(1).await.unwrap();

    drop(bedrock);
    assert!(timeout(TIMEOUT, asking).await.unwrap().unwrap(), "an open request should end");
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TIMEOUT, refused).await.unwrap();
}

#[tokio::test]
async fn a_body_over_the_limit_is_rejected_unread() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut stream = TcpStream::connect(bedrock.address()).await.unwrap();
    let length = 64 * 1024 * 1024 + 1;
    let head = format!("POST /model/m/converse HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    timeout(TIMEOUT, stream.read_exact(&mut start)).await.unwrap().unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
    assert!(bedrock.requests().is_empty());
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_rejected() {
    let bedrock = BedrockSim::start().await.unwrap();
    let stream = TcpStream::connect(bedrock.address()).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let sending = tokio::spawn(async move {
        let head = b"POST /model/m/converse HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
        writing.write_all(head).await?;
        let chunk = [b"100000\r\n".as_slice(), &[b' '; 0x10_0000], b"\r\n"].concat();
        for _ in 0..65 {
            writing.write_all(&chunk).await?;
        }
        std::io::Result::Ok(writing)
    });
    let mut start = [0; 12];
    timeout(TIMEOUT, reading.read_exact(&mut start)).await.unwrap().unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
    sending.abort();
}
