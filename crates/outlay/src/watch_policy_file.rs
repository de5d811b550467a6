//! Reloads the policy file when it changes.

use std::path::Path;
use std::time::SystemTime;

use outlay_ledger::{LoadPolicyError, Policy, PolicyCounts};
use outlay_otel::Engine;

use crate::watched_file::{self, Stamp};

/// Puts each new version of the file in force, for as long as the engine lives. An invalid version is logged once, and the
/// previous policy stays in force. The file may still be missing or invalid.
pub(crate) fn watch(engine: &Engine, policy: &Policy, path: &Path) {
    let current = Stamp::of(path);
    // The file may have changed since it was read.
    let is_in_force = Policy::from_path(path).as_ref() == Ok(policy);
    let in_force = if is_in_force || current == Stamp::MISSING { current } else { Stamp::UNREAD };
    // `reload` logs the error.
    watched_file::watch("outlay-policy", engine, path, in_force, |engine, path| drop(reload(engine, path)));
}

/// Puts the current version of the file in force, or logs why it is invalid.
pub(crate) fn reload(engine: &Engine, path: &Path) -> Result<(), LoadPolicyError> {
    match Policy::from_path(path) {
        Ok(policy) => {
            warn_of_due_reviews(&policy, engine.now());
            let PolicyCounts { budgets, stops, rules, has_runaway, .. } = policy.counts();
            let path = path.display();
            tracing::info!(
                target: "outlay", %path, budgets, stops, rules, runaway = has_runaway, "the policy file was reloaded"
            );
            engine.set_policy(policy);
            Ok(())
        }
        Err(error) => {
            tracing::warn!(target: "outlay", "the policy file cannot be used, and the previous policy stays in force: {error}");
            Err(error)
        }
    }
}

/// Warns of models whose permission is due for review.
pub(crate) fn warn_of_due_reviews(policy: &Policy, now: SystemTime) {
    for review in policy.reviews_due(now) {
        tracing::warn!(
            target: "outlay",
            rule = review.rule,
            owner = review.owner,
            due = review.due,
            models = review.models.join(", "),
            "the policy allows models that are due for review"
        );
    }
}

/// Warns if a rule depends on the signers of calls, and the `Outlay` has no source for them.
pub(crate) fn warn_of_missing_principals(policy: &Policy, engine: &Engine) {
    #[cfg(feature = "sts")]
    let has_principals = engine.extension::<crate::bedrock::Principals>().is_some();
    #[cfg(not(feature = "sts"))]
    let has_principals = false;
    if policy.asks_for_principals() && !has_principals && !engine.is_disabled() {
        tracing::warn!(
            target: "outlay",
            "a rule has production_principals, but the principals of calls are unknown, except for roles that `Identities` \
             assumes: enable the feature `sts`, and set `principals` on the builder"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use outlay_ledger::Ask;

    use crate::watched_file::run_ignored_test;
    use crate::{Outcome, Outlay};

    #[test]
    fn a_policy_file_that_is_missing_or_invalid_at_first_is_loaded_once_it_is_valid() {
        let path = std::env::temp_dir().join(format!("outlay-policy-of-env-{}.toml", std::process::id()));
        run_ignored_test("watch_policy_file::tests::policy_file_child", "OUTLAY_POLICY", &path);
        let _ = fs::remove_file(&path);
    }

    fn is_stopped(outlay: &Outlay) -> bool {
        let task = outlay.task("t").start();
        let is_refused = task.run_sync(|| {
            let ask = Ask {
                model: &"m".into(),
                input: 0,
                max_output: None,
                is_turn: true,
                has_model: true,
                is_trial: true,
                bound: &|_| None,
            };
            outlay_otel::current().expect("a scope").in_ledger().open_call(&ask).is_err()
        });
        task.finish(Outcome::success());
        is_refused
    }

    fn wait_until(outlay: &Outlay, stopped: bool) {
        let start = Instant::now();
        while is_stopped(outlay) != stopped {
            assert!(start.elapsed() < Duration::from_secs(20), "the file was not reloaded");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    #[ignore = "the test above runs it in a separate process"]
    fn policy_file_child() {
        let path: PathBuf =
            std::env::current_dir().expect("a folder").join(std::env::var("OUTLAY_POLICY").expect("a name"));
        let stop = "[[stop]]\nonly = { task = \"t\" }\nreason = \"the file says so\"\n";
        let missing = Outlay::builder().build();
        assert_eq!(missing.ignored_settings().len(), 1, "{:?}", missing.ignored_settings());
        assert!(missing.reload_policy().is_err() && !is_stopped(&missing));
        fs::write(&path, "[[stop]]\nonly = 7\n").expect("a file");
        let invalid = Outlay::builder().build();
        assert!(invalid.reload_policy().is_err());
        std::env::set_current_dir("/").expect("a folder");
        fs::write(&path, stop).expect("a file");
        wait_until(&missing, true);
        wait_until(&invalid, true);
        assert!(missing.reload_policy().is_ok());
        fs::write(&path, "mode = \"observe\"\n").expect("a file");
        wait_until(&invalid, false);
    }
}
