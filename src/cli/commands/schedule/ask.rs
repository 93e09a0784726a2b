//! `dr-drill schedule check|next|explain`.

use std::path::PathBuf;

use clap::Args;

use super::super::{Format, current_time, tell};
use super::{FleetFile, answer, position};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::Timestamp;
use crate::history::{History, HistoryError};
use crate::schedule::{coming, explain as explained, told};
use crate::wire::schedule::ComingSlot;

/// Check a fleet file, and every manifest that its drills are of
///
/// Tells everything that is wrong with any of them. Exit code 2 if something is.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    fleet: FleetFile,
    /// The directory that no path of a manifest may leave [default: the enclosing repository]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Print the slots that come next
#[derive(Debug, Args)]
pub(super) struct NextArgs {
    #[command(flatten)]
    fleet: FleetFile,
    /// Only those of this drill
    #[arg(long, value_name = "NAME")]
    drill: Option<String>,
    /// Slots that are due after this time [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Slots that are due until this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// How many
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: usize,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Say why a drill runs or does not at a time
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The drill
    drill: String,
    #[command(flatten)]
    fleet: FleetFile,
    /// The history that tells how its last slot ended
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// The time [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn check(
    ui: &Ui,
    environment: &Environment,
    args: &CheckArgs,
) -> Result<Exit, CliError> {
    let fleet = args.fleet.read(environment)?;
    let grounds = args.fleet.grounds(environment, args.root.clone());
    let (mut manifests, mut wrong) = (0, Vec::new());
    for drill in &fleet.drills {
        match grounds.manifests(drill) {
            Ok(loaded) => {
                manifests += loaded.len();
                let errors = loaded.iter().filter_map(|loaded| loaded.manifest.as_ref().err());
                wrong.extend(errors.map(|error| format!("{}: {error}", drill.name)));
            }
            Err(error) => wrong.push(format!("{}: {error}", drill.name)),
        }
    }
    if !wrong.is_empty() {
        let drills = wrong.len();
        return Err(CliError::usage(format!(
            "{drills} manifest(s) of the fleet cannot be drilled:\n{}",
            wrong.join("\n")
        )));
    }
    let drills = fleet.drills.len();
    ui.data(format!("valid: {drills} drill(s) of {manifests} manifest(s)\n").as_bytes());
    Ok(Exit::Passed)
}

pub(super) fn next(ui: &Ui, environment: &Environment, args: &NextArgs) -> Result<Exit, CliError> {
    let fleet = args.fleet.read(environment)?;
    if let Some(name) = &args.drill {
        position(&fleet, name)?;
    }
    let from = current_time(args.from);
    let until = args.until.map_or(i64::MAX, Timestamp::unix);
    let wanted =
        |drill: &crate::schedule::Drill| args.drill.as_ref().is_none_or(|name| *name == drill.name);
    let slots: Vec<ComingSlot> = coming(&fleet, wanted, from.unix(), until)
        .take(args.limit)
        .map(|(drill, due)| told(drill, due))
        .collect();
    let text = || {
        let line = |slot: &ComingSlot| {
            let closed = slot.closed.as_ref().map(|closed| format!("  not run: {closed}"));
            format!(
                "{}  {}  {}{}\n",
                slot.due_at,
                slot.local,
                slot.drill,
                closed.unwrap_or_default()
            )
        };
        slots.iter().map(line).collect()
    };
    let mut calendar = answer(&fleet, from);
    calendar.slots = Some(slots.clone());
    tell(ui, args.format, &calendar, text);
    Ok(Exit::Passed)
}

pub(super) fn explain(
    ui: &Ui,
    environment: &Environment,
    args: &ExplainArgs,
) -> Result<Exit, CliError> {
    let fleet = args.fleet.read(environment)?;
    let drill = &fleet.drills[position(&fleet, &args.drill)?];
    let at = current_time(args.at);
    let history = args.history.as_ref().map(|folder| environment.working_directory.join(folder));
    let history = history.map(|folder| History::open(&folder)).transpose()?;
    let ended = |due| match (&history, Timestamp::from_unix(due)) {
        (Some(history), Some(due)) => history.slot(&drill.name, due),
        _ => Ok::<_, HistoryError>(None),
    };
    let explanation = explained(&fleet, drill, at.unix(), ended)?;
    let text = || explanation.because.iter().map(|line| format!("{line}\n")).collect();
    let mut calendar = answer(&fleet, at);
    calendar.explanation = Some(explanation.clone());
    tell(ui, args.format, &calendar, text);
    Ok(Exit::Passed)
}
