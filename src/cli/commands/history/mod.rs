//! `dr-drill history`: one file for what it tells, one for how drills develop, one for what keeps it.

mod keep;
mod tell;
mod trend;

pub(super) use keep::{PruneArgs, prune};

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::history::History;

/// Look into the history of drills, verify it, pin it
///
/// A history is the directory that `dr-drill run --history` files evidence in: a pack for each drill, linked to
/// the drill of the same name before it, and an index that can be made anew at any time.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    #[command(subcommand)]
    command: HistoryCommand,
}

#[derive(Debug, Subcommand)]
enum HistoryCommand {
    List(tell::ListArgs),
    Names(tell::NamesArgs),
    Show(tell::ShowArgs),
    Diff(tell::DiffArgs),
    Trend(trend::TrendArgs),
    Actions(tell::ActionsArgs),
    Coverage(tell::CoverageArgs),
    Export(trend::ExportArgs),
    Verify(keep::VerifyArgs),
    Checkpoint(keep::CheckpointArgs),
    Add(keep::AddArgs),
    Rebuild(keep::RebuildArgs),
    SignOff(keep::SignOffArgs),
}

/// Which history.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The directory of the history
    #[arg(long, value_name = "DIR", default_value = "dr-history")]
    history: PathBuf,
}

impl Place {
    pub(super) fn open(&self, environment: &Environment) -> Result<History, CliError> {
        Ok(History::open(&environment.working_directory.join(&self.history))?)
    }
}

pub(super) fn run(
    ui: &Ui,
    environment: &Environment,
    args: &HistoryArgs,
) -> Result<Exit, CliError> {
    match &args.command {
        HistoryCommand::List(args) => tell::list(ui, environment, args),
        HistoryCommand::Names(args) => tell::names(ui, environment, args),
        HistoryCommand::Show(args) => tell::show(ui, environment, args),
        HistoryCommand::Diff(args) => tell::diff(ui, environment, args),
        HistoryCommand::Trend(args) => trend::trend(ui, environment, args),
        HistoryCommand::Actions(args) => tell::actions(ui, environment, args),
        HistoryCommand::Coverage(args) => tell::coverage(ui, environment, args),
        HistoryCommand::Export(args) => trend::export(ui, environment, args),
        HistoryCommand::Verify(args) => keep::verify(ui, environment, args),
        HistoryCommand::Checkpoint(args) => keep::checkpoint(ui, environment, args),
        HistoryCommand::Add(args) => keep::add(ui, environment, args),
        HistoryCommand::Rebuild(args) => keep::rebuild(ui, environment, args),
        HistoryCommand::SignOff(args) => keep::sign_off(ui, environment, args),
    }
}
