//! `dr-drill exercise`.

mod failover;
mod tabletop;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Format;
use super::run::SigningKey;
use crate::app::{self, ExerciseRequest};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::{Clock, FixedClock, SystemClock, Timestamp};
use crate::history::History;
use crate::report::{JSON, TERMINAL, to_bytes};
use crate::signature::PrivateKey;
use crate::wire::event::Resumption;
use crate::wire::report::Report;

/// Rehearse a recovery: talk it through, or fail over for real
#[derive(Debug, Args)]
pub(super) struct ExerciseArgs {
    #[command(subcommand)]
    command: ExerciseCommand,
}

#[derive(Debug, Subcommand)]
enum ExerciseCommand {
    Tabletop(tabletop::TabletopArgs),
    Failover(failover::FailoverArgs),
    Resume(failover::ResumeArgs),
    Rollback(failover::RollbackArgs),
}

/// Where a rehearsal leaves what it found.
#[derive(Debug, Args)]
struct Places {
    /// Where to leave the sealed evidence; until then it is the memory of the run
    #[arg(long, value_name = "DIR", default_value = "artifacts/exercise")]
    evidence_dir: PathBuf,
    /// The history to file the evidence in, linked to the exercise of the same name before it
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    #[command(flatten)]
    key: SigningKey,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The places as they are meant.
struct Resolved {
    clock: Box<dyn Clock>,
    evidence_directory: PathBuf,
    key: Option<PrivateKey>,
    history: Option<History>,
}

impl Places {
    /// The time is only set for what measures nothing: a talk.
    fn resolve(
        &self,
        environment: &Environment,
        current_time: Option<Timestamp>,
    ) -> Result<Resolved, CliError> {
        let here = &environment.working_directory;
        let history = self.history.as_ref().map(|folder| History::create(&here.join(folder)));
        let history = history.transpose().map_err(app::RunError::History)?;
        let clock: Box<dyn Clock> = match current_time {
            Some(time) => Box::new(FixedClock(time)),
            None => Box::new(SystemClock),
        };
        let evidence_directory = here.join(&self.evidence_dir);
        Ok(Resolved { clock, evidence_directory, key: self.key.read()?, history })
    }

    /// Tells what it came to.
    fn show(&self, ui: &Ui, report: &Report, place: &Path) -> Exit {
        match self.format {
            Format::Json => ui.data(&to_bytes(JSON, report)),
            Format::Text => {
                let place = place.display();
                ui.data(&to_bytes(TERMINAL, report));
                ui.data(
                    format!("  evidence: {place} (check it: dr-drill verify {place})\n").as_bytes(),
                );
            }
        }
        Exit::of(report)
    }
}

impl Resolved {
    fn request(&self, resume: Option<Resumption>) -> ExerciseRequest<'_> {
        ExerciseRequest {
            evidence_directory: self.evidence_directory.clone(),
            signing_key: self.key.as_ref(),
            history: self.history.as_ref(),
            resume,
        }
    }
}

/// The path of a file that is to be written, unless it is there.
fn new_file(environment: &Environment, path: &Path) -> Result<PathBuf, CliError> {
    let place = environment.working_directory.join(path);
    if place.exists() {
        let message = format!("{} is there already: nothing was written", path.display());
        return Err(CliError::usage(message));
    }
    Ok(place)
}

pub(super) fn run(
    ui: &Ui,
    environment: &Environment,
    args: &ExerciseArgs,
) -> Result<Exit, CliError> {
    match &args.command {
        ExerciseCommand::Tabletop(args) => tabletop::run(ui, environment, args),
        ExerciseCommand::Failover(args) => failover::run(ui, environment, args),
        ExerciseCommand::Resume(args) => failover::resume(ui, environment, args),
        ExerciseCommand::Rollback(args) => failover::rollback(ui, environment, args),
    }
}
