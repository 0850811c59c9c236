//! The native binary `backstop`: tells before a deployment what the filter would do, with the filter's own code.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]
#![allow(clippy::disallowed_methods, reason = "the command line reads files and the clock")]

mod args;
mod check;
mod explain;
mod manifest;
mod replay;
mod secret;
mod test;

use std::process::ExitCode;

use args::{Command, Usage};

/// What a command found, as the exit status that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Exit 0.
    Clean,
    /// Exit 1: mistakes in a file, a failing example, a request that would be refused.
    Something,
}

fn main() -> ExitCode {
    let outcome = match args::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => {
            print!("{}", args::HELP);
            Ok(Found::Clean)
        }
        Ok(Command::Version) => {
            println!("backstop {}", env!("CARGO_PKG_VERSION"));
            Ok(Found::Clean)
        }
        Ok(Command::Check { request, format }) => check::run(&request, format),
        Ok(Command::Test { paths, format }) => test::run(&paths, format),
        Ok(Command::Explain { request, format }) => explain::run(&request, format),
        Ok(Command::Replay { request, format }) => replay::run(&request, format),
        Ok(Command::Secret { file, format }) => secret::run(file.as_deref(), format),
        Err(usage) => Err(usage),
    };
    match outcome {
        Ok(Found::Clean) => ExitCode::SUCCESS,
        Ok(Found::Something) => ExitCode::from(1),
        Err(Usage(message)) => {
            eprintln!("backstop: {message}");
            ExitCode::from(2)
        }
    }
}

/// Reads a file, or standard input for `-`.
fn read(file: &str) -> Result<Vec<u8>, Usage> {
    let read = if file == "-" {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut text).map(|_| text)
    } else {
        std::fs::read(file)
    };
    read.map_err(|e| Usage(format!("{file}: {e}")))
}

/// Reads a text file.
fn read_text(file: &str) -> Result<String, Usage> {
    String::from_utf8(read(file)?).map_err(|_| Usage(format!("{file}: not UTF-8 text")))
}

/// Seconds since 1970-01-01 UTC.
fn unix_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
