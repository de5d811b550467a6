use std::collections::BTreeMap;
use std::time::Instant;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;

/// An action that [`StsSim`](crate::StsSim) answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StsAction {
    /// Returns the identity of the credentials that sign the request.
    GetCallerIdentity,
    /// Returns credentials of a role.
    AssumeRole,
    /// Returns credentials of a role in exchange for a token of an identity provider.
    AssumeRoleWithWebIdentity,
}

/// A request that [`StsSim`](crate::StsSim) received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StsRequest {
    /// The requested action.
    pub action: StsAction,
    /// The access key of the signature, or `None` if the request is unsigned.
    pub access_key_id: Option<String>,
    /// The parameters, such as `RoleArn` and `Tags.member.1.Key`.
    pub parameters: BTreeMap<String, String>,
    /// When the whole request was received.
    pub received: Instant,
}

impl StsAction {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::AssumeRole => "AssumeRole",
            Self::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
        }
    }
}

impl StsRequest {
    /// Parses a request. Returns `None` if its action is not supported.
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let body = std::str::from_utf8(body).ok()?;
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let parameters: BTreeMap<_, _> = pairs.map(|(key, value)| (decode(key), decode(value))).collect();
        let action = parameters.get("Action")?;
        let known = [StsAction::GetCallerIdentity, StsAction::AssumeRole, StsAction::AssumeRoleWithWebIdentity];
        let action = known.into_iter().find(|known| known.as_str() == action)?;
        let signed = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let credential = signed.and_then(|signed| signed.split_once("Credential=")).map(|(_, rest)| rest);
        let access_key_id = credential.and_then(|rest| rest.split('/').next()).map(str::to_owned);
        Some(Self { action, access_key_id, parameters, received: Instant::now() })
    }

    /// Returns the value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Returns the session tags as pairs of key and value, in the order of the request.
    #[must_use]
    pub fn tags(&self) -> Vec<(&str, &str)> {
        let tag = |n: usize| {
            let key = self.parameter(&format!("Tags.member.{n}.Key"))?;
            Some((key, self.parameter(&format!("Tags.member.{n}.Value")).unwrap_or_default()))
        };
        (1..).map_while(tag).collect()
    }
}
