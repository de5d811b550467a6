use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_sts::types::{AssumedRoleUser, Credentials as Issued};
use aws_smithy_runtime_api::client::identity::Identity;
use outlay_otel::Signer;

use crate::sts::{StsFailure, signer_of_arn, stable_hash};

/// How long before their expiry credentials are no longer used.
const MARGIN: Duration = Duration::from_secs(60);
/// How long before their expiry credentials are renewed, or a quarter of their duration if that is less.
const RENEW: Duration = Duration::from_secs(300);
/// Renewal is up to twice as early, depending on the access key, so that roles assumed together are not renewed
/// together.
const SPREAD: u32 = 1_024;
/// The shortest session that STS issues.
const SHORTEST: Duration = Duration::from_secs(900);
/// The maximum difference between the local clock and STS's that is ignored.
const SKEW: Duration = Duration::from_secs(300);

/// The credentials of a session.
pub(super) struct AssumedRole {
    pub(super) identity: Identity,
    pub(super) signer: Option<Arc<Signer>>,
    until: SystemTime,
    renew_at: SystemTime,
}

impl AssumedRole {
    /// Takes the credentials that STS issued for `duration` to a request made at `requested_at`.
    pub(super) fn new(
        issued: Option<&Issued>,
        user: Option<&AssumedRoleUser>,
        requested_at: SystemTime,
        duration: Duration,
    ) -> Result<Self, StsFailure> {
        let Some(issued) = issued else { return Err(StsFailure::without_answer("the answer has no credentials")) };
        let ends = SystemTime::try_from(*issued.expiration()).ok();
        let ends = local_expiry(ends, requested_at, duration);
        let signer = user.and_then(|user| signer_of_arn(user.arn())).map(Arc::new);
        let mut credentials = Credentials::builder()
            .access_key_id(issued.access_key_id())
            .secret_access_key(issued.secret_access_key())
            .session_token(issued.session_token())
            .expiry(ends)
            .provider_name("Outlay");
        if let Some(account) = signer.as_ref().and_then(|signer| signer.account.as_deref()) {
            credentials = credentials.account_id(account);
        }
        let before = |span: Duration| ends.checked_sub(span).unwrap_or(ends);
        let renew = RENEW.min(duration / 4).max(MARGIN);
        let spread = u32::try_from(stable_hash(issued.access_key_id()) % u64::from(SPREAD)).unwrap_or_default();
        Ok(Self {
            identity: credentials.build().into(),
            signer,
            until: before(MARGIN),
            renew_at: before(renew + renew / SPREAD * spread),
        })
    }

    pub(super) fn holds(&self, now: SystemTime) -> bool {
        now < self.until
    }

    pub(super) fn is_to_be_renewed(&self, now: SystemTime) -> bool {
        now >= self.renew_at
    }
}

/// Returns when the credentials expire. STS issues them for the requested duration or for less. If its expiry is
/// impossible by the local clock, one of the two clocks is wrong, and the local one is used.
fn local_expiry(expiry: Option<SystemTime>, requested_at: SystemTime, duration: Duration) -> SystemTime {
    let after = |span: Duration| requested_at.checked_add(span).unwrap_or(requested_at);
    let possible = after(SHORTEST.min(duration).saturating_sub(SKEW))..=after(duration + SKEW);
    expiry.filter(|expiry| possible.contains(expiry)).unwrap_or_else(|| after(duration))
}

impl fmt::Debug for AssumedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumedRole").field("signer", &self.signer).field("until", &self.until).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_expiry_is_replaced_by_the_requested_one() {
        let requested_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let hour = Duration::from_secs(3_600);
        let ends = |expiry: Option<i64>| {
            let expiry = expiry.map(|seconds| match u64::try_from(seconds) {
                Ok(seconds) => requested_at + Duration::from_secs(seconds),
                Err(_) => requested_at - Duration::from_secs(seconds.unsigned_abs()),
            });
            local_expiry(expiry, requested_at, hour).duration_since(requested_at).unwrap().as_secs()
        };
        assert_eq!((ends(Some(900)), ends(Some(1_800))), (900, 1_800), "less than was asked for");
        assert_eq!((ends(Some(3_600)), ends(Some(3_570)), ends(Some(3_630))), (3_600, 3_570, 3_630));
        for odd in [None, Some(-7_200), Some(0), Some(10), Some(86_400)] {
            assert_eq!(ends(odd), 3_600, "{odd:?}");
        }
    }
}
