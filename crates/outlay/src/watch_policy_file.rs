//! The policy's file is looked at again while the application runs.

use std::path::Path;
use std::time::SystemTime;

use outlay_ledger::{LoadPolicyError, Policy, PolicyCounts};
use outlay_otel::Engine;

use crate::watched_file::{self, Stamp};

/// Puts a new version of the file in force once there is one, for as long as the engine lives. A version that is no
/// policy is told once, and the one before stays in force. The file may be missing or broken yet.
pub(crate) fn watch(engine: &Engine, policy: &Policy, path: &Path) {
    let now = Stamp::of(path);
    // It may have changed since it was read.
    let is_read = Policy::from_path(path).as_ref() == Ok(policy);
    let in_force = if is_read || now == Stamp::MISSING { now } else { Stamp::UNREAD };
    // It tells what is wrong by itself.
    watched_file::watch("outlay-policy", engine, path, in_force, |engine, path| drop(reload(engine, path)));
}

/// Puts the file as it is now in force, or tells why not.
pub(crate) fn reload(engine: &Engine, path: &Path) -> Result<(), LoadPolicyError> {
    match Policy::from_path(path) {
        Ok(policy) => {
            tell_due(&policy, engine.now());
            let PolicyCounts { budgets, stops, rules, has_runaway, .. } = policy.counts();
            let path = path.display();
            tracing::info!(
                target: "outlay", %path, budgets, stops, rules, runaway = has_runaway, "the policy of the file is in force"
            );
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use outlay_ledger::Ask;

    use crate::{Outcome, Outlay};

    #[test]
    fn the_policy_of_the_environment_is_watched_from_the_start_whatever_it_is_then() {
        let path = std::env::temp_dir().join(format!("outlay-policy-of-env-{}.toml", std::process::id()));
        // The environment of this process is that of all its tests.
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "watch_policy_file::tests::in_a_process_of_its_own", "--ignored", "--nocapture"])
            .env("OUTLAY_POLICY", path.file_name().expect("its name"))
            .current_dir(std::env::temp_dir())
            .output()
            .expect("a process");
        let text = String::from_utf8_lossy(&child.stdout);
        let error = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success() && text.contains("1 passed"), "{text}{error}");
        let _ = fs::remove_file(&path);
    }

    fn is_stopped(outlay: &Outlay) -> bool {
        let task = outlay.task("t").start();
        let refused = task.run_sync(|| {
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
        refused
    }

    fn wait(outlay: &Outlay, stopped: bool) {
        let begun = Instant::now();
        while is_stopped(outlay) != stopped {
            assert!(begun.elapsed() < Duration::from_secs(20), "the file is looked at again");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own"]
    fn in_a_process_of_its_own() {
        let path: PathBuf =
            std::env::current_dir().expect("a folder").join(std::env::var("OUTLAY_POLICY").expect("a name"));
        let stop = "[[stop]]\nonly = { task = \"t\" }\nreason = \"the file says so\"\n";
        let missing = Outlay::builder().build();
        assert_eq!(missing.ignored_settings().len(), 1, "{:?}", missing.ignored_settings());
        assert!(missing.reload_policy().is_err() && !is_stopped(&missing));
        fs::write(&path, "[[stop]]\nonly = 7\n").expect("a file");
        let broken = Outlay::builder().build();
        assert!(broken.reload_policy().is_err());
        std::env::set_current_dir("/").expect("a folder");
        fs::write(&path, stop).expect("a file");
        wait(&missing, true);
        wait(&broken, true);
        assert!(missing.reload_policy().is_ok());
        fs::write(&path, "mode = \"observe\"\n").expect("a file");
        wait(&broken, false);
    }
}
