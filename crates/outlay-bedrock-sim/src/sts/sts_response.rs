//! The responses of STS, in XML.

use http::StatusCode;

use super::sts_request::StsAction;

/// A response of STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StsResponse {
    Error { status: u16, code: String, message: String },
    Result { action: StsAction, fields: Vec<Field> },
}

/// An XML element of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Text(&'static str, String),
    Nested(&'static str, Vec<Self>),
}

impl StsResponse {
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Error { status, code: code.to_owned(), message: message.to_owned() }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Error { status, .. } => StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Self::Result { .. } => StatusCode::OK,
        }
    }

    /// Returns the body of the response.
    pub(super) fn xml(&self) -> String {
        const NAMESPACE: &str = "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"";
        match self {
            Self::Error { status, code, message } => {
                let by = if *status < 500 { "Sender" } else { "Receiver" };
                let (code, message) = (escape(code), escape(message));
                format!(
                    "<ErrorResponse {NAMESPACE}><Error><Type>{by}</Type><Code>{code}</Code><Message>{message}</Message>\
                     </Error><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
                )
            }
            Self::Result { action, fields } => {
                let (action, fields) = (action.as_str(), fields.iter().map(Field::xml).collect::<String>());
                format!(
                    "<{action}Response {NAMESPACE}><{action}Result>{fields}</{action}Result><ResponseMetadata><RequestId>\
                     00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></{action}Response>"
                )
            }
        }
    }
}

impl Field {
    pub(super) fn text(name: &'static str, text: impl Into<String>) -> Self {
        Self::Text(name, text.into())
    }

    fn xml(&self) -> String {
        match self {
            Self::Text(name, text) => format!("<{name}>{}</{name}>", escape(text)),
            Self::Nested(name, fields) => {
                format!("<{name}>{}</{name}>", fields.iter().map(Self::xml).collect::<String>())
            }
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
