use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A program that is not ours, started by a script of `tests/independent`. It stops when this is dropped.
#[derive(Debug)]
pub struct Independent {
    script: Child,
    values: BTreeMap<String, String>,
}

impl Independent {
    /// Starts it, and reads the values that the script prints. `None`, with a word to standard error, unless
    /// `OUTLAY_INDEPENDENT` is set: the script installs what it needs, which a plain `cargo test` should not.
    ///
    /// # Panics
    ///
    /// If it is asked for and does not start.
    pub fn start(script: &str, values: &[&str]) -> Option<Self> {
        if std::env::var_os("OUTLAY_INDEPENDENT").is_none() {
            #[allow(clippy::print_stderr, reason = "whoever reads the test's output should know")]
            {
                eprintln!("skipped: set OUTLAY_INDEPENDENT=1 to run it against {script}");
            }
            return None;
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("independent").join(script);
        let mut script =
            Command::new(path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the script can be started");
        let stdout = script.stdout.take().expect("it is piped");
        let mut found = BTreeMap::new();
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some((key, value)) = line.split_once('=') {
                found.insert(key.to_owned(), value.to_owned());
            }
            if values.iter().all(|value| found.contains_key(*value)) {
                return Some(Self { script, values: found });
            }
        }
        let _ = script.wait();
        panic!("the script ended without {values:?}");
    }

    /// What the script printed for `key`.
    ///
    /// # Panics
    ///
    /// If it printed nothing for it.
    pub fn value(&self, key: &str) -> &str {
        &self.values[key]
    }
}

impl Drop for Independent {
    fn drop(&mut self) {
        // The script stops what it has started when its standard input closes.
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}
