use std::fmt;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// The codes whose message says what to do and contains only names. Other messages may quote headers of the request.
const CODES_WITH_SAFE_MESSAGE: [&str; 8] = [
    "AccessDenied",
    "IDPCommunicationError",
    "IDPRejectedClaim",
    "InvalidParameterValue",
    "MalformedPolicyDocument",
    "PackedPolicyTooLarge",
    "RegionDisabledException",
    "ValidationError",
];

/// The codes of a throttled request.
const THROTTLING: [&str; 3] = ["Throttling", "ThrottlingException", "RequestLimitExceeded"];

/// The text of a timeout.
const TIMEOUT: &str = "no answer in time";

/// The reason why STS gave no credentials or identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StsFailure {
    code: String,
    message: Option<String>,
    /// Whether a request for something else would fail too.
    is_outage: bool,
}

impl StsFailure {
    pub(crate) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(context) => {
                let (error, status) = (context.err(), context.raw().status());
                let code = error.code().unwrap_or("an error without a code").to_owned();
                let is_outage = status.is_server_error() || THROTTLING.contains(&&*code);
                Self { message: error.message().map(str::to_owned), code, is_outage }
            }
            SdkError::TimeoutError(_) => Self::timeout(),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::timeout(),
            SdkError::DispatchFailure(_) => Self::without_answer("no connection"),
            SdkError::ResponseError(_) => Self::without_answer("an unreadable answer"),
            // Such as unavailable credentials.
            _ => Self::without_answer("the request could not be made"),
        }
    }

    /// Returns the failure of a request that reached no STS, or got no readable answer.
    pub(crate) fn without_answer(what: &str) -> Self {
        Self { code: what.to_owned(), message: None, is_outage: true }
    }

    /// Returns the failure of a request that timed out.
    pub(crate) fn timeout() -> Self {
        Self::without_answer(TIMEOUT)
    }

    /// Returns whether STS timed out. Another wait may be in vain too.
    pub(crate) fn is_timeout(&self) -> bool {
        self.code == TIMEOUT
    }

    /// Returns whether a request for something else would fail too.
    pub(crate) const fn is_outage(&self) -> bool {
        self.is_outage
    }

    /// Returns whether the requested session is longer than the role or its chain allows.
    pub(crate) fn is_about_duration(&self) -> bool {
        self.code == "ValidationError" && self.message_contains("DurationSeconds exceeds")
    }

    /// Returns whether the request may succeed without tags.
    pub(crate) fn is_about_tags(&self) -> bool {
        match self.code.as_str() {
            "PackedPolicyTooLarge" | "PackedPolicyTooLargeException" => true,
            "AccessDenied" => self.message_contains("sts:TagSession"),
            "ValidationError" => self.message_contains("'tags"),
            // A duplicate tag, or a conflict with a transitive tag of the calling session.
            "InvalidParameterValue" => self.message_contains("tag key"),
            _ => false,
        }
    }

    fn message_contains(&self, what: &str) -> bool {
        self.message.as_ref().is_some_and(|message| message.contains(what))
    }
}

impl fmt::Display for StsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        match &self.message {
            Some(message) if CODES_WITH_SAFE_MESSAGE.contains(&&*self.code) => write!(f, ": {message}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str, message: &str) -> StsFailure {
        StsFailure { code: code.into(), message: Some(message.into()), is_outage: false }
    }

    #[test]
    fn an_error_that_may_quote_the_request_only_shows_its_code() {
        let quoting = failure("IncompleteSignature", "Authorization=AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/...");
        assert_eq!(quoting.to_string(), "IncompleteSignature");
        assert_eq!(failure("AccessDenied", "not for you").to_string(), "AccessDenied: not for you");
    }

    #[test]
    fn objections_to_tags_and_duration_are_recognized() {
        let tags = [
            failure("PackedPolicyTooLarge", "Packed size of session tags consumes 120% of allotted space."),
            failure(
                "AccessDenied",
                "User: arn:aws:iam::1:user/a is not authorized to perform: sts:TagSession on resource: r",
            ),
            failure(
                "InvalidParameterValue",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ),
            failure(
                "InvalidParameterValue",
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key \
                 from the calling session.",
            ),
            failure("ValidationError", "1 validation error detected: Value 'x' at 'tags.1.member.value' failed"),
        ];
        assert!(tags.iter().all(|failure| failure.is_about_tags() && !failure.is_about_duration()));
        let chained =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        assert!(failure("ValidationError", chained).is_about_duration());
        assert!(!failure("InvalidParameterValue", "the policy ARN is invalid").is_about_tags());
        let denied = failure("AccessDenied", "not authorized to perform: sts:AssumeRole on resource: r");
        assert!(!denied.is_about_tags() && !denied.is_about_duration() && !denied.is_outage());
        assert!(StsFailure::without_answer("no connection").is_outage());
    }
}
