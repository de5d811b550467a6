//! What rustdoc writes about our crates, in JSON.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::OURS;

/// The version of rustdoc's format that this test reads.
const FORMATS: std::ops::RangeInclusive<u64> = 40..=60;

/// The documentation of our crates.
pub(crate) struct Documented {
    crates: HashMap<&'static str, Value>,
    /// The crates and ids of items by their paths of definition.
    items: HashMap<String, (&'static str, String)>,
}

impl Documented {
    /// Builds the documentation with all features. Returns `None` unless `OUTLAY_INDEPENDENT` is set,
    /// because a plain `cargo test` would have to compile all dependencies a second time.
    pub(crate) fn build() -> Option<Self> {
        std::env::var_os("OUTLAY_INDEPENDENT")?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["doc", "--no-deps", "--all-features", "--target-dir"]).arg(target(folder));
        cargo.args(OURS.map(|krate| format!("--package={}", krate.replace('_', "-"))));
        cargo.env("RUSTDOC", folder.join("public_api/rustdoc.sh")).env_remove("RUSTDOCFLAGS").current_dir(folder);
        let output = cargo.output().expect("cargo can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

        let crates: HashMap<_, _> = OURS.into_iter().map(|krate| (krate, read(folder, krate))).collect();
        let mut items = HashMap::new();
        for (&krate, documented) in &crates {
            for (id, item) in documented["paths"].as_object().expect("paths") {
                if item["crate_id"] == 0 && !documented["index"][id].is_null() {
                    items.insert(joined(&item["path"]), (krate, id.clone()));
                }
            }
        }
        Some(Self { crates, items })
    }

    /// Returns an item of a crate.
    pub(crate) fn item(&self, krate: &str, id: &str) -> Option<&Value> {
        self.crates[krate]["index"].get(id)
    }

    /// Returns the id of the root module of a crate.
    pub(crate) fn root(&self, krate: &str) -> String {
        id(&self.crates[krate]["root"])
    }

    /// Returns the name of the crate that defines an item, and the path there.
    pub(crate) fn definition(&self, krate: &'static str, id: &str) -> Option<(String, String)> {
        let item = self.crates[krate]["paths"].get(id)?;
        let defining = match item["crate_id"].as_u64()? {
            0 => krate.to_owned(),
            other => self.crates[krate]["external_crates"][other.to_string()]["name"].as_str()?.to_owned(),
        };
        Some((defining, joined(&item["path"])))
    }

    /// Returns the crate and the id of one of our items by the path of its definition.
    pub(crate) fn ours(&self, path: &str) -> Option<&(&'static str, String)> {
        self.items.get(path)
    }
}

/// Returns an id as text, which is how the index has it.
pub(crate) fn id(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn joined(path: &Value) -> String {
    let parts = path.as_array().expect("a path").iter().map(|part| part.as_str().expect("text"));
    parts.collect::<Vec<_>>().join("::")
}

fn target(folder: &Path) -> std::path::PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| folder.join("../target"), Into::into)
}

fn read(folder: &Path, krate: &str) -> Value {
    let text = std::fs::read_to_string(target(folder).join(format!("doc/{krate}.json"))).expect("rustdoc wrote it");
    let documented: Value = serde_json::from_str(&text).expect("JSON");
    let format = documented["format_version"].as_u64().expect("a number");
    assert!(FORMATS.contains(&format), "this test does not know rustdoc's format {format}");
    documented
}
