//! Reloads the price file that `OUTLAY_PRICES` names when it changes.

use std::path::{Path, PathBuf};

use outlay_otel::Engine;
use outlay_price::{LoadPricesError, Prices};

use crate::watched_file::{self, Stamp};

/// A price file, with the version that was read.
#[derive(Debug)]
pub(crate) struct PriceFile {
    path: PathBuf,
    stamp: Stamp,
}

impl PriceFile {
    /// Reads a file. Even if it does not load, it can be watched: a later version may.
    pub(crate) fn read(path: PathBuf) -> (Self, Result<Prices, LoadPricesError>) {
        // The stamp is taken first, so that a change during the read causes a reload.
        let stamp = Stamp::of(&path);
        let prices = Prices::from_path(&path);
        (Self { path, stamp }, prices)
    }

    /// Puts each new version of the file in force. A version that does not load is logged once, and the previous prices
    /// stay in force.
    pub(crate) fn watch(&self, engine: &Engine) {
        watched_file::watch("outlay-prices", engine, &self.path, self.stamp, reload);
    }
}

fn reload(engine: &Engine, path: &Path) {
    match Prices::from_path(path) {
        Ok(prices) => {
            tracing::info!(target: "outlay", version = prices.version(), "the price file was reloaded");
            engine.set_prices(prices);
        }
        Err(error) => {
            let error = crate::build::with_sources(&error);
            tracing::warn!(target: "outlay", "the price file cannot be used, and the previous prices stay in force: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::Outlay;
    use crate::watched_file::run_ignored_test;

    fn write(path: &Path, version: &str, rest: &str) {
        fs::write(path, format!("version = \"{version}\"\n{rest}")).expect("a file");
    }

    fn wait_until(outlay: &Outlay, version: &str) {
        let start = Instant::now();
        while !outlay.prices().version().ends_with(version) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{}: the file was not reloaded",
                outlay.prices().version()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_price_file_is_reloaded_when_it_changes() {
        let path = std::env::temp_dir().join(format!("outlay-prices-{}.toml", std::process::id()));
        write(&path, "+first", "");
        run_ignored_test("watch_price_file::tests::price_file_child", "OUTLAY_PRICES", &path);
        let _ = fs::remove_file(&path);
    }

    #[test]
    #[ignore = "the test above runs it in a separate process"]
    fn price_file_child() {
        let folder = std::env::current_dir().expect("a folder");
        let path = folder.join(std::env::var_os("OUTLAY_PRICES").expect("the file"));
        let outlay = Outlay::builder().build();
        assert!(outlay.prices().version().ends_with("+first"), "{}", outlay.prices().version());
        write(&path, "+second", "");
        wait_until(&outlay, "+second");
        // An invalid version, and a missing file, change nothing.
        write(&path, "+third", "[[price]]\nmodel = 7\n");
        std::thread::sleep(Duration::from_secs(4));
        assert!(outlay.prices().version().ends_with("+second"));
        fs::remove_file(&path).expect("the file");
        std::thread::sleep(Duration::from_secs(4));
        assert!(outlay.prices().version().ends_with("+second"));
        // Nor does a file that is empty or cannot be read. It is tried again.
        fs::write(&path, "").expect("a file");
        std::thread::sleep(Duration::from_secs(4));
        assert!(outlay.prices().version().ends_with("+second"));
        fs::remove_file(&path).expect("the file");
        fs::create_dir(&path).expect("a folder");
        std::thread::sleep(Duration::from_secs(4));
        assert!(outlay.prices().version().ends_with("+second"));
        fs::remove_dir(&path).expect("the folder");
        // Another file with the same time and length is a new version.
        write(&path, "+second", "");
        wait_until(&outlay, "+second");
        let modified = fs::metadata(&path).and_then(|file| file.modified()).expect("the time");
        let copy = path.with_extension("copy");
        write(&copy, "+secund", "");
        let copied = fs::File::options().write(true).open(&copy).expect("the copy");
        copied.set_modified(modified).expect("a time");
        fs::rename(&copy, &path).expect("the copy in its place");
        wait_until(&outlay, "+secund");
        // The path still names the same file after the process changes its directory.
        std::env::set_current_dir("/").expect("a folder");
        write(&path, "+fourth", "");
        wait_until(&outlay, "+fourth");
        std::env::set_current_dir(folder).expect("the folder");
        // Prices that are set in code turn the file off.
        let in_code = Outlay::builder().prices(Prices::bundled()).build();
        write(&path, "+fifth", "");
        wait_until(&outlay, "+fifth");
        assert_eq!(in_code.prices().version(), Prices::bundled().version());
        // A file that does not load at first is read once it does.
        write(&path, "+sixth", "x = 1\n");
        let invalid_at_first = Outlay::builder().build();
        assert_eq!(invalid_at_first.ignored_settings().len(), 1, "{:?}", invalid_at_first.ignored_settings());
        write(&path, "+seventh", "");
        wait_until(&invalid_at_first, "+seventh");
    }
}
