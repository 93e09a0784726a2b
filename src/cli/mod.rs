//! The command line: arguments, terminal, exit codes, errors to hints. No rule of the domain is here.

mod commands;
mod environment;
mod error;
mod exit;
mod github;
mod progress;
mod ui;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use crate::process::{SUPERVISOR_ARGUMENT, supervise};

pub use commands::Cli;
pub use exit::EXIT_CODES;

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|first| first == SUPERVISOR_ARGUMENT) {
        return supervise(&arguments[2..]);
    }
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; a closed pipe is nobody's.
            let _ = error.print();
            let wrong = error.use_stderr();
            return if wrong { exit::Exit::Usage.into() } else { exit::Exit::Passed.into() };
        }
    };
    commands::dispatch(cli).into()
}
