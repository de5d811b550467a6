//! A file that is looked at again while the application runs.

use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use outlay_otel::{Engine, WeakEngine};

/// So often it is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What tells one version of a file from the next; `None` where there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<(SystemTime, u64)>);

impl Stamp {
    /// What no file has: the next look reads it.
    pub(crate) const UNREAD: Self = Self(Some((SystemTime::UNIX_EPOCH, u64::MAX)));

    pub(crate) fn of(path: &Path) -> Self {
        let of_file = |file: std::fs::Metadata| Some((file.modified().ok()?, file.len()));
        Self(std::fs::metadata(path).ok().and_then(of_file))
    }
}

/// Reads the file again once it is another than the one in force, for as long as the engine lives.
///
/// `reload` puts it in force, or tells why not: it is asked once for each version.
pub(crate) fn watch(
    thread_name: &str,
    engine: &Engine,
    path: &Path,
    in_force: Stamp,
    reload: impl Fn(&Engine, &Path) + Send + 'static,
) {
    let (engine, path) = (engine.downgrade(), path.to_owned());
    let look = {
        let path = path.clone();
        move || look(&engine, &path, in_force, reload)
    };
    if let Err(error) = thread::Builder::new().name(thread_name.to_owned()).spawn(look) {
        let path = path.display();
        tracing::warn!(target: "outlay", %error, %path, "the file is not looked at again: no thread can be started");
    }
}

fn look(engine: &WeakEngine, path: &Path, mut in_force: Stamp, reload: impl Fn(&Engine, &Path)) {
    let mut before = in_force;
    loop {
        thread::sleep(EVERY);
        let Some(engine) = engine.upgrade() else { return };
        let now = Stamp::of(path);
        // Not while it is being written: half of a file may load as well.
        let is_at_rest = std::mem::replace(&mut before, now) == now;
        if is_at_rest && now != in_force {
            in_force = now;
            reload(&engine, path);
        }
    }
}
