//! `dr-drill sign`.

use std::path::PathBuf;

use clap::Args;

use crate::app;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;

/// Sign a manifest, so that only it is drilled
///
/// Writes a DSSE envelope beside the manifest, as MANIFEST.dsse. `dr-drill run --manifest-key`
/// refuses a manifest that was not signed by that key before anything is read through it.
#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// The manifest
    file: PathBuf,
    /// The private key (PKCS#8 in PEM), which nobody else may be able to read
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

pub(super) fn run(ui: &Ui, args: &SignArgs) -> Result<Exit, CliError> {
    let (path, key) = app::sign(&args.file, &args.key)?;
    ui.talk(&format!("{}: signed by {key}", path.display()));
    Ok(Exit::Passed)
}
