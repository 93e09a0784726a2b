//! `dr-drill pin`.

use std::path::PathBuf;

use clap::Args;

use super::init::{say, start_progress};
use crate::app;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::{SystemClock, Timestamp};

/// Renew the pins of a manifest after a new backup; the rest of it stays as it is
#[derive(Debug, Args)]
pub(super) struct PinArgs {
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = "data/dr/manifest.json")]
    manifest: PathBuf,
    /// When the data was captured [default: the time in the backup, else the date of the file]
    #[arg(long, value_name = "TIME")]
    captured_at: Option<Timestamp>,
    /// The directory that no path of the manifest may leave [default: the enclosing repository]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

pub(super) fn run(ui: &Ui, environment: &Environment, args: &PinArgs) -> Result<Exit, CliError> {
    let here = &environment.working_directory;
    let progress = start_progress()?;
    let pinned = app::pin(
        &args.manifest,
        args.root.as_ref().map(|root| here.join(root)),
        here,
        &environment.temporary_directory,
        args.captured_at,
        &SystemClock,
        &progress,
    )?;
    say(ui, &args.manifest, &pinned);
    Ok(Exit::Passed)
}
