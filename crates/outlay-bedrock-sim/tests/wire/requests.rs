use outlay_bedrock_sim::{BedrockSim, Operation, Reply};

use crate::client::{Client, HAIKU};

#[tokio::test]
async fn requests_are_recorded() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut client = Client::connect(&bedrock).await;
    let path = "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fa1/converse";
    client.post(path, "{\"a\": 1}").await.unwrap();

    let requests = bedrock.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request.operation, Operation::Converse);
    assert_eq!(request.model_id, "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1");
    assert_eq!(request.headers["host"], "localhost");
    assert_eq!(&request.body[..], b"{\"a\": 1}");
    assert_eq!(request.json()["a"], 1);
    assert_eq!((request.connection, request.order), (0, 0));
}

#[tokio::test]
async fn recorded_requests_have_connection_order_and_request_id() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut first = Client::connect(&bedrock).await;
    let mut second = Client::connect(&bedrock).await;
    let mut ids = Vec::new();
    for client in [&mut first, &mut second] {
        for operation in [Operation::Converse, Operation::ConverseStream] {
            let answer = client.ask(operation, HAIKU).await;
            ids.push(answer.header("x-amzn-requestid").unwrap().to_owned());
        }
    }
    let requests = bedrock.requests();
    assert_eq!(requests.iter().map(|request| request.order).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(requests.iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0, 1, 1]);
    assert_eq!(requests.iter().map(|request| request.request_id.clone()).collect::<Vec<_>>(), ids);
    assert!(requests.windows(2).all(|pair| pair[0].received <= pair[1].received));
}

#[tokio::test]
async fn a_script_can_set_the_request_id() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::message().header("x-amzn-RequestId", "mine"));
    let answer = Client::connect(&bedrock).await.ask(Operation::Converse, HAIKU).await;
    assert_eq!(answer.header("x-amzn-requestid"), Some("mine"));
}

#[tokio::test]
async fn wait_for_returns_when_the_requests_arrive() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut client = Client::connect(&bedrock).await;
    let asking = async {
        client.ask(Operation::Converse, HAIKU).await;
        client.ask(Operation::Converse, HAIKU).await;
    };
    let (requests, ()) = tokio::join!(bedrock.wait_for(2), asking);
    assert_eq!(requests.unwrap().len(), 2);
}

#[tokio::test]
async fn wait_for_counts_requests_that_were_taken() {
    let bedrock = BedrockSim::start().await.unwrap();
    let mut client = Client::connect(&bedrock).await;
    client.ask(Operation::Converse, HAIKU).await;
    assert_eq!(bedrock.take_requests().len(), 1);
    assert!(bedrock.wait_for(1).await.unwrap().is_empty());
    client.ask(Operation::Converse, HAIKU).await;
    assert_eq!(bedrock.requests()[0].order, 1);
}

#[tokio::test(start_paused = true)]
async fn wait_for_times_out() {
    let bedrock = BedrockSim::start().await.unwrap();
    let error = bedrock.wait_for(1).await.unwrap_err();
    assert_eq!(error.to_string(), "expected 1 requests, received 0 within ten seconds");
}
