//! `dr-drill verify`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::{Format, to_text};
use crate::app;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::digest::Unobserved;
use crate::evidence::verify;
use crate::wire::answer::{Standing, Verification};

/// Check a sealed evidence directory, offline
///
/// Every file is hashed and compared, every event read, and the report computed again from events
/// and manifest. With a key its signature is verified; without one nobody knows who wrote it.
/// Exit codes: 0 intact, 1 altered or not signed by the key, 2 not an evidence directory, 4 never sealed.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The evidence directory
    #[arg(default_value = "artifacts/dr")]
    dir: PathBuf,
    /// The public key that must have signed it
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How to write what was found
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(ui: &Ui, args: &VerifyArgs) -> Result<Exit, CliError> {
    let key = args.key.as_deref().map(app::read_key).transpose()?;
    let found = verify(&args.dir, key.as_slice(), &Unobserved)
        .map_err(|error| CliError::usage(format!("nothing was verified: {error}")))?;
    let text = match args.format {
        Format::Json => to_text(&found),
        Format::Text => describe(args, &found),
    };
    ui.data(text.as_bytes());
    Ok(match found.standing {
        Standing::Verified | Standing::IntactSignerUnknown => Exit::Passed,
        Standing::Altered | Standing::NotSignedByKey => Exit::Failed,
        Standing::Incomplete => Exit::Inconclusive,
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
    };
    let _ = writeln!(text, "{}: {standing}", args.dir.display());
    if let (Some(run), Some(verdict)) = (&found.run_id, found.verdict) {
        let verdict = serde_json::to_value(verdict).unwrap_or_default();
        let _ =
            writeln!(text, "  the drill {run} ended as {}", verdict.as_str().unwrap_or_default());
    }
    for problem in &found.problems {
        let _ = writeln!(text, "  {}: {}", problem.file, problem.message);
    }
    for proven in &found.proven {
        let _ = writeln!(text, "  proven: {proven}");
    }
    for what in &found.not_proven {
        let _ = writeln!(text, "  not proven: {what}");
    }
    text
}
