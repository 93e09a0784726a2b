//! `dr-drill man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::Cli;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;

/// Write the manual pages
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Where to write them
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(ui: &Ui, args: &ManArgs) -> Result<Exit, CliError> {
    let out = args.out.display();
    std::fs::create_dir_all(&args.out)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.out))
        .map_err(|error| CliError::usage(format!("no manual page was written: {out}: {error}")))?;
    ui.talk(&format!("manual pages written to {out}"));
    Ok(Exit::Passed)
}
