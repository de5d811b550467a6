//! The price file that `OUTLAY_PRICES` names is looked at again while the application runs.

use std::path::{Path, PathBuf};

use outlay_otel::Engine;
use outlay_price::{LoadPricesError, Prices};

use crate::watched_file::{self, Stamp};

/// The file as it was read.
#[derive(Debug)]
pub(crate) struct PriceFile {
    path: PathBuf,
    stamp: Stamp,
}

impl PriceFile {
    /// Reads a file, and keeps it in mind also where it is none that loads: it may be one later.
    pub(crate) fn read(path: PathBuf) -> (Self, Result<Prices, LoadPricesError>) {
        // Before it is read: a change meanwhile is read once more.
        let stamp = Stamp::of(&path);
        let prices = Prices::from_path(&path);
        (Self { path, stamp }, prices)
    }

    /// Puts a new version of the file in force once there is one. One that does not load is told once, and the prices
    /// before it stay in force.
    pub(crate) fn watch(&self, engine: &Engine) {
        watched_file::watch("outlay-prices", engine, &self.path, self.stamp, reload);
    }
}

fn reload(engine: &Engine, path: &Path) {
    match Prices::from_path(path) {
        Ok(prices) => {
            tracing::info!(target: "outlay", version = prices.version(), "the prices of the file are in force");
            engine.set_prices(prices);
        }
        Err(error) => {
            let error = crate::build::with_causes(&error);
            tracing::warn!(target: "outlay", "the prices before it stay in force: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::Outlay;

    fn write(path: &Path, version: &str, rest: &str) {
        fs::write(path, format!("version = \"{version}\"\n{rest}")).expect("a file");
    }

    fn wait(outlay: &Outlay, version: &str) {
        let begun = Instant::now();
        while !outlay.prices().version().ends_with(version) {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{}: the file is looked at again",
                outlay.prices().version()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn the_file_of_the_environment_is_read_again_when_it_changes() {
        let path = std::env::temp_dir().join(format!("outlay-prices-{}.toml", std::process::id()));
        write(&path, "+first", "");
        // The environment of this process is that of all its tests.
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "watch_price_file::tests::in_a_process_of_its_own", "--ignored", "--nocapture"])
            .env("OUTLAY_PRICES", path.file_name().expect("its name"))
            .current_dir(std::env::temp_dir())
            .output()
            .expect("a process");
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(
            child.status.success() && text.contains("1 passed"),
            "{text}{}",
            String::from_utf8_lossy(&child.stderr)
        );
        let _ = fs::remove_file(&path);
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own"]
    fn in_a_process_of_its_own() {
        let folder = std::env::current_dir().expect("a folder");
        let path = folder.join(std::env::var_os("OUTLAY_PRICES").expect("the file"));
        let outlay = Outlay::builder().build();
        assert!(outlay.prices().version().ends_with("+first"), "{}", outlay.prices().version());
        write(&path, "+second", "");
        wait(&outlay, "+second");
        // One that is broken, and one that is gone, take nothing back.
        write(&path, "+third", "[[price]]\nmodel = 7\n");
        std::thread::sleep(Duration::from_secs(4));
        assert!(outlay.prices().version().ends_with("+second"));
        fs::remove_file(&path).expect("the file");
        std::thread::sleep(Duration::from_secs(4));
        assert!(outlay.prices().version().ends_with("+second"));
        // Nor does one that is emptied, or cannot be read: it is tried again.
        fs::write(&path, "").expect("a file");
        std::thread::sleep(Duration::from_secs(4));
        assert!(outlay.prices().version().ends_with("+second"));
        fs::remove_file(&path).expect("the file");
        fs::create_dir(&path).expect("a folder");
        std::thread::sleep(Duration::from_secs(4));
        assert!(outlay.prices().version().ends_with("+second"));
        fs::remove_dir(&path).expect("the folder");
        // Another file with the time and the length of the one before is another file.
        write(&path, "+second", "");
        wait(&outlay, "+second");
        let modified = fs::metadata(&path).and_then(|file| file.modified()).expect("its time");
        let copy = path.with_extension("copy");
        write(&copy, "+secund", "");
        let copied = fs::File::options().write(true).open(&copy).expect("the copy");
        copied.set_modified(modified).expect("a time");
        fs::rename(&copy, &path).expect("the copy in its place");
        wait(&outlay, "+secund");
        // The file is the same wherever the process goes.
        std::env::set_current_dir("/").expect("a folder");
        write(&path, "+fourth", "");
        wait(&outlay, "+fourth");
        std::env::set_current_dir(folder).expect("the folder");
        // Who sets prices in the program does not read a file.
        let own = Outlay::builder().prices(Prices::bundled()).build();
        write(&path, "+fifth", "");
        wait(&outlay, "+fifth");
        assert_eq!(own.prices().version(), Prices::bundled().version());
        // One that does not load at first is read once it does.
        write(&path, "+sixth", "x = 1\n");
        let late = Outlay::builder().build();
        assert_eq!(late.ignored_settings().len(), 1, "{:?}", late.ignored_settings());
        write(&path, "+seventh", "");
        wait(&late, "+seventh");
    }
}
