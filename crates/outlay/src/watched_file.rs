//! A file that is looked at again while the application runs.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use outlay_otel::{Engine, WeakEngine};

/// So often it is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What tells one version of a file from the next; `None` where there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<Version>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    modified: SystemTime,
    length: u64,
    /// The device, the file on it, and when it last changed in any way: a copy that keeps the time of its original is
    /// another file. Zero where the system does not tell.
    identity: (u64, u64, i64, i64),
}

impl Stamp {
    /// What no file has: the next look reads it.
    pub(crate) const UNREAD: Self =
        Self(Some(Version { modified: SystemTime::UNIX_EPOCH, length: u64::MAX, identity: (0, 0, 0, 0) }));

    /// There is no file.
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

/// Reads the file again once it is another than the one in force, for as long as the engine lives.
///
/// `reload` puts it in force, or tells why not: it is asked once for each version. Where a file cannot be read, it is
/// tried again every second. One that has become empty is told, and what it said before stays in force: it may be about
/// to be written.
pub(crate) fn watch(
    thread_name: &str,
    engine: &Engine,
    path: &Path,
    in_force: Stamp,
    reload: impl Fn(&Engine, &Path) + Send + 'static,
) {
    let (engine, path) = (engine.downgrade(), absolute(path));
    let watched = Watched { path: path.clone(), in_force, told: None };
    let look = move || watched.look(&engine, reload);
    if let Err(error) = thread::Builder::new().name(thread_name.to_owned()).spawn(look) {
        let path = path.display();
        tracing::warn!(target: "outlay", %error, %path, "the file is not looked at again: no thread can be started");
    }
}

struct Watched {
    path: PathBuf,
    in_force: Stamp,
    /// Why it could not be read the last time.
    told: Option<ErrorKind>,
}

impl Watched {
    fn look(mut self, engine: &WeakEngine, reload: impl Fn(&Engine, &Path)) {
        let mut before = self.in_force;
        loop {
            thread::sleep(EVERY);
            let Some(engine) = engine.upgrade() else { return };
            let now = Stamp::of(&self.path);
            // Not while it is being written: half of a file may load as well.
            let is_at_rest = std::mem::replace(&mut before, now) == now;
            if is_at_rest && now != self.in_force && self.has_content() {
                reload(&engine, &self.path);
                self.in_force = now;
            }
        }
    }

    /// Whether there is something to read; tells why not, once.
    fn has_content(&mut self) -> bool {
        let found = match std::fs::read(&self.path) {
            Ok(bytes) if bytes.trim_ascii().is_empty() => Err((ErrorKind::UnexpectedEof, "it is empty".to_owned())),
            Ok(_) => Ok(()),
            Err(error) => Err((error.kind(), error.to_string())),
        };
        match found {
            Ok(()) => {
                self.told = None;
                true
            }
            Err((kind, why)) => {
                if self.told.replace(kind) != Some(kind) {
                    let path = self.path.display();
                    tracing::warn!(target: "outlay", %path, "what the file said before stays in force: {why}");
                }
                false
            }
        }
    }
}
