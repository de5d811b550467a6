//! The program `outlay`.

#![allow(clippy::print_stderr, reason = "a program tells its user")]

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;
use outlay_cli::Arguments;

fn main() -> ExitCode {
    let told = match Arguments::parse().run() {
        Ok(told) => told,
        Err(error) => {
            let causes = std::iter::successors(Some(&*error), |error| error.source());
            eprintln!("outlay: {}", causes.map(ToString::to_string).collect::<Vec<_>>().join(": "));
            return ExitCode::FAILURE;
        }
    };
    match writeln!(io::stdout(), "{}", told.text.trim_end()) {
        // Whoever reads has enough, as `head` does.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("outlay: cannot write: {error}");
            ExitCode::FAILURE
        }
        _ if told.is_well => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
