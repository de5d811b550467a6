//! Switches the ledger's sources to the locks of the model checker, in this package only.
#![allow(clippy::print_stdout, reason = "build scripts pass instructions to cargo on stdout")]

fn main() {
    println!("cargo::rustc-cfg=outlay_shuttle");
    println!("cargo::rerun-if-changed=build.rs");
}
