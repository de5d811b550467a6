use http::StatusCode;
use outlay_bedrock_sim::{BedrockSim, ErrorKind, Operation, Reply};

use crate::client::{Client, HAIKU, ask};

#[tokio::test]
async fn errors_match_the_service_model() {
    let bedrock = BedrockSim::start().await.unwrap();
    for (kind, name, status) in [
        (ErrorKind::AccessDenied, "AccessDeniedException", 403),
        (ErrorKind::Conflict, "ConflictException", 400),
        (ErrorKind::InternalServer, "InternalServerException", 500),
        (ErrorKind::ModelError, "ModelErrorException", 424),
        (ErrorKind::ModelNotReady, "ModelNotReadyException", 429),
        (ErrorKind::ModelStreamError, "ModelStreamErrorException", 424),
        (ErrorKind::ModelTimeout, "ModelTimeoutException", 408),
        (ErrorKind::ResourceNotFound, "ResourceNotFoundException", 404),
        (ErrorKind::ServiceQuotaExceeded, "ServiceQuotaExceededException", 400),
        (ErrorKind::ServiceUnavailable, "ServiceUnavailableException", 503),
        (ErrorKind::Throttling, "ThrottlingException", 429),
        (ErrorKind::Validation, "ValidationException", 400),
    ] {
        for operation in Operation::TURNS {
            bedrock.push(Reply::error_saying(kind, "no"));
            let answer = ask(&bedrock, operation).await;
            assert_eq!(answer.status, status, "{name}");
            let error_type = answer.header("x-amzn-errortype").unwrap();
            assert_eq!(error_type.split(':').next(), Some(name));
            assert_eq!(answer.json()["message"], "no");
            assert!(answer.header("x-amzn-requestid").is_some());
        }
    }
}

#[tokio::test]
async fn a_bare_status_has_no_error_shape() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::status(StatusCode::BAD_GATEWAY).header("retry-after", "1"));
    let answer = ask(&bedrock, Operation::Converse).await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.header("x-amzn-errortype"), None);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
}

#[tokio::test]
async fn an_unknown_path_is_rejected_and_takes_no_reply() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::throttled());
    let answer = Client::connect(&bedrock).await.post(&format!("/model/{HAIKU}/sing"), "{}").await.unwrap();
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("x-amzn-errortype"), Some("UnknownOperationException"));
    assert_eq!(bedrock.pending(), 1);
    assert!(bedrock.requests().is_empty());
}
