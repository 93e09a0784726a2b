//! `dr-drill schedule matrix|run-slot|aggregate`: a calendar without any server.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::Args;
use serde_json::json;

use super::super::run::SigningKey;
use super::super::{Format, current_time, listen, tell};
use super::work::{tell_delivery, worst};
use super::{FleetFile, answer, position, stand};
use crate::app::{self, Desk};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::{Clock, FixedClock, SystemClock, Timestamp};
use crate::history::History;
use crate::notify::Secrets;
use crate::report::{TERMINAL, to_bytes};
use crate::schedule::{Order, Outbox, Slot, courier};

/// Days before now from which on slots count of drills that the history does not know.
const SINCE_DAYS: f64 = 7.0;

/// Print what is due as a matrix of GitHub Actions, a job for each slot
///
/// Slots count after the newest that the history holds of a drill. A matrix has 256 jobs at most: `--chunks` prints the
/// numbers of as many matrices as are needed, `--chunk` one of them.
#[derive(Debug, Args)]
pub(super) struct MatrixArgs {
    #[command(flatten)]
    fleet: FleetFile,
    /// The history, if it is kept from run to run
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// Slots of drills that the history does not know count after this time [default: seven days ago]
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Where to write the plan, for `dr-drill schedule aggregate`
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Only drills of this level: those that others come after have a lower one
    #[arg(long, value_name = "NUMBER")]
    level: Option<u32>,
    /// Which 256 of the slots
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    chunk: usize,
    /// Print the numbers of all chunks in place of one
    #[arg(long)]
    chunks: bool,
    /// Take this as the time, ISO 8601 with an offset
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
}

/// Run the drill of one slot, and leave its evidence in a directory: what a job of a matrix does
///
/// Exit codes are those of `dr-drill run`.
#[derive(Debug, Args)]
pub(super) struct RunSlotArgs {
    /// The drill
    drill: String,
    /// When its slot was due
    #[arg(long, value_name = "TIME")]
    due: Timestamp,
    /// That it is late
    #[arg(long)]
    late: bool,
    #[command(flatten)]
    fleet: FleetFile,
    #[command(flatten)]
    key: SigningKey,
    /// Where to leave the sealed evidence
    #[arg(long, value_name = "DIR", default_value = "artifacts/dr")]
    evidence_dir: PathBuf,
    /// The directory that no path of a manifest may leave [default: the enclosing repository]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Take this as the time, ISO 8601 with an offset; the evidence says so
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
}

/// File what the jobs of a matrix left, record the slots without a drill, and tell whoever is to be told
///
/// A slot whose job left no evidence is missed. Exit codes are those of `dr-drill schedule run-due`.
#[derive(Debug, Args)]
pub(super) struct AggregateArgs {
    #[command(flatten)]
    fleet: FleetFile,
    /// The plan that `dr-drill schedule matrix` wrote
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// The history to file drills and slots in
    #[arg(long, value_name = "DIR", default_value = "dr-history")]
    history: PathBuf,
    #[command(flatten)]
    key: SigningKey,
    /// Sealed evidence of the jobs: directories or packs
    #[arg(value_name = "DIR|FILE")]
    evidence: Vec<PathBuf>,
    /// Take this as the time, ISO 8601 with an offset
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn matrix(
    ui: &Ui,
    environment: &Environment,
    args: &MatrixArgs,
) -> Result<Exit, CliError> {
    let here = &environment.working_directory;
    let fleet = args.fleet.read(environment)?;
    let now = current_time(args.current_time);
    let since = args.since.or_else(|| now.plus_days(-SINCE_DAYS)).unwrap_or(now);
    // At the first time there is none.
    let history = args.history.as_ref().map(|folder| here.join(folder));
    let history = history.filter(|folder| folder.is_dir()).map(|folder| History::open(&folder));
    let history = history.transpose()?;
    let plan = app::matrix(&fleet, history.as_ref(), since, now)?;
    if let Some(path) = &args.plan {
        app::write_plan(&plan, &here.join(path))?;
    }
    let of_level = |level: u32| args.level.is_none_or(|wanted| wanted == level);
    let slots: Vec<_> = plan.slots.iter().filter(|slot| of_level(slot.level)).collect();
    let chunks: Vec<_> = slots.chunks(app::MATRIX_JOBS).collect();
    let printed = if args.chunks {
        json!((0..chunks.len()).collect::<Vec<_>>())
    } else {
        json!({"include": chunks.get(args.chunk).copied().unwrap_or_default()})
    };
    // In one line: that is what an output of a job has to be.
    ui.data(format!("{printed}\n").as_bytes());
    Ok(Exit::Passed)
}

pub(super) fn run_slot(
    ui: &Ui,
    environment: &Environment,
    args: &RunSlotArgs,
) -> Result<Exit, CliError> {
    let fleet = args.fleet.read(environment)?;
    let drill = position(&fleet, &args.drill)?;
    let clock: Box<dyn Clock> = match args.current_time {
        Some(time) => Box::new(FixedClock(time)),
        None => Box::new(SystemClock),
    };
    let key = args.key.read()?;
    let stopped = listen()?;
    let ending = || stopped.load(Ordering::Relaxed);
    let desk = Desk {
        fleet: &fleet,
        grounds: args.fleet.grounds(environment, args.root.clone()),
        history: None,
        key: key.as_ref(),
        clock: &*clock,
        temporary_directory: environment.temporary_directory.clone(),
        cache_directory: environment.cache_directory.clone(),
        search_path: environment.search_path.clone(),
        variable: Environment::variable,
        ending: &ending,
    };
    let slot = Slot { drill, due: args.due.unix() };
    let order = Order { slot, attempt: 1, late: args.late };
    let place = environment.working_directory.join(&args.evidence_dir);
    let report = desk.drill(&order, &place).map_err(|error| CliError {
        message: format!("the slot left no evidence: {error}"),
        hint: None,
        exit: Exit::Evidence,
    })?;
    ui.data(&to_bytes(TERMINAL, &report));
    Ok(Exit::of(&report))
}

pub(super) fn aggregate(
    ui: &Ui,
    environment: &Environment,
    args: &AggregateArgs,
) -> Result<Exit, CliError> {
    let here = &environment.working_directory;
    let fleet = args.fleet.read(environment)?;
    let now = current_time(args.current_time);
    let evidence: Vec<PathBuf> = args.evidence.iter().map(|path| here.join(path)).collect();
    let history = here.join(&args.history);
    let done = app::aggregate(
        &fleet,
        &here.join(&args.plan),
        &history,
        &evidence,
        args.key.read()?.as_ref(),
        &environment.temporary_directory,
        now,
    )?;
    let grounds = args.fleet.grounds(environment, None);
    let secrets = Secrets { variable: Environment::variable, folder: &grounds.fleet };
    let tell_one = |delivery: &_| tell_delivery(ui, now, delivery);
    courier(Outbox::open(&history)?, &fleet, &secrets, &FixedClock(now), &|| true, &tell_one)?;
    let mut calendar = answer(&fleet, now);
    calendar.done = Some(done.clone());
    tell(ui, args.format, &calendar, || done.iter().map(stand::line).collect());
    Ok(worst(&done))
}
