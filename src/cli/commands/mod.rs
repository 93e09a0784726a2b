//! One command a file. The doc comment of each `Args` is its help and its reference page.

mod backup;
mod check;
mod completions;
mod controls;
mod dashboard;
mod evidence;
mod exercise;
mod gc;
mod history;
mod init;
mod keygen;
mod man;
mod notify;
mod pin;
mod report;
mod run;
mod schedule;
mod schema;
#[cfg(feature = "serve")]
mod serve;
mod sign;
mod sign_off;
#[cfg(feature = "queue")]
mod team;
#[cfg(feature = "storage")]
mod transfer;
mod verify;
mod verify_bundle;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Parser, Subcommand, ValueEnum};

use super::environment::Environment;
use super::error::CliError;
use super::exit::Exit;
use super::progress::stop_signals;
use super::ui::{Color, Ui};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::wire::answer::FileProblem;
use crate::wire::event::Verdict;

/// Turn a backup into a fact: verify it, restore it in isolation, measure, judge, seal the evidence
#[derive(Debug, Parser)]
#[command(name = "dr-drill", version, max_term_width = 100)]
pub struct Cli {
    /// When to color the output
    #[arg(long, value_enum, default_value_t, global = true)]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Init(init::InitArgs),
    Pin(pin::PinArgs),
    Backup(backup::BackupArgs),
    Check(check::CheckArgs),
    Verify(verify::VerifyArgs),
    #[command(hide = true)]
    VerifyBundle(verify_bundle::VerifyBundleArgs),
    Report(report::ReportArgs),
    Evidence(evidence::EvidenceArgs),
    SignOff(sign_off::SignOffArgs),
    Exercise(exercise::ExerciseArgs),
    History(history::HistoryArgs),
    Schedule(schedule::ScheduleArgs),
    #[cfg(feature = "queue")]
    Worker(team::WorkerArgs),
    Notify(notify::NotifyArgs),
    Controls(controls::ControlsArgs),
    Dashboard(dashboard::DashboardArgs),
    #[cfg(feature = "serve")]
    Serve(serve::ServeArgs),
    Sign(sign::SignArgs),
    Keygen(keygen::KeygenArgs),
    Gc(gc::GcArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// How a command writes what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Verdicts to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusFilter {
    /// Passed.
    Passed,
    /// Failed.
    Failed,
    /// Inconclusive.
    Inconclusive,
}

impl StatusFilter {
    fn verdict(self) -> Verdict {
        match self {
            Self::Passed => Verdict::Passed,
            Self::Failed => Verdict::Failed,
            Self::Inconclusive => Verdict::Inconclusive,
        }
    }
}

/// The time that was given, else that of the machine.
fn current_time(given: Option<Timestamp>) -> Timestamp {
    given.unwrap_or_else(|| SystemClock.now())
}

/// Listens for SIGINT and SIGTERM: whether the process was asked to end.
fn listen() -> Result<Arc<AtomicBool>, CliError> {
    stop_signals()
        .map_err(|error| CliError::usage(format!("signals cannot be listened for: {error}")))
}

/// Writes an answer as it was asked for.
fn tell(ui: &Ui, format: Format, answer: &impl serde::Serialize, text: impl FnOnce() -> String) {
    let text = match format {
        Format::Json => to_text(answer),
        Format::Text => text(),
    };
    ui.data(text.as_bytes());
}

/// What is wrong, what holds, and what nobody can tell, a line each.
fn found(problems: &[FileProblem], proven: &[String], not_proven: &[String]) -> String {
    let problems = problems.iter().map(|found| format!("  {}: {}\n", found.file, found.message));
    let proven = proven.iter().map(|proven| format!("  proven: {proven}\n"));
    let not_proven = not_proven.iter().map(|what| format!("  not proven: {what}\n"));
    problems.chain(proven).chain(not_proven).collect()
}

/// An answer as JSON.
fn to_text(answer: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(answer).unwrap_or_default() + "\n"
}

/// Runs a command and says on standard error why it was not carried out, if it was not.
pub(super) fn dispatch(cli: Cli) -> Exit {
    let ui = Ui::new(cli.color);
    let result = Environment::read()
        .map_err(|error| CliError::usage(format!("the working directory: {error}")))
        .and_then(|environment| match cli.command {
            Command::Run(args) => run::run(&ui, &environment, &args),
            Command::Init(args) => init::run(&ui, &environment, &args),
            Command::Backup(args) => backup::run(&ui, &environment, &args),
            Command::Pin(args) => pin::run(&ui, &environment, &args),
            Command::Check(args) => check::run(&ui, &environment, &args),
            Command::Verify(args) => verify::run(&ui, &args),
            Command::VerifyBundle(args) => verify_bundle::run(&ui, &args),
            Command::Report(args) => report::run(&ui, &args),
            Command::Evidence(args) => evidence::run(&ui, &environment, &args),
            Command::SignOff(args) => sign_off::run(&ui, &args),
            Command::Exercise(args) => exercise::run(&ui, &environment, &args),
            Command::History(args) => history::run(&ui, &environment, &args),
            Command::Schedule(args) => schedule::run(&ui, &environment, &args),
            #[cfg(feature = "queue")]
            Command::Worker(args) => team::worker(&ui, &environment, &args),
            Command::Notify(args) => notify::run(&ui, &environment, &args),
            Command::Controls(args) => controls::run(&ui, &environment, &args),
            Command::Dashboard(args) => dashboard::run(&ui, &environment, &args),
            #[cfg(feature = "serve")]
            Command::Serve(args) => serve::run(&ui, &environment, &args),
            Command::Sign(args) => sign::run(&ui, &args),
            Command::Keygen(args) => keygen::run(&ui, &args),
            Command::Gc(args) => Ok(gc::run(&ui, &environment, &args)),
            Command::Schema(args) => Ok(schema::run(&ui, &args)),
            Command::Completions(args) => Ok(completions::run(&ui, &args)),
            Command::Man(args) => man::run(&ui, &args),
        });
    result.unwrap_or_else(|error| {
        ui.error(&error);
        error.exit
    })
}
