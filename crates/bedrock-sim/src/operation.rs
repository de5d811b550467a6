use std::fmt;
use std::str::FromStr;

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
}

impl Operation {
    /// Every operation, for tests that go through them all.
    pub const ALL: [Self; 4] =
        [Self::Converse, Self::ConverseStream, Self::InvokeModel, Self::InvokeModelWithResponseStream];

    /// Whether the reply is an event stream.
    #[must_use]
    pub fn is_stream(self) -> bool {
        matches!(self, Self::ConverseStream | Self::InvokeModelWithResponseStream)
    }

    /// The operation and the decoded model id that a path names.
    pub(crate) fn of_path(path: &str) -> Option<(Self, String)> {
        // A client may leave the slashes of an ARN as they are, so the operation is what follows
        // the last one.
        let (model_id, last) = path.strip_prefix("/model/")?.rsplit_once('/')?;
        let operation = Self::ALL.into_iter().find(|operation| operation.path_segment() == last)?;
        let model_id = percent_decode_str(model_id).decode_utf8().ok()?;
        (!model_id.is_empty()).then(|| (operation, model_id.into_owned()))
    }

    fn path_segment(self) -> &'static str {
        match self {
            Self::Converse => "converse",
            Self::ConverseStream => "converse-stream",
            Self::InvokeModel => "invoke",
            Self::InvokeModelWithResponseStream => "invoke-with-response-stream",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Converse => "Converse",
            Self::ConverseStream => "ConverseStream",
            Self::InvokeModel => "InvokeModel",
            Self::InvokeModelWithResponseStream => "InvokeModelWithResponseStream",
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

/// A name that is not one of [`Operation::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown operation `{name}`, expected one of Converse, ConverseStream, InvokeModel, InvokeModelWithResponseStream"
)]
pub struct UnknownOperation {
    name: String,
}

#[cfg(test)]
mod tests {
    use super::Operation;

    #[test]
    fn a_path_gives_the_operation_and_the_decoded_model() {
        let arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123";
        let encoded = "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fabc123";
        for (path, operation, model_id) in [
            ("/model/amazon.nova-pro-v1%3A0/converse", Operation::Converse, "amazon.nova-pro-v1:0"),
            ("/model/amazon.nova-pro-v1:0/converse-stream", Operation::ConverseStream, "amazon.nova-pro-v1:0"),
            (&format!("{encoded}/invoke"), Operation::InvokeModel, arn),
            (&format!("/model/{arn}/invoke"), Operation::InvokeModel, arn),
            ("/model/m/invoke-with-response-stream", Operation::InvokeModelWithResponseStream, "m"),
        ] {
            assert_eq!(Operation::of_path(path), Some((operation, model_id.to_owned())), "{path}");
        }
    }

    #[test]
    fn any_other_path_is_no_operation() {
        for path in ["/", "/model/converse", "/model//converse", "/model/m/talk", "/model/%ff/invoke", "/async-invoke"]
        {
            assert_eq!(Operation::of_path(path), None, "{path}");
        }
    }

    #[test]
    fn names_round_trip() {
        for operation in Operation::ALL {
            assert_eq!(operation.to_string().parse(), Ok(operation));
        }
        assert!("converse".parse::<Operation>().is_err());
    }
}
