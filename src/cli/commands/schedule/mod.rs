//! `dr-drill schedule`: one file for what a calendar answers, one for what is played, one for its work.

mod ask;
mod export;
mod pipeline;
mod play;
mod stand;
mod work;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::app::{Grounds, read_fleet};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::Timestamp;
use crate::fs::parent_of;
use crate::schedule::Fleet;
use crate::wire::schedule::{CALENDAR, Calendar};

/// Drill a fleet by a calendar: never twice, never silently missed
///
/// A fleet file says which drill is due when. Whoever looks at the calendar runs what is due and records in the
/// history how each slot ended: a drill ran, or what kept it from running.
#[derive(Debug, Args)]
pub(super) struct ScheduleArgs {
    #[command(subcommand)]
    command: ScheduleCommand,
}

#[derive(Debug, Subcommand)]
enum ScheduleCommand {
    Check(ask::CheckArgs),
    Next(ask::NextArgs),
    Explain(ask::ExplainArgs),
    Simulate(play::SimulateArgs),
    RunDue(work::RunDueArgs),
    Daemon(work::DaemonArgs),
    Export(export::ExportArgs),
    Matrix(pipeline::MatrixArgs),
    RunSlot(pipeline::RunSlotArgs),
    Aggregate(pipeline::AggregateArgs),
    Ledger(stand::LedgerArgs),
    Gate(stand::GateArgs),
    Metrics(stand::MetricsArgs),
}

/// Which fleet.
#[derive(Debug, Args)]
pub(super) struct FleetFile {
    /// The fleet file, JSON or YAML
    #[arg(long, value_name = "FILE", default_value = "fleet.yaml")]
    fleet: PathBuf,
}

impl FleetFile {
    pub(super) fn read(&self, environment: &Environment) -> Result<Fleet, CliError> {
        Ok(read_fleet(&self.fleet, &environment.working_directory)?)
    }

    /// Where its drills find what they drill.
    pub(super) fn grounds(&self, environment: &Environment, root: Option<PathBuf>) -> Grounds {
        let file = environment.working_directory.join(&self.fleet);
        Grounds {
            fleet: parent_of(&file).to_owned(),
            working_directory: environment.working_directory.clone(),
            root,
        }
    }
}

/// The place of a drill in a fleet, by its name.
pub(super) fn position(fleet: &Fleet, name: &str) -> Result<usize, CliError> {
    fleet.position(name).ok_or_else(|| {
        let names: Vec<&str> =
            fleet.drills.iter().take(20).map(|drill| drill.name.as_str()).collect();
        CliError {
            message: format!("no drill of the fleet is called `{name}`"),
            hint: Some(format!("these are: {}", names.join(", "))),
            exit: Exit::Usage,
        }
    })
}

/// An answer about a fleet, without what was asked for.
fn answer(fleet: &Fleet, at: Timestamp) -> Calendar {
    Calendar {
        schema: CALENDAR.to_owned(),
        fleet_sha256: fleet.sha256.to_string(),
        at: at.to_string(),
        ..Calendar::default()
    }
}

pub(super) fn run(
    ui: &Ui,
    environment: &Environment,
    args: &ScheduleArgs,
) -> Result<Exit, CliError> {
    match &args.command {
        ScheduleCommand::Check(args) => ask::check(ui, environment, args),
        ScheduleCommand::Next(args) => ask::next(ui, environment, args),
        ScheduleCommand::Explain(args) => ask::explain(ui, environment, args),
        ScheduleCommand::Simulate(args) => play::simulate(ui, environment, args),
        ScheduleCommand::RunDue(args) => work::run_due(ui, environment, args),
        ScheduleCommand::Daemon(args) => work::daemon(ui, environment, args),
        ScheduleCommand::Export(args) => export::export(ui, environment, args),
        ScheduleCommand::Matrix(args) => pipeline::matrix(ui, environment, args),
        ScheduleCommand::RunSlot(args) => pipeline::run_slot(ui, environment, args),
        ScheduleCommand::Aggregate(args) => pipeline::aggregate(ui, environment, args),
        ScheduleCommand::Ledger(args) => stand::ledger(ui, environment, args),
        ScheduleCommand::Gate(args) => stand::gate(ui, environment, args),
        ScheduleCommand::Metrics(args) => stand::metrics(ui, environment, args),
    }
}
