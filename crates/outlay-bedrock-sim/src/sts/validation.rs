//! The checks that STS makes on a request for credentials.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

use super::sts_request::StsRequest;
use super::sts_response::StsResponse;

/// The longest session that role chaining allows, in seconds.
const CHAINED_SESSION_LIMIT: u64 = 3_600;

/// Returns the ARN of the requested session and its duration in seconds.
///
/// `caller` is the ARN of the signer of the request, or `None` if the action needs no signature.
///
/// # Errors
///
/// Returns the error that STS answers an invalid request with.
pub(super) fn check_request(request: &StsRequest, caller: Option<&str>) -> Result<(String, i64), StsResponse> {
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
    if caller.is_some_and(|caller| caller.contains(":assumed-role/")) && seconds > CHAINED_SESSION_LIMIT {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let assumed = format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}");
    Ok((assumed, i64::try_from(seconds).unwrap_or(i64::MAX)))
}

/// Checks the number of session tags and their keys and values.
fn check_tags(tags: &[(&str, &str)]) -> Result<(), StsResponse> {
    let fits = |text: &str, most: usize| text.chars().count() <= most && text.chars().all(is_tag_character);
    let mut keys: Vec<_> = tags.iter().map(|(key, _)| key.to_lowercase()).collect();
    keys.sort_unstable();
    keys.dedup();
    let is_key = |key: &str| !key.is_empty() && !key.to_lowercase().starts_with("aws:") && fits(key, 128);
    if keys.len() < tags.len() {
        let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return Err(StsResponse::error(400, "InvalidParameterValue", message));
    }
    if tags.len() <= 50 && tags.iter().all(|(k, v)| is_key(k) && fits(v, 256)) {
        return Ok(());
    }
    Err(invalid("at 'tags' failed to satisfy constraint"))
}

/// Returns whether STS allows the character in a tag, by the pattern that it documents.
fn is_tag_character(c: char) -> bool {
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

/// Returns a validation error of STS.
pub(super) fn invalid(message: &str) -> StsResponse {
    StsResponse::error(400, "ValidationError", message)
}
