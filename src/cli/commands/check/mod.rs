//! `dr-drill check`: one kind of file a module.

mod manifest;
mod provenance;
mod sbom;

use clap::{Args, Subcommand, ValueEnum};

use super::to_text;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::report::sarif;
use crate::wire::answer::{Check, CheckStanding};

/// Check a file without running anything
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Manifest(manifest::ManifestArgs),
    Sbom(sbom::SbomArgs),
    Provenance(Box<provenance::ProvenanceArgs>),
}

/// How a check writes what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For code scanning (SARIF 2.1.0).
    Sarif,
}

pub(super) fn run(ui: &Ui, environment: &Environment, args: &CheckArgs) -> Result<Exit, CliError> {
    match &args.what {
        What::Manifest(args) => manifest::run(ui, environment, args),
        What::Sbom(args) => sbom::run(ui, args),
        What::Provenance(args) => provenance::run(ui, args),
    }
}

/// Writes what a check found; its standing decides the exit code.
fn answer(ui: &Ui, check: &Check, format: CheckFormat, described: &str) -> Exit {
    let text = match format {
        CheckFormat::Text => described.to_owned(),
        CheckFormat::Json => to_text(check),
        CheckFormat::Sarif => sarif(check),
    };
    ui.data(text.as_bytes());
    match check.standing {
        CheckStanding::Verified | CheckStanding::Valid => Exit::Passed,
        CheckStanding::NotVerified => Exit::Inconclusive,
        CheckStanding::Refused => Exit::Failed,
    }
}
