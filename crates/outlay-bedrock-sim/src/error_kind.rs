use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// A modeled error of Bedrock Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// `AccessDeniedException`, 403.
    AccessDenied,
    /// `ConflictException`, 400.
    Conflict,
    /// `InternalServerException`, 500.
    InternalServer,
    /// `ModelErrorException`, 424.
    ModelError,
    /// `ModelNotReadyException`, 429.
    ModelNotReady,
    /// `ModelStreamErrorException`, 424.
    ModelStreamError,
    /// `ModelTimeoutException`, 408.
    ModelTimeout,
    /// `ResourceNotFoundException`, 404.
    ResourceNotFound,
    /// `ServiceQuotaExceededException`, 400.
    ServiceQuotaExceeded,
    /// `ServiceUnavailableException`, 503.
    ServiceUnavailable,
    /// `ThrottlingException`, 429.
    Throttling,
    /// `ValidationException`, 400.
    Validation,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::AccessDenied,
        Self::Conflict,
        Self::InternalServer,
        Self::ModelError,
        Self::ModelNotReady,
        Self::ModelStreamError,
        Self::ModelTimeout,
        Self::ResourceNotFound,
        Self::ServiceQuotaExceeded,
        Self::ServiceUnavailable,
        Self::Throttling,
        Self::Validation,
    ];

    /// Returns the name of the shape, such as `ThrottlingException`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::Conflict => "ConflictException",
            Self::InternalServer => "InternalServerException",
            Self::ModelError => "ModelErrorException",
            Self::ModelNotReady => "ModelNotReadyException",
            Self::ModelStreamError => "ModelStreamErrorException",
            Self::ModelTimeout => "ModelTimeoutException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::ServiceQuotaExceeded => "ServiceQuotaExceededException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
            Self::Throttling => "ThrottlingException",
            Self::Validation => "ValidationException",
        }
    }

    /// Returns the HTTP status of the error in the service model.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::AccessDenied => StatusCode::FORBIDDEN,
            Self::Conflict | Self::ServiceQuotaExceeded | Self::Validation => StatusCode::BAD_REQUEST,
            Self::InternalServer => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ModelError | Self::ModelStreamError => StatusCode::FAILED_DEPENDENCY,
            Self::ModelNotReady | Self::Throttling => StatusCode::TOO_MANY_REQUESTS,
            Self::ModelTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::ResourceNotFound => StatusCode::NOT_FOUND,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the name of the exception in an event stream, such as `throttlingException`.
    pub(crate) fn event_name(self) -> String {
        let name = self.name();
        name[..1].to_ascii_lowercase() + &name[1..]
    }

    pub(crate) fn default_message(self) -> &'static str {
        match self {
            Self::AccessDenied => "You don't have access to the model with the specified model ID.",
            Self::Conflict => "Error occurred because of a conflict while performing an operation.",
            Self::InternalServer => {
                "The system encountered an unexpected error during processing. Try your request again."
            }
            Self::ModelError => "The request failed due to an error while processing the model.",
            Self::ModelNotReady => "The model specified in the request is not ready to serve inference requests.",
            Self::ModelStreamError => "An error occurred while streaming the response.",
            Self::ModelTimeout => {
                "The request took too long to process. Processing time exceeded the model timeout length."
            }
            Self::ResourceNotFound => "Could not resolve the foundation model from the provided model identifier.",
            Self::ServiceQuotaExceeded => "Your request exceeds the service quota for your account.",
            Self::ServiceUnavailable => "The service isn't currently available. Try again later.",
            Self::Throttling => "Too many requests, please wait before trying again.",
            Self::Validation => "The provided request is not valid.",
        }
    }

    /// Returns the JSON body. An error response and an exception in a stream have the same body.
    pub(crate) fn body(self, message: Option<&str>) -> Value {
        let mut body = json!({"message": message.unwrap_or(self.default_message())});
        match self {
            Self::ModelError => body["originalStatusCode"] = json!(500),
            Self::ModelStreamError => {
                body["originalStatusCode"] = json!(500);
                body["originalMessage"] = json!("the model stopped");
            }
            _ => {}
        }
        body
    }
}
