use std::fmt;
use std::str::FromStr;

use http::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// An operation of Bedrock Runtime that the simulator answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub enum Operation {
    /// `POST /model/{modelId}/converse`
    Converse,
    /// `POST /model/{modelId}/converse-stream`
    ConverseStream,
    /// `POST /model/{modelId}/invoke`
    InvokeModel,
    /// `POST /model/{modelId}/invoke-with-response-stream`
    InvokeModelWithResponseStream,
    /// `POST /model/{modelId}/invoke-with-bidirectional-stream`
    InvokeModelWithBidirectionalStream,
    /// `POST /model/{modelId}/count-tokens`
    CountTokens,
    /// `POST /guardrail/{guardrailIdentifier}/version/{guardrailVersion}/apply`
    ApplyGuardrail,
    /// `POST /guardrail-checks/invoke`
    InvokeGuardrailChecks,
    /// `POST /async-invoke`
    StartAsyncInvoke,
    /// `GET /async-invoke/{invocationArn}`
    GetAsyncInvoke,
    /// `GET /async-invoke`
    ListAsyncInvokes,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 11] = [
        Self::Converse,
        Self::ConverseStream,
        Self::InvokeModel,
        Self::InvokeModelWithResponseStream,
        Self::InvokeModelWithBidirectionalStream,
        Self::CountTokens,
        Self::ApplyGuardrail,
        Self::InvokeGuardrailChecks,
        Self::StartAsyncInvoke,
        Self::GetAsyncInvoke,
        Self::ListAsyncInvokes,
    ];

    /// The operations that return an assistant turn.
    pub const TURNS: [Self; 4] =
        [Self::Converse, Self::ConverseStream, Self::InvokeModel, Self::InvokeModelWithResponseStream];

    /// Returns whether the reply is an event stream.
    #[must_use]
    pub fn is_stream(self) -> bool {
        matches!(
            self,
            Self::ConverseStream | Self::InvokeModelWithResponseStream | Self::InvokeModelWithBidirectionalStream
        )
    }

    /// Returns the requested operation and the decoded resource in the path: a model, a guardrail or a job.
    pub(crate) fn of_request(method: &Method, path: &str) -> Option<(Self, String)> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
        if method == Method::GET {
            let rest = path.strip_prefix("/async-invoke")?;
            return match rest.strip_prefix('/') {
                Some(arn) => Some((Self::GetAsyncInvoke, decoded(arn).filter(|arn| !arn.is_empty())?)),
                None => rest.is_empty().then(|| (Self::ListAsyncInvokes, String::new())),
            };
        }
        if method != Method::POST {
            return None;
        }
        match path {
            "/async-invoke" => return Some((Self::StartAsyncInvoke, String::new())),
            "/guardrail-checks/invoke" => return Some((Self::InvokeGuardrailChecks, String::new())),
            _ => {}
        }
        if let Some(rest) = path.strip_prefix("/guardrail/") {
            let (id, version) = rest.strip_suffix("/apply")?.rsplit_once("/version/")?;
            let id = decoded(id).filter(|id| !id.is_empty() && !version.is_empty())?;
            return Some((Self::ApplyGuardrail, id));
        }
        // A client may leave the slashes of an ARN unencoded, so the operation follows the last slash.
        let (model_id, last) = path.strip_prefix("/model/")?.rsplit_once('/')?;
        let operation = Self::ALL.into_iter().find(|operation| operation.path_segment() == Some(last))?;
        Some((operation, decoded(model_id).filter(|model_id| !model_id.is_empty())?))
    }

    fn path_segment(self) -> Option<&'static str> {
        Some(match self {
            Self::Converse => "converse",
            Self::ConverseStream => "converse-stream",
            Self::InvokeModel => "invoke",
            Self::InvokeModelWithResponseStream => "invoke-with-response-stream",
            Self::InvokeModelWithBidirectionalStream => "invoke-with-bidirectional-stream",
            Self::CountTokens => "count-tokens",
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Converse => "Converse",
            Self::ConverseStream => "ConverseStream",
            Self::InvokeModel => "InvokeModel",
            Self::InvokeModelWithResponseStream => "InvokeModelWithResponseStream",
            Self::InvokeModelWithBidirectionalStream => "InvokeModelWithBidirectionalStream",
            Self::CountTokens => "CountTokens",
            Self::ApplyGuardrail => "ApplyGuardrail",
            Self::InvokeGuardrailChecks => "InvokeGuardrailChecks",
            Self::StartAsyncInvoke => "StartAsyncInvoke",
            Self::GetAsyncInvoke => "GetAsyncInvoke",
            Self::ListAsyncInvokes => "ListAsyncInvokes",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, UnknownOperation> {
        let found = Self::ALL.into_iter().find(|operation| operation.name() == name);
        found.ok_or_else(|| UnknownOperation { name: name.to_owned() })
    }
}

impl TryFrom<String> for Operation {
    type Error = UnknownOperation;

    fn try_from(name: String) -> Result<Self, UnknownOperation> {
        name.parse()
    }
}

/// An error returned when parsing a name that is not one of [`Operation::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown operation `{name}`, expected one of {}", Operation::ALL.map(Operation::name).join(", "))]
pub struct UnknownOperation {
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_operation_and_resource_from_path() {
        let arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123";
        let encoded = "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fabc123";
        let job = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/x";
        let (get, post) = (&Method::GET, &Method::POST);
        for (method, path, operation, resource) in [
            (post, "/model/amazon.nova-pro-v1%3A0/converse", Operation::Converse, "amazon.nova-pro-v1:0"),
            (post, "/model/amazon.nova-pro-v1:0/converse-stream", Operation::ConverseStream, "amazon.nova-pro-v1:0"),
            (post, &format!("{encoded}/invoke"), Operation::InvokeModel, arn),
            (post, &format!("/model/{arn}/invoke"), Operation::InvokeModel, arn),
            (post, "/model/m/invoke-with-response-stream", Operation::InvokeModelWithResponseStream, "m"),
            (post, "/model/m/invoke-with-bidirectional-stream", Operation::InvokeModelWithBidirectionalStream, "m"),
            (post, "/model/m/count-tokens", Operation::CountTokens, "m"),
            (post, "/guardrail/g1/version/DRAFT/apply", Operation::ApplyGuardrail, "g1"),
            (post, "/guardrail-checks/invoke", Operation::InvokeGuardrailChecks, ""),
            (post, "/async-invoke", Operation::StartAsyncInvoke, ""),
            (get, "/async-invoke", Operation::ListAsyncInvokes, ""),
            (get, &format!("/async-invoke/{}", job.replace('/', "%2F")), Operation::GetAsyncInvoke, job),
        ] {
            assert_eq!(Operation::of_request(method, path), Some((operation, resource.to_owned())), "{path}");
        }
    }

    #[test]
    fn other_paths_are_rejected() {
        for path in
            ["/", "/model/converse", "/model//converse", "/model/m/talk", "/model/%ff/invoke", "/guardrail/g/apply"]
        {
            assert_eq!(Operation::of_request(&Method::POST, path), None, "{path}");
        }
        for path in ["/model/m/converse", "/async-invoke/", "/async-invokes"] {
            assert_eq!(Operation::of_request(&Method::GET, path), None, "{path}");
        }
        assert_eq!(Operation::of_request(&Method::PUT, "/async-invoke"), None);
    }

    #[test]
    fn names_round_trip() {
        for operation in Operation::ALL {
            assert_eq!(operation.to_string().parse(), Ok(operation));
        }
        assert!("converse".parse::<Operation>().is_err());
    }
}
