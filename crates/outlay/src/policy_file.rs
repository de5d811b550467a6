//! The policy's file is looked at again while the application runs.

use std::path::Path;
use std::time::SystemTime;

use outlay_ledger::{LoadPolicyError, Policy};
use outlay_otel::Engine;

use crate::watched_file::{self, Stamp};

/// Puts a new version of the file in force once there is one, for as long as the engine lives. A version that is no
/// policy is told once, and the one before stays in force.
pub(crate) fn watch(engine: &Engine, policy: &Policy, path: &Path) {
    let now = Stamp::of(path);
    // It may have changed since it was read.
    let in_force = if Policy::from_path(path).as_ref() == Ok(policy) { now } else { Stamp::UNREAD };
    // It tells what is wrong by itself.
    watched_file::watch("outlay-policy", engine, path, in_force, |engine, path| drop(reload(engine, path)));
}

/// Puts the file as it is now in force, or tells why not.
pub(crate) fn reload(engine: &Engine, path: &Path) -> Result<(), LoadPolicyError> {
    match Policy::from_path(path) {
        Ok(policy) => {
            tell_due(&policy, engine.now());
            engine.set_policy(policy);
            Ok(())
        }
        Err(error) => {
            tracing::warn!(target: "outlay", "the policy before it stays in force: {error}");
            Err(error)
        }
    }
}

/// Whoever allowed a model should say again why.
pub(crate) fn tell_due(policy: &Policy, now: SystemTime) {
    for review in policy.reviews_due(now) {
        tracing::warn!(
            target: "outlay",
            rule = review.rule,
            owner = review.owner,
            due = %review.due,
            models = review.models.join(", "),
            "the policy allows models whose review is due"
        );
    }
}

/// Says so where a rule looks for whose credentials calls are made with, and nobody is asked.
pub(crate) fn tell_unasked(policy: &Policy, engine: &Engine) {
    #[cfg(feature = "sts")]
    let is_asked = engine.extension::<crate::bedrock::Principals>().is_some();
    #[cfg(not(feature = "sts"))]
    let is_asked = false;
    if policy.asks_for_principals() && !is_asked && !engine.is_disabled() {
        tracing::warn!(
            target: "outlay",
            "a rule has production_principals, and STS is not asked for principals, so that at most roles that \
             `Identities` assumes are seen: give the builder `principals`, with the feature `sts`"
        );
    }
}
