//! A file that is checked for changes while the application runs.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use outlay_otel::{Engine, WeakEngine};

/// How often the file is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The version of a file; `None` if there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<Version>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    modified: SystemTime,
    length: u64,
    /// The device, the inode, and the time of the inode's last change: a copy that keeps the modification time of its
    /// original is another file. Zeros if the system does not have them.
    identity: (u64, u64, i64, i64),
}

impl Stamp {
    /// A stamp that no file has, so that the next check reads the file.
    pub(crate) const UNREAD: Self =
        Self(Some(Version { modified: SystemTime::UNIX_EPOCH, length: u64::MAX, identity: (0, 0, 0, 0) }));

    /// The stamp of a missing file.
    pub(crate) const MISSING: Self = Self(None);

    pub(crate) fn of(path: &Path) -> Self {
        let of_file = |file: Metadata| {
            Some(Version { modified: file.modified().ok()?, length: file.len(), identity: identity(&file) })
        };
        Self(std::fs::metadata(path).ok().and_then(of_file))
    }
}

#[cfg(unix)]
fn identity(file: &Metadata) -> (u64, u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino(), file.ctime(), file.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64, i64, i64) {
    (0, 0, 0, 0)
}

/// Returns a path that stays the same file when the process changes its directory.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Starts a thread that calls `reload` once for each new version of the file, for as long as the engine lives.
///
/// `reload` puts the version in force, or logs why not. A file that cannot be read is tried again every second. For an
/// empty file, `reload` is not called, because the file may be about to be written. Both problems are logged.
pub(crate) fn watch(
    thread_name: &str,
    engine: &Engine,
    path: &Path,
    in_force: Stamp,
    reload: impl Fn(&Engine, &Path) + Send + 'static,
) {
    let (engine, path) = (engine.downgrade(), absolute(path));
    let watched = Watched { path: path.clone(), in_force, logged: None };
    let check_until_dropped = move || watched.check_until_dropped(&engine, reload);
    if let Err(error) = thread::Builder::new().name(thread_name.to_owned()).spawn(check_until_dropped) {
        let path = path.display();
        tracing::warn!(target: "outlay", %error, %path, "the file is not checked for changes: the thread did not start");
    }
}

struct Watched {
    path: PathBuf,
    in_force: Stamp,
    /// The read error that was last logged; `None` if the last read succeeded.
    logged: Option<ErrorKind>,
}

impl Watched {
    /// Checks the file until the engine is dropped.
    fn check_until_dropped(mut self, engine: &WeakEngine, reload: impl Fn(&Engine, &Path)) {
        let mut previous = self.in_force;
        loop {
            thread::sleep(CHECK_INTERVAL);
            let Some(engine) = engine.upgrade() else { return };
            let current = Stamp::of(&self.path);
            // Wait until the file is fully written: half of it may be valid too.
            let is_stable = std::mem::replace(&mut previous, current) == current;
            if is_stable && current != self.in_force && self.has_content() {
                reload(&engine, &self.path);
                self.in_force = current;
            }
        }
    }

    /// Returns whether the file can be read and is not empty. Logs each problem once.
    fn has_content(&mut self) -> bool {
        let result = match std::fs::read(&self.path) {
            Ok(bytes) if bytes.trim_ascii().is_empty() => Err((ErrorKind::UnexpectedEof, "it is empty".to_owned())),
            Ok(_) => Ok(()),
            Err(error) => Err((error.kind(), error.to_string())),
        };
        match result {
            Ok(()) => {
                self.logged = None;
                true
            }
            Err((kind, reason)) => {
                if self.logged.replace(kind) != Some(kind) {
                    let path = self.path.display();
                    tracing::warn!(target: "outlay", %path, "the previous version of the file stays in force: {reason}");
                }
                false
            }
        }
    }
}

/// Runs an ignored test in a process of its own, with the name of the file in an environment variable and the file's folder
/// as the current one. All tests of this process share its environment.
#[cfg(test)]
pub(crate) fn run_ignored_test(test: &str, variable: &str, file: &Path) {
    let child = std::process::Command::new(std::env::current_exe().expect("the test program"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(variable, file.file_name().expect("the file's name"))
        .current_dir(file.parent().expect("the file's folder"))
        .output()
        .expect("a process");
    let stdout = String::from_utf8_lossy(&child.stdout);
    let stderr = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
}
