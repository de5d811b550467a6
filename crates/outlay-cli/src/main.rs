//! The program `outlay`.

#![allow(clippy::print_stderr, reason = "a program reports errors on standard error")]

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;
use outlay_cli::Arguments;

fn main() -> ExitCode {
    let output = match Arguments::parse().run() {
        Ok(output) => output,
        Err(error) => {
            let causes = std::iter::successors(Some(&*error), |error| error.source());
            eprintln!("outlay: {}", printable(&causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")));
            return ExitCode::FAILURE;
        }
    };
    match writeln!(io::stdout(), "{}", printable(output.text.trim_end())) {
        // The reader closed the pipe, as `head` does.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("outlay: cannot write: {error}");
            ExitCode::FAILURE
        }
        _ if output.is_success => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Escapes control characters, because names from price tables could otherwise control the terminal.
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
