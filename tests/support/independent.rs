use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A third-party program, started by a script of `tests/independent`. It stops when this value is dropped.
#[derive(Debug)]
pub struct Independent {
    script: Child,
    values: BTreeMap<String, String>,
}

impl Independent {
    /// Starts a script with its arguments, and reads the values that it prints. `command` has spaces between them. Prints
    /// a note to standard error and returns `None` unless `OUTLAY_INDEPENDENT` is set: the script installs programs,
    /// which a plain `cargo test` should not do.
    ///
    /// # Panics
    ///
    /// If `OUTLAY_INDEPENDENT` is set and the script does not start or print all values.
    pub fn start(command: &str, values: &[&str]) -> Option<Self> {
        let mut words = command.split(' ');
        let mut script = script(words.next().expect("there is a first word"))?
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script can be started");
        let stdout = script.stdout.take().expect("it is piped");
        let mut printed = BTreeMap::new();
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some((key, value)) = line.split_once('=') {
                printed.insert(key.to_owned(), value.to_owned());
            }
            if values.iter().all(|value| printed.contains_key(*value)) {
                return Some(Self { script, values: printed });
            }
        }
        let _ = script.wait();
        panic!("the script ended without {values:?}");
    }

    /// Returns the value that the script printed for `key`.
    ///
    /// # Panics
    ///
    /// If it printed none.
    pub fn value(&self, key: &str) -> &str {
        &self.values[key]
    }
}

/// Runs a script of a third-party program to its end, and returns what it prints. Returns `None` under the conditions of
/// [`Independent::start`].
///
/// # Panics
///
/// If it cannot be started, or fails.
pub fn run_independent(name: &str, arguments: &[&str]) -> Option<String> {
    let output = script(name)?.args(arguments).stdin(Stdio::null()).output().expect("the script can be started");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(printed.into_owned())
}

/// Returns the command of a script of `tests/independent`. Prints a note to standard error and returns `None` unless
/// `OUTLAY_INDEPENDENT` is set.
fn script(name: &str) -> Option<Command> {
    if std::env::var_os("OUTLAY_INDEPENDENT").is_none() {
        #[allow(clippy::print_stderr, reason = "the test's output should show that it was skipped")]
        {
            eprintln!("skipped: set OUTLAY_INDEPENDENT=1 to run it against {name}");
        }
        return None;
    }
    Some(Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("independent").join(name)))
}

impl Drop for Independent {
    fn drop(&mut self) {
        // The script stops its programs when its standard input closes.
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}
