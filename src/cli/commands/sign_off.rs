//! `dr-drill sign-off`.

use std::path::PathBuf;

use clap::Args;

use super::current_time;
use crate::app;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::Timestamp;
use crate::evidence::sign_off;

/// Sign off the evidence of a drill as a second person
///
/// The signature is over the seal, and so over every file. It must be made by another key than the drill's own.
/// Exit codes: 0 signed, 2 not.
#[derive(Debug, Args)]
pub(super) struct SignOffArgs {
    /// The evidence directory
    #[arg(default_value = "artifacts/dr")]
    dir: PathBuf,
    #[command(flatten)]
    with: Countersignature,
}

/// Who signs off, with what words.
#[derive(Debug, Args)]
pub(super) struct Countersignature {
    /// The private key to sign with, which nobody else may be able to read
    #[arg(long, value_name = "FILE")]
    pub(super) key: PathBuf,
    /// What you have to say
    #[arg(long, value_name = "TEXT")]
    pub(super) note: String,
    /// Take this as the time
    #[arg(long, value_name = "TIME")]
    pub(super) current_time: Option<Timestamp>,
}

pub(super) fn run(ui: &Ui, args: &SignOffArgs) -> Result<Exit, CliError> {
    let with = &args.with;
    let key = app::read_private_key(&with.key)?;
    let place = args.dir.display();
    let signer = sign_off(&args.dir, &key, &with.note, current_time(with.current_time))
        .map_err(|error| CliError::usage(format!("nothing was signed off: {place} {error}")))?;
    ui.data(format!("{place} is signed off by {signer}\n").as_bytes());
    Ok(Exit::Passed)
}
