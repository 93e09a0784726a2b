//! `dr-drill schedule simulate`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::super::{Format, tell};
use super::FleetFile;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::Timestamp;
use crate::history::History;
use crate::schedule::{Play, simulate as play, workers_needed};
use crate::wire::schedule::Simulation;

/// Play a calendar over a virtual clock: what would run, what would be missed, and why
///
/// Each drill passes after the time that its last one took, else after `expected_minutes`. Exit code 3 if slots would
/// be missed.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    #[command(flatten)]
    fleet: FleetFile,
    /// From when
    #[arg(long, value_name = "TIME")]
    from: Timestamp,
    /// Until when
    #[arg(long, value_name = "TIME")]
    to: Timestamp,
    /// How many drills run side by side [default: as the fleet says]
    #[arg(long, value_name = "NUMBER")]
    workers: Option<usize>,
    /// Also look for the fewest that miss no slot that more would not miss
    #[arg(long)]
    find_workers: bool,
    /// The history that tells how long drills take
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn simulate(
    ui: &Ui,
    environment: &Environment,
    args: &SimulateArgs,
) -> Result<Exit, CliError> {
    let fleet = args.fleet.read(environment)?;
    if args.to <= args.from {
        return Err(CliError::usage("nothing was played: --to is not after --from"));
    }
    let mut known = HashMap::new();
    if let Some(folder) = &args.history {
        let history = History::open(&environment.working_directory.join(folder))?;
        let standings = history.standings()?.into_iter();
        known.extend(standings.map(|standing| (standing.name, standing.last.duration_seconds)));
    }
    let expected: Vec<Option<f64>> =
        fleet.drills.iter().map(|drill| known.get(&drill.name).copied()).collect();
    let played = Play {
        from: args.from.unix(),
        to: args.to.unix(),
        workers: args.workers.unwrap_or(fleet.places).max(1),
        expected: &expected,
    };
    let mut found = play(&fleet, played);
    found.workers_needed = args.find_workers.then(|| workers_needed(&fleet, played) as u64);
    tell(ui, args.format, &found, || text(&found).unwrap_or_default());
    Ok(if found.missed.is_empty() { Exit::Passed } else { Exit::Policy })
}

fn text(found: &Simulation) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(out, "{} drills from {} to {}", found.drills, found.from, found.to)?;
    writeln!(out, "  slots           {}", found.slots)?;
    writeln!(out, "  ran             {} ({:.1} hours)", found.ran, found.hours)?;
    for (cause, slots) in &found.kept {
        writeln!(out, "  kept by         {cause}: {slots}")?;
    }
    if found.open > 0 {
        writeln!(out, "  not ended       {}", found.open)?;
    }
    writeln!(out, "  side by side    {} at most, {} can", found.most_at_once, found.workers)?;
    if let Some(needed) = found.workers_needed {
        writeln!(out, "  workers needed  {needed}")?;
    }
    writeln!(out, "  longest wait    {} s", found.longest_wait_seconds)?;
    for missed in &found.missed {
        let (slots, first, cause) = (missed.slots, &missed.first_due_at, missed.cause.word());
        writeln!(out, "missed: {}, {slots} slot(s), the first of {first}: {cause}", missed.drill)?;
    }
    for beyond in &found.beyond_windows {
        writeln!(out, "window too small: {}, {} time(s)", beyond.drill, beyond.times)?;
    }
    Ok(out)
}
