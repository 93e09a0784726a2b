//! `dr-drill schedule ledger|gate`: how slots ended, and whether that is enough.

use std::collections::HashMap;

use clap::Args;

use super::super::history::Place;
use super::super::{Format, current_time, tell};
use super::{FleetFile, answer};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::Timestamp;
use crate::report::exposition;
use crate::schedule::{Record, calendar_families, gate as held, has_limit, slots_wanted};
use crate::wire::schedule::{CALENDAR, Calendar, EndedSlot, GateLine};

/// Print how slots ended: a drill ran, or what kept it from running
#[derive(Debug, Args)]
pub(super) struct LedgerArgs {
    #[command(flatten)]
    place: Place,
    /// Only those of this drill
    #[arg(long, value_name = "NAME")]
    drill: Option<String>,
    /// Slots that were due at this time or later
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Slots that were due before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Hold a fleet against its limits: `max_age_days`, `success`, and that its calendar is looked at
///
/// Exit code 3 if a limit does not hold, 2 if the fleet has none.
#[derive(Debug, Args)]
pub(super) struct GateArgs {
    #[command(flatten)]
    fleet: FleetFile,
    #[command(flatten)]
    place: Place,
    /// Take this as the time, ISO 8601 with an offset
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Print how the calendar stands as OpenMetrics, for Prometheus
///
/// How the newest slot of each drill ended, and by when the next has to be recorded. `deploy/prometheus/rules.yaml` holds
/// alert rules over it.
#[derive(Debug, Args)]
pub(super) struct MetricsArgs {
    #[command(flatten)]
    fleet: FleetFile,
    #[command(flatten)]
    place: Place,
}

pub(super) fn metrics(
    ui: &Ui,
    environment: &Environment,
    args: &MetricsArgs,
) -> Result<Exit, CliError> {
    let fleet = args.fleet.read(environment)?;
    let history = args.place.open(environment)?;
    let names = fleet.drills.iter().map(|drill| (drill.name.as_str(), 1));
    ui.data(exposition(&calendar_families(&fleet, &history.newest_slots(names)?)).as_bytes());
    Ok(Exit::Passed)
}

/// A slot that has ended, in a line.
pub(super) fn line(slot: &EndedSlot) -> String {
    let how = match (&slot.verdict, &slot.cause) {
        (Some(verdict), _) => verdict.word().to_owned(),
        (None, Some(cause)) => format!("{} ({})", cause.end().word(), cause.word()),
        (None, None) => String::new(),
    };
    let reason = slot.reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
    format!("{}  {how:20}  {}{reason}\n", slot.due_at, slot.drill)
}

pub(super) fn ledger(
    ui: &Ui,
    environment: &Environment,
    args: &LedgerArgs,
) -> Result<Exit, CliError> {
    let history = args.place.open(environment)?;
    let from = args.from.map(|from| from.to_string()).unwrap_or_default();
    let until = args.until.map_or_else(|| "9999".to_owned(), |until| until.to_string());
    let mut slots = history.slots_within(&from, &until)?;
    slots.retain(|slot| args.drill.as_ref().is_none_or(|name| *name == slot.drill));
    let calendar = Calendar {
        schema: CALENDAR.to_owned(),
        at: current_time(None).to_string(),
        ended: Some(slots.clone()),
        ..Calendar::default()
    };
    tell(ui, args.format, &calendar, || slots.iter().map(line).collect());
    Ok(Exit::Passed)
}

pub(super) fn gate(ui: &Ui, environment: &Environment, args: &GateArgs) -> Result<Exit, CliError> {
    let fleet = args.fleet.read(environment)?;
    if !fleet.drills.iter().any(has_limit) {
        return Err(CliError {
            message: "nothing was held: no drill of the fleet has a limit".to_owned(),
            hint: Some("say `max_age_days` or `success` in its `defaults`".to_owned()),
            exit: Exit::Usage,
        });
    }
    let history = args.place.open(environment)?;
    let now = current_time(args.current_time);
    let standings = history.standings()?.into_iter();
    let mut passed: HashMap<String, Option<String>> =
        standings.map(|standing| (standing.name, standing.last_passed_at)).collect();
    let wanted = fleet.drills.iter().map(|drill| (drill.name.as_str(), slots_wanted(drill)));
    let slots = history.newest_slots(wanted)?;
    let lines: Vec<GateLine> = fleet
        .drills
        .iter()
        .zip(slots)
        .map(|(drill, slots)| {
            let last_passed_at = passed.remove(&drill.name).flatten();
            held(drill, &Record { last_passed_at, slots }, now)
        })
        .collect();
    let wrong = lines.iter().filter(|line| !line.problems.is_empty()).count();
    let text = || {
        let problems = |line: &GateLine| -> String {
            line.problems.iter().map(|problem| format!("{}: {problem}\n", line.drill)).collect()
        };
        let all: String = lines.iter().map(problems).collect();
        format!("{all}{} of {} drills hold\n", lines.len() - wrong, lines.len())
    };
    let mut calendar = answer(&fleet, now);
    calendar.gate = Some(lines.clone());
    tell(ui, args.format, &calendar, text);
    Ok(if wrong == 0 { Exit::Passed } else { Exit::Policy })
}
