//! `dr-drill verify`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::{Format, tell};
use crate::app;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::digest::Unobserved;
use crate::evidence::{Keys, verify};
use crate::wire::answer::{Standing, Verification};

/// Check sealed evidence, offline
///
/// Every file is hashed and compared, every event read, and the report computed again from events
/// and manifest. With a key its signature is verified; without one nobody knows who wrote it.
/// Exit codes: 0 intact, 1 altered or not signed by the key, 2 no evidence, 4 never sealed.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The evidence: a directory, or a pack
    #[arg(value_name = "DIR|FILE", default_value = "artifacts/dr")]
    dir: PathBuf,
    /// The public key that must have signed it
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The public key that must have signed it off
    #[arg(long, value_name = "FILE")]
    reviewer_key: Option<PathBuf>,
    /// How to write what was found
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(ui: &Ui, args: &VerifyArgs) -> Result<Exit, CliError> {
    let key = args.key.as_deref().map(app::read_key).transpose()?;
    let reviewer = args.reviewer_key.as_deref().map(app::read_key).transpose()?;
    let keys = Keys { signers: key.as_slice(), reviewers: reviewer.as_slice() };
    let found = verify(&args.dir, keys, &Unobserved)
        .map_err(|error| CliError::usage(format!("nothing was verified: {error}")))?;
    tell(ui, args.format, &found, || describe(args, &found));
    Ok(match found.standing {
        Standing::Verified | Standing::IntactSignerUnknown => Exit::Passed,
        Standing::Altered | Standing::NotSignedByKey => Exit::Failed,
        Standing::Incomplete | Standing::Pruned => Exit::Inconclusive,
    })
}

fn describe(args: &VerifyArgs, found: &Verification) -> String {
    let mut text = String::new();
    let standing = match found.standing {
        Standing::Verified => "intact, signed by the key that was given",
        Standing::IntactSignerUnknown => "intact, signer unknown",
        Standing::NotSignedByKey => "NOT SIGNED by the key that was given",
        Standing::Altered => "ALTERED",
        Standing::Incomplete => "INCOMPLETE",
        Standing::Pruned => "PRUNED: only seal and report are left, intact",
    };
    let _ = writeln!(text, "{}: {standing}", args.dir.display());
    if let (Some(run), Some(verdict)) = (&found.run_id, found.verdict) {
        let _ = writeln!(text, "  the drill {run} ended as {}", verdict.word());
    }
    text + &super::found(&found.problems, &found.proven, &found.not_proven)
}
