//! Whose credentials are, and new ones.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use regex_syntax::hir::{Class, HirKind};

use super::answer::{Answer, Field};
use super::request::{StsAction, StsRequest};

/// Where nobody has said otherwise.
const ACCOUNT: &str = "123456789012";
/// What role chaining allows.
const CHAINED: u64 = 3_600;

/// The ARNs by access key, and how many keys have been issued.
#[derive(Debug, Default)]
pub(super) struct Issued {
    arns: HashMap<String, String>,
    number: usize,
    pub(super) expire_after: Option<i64>,
}

impl Issued {
    pub(super) fn know(&mut self, access_key_id: &str, arn: &str) {
        self.arns.insert(access_key_id.to_owned(), arn.to_owned());
    }

    pub(super) fn answer(&mut self, request: &StsRequest) -> Answer {
        let answer = match request.action {
            StsAction::GetCallerIdentity => self.caller(request),
            StsAction::AssumeRole | StsAction::AssumeRoleWithWebIdentity => self.assume(request),
        };
        answer.unwrap_or_else(|error| error)
    }

    /// Whose the request's access key is.
    fn arn(&self, request: &StsRequest) -> Result<String, Answer> {
        let Some(key) = &request.access_key_id else {
            return Err(Answer::error(403, "MissingAuthenticationToken", "Request is missing Authentication Token"));
        };
        Ok(self.arns.get(key).cloned().unwrap_or_else(|| format!("arn:aws:iam::{ACCOUNT}:user/{key}")))
    }

    fn caller(&self, request: &StsRequest) -> Result<Answer, Answer> {
        let arn = self.arn(request)?;
        let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
        let fields = vec![Field::text("Arn", arn), Field::text("UserId", "AIDASIM"), Field::text("Account", account)];
        Ok(Answer::Result { action: request.action, fields })
    }

    fn assume(&mut self, request: &StsRequest) -> Result<Answer, Answer> {
        let caller = match request.action {
            StsAction::AssumeRoleWithWebIdentity if request.parameter("WebIdentityToken").is_some() => None,
            StsAction::AssumeRoleWithWebIdentity => return Err(invalid("it has no WebIdentityToken")),
            _ => Some(self.arn(request)?),
        };
        let (assumed, seconds) = check(request, caller.as_deref())?;
        self.number += 1;
        let key = format!("ASIASIM{:09}", self.number);
        self.arns.insert(key.clone(), assumed.clone());
        let credentials = vec![
            Field::text("AccessKeyId", &key),
            Field::text("SecretAccessKey", "secret"),
            Field::text("SessionToken", format!("token-{}", self.number)),
            Field::text("Expiration", expiration(self.expire_after.unwrap_or(seconds))),
        ];
        let session = request.parameter("RoleSessionName").unwrap_or_default();
        let user = vec![Field::text("Arn", assumed), Field::text("AssumedRoleId", format!("AROASIM:{session}"))];
        let fields = vec![Field::Of("Credentials", credentials), Field::Of("AssumedRoleUser", user)];
        Ok(Answer::Result { action: request.action, fields })
    }
}

/// The ARN of the session that is asked for, and how many seconds it holds; or what STS has against it.
fn check(request: &StsRequest, caller: Option<&str>) -> Result<(String, i64), Answer> {
    let role = request.parameter("RoleArn").unwrap_or_default();
    let parts: Vec<_> = role.splitn(6, ':').collect();
    let (partition, account, name) = match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] if resource.starts_with("role/") => {
            (*partition, *account, resource.rsplit('/').next().unwrap_or_default())
        }
        _ => return Err(invalid(&format!("{role} is invalid"))),
    };
    let session = request.parameter("RoleSessionName").unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&session.len()) || !session.chars().all(is_word) {
        return Err(invalid(&format!("Value '{session}' at 'roleSessionName' failed to satisfy constraint")));
    }
    check_tags(&request.tags())?;
    let seconds = request.parameter("DurationSeconds").map_or(Ok(3_600), str::parse::<u64>);
    let Ok(seconds @ 900..=43_200) = seconds else { return Err(invalid("at 'durationSeconds'")) };
    if caller.is_some_and(|caller| caller.contains(":assumed-role/")) && seconds > CHAINED {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let assumed = format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}");
    Ok((assumed, i64::try_from(seconds).unwrap_or(i64::MAX)))
}

fn check_tags(tags: &[(&str, &str)]) -> Result<(), Answer> {
    let fits = |text: &str, most: usize| text.chars().count() <= most && text.chars().all(is_of_tags);
    let mut keys: Vec<_> = tags.iter().map(|(key, _)| key.to_lowercase()).collect();
    keys.sort_unstable();
    keys.dedup();
    let is_key = |key: &str| !key.is_empty() && !key.to_lowercase().starts_with("aws:") && fits(key, 128);
    if keys.len() < tags.len() {
        let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return Err(Answer::error(400, "InvalidParameterValue", message));
    }
    if tags.len() <= 50 && tags.iter().all(|(k, v)| is_key(k) && fits(v, 256)) {
        return Ok(());
    }
    Err(invalid("at 'tags' failed to satisfy constraint"))
}

/// By the pattern that STS documents.
fn is_of_tags(c: char) -> bool {
    static RANGES: LazyLock<Vec<RangeInclusive<char>>> = LazyLock::new(|| {
        let hir = regex_syntax::parse(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]").ok();
        let ranges = hir.as_ref().map(|hir| match hir.kind() {
            HirKind::Class(Class::Unicode(class)) => class.ranges().iter().map(|r| r.start()..=r.end()).collect(),
            _ => Vec::new(),
        });
        ranges.unwrap_or_default()
    });
    let at = RANGES.partition_point(|range| *range.end() < c);
    RANGES.get(at).is_some_and(|range| range.contains(&c))
}

fn invalid(message: &str) -> Answer {
    Answer::error(400, "ValidationError", message)
}

#[allow(clippy::disallowed_methods, reason = "a simulator has the system's clock, as the real one has")]
fn expiration(seconds: i64) -> String {
    let (now, span) = (SystemTime::now(), Duration::from_secs(seconds.unsigned_abs()));
    let at = if seconds < 0 { now - span } else { now + span };
    let at = DateTime::from_secs(DateTime::from(at).secs());
    at.fmt(Format::DateTime).unwrap_or_default()
}
