//! The credentials that STS knows and issues.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::sts_request::{StsAction, StsRequest};
use super::sts_response::{Field, StsResponse};
use super::validation::{check_request, invalid};

/// The account of access keys that were not registered.
const ACCOUNT: &str = "123456789012";

/// The ARN of each access key, including the keys that were issued.
#[derive(Debug, Default)]
pub(super) struct IssuedCredentials {
    arns: HashMap<String, String>,
    issued: usize,
    /// The lifetime of issued credentials in seconds, or `None` for the requested duration.
    pub(super) expire_after: Option<i64>,
}

impl IssuedCredentials {
    /// Sets the ARN of the caller that signs with this access key.
    pub(super) fn register(&mut self, access_key_id: &str, arn: &str) {
        self.arns.insert(access_key_id.to_owned(), arn.to_owned());
    }

    /// Answers a request and records the credentials that it issues.
    pub(super) fn answer(&mut self, request: &StsRequest) -> StsResponse {
        let answer = match request.action {
            StsAction::GetCallerIdentity => self.caller_identity(request),
            StsAction::AssumeRole | StsAction::AssumeRoleWithWebIdentity => self.assume_role(request),
        };
        answer.unwrap_or_else(|error| error)
    }

    /// Returns the ARN of the caller that signed the request.
    fn caller_arn(&self, request: &StsRequest) -> Result<String, StsResponse> {
        let Some(key) = &request.access_key_id else {
            return Err(StsResponse::error(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ));
        };
        Ok(self.arns.get(key).cloned().unwrap_or_else(|| format!("arn:aws:iam::{ACCOUNT}:user/{key}")))
    }

    fn caller_identity(&self, request: &StsRequest) -> Result<StsResponse, StsResponse> {
        let arn = self.caller_arn(request)?;
        let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
        let fields = vec![Field::text("Arn", arn), Field::text("UserId", "AIDASIM"), Field::text("Account", account)];
        Ok(StsResponse::Result { action: request.action, fields })
    }

    fn assume_role(&mut self, request: &StsRequest) -> Result<StsResponse, StsResponse> {
        let caller = match request.action {
            StsAction::AssumeRoleWithWebIdentity if request.parameter("WebIdentityToken").is_some() => None,
            StsAction::AssumeRoleWithWebIdentity => return Err(invalid("the request has no WebIdentityToken")),
            _ => Some(self.caller_arn(request)?),
        };
        let (assumed, seconds) = check_request(request, caller.as_deref())?;
        self.issued += 1;
        let key = format!("ASIASIM{:09}", self.issued);
        self.arns.insert(key.clone(), assumed.clone());
        let credentials = vec![
            Field::text("AccessKeyId", &key),
            Field::text("SecretAccessKey", "secret"),
            Field::text("SessionToken", format!("token-{}", self.issued)),
            Field::text("Expiration", expiration(self.expire_after.unwrap_or(seconds))),
        ];
        let session = request.parameter("RoleSessionName").unwrap_or_default();
        let user = vec![Field::text("Arn", assumed), Field::text("AssumedRoleId", format!("AROASIM:{session}"))];
        let fields = vec![Field::Nested("Credentials", credentials), Field::Nested("AssumedRoleUser", user)];
        Ok(StsResponse::Result { action: request.action, fields })
    }
}

#[allow(clippy::disallowed_methods, reason = "the SDK compares the expiration with the system clock")]
fn expiration(seconds: i64) -> String {
    let (now, span) = (SystemTime::now(), Duration::from_secs(seconds.unsigned_abs()));
    let at = if seconds < 0 { now - span } else { now + span };
    let at = DateTime::from_secs(DateTime::from(at).secs());
    at.fmt(Format::DateTime).unwrap_or_default()
}
