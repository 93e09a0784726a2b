//! What keeps a history: it is verified, pinned, added to, indexed anew, and made smaller.

use std::path::PathBuf;

use clap::Args;

use super::Place;
use crate::app;
use crate::cli::commands::sign_off::Countersignature;
use crate::cli::commands::{Format, current_time, tell};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::Timestamp;
use crate::history::{Demands, Retention, audit, checkpoint as pin, prune as reducible};
use crate::signature::PublicKey;
use crate::wire::history::Audit;

/// Verify every drill, and that none was removed, reordered, forked, replayed or rewritten
///
/// Exit codes: 0 nothing is wrong, 1 something is, 2 there is no such history.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    place: Place,
    /// A public key; each drill must be signed by one of those that are given
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// A checkpoint that must still hold; a key must be given with it
    #[arg(long, value_name = "FILE", requires = "checkpoint_key")]
    checkpoint: Option<PathBuf>,
    /// The public key that must have signed the checkpoint
    #[arg(long, value_name = "FILE", requires = "checkpoint")]
    checkpoint_key: Option<PathBuf>,
    /// How to write what was found
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn verify(
    ui: &Ui,
    environment: &Environment,
    args: &VerifyArgs,
) -> Result<Exit, CliError> {
    let keys: Vec<PublicKey> =
        args.key.iter().map(|path| app::read_key(path)).collect::<Result<_, _>>()?;
    let checkpoint_key = args.checkpoint_key.as_deref().map(app::read_key).transpose()?;
    let note = args.checkpoint.as_deref().map(app::read_note).transpose()?;
    let history = args.place.open(environment)?;
    let checkpoint = note.as_deref().map(|note| (note, checkpoint_key.as_slice()));
    let found = audit(&history, Demands { keys: &keys, checkpoint })?;
    tell(ui, args.format, &found, || describe(&found));
    Ok(if found.intact { Exit::Passed } else { Exit::Failed })
}

fn describe(found: &Audit) -> String {
    let word = if found.intact { "intact" } else { "NOT INTACT" };
    let all = crate::cli::commands::found(&found.problems, &found.proven, &found.not_proven);
    format!("{} drill(s) of {} name(s): {word}\n{all}", found.drills, found.names)
}

/// Pin all history so far with a short signed note
///
/// Keep the note where nobody who can write to the history can change it: in a git tag, in a mail. Any rewrite is
/// then noticed by `dr-drill history verify --checkpoint`.
#[derive(Debug, Args)]
pub(super) struct CheckpointArgs {
    #[command(flatten)]
    place: Place,
    /// The private key to sign it with, which nobody else may be able to read
    #[arg(long, value_name = "FILE")]
    signing_key: PathBuf,
    /// Take this as the time of the checkpoint
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
}

pub(super) fn checkpoint(
    ui: &Ui,
    environment: &Environment,
    args: &CheckpointArgs,
) -> Result<Exit, CliError> {
    let key = app::read_private_key(&args.signing_key)?;
    let note = pin(&args.place.open(environment)?, &key, current_time(args.current_time))?;
    ui.data(note.as_bytes());
    Ok(Exit::Passed)
}

/// File evidence that was made elsewhere, or that a killed run left
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    #[command(flatten)]
    place: Place,
    /// Sealed evidence: directories or packs
    #[arg(required = true, value_name = "DIR|FILE")]
    evidence: Vec<PathBuf>,
}

pub(super) fn add(ui: &Ui, environment: &Environment, args: &AddArgs) -> Result<Exit, CliError> {
    let here = &environment.working_directory;
    let places: Vec<PathBuf> = args.evidence.iter().map(|path| here.join(path)).collect();
    let history = &here.join(&args.place.history);
    for (path, filed) in app::add(history, &places, &environment.temporary_directory)? {
        let what = if filed { "filed" } else { "was filed before" };
        ui.data(format!("{} {what}\n", path.display()).as_bytes());
    }
    Ok(Exit::Passed)
}

/// Make the index anew from the packs
///
/// Exit codes: 0 done, 1 done, but packs that cannot be read are left out.
#[derive(Debug, Args)]
pub(super) struct RebuildArgs {
    #[command(flatten)]
    place: Place,
}

pub(super) fn rebuild(
    ui: &Ui,
    environment: &Environment,
    args: &RebuildArgs,
) -> Result<Exit, CliError> {
    let rebuilt = args.place.open(environment)?.rebuild()?;
    ui.data(format!("{} drill(s) are in the index\n", rebuilt.drills).as_bytes());
    for (file, problem) in &rebuilt.problems {
        ui.talk(&format!("left out: {file}: {problem}"));
    }
    Ok(if rebuilt.problems.is_empty() { Exit::Passed } else { Exit::Failed })
}

/// Sign off a drill of the history as a second person
///
/// As `dr-drill sign-off` does with a directory.
#[derive(Debug, Args)]
pub(super) struct SignOffArgs {
    #[command(flatten)]
    place: Place,
    /// The run, or how its id begins
    run: String,
    #[command(flatten)]
    with: Countersignature,
}

pub(super) fn sign_off(
    ui: &Ui,
    environment: &Environment,
    args: &SignOffArgs,
) -> Result<Exit, CliError> {
    let with = &args.with;
    let key = app::read_private_key(&with.key)?;
    let history = args.place.open(environment)?;
    let drill = history.find(&args.run)?;
    let signer = history.sign_off(&drill, &key, &with.note, current_time(with.current_time))?;
    ui.data(format!("{} is signed off by {signer}\n", drill.run_id).as_bytes());
    Ok(Exit::Passed)
}

/// Reduce old drills of a history to their seal, signatures and report, so that the chain stays whole
///
/// Kept whole are, of each name: the newest that passed and all since, the newest --keep-last, and those of the
/// last --keep-days.
#[derive(Debug, Args)]
pub(in super::super) struct PruneArgs {
    #[command(flatten)]
    place: Place,
    /// Keep the drills of the last so many days
    #[arg(long, value_name = "DAYS", default_value_t = 400.0)]
    keep_days: f64,
    /// Keep the newest so many of each name
    #[arg(long, value_name = "COUNT", default_value_t = 12)]
    keep_last: usize,
    /// Only print what would be reduced
    #[arg(long)]
    dry_run: bool,
    /// Take this as the time
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
}

pub(in super::super) fn prune(
    ui: &Ui,
    environment: &Environment,
    args: &PruneArgs,
) -> Result<Exit, CliError> {
    let history = args.place.open(environment)?;
    let drills = history.within("", "9999")?;
    let retention = Retention { keep_days: args.keep_days, keep_last: args.keep_last };
    for drill in reducible(&drills, retention, current_time(args.current_time)) {
        let free = if args.dry_run { None } else { Some(history.reduce(drill)?) };
        let what =
            free.map_or("would be reduced".to_owned(), |free| format!("{free} bytes are free"));
        ui.data(format!("{}  {what}\n", drill.file).as_bytes());
    }
    Ok(Exit::Passed)
}
