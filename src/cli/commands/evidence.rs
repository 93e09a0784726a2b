//! `dr-drill evidence`: packs, and what can go of old ones.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::history::{PruneArgs, prune};
use super::to_text;
use crate::app;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::evidence::predicate_of;

/// Pack sealed evidence into one file, unpack it, reduce what is old, keep a copy in a storage
#[derive(Debug, Args)]
pub(super) struct EvidenceArgs {
    #[command(subcommand)]
    command: EvidenceCommand,
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    Pack(PackArgs),
    Unpack(UnpackArgs),
    Predicate(PredicateArgs),
    Prune(PruneArgs),
    #[cfg(feature = "storage")]
    Push(super::transfer::PushArgs),
    #[cfg(feature = "storage")]
    Pull(super::transfer::PullArgs),
}

/// Pack a sealed directory into one file, the same bytes each time
///
/// Every file must be as it was sealed. `dr-drill verify` takes the pack as it takes the directory.
#[derive(Debug, Args)]
struct PackArgs {
    /// The evidence directory
    #[arg(default_value = "artifacts/dr")]
    dir: PathBuf,
    /// The new file [default: the directory's name and `.tar.zst`, beside it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Unpack a pack into a new directory
#[derive(Debug, Args)]
struct UnpackArgs {
    /// The pack
    file: PathBuf,
    /// The new directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Print what is to be said of a sealed directory, for others that sign it: a predicate of in-toto
///
/// Its type is https://github.com/dr-drill/dr-drill/attestation/drill/v1; the subjects are those of SHA256SUMS.
#[derive(Debug, Args)]
struct PredicateArgs {
    /// The evidence directory
    #[arg(default_value = "artifacts/dr")]
    dir: PathBuf,
}

pub(super) fn run(
    ui: &Ui,
    environment: &Environment,
    args: &EvidenceArgs,
) -> Result<Exit, CliError> {
    let here = &environment.working_directory;
    let place = match &args.command {
        EvidenceCommand::Pack(args) => {
            let directory = here.join(&args.dir);
            let out = args.out.clone().unwrap_or_else(|| args.dir.with_extension("tar.zst"));
            app::pack_into(&directory, &here.join(&out))?;
            out
        }
        EvidenceCommand::Unpack(args) => {
            app::unpack_into(&here.join(&args.file), &here.join(&args.out))?;
            args.out.clone()
        }
        EvidenceCommand::Prune(args) => return prune(ui, environment, args),
        #[cfg(feature = "storage")]
        EvidenceCommand::Push(args) => return super::transfer::push(ui, environment, args),
        #[cfg(feature = "storage")]
        EvidenceCommand::Pull(args) => return super::transfer::pull(ui, environment, args),
        EvidenceCommand::Predicate(args) => {
            let said = predicate_of(&here.join(&args.dir)).map_err(|error| {
                CliError::usage(format!("nothing can be said of {}: {error}", args.dir.display()))
            })?;
            ui.data(to_text(&said).as_bytes());
            return Ok(Exit::Passed);
        }
    };
    ui.data(format!("{0} (check it: dr-drill verify {0})\n", place.display()).as_bytes());
    Ok(Exit::Passed)
}
