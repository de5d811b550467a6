//! Switches the locks of the ledger's sources to those of the model checker, in this package alone.
#![allow(clippy::print_stdout, reason = "so a build script speaks to cargo")]

fn main() {
    println!("cargo::rustc-cfg=outlay_shuttle");
    println!("cargo::rerun-if-changed=build.rs");
}
