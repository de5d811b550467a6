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
            eprintln!("outlay: {}", printable(&causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")));
            return ExitCode::FAILURE;
        }
    };
    match writeln!(io::stdout(), "{}", printable(told.text.trim_end())) {
        // Whoever reads has enough, as `head` does.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("outlay: cannot write: {error}");
            ExitCode::FAILURE
        }
        _ if told.is_well => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// A text without what would steer a terminal: names come from the tables of others.
fn printable(text: &str) -> String {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().fold(String::with_capacity(text.len()), |mut plain, c| {
        if is_plain(c) {
            plain.push(c)
        } else {
            plain.extend(c.escape_unicode())
        }
        plain
    })
}
