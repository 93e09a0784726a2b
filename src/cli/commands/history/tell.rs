//! What a history tells: drills, names, one drill, two side by side, what has to follow, what never came back.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::Place;
use crate::app;
use crate::cli::commands::{Format, StatusFilter, current_time, tell};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::Timestamp;
use crate::evidence::SealedEvidence;
use crate::history::History;
use crate::report::{JSON, TERMINAL, difference, to_bytes};
use crate::wire::history::{Action, Drilled, Entry, LIST, List, Standing};

/// List drills, the newest first
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// Only drills of this name
    #[arg(long)]
    name: Option<String>,
    /// Only drills that ended so
    #[arg(long, value_enum)]
    status: Option<StatusFilter>,
    /// How many
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: u64,
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn list(ui: &Ui, environment: &Environment, args: &ListArgs) -> Result<Exit, CliError> {
    let status = args.status.map(StatusFilter::verdict);
    let drills = args.place.open(environment)?.newest(args.name.as_deref(), status, args.limit)?;
    let text = drills.iter().map(line).collect();
    tell(ui, args.format, &List { drills: Some(drills), ..empty() }, || text);
    Ok(Exit::Passed)
}

fn empty() -> List {
    List { schema: LIST.to_owned(), ..List::default() }
}

/// A drill on one line.
fn line(drill: &Entry) -> String {
    let figure = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3} {unit}"))
    };
    let kind = drill.kind.map(|kind| format!("  ({})", kind.word())).unwrap_or_default();
    let place = drill.sequence.map_or_else(|| "unlinked".to_owned(), |n| format!("#{n}"));
    format!(
        "{}  {:12}  {}{kind}  {place}  RTO {}  RPO {}  {}\n",
        drill.started_at,
        drill.verdict.word(),
        drill.name,
        figure(drill.rto_seconds, "s"),
        figure(drill.rpo_minutes, "min"),
        drill.run_id
    )
}

/// Say how the drills of each name stand
#[derive(Debug, Args)]
pub(super) struct NamesArgs {
    #[command(flatten)]
    place: Place,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn names(
    ui: &Ui,
    environment: &Environment,
    args: &NamesArgs,
) -> Result<Exit, CliError> {
    let names = args.place.open(environment)?.standings()?;
    let text = names.iter().map(standing).collect();
    tell(ui, args.format, &List { names: Some(names), ..empty() }, || text);
    Ok(Exit::Passed)
}

fn standing(name: &Standing) -> String {
    format!(
        "{}  {} at {}; {} of {} passed, {} failed, {} inconclusive; last passed {}\n",
        name.name,
        name.last.verdict.word(),
        name.last.started_at,
        name.passed,
        name.drills,
        name.failed,
        name.inconclusive,
        name.last_passed_at.as_deref().unwrap_or("never")
    )
}

/// Show the report of one drill
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    place: Place,
    /// The run, or how its id begins
    run: String,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn show(ui: &Ui, environment: &Environment, args: &ShowArgs) -> Result<Exit, CliError> {
    let history = args.place.open(environment)?;
    let (entry, sealed) = evidence(&history, &args.run)?;
    match args.format {
        Format::Json => ui.data(&to_bytes(JSON, sealed.report())),
        Format::Text => {
            ui.data(&to_bytes(TERMINAL, sealed.report()));
            let place = history.place(&entry);
            ui.data(
                format!("  evidence: {0} (check it: dr-drill verify {0})\n", place.display())
                    .as_bytes(),
            );
        }
    }
    Ok(Exit::Passed)
}

fn evidence(history: &History, run: &str) -> Result<(Entry, SealedEvidence), CliError> {
    let entry = history.find(run)?;
    let sealed = SealedEvidence::read(&history.place(&entry))
        .map_err(|error| CliError::usage(format!("the pack {} {error}", entry.file)))?;
    Ok((entry, sealed))
}

/// Say what differs between two drills
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    #[command(flatten)]
    place: Place,
    /// The run to compare with, or how its id begins
    before: String,
    /// The other run
    after: String,
}

pub(super) fn diff(ui: &Ui, environment: &Environment, args: &DiffArgs) -> Result<Exit, CliError> {
    let history = args.place.open(environment)?;
    let (_, before) = evidence(&history, &args.before)?;
    let (_, after) = evidence(&history, &args.after)?;
    let found = difference(before.report(), after.report());
    let width = found.iter().map(|(what, ..)| what.len()).max().unwrap_or(0);
    let lines = found.iter().map(|(what, one, other)| format!("{what:width$}  {one} -> {other}\n"));
    ui.data(lines.collect::<String>().as_bytes());
    Ok(Exit::Passed)
}

/// List corrective actions: a drill that does not pass opens one, the next that passes closes it
///
/// Exit codes: 0 none is overdue, 1 one is.
#[derive(Debug, Args)]
pub(super) struct ActionsArgs {
    #[command(flatten)]
    place: Place,
    /// Also those that are closed
    #[arg(long)]
    all: bool,
    /// Take this as the time by which they are due
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn actions(
    ui: &Ui,
    environment: &Environment,
    args: &ActionsArgs,
) -> Result<Exit, CliError> {
    let now = current_time(args.current_time);
    let actions = args.place.open(environment)?.actions(args.all, now)?;
    let overdue = actions.iter().any(|action| action.overdue && action.closed_by.is_none());
    let text = actions.iter().map(action).collect();
    tell(ui, args.format, &List { actions: Some(actions), ..empty() }, || text);
    Ok(if overdue { Exit::Failed } else { Exit::Passed })
}

fn action(action: &Action) -> String {
    let state = match (&action.closed_by, action.overdue) {
        (None, true) => "OVERDUE".to_owned(),
        (None, false) => "open".to_owned(),
        (Some(run), late) => format!("closed by {run}{}", if late { ", late" } else { "" }),
    };
    let id = action.gap.as_ref().map(|gap| format!(", gap {}", gap.id)).unwrap_or_default();
    let mut text = format!("{}  {state}, opened by {}{id}\n", action.name, action.opened_by);
    let _ = writeln!(
        text,
        "  owner {}, due {}, {} {}: {}",
        action.owner.as_deref().unwrap_or("nobody"),
        action.due_at.as_deref().unwrap_or("at no time"),
        action.repeated,
        if action.gap.is_some() {
            "exercise(s) found it again"
        } else {
            "further drill(s) did not pass"
        },
        action.reason
    );
    text
}

/// Say which of the backups that are kept ever came back
///
/// Exit codes: 0 each came back, 1 at least one never did.
#[derive(Debug, Args)]
pub(super) struct CoverageArgs {
    #[command(flatten)]
    place: Place,
    /// The digests of the backups that are kept, as `sha256sum` writes them
    #[arg(long, value_name = "FILE")]
    sums: PathBuf,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn coverage(
    ui: &Ui,
    environment: &Environment,
    args: &CoverageArgs,
) -> Result<Exit, CliError> {
    let sums = environment.working_directory.join(&args.sums);
    let backups = app::coverage(&args.place.open(environment)?, &sums)?;
    let never = backups.iter().filter(|backup| backup.run_id.is_none()).count();
    let mut text: String = backups.iter().map(drilled).collect();
    let _ = writeln!(text, "{} of {} came back", backups.len() - never, backups.len());
    tell(ui, args.format, &List { backups: Some(backups), ..empty() }, || text);
    Ok(if never > 0 { Exit::Failed } else { Exit::Passed })
}

fn drilled(backup: &Drilled) -> String {
    let when = match (&backup.started_at, &backup.run_id) {
        (Some(at), Some(run)) => format!("came back at {at} in {run}"),
        _ => "NEVER came back".to_owned(),
    };
    format!("{}  {when}\n", backup.backup)
}
