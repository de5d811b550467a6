//! The policy's file is looked at again while the application runs.

use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use outlay_ledger::{LoadPolicyError, Policy};
use outlay_otel::{Engine, WeakEngine};

/// So often it is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What tells one version of a file from the next.
type Stamp = Option<(SystemTime, u64)>;

/// Puts a new version of the file in force once there is one, for as long as the engine lives. A version that is no
/// policy is told once, and the one before stays in force.
pub(crate) fn watch(engine: &Engine, policy: &Policy, path: &Path) {
    let now = stamp(path);
    // It may have changed since it was read.
    let first = if Policy::from_path(path).as_ref() == Ok(policy) { now } else { None };
    let (engine, path) = (engine.downgrade(), path.to_owned());
    let spawned = thread::Builder::new().name("outlay-policy".into()).spawn(move || look(&engine, &path, first));
    if let Err(error) = spawned {
        tracing::warn!(target: "outlay", %error, "the policy file is not looked at again: no thread can be started");
    }
}

fn look(engine: &WeakEngine, path: &Path, mut in_force: Stamp) {
    let mut before = in_force;
    loop {
        thread::sleep(EVERY);
        let Some(engine) = engine.upgrade() else { return };
        let now = stamp(path);
        // Not while it is being written: half of a policy is one as well.
        let is_at_rest = std::mem::replace(&mut before, now) == now;
        if is_at_rest && now != in_force {
            in_force = now;
            // It has been told.
            let _ = reload(&engine, path);
        }
    }
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

fn stamp(path: &Path) -> Stamp {
    let file = std::fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len()))
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
