//! `dr-drill schedule run-due|daemon`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::Args;

use super::super::run::SigningKey;
use super::super::{Format, listen, tell};
use super::{FleetFile, answer, stand};
use crate::app::{Desk, keep};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::{Clock, FixedClock, SystemClock, Timestamp};
use crate::history::History;
use crate::schedule::{
    Calendar, Delivery, Ended, Fleet, Happening, Ledger, LedgerError, Order, written,
};
use crate::wire::event::Verdict;
use crate::wire::schedule::EndedSlot;
use crate::wire::slot::SlotEnd;
#[cfg(feature = "queue")]
use crate::{
    app::keep_team, cli::commands::team::Shared, database::DatabaseError, schedule::team::Team,
};

/// How long it is waited before it is tried again to keep a calendar that another process keeps.
const STANDBY: Duration = Duration::from_secs(1);

/// What every worker of a calendar is told.
#[derive(Debug, Args)]
struct WorkArgs {
    #[command(flatten)]
    fleet: FleetFile,
    #[cfg(feature = "queue")]
    #[command(flatten)]
    shared: Shared,
    /// The history to file drills and slots in
    #[arg(long, value_name = "DIR", default_value = "dr-history")]
    history: PathBuf,
    #[command(flatten)]
    key: SigningKey,
    /// The directory that no path of a manifest may leave [default: the enclosing repository]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Believe a clock that says a time more than 400 days after the calendar was last looked at
    #[arg(long)]
    believe_clock: bool,
}

/// Run what is due, record how each slot ended, and end
///
/// For cron, systemd timers and pipelines: run it as often as you like. If another process keeps the calendar, it does
/// nothing.
///
/// Exit codes: 0 every slot that ended now passed or was skipped, 1 a drill failed, 2 usage or fleet error, 4 a slot was
/// missed or came to no verdict, 5 something could not be written.
#[derive(Debug, Args)]
pub(super) struct RunDueArgs {
    #[command(flatten)]
    work: WorkArgs,
    /// Take this as the time, ISO 8601 with an offset; the evidence says so
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Run what is due whenever it is, until it is ended
///
/// A second one waits until the first has ended, and goes on from there. SIGTERM ends it in good order: drills that run
/// are ended, and settled by the next start.
#[derive(Debug, Args)]
pub(super) struct DaemonArgs {
    #[command(flatten)]
    work: WorkArgs,
}

pub(super) fn run_due(
    ui: &Ui,
    environment: &Environment,
    args: &RunDueArgs,
) -> Result<Exit, CliError> {
    let clock: Box<dyn Clock> = match args.current_time {
        Some(time) => Box::new(FixedClock(time)),
        None => Box::new(SystemClock),
    };
    let fleet = args.work.fleet.read(environment)?;
    let books = Kept::of(environment, &args.work)?;
    let ledger = match books.open() {
        Err(error @ LedgerError::Busy(_)) => {
            ui.talk(&format!("nothing was run: {error}"));
            return Ok(Exit::Passed);
        }
        ledger => ledger?,
    };
    let mut done = Vec::new();
    let shift =
        Shift { ui, environment, args: &args.work, fleet: &fleet, clock: &*clock, forever: false };
    shift.work(&books, ledger, &listen()?, &mut done)?;
    let mut calendar = answer(&fleet, clock.now());
    calendar.done = Some(done.clone());
    tell(ui, args.format, &calendar, || done.iter().map(stand::line).collect());
    Ok(worst(&done))
}

pub(super) fn daemon(
    ui: &Ui,
    environment: &Environment,
    args: &DaemonArgs,
) -> Result<Exit, CliError> {
    let fleet = args.work.fleet.read(environment)?;
    let books = Kept::of(environment, &args.work)?;
    let ending = listen()?;
    let mut told = String::new();
    let ledger = loop {
        match books.open() {
            Err(error) if books.waits_for(&error) => {
                if ending.load(Ordering::Relaxed) {
                    return Ok(Exit::Passed);
                }
                let said = format!("waiting: {error}");
                if told != said {
                    ui.talk(&said);
                    told = said;
                }
                thread::sleep(STANDBY);
            }
            ledger => break ledger?,
        }
    };
    let drills = fleet.drills.len();
    ui.talk(&format!(
        "keeping the calendar of {drills} drill(s) in {}",
        args.work.history.display()
    ));
    let shift = Shift {
        ui,
        environment,
        args: &args.work,
        fleet: &fleet,
        clock: &SystemClock,
        forever: true,
    };
    shift.work(&books, ledger, &ending, &mut Vec::new())?;
    Ok(Exit::Passed)
}

/// Where a calendar is kept: in its history here, or in the database of a team.
struct Kept {
    history: PathBuf,
    #[cfg(feature = "queue")]
    team: Option<Team>,
}

impl Kept {
    fn of(environment: &Environment, args: &WorkArgs) -> Result<Self, CliError> {
        let history = environment.working_directory.join(&args.history);
        History::create(&history)?;
        Ok(Self {
            history,
            #[cfg(feature = "queue")]
            team: args.shared.open()?,
        })
    }

    /// Whether it goes on by waiting: until another process does not keep it any more, or a database can be reached again.
    fn waits_for(&self, error: &LedgerError) -> bool {
        #[cfg(feature = "queue")]
        if self.team.is_some() && matches!(error, LedgerError::State { .. }) {
            return true;
        }
        matches!(error, LedgerError::Busy(_))
    }

    fn open(&self) -> Result<Ledger, LedgerError> {
        #[cfg(feature = "queue")]
        if let Some(team) = &self.team {
            return Ledger::shared(team);
        }
        Ledger::open(&self.history)
    }
}

/// Says what became of messages.
pub(super) fn tell_delivery(ui: &Ui, now: Timestamp, delivery: &Delivery) {
    let Delivery { channel, notices, error } = delivery;
    ui.talk(&match error {
        None => format!("{now}  told {channel}: {notices} notice(s)"),
        Some(error) => format!("{now}  {channel} was not told, and it is tried again: {error}"),
    });
}

/// The weightiest of what became of slots.
pub(super) fn worst(done: &[EndedSlot]) -> Exit {
    let failed = |slot: &EndedSlot| slot.verdict == Some(Verdict::Failed);
    let missed = |slot: &EndedSlot| {
        slot.verdict == Some(Verdict::Inconclusive)
            || slot.cause.is_some_and(|cause| cause.end() == SlotEnd::Missed)
    };
    match () {
        () if done.iter().any(failed) => Exit::Failed,
        () if done.iter().any(missed) => Exit::Inconclusive,
        () => Exit::Passed,
    }
}

/// A calendar at work, as the command line asks for it.
struct Shift<'a> {
    ui: &'a Ui,
    environment: &'a Environment,
    args: &'a WorkArgs,
    fleet: &'a Fleet,
    clock: &'a dyn Clock,
    /// Whether it goes on when nothing is due.
    forever: bool,
}

impl Shift<'_> {
    fn work(
        &self,
        books: &Kept,
        ledger: Ledger,
        ending: &Arc<AtomicBool>,
        done: &mut Vec<EndedSlot>,
    ) -> Result<(), CliError> {
        let history = History::open(&books.history)?;
        #[cfg(feature = "queue")]
        let history = match &books.team {
            Some(team) => history.shared(Arc::new(team.records(ledger.keeper()))),
            None => history,
        };
        let history = &history;
        let key = self.args.key.read()?;
        let ending = || ending.load(Ordering::Relaxed);
        let desk = Desk {
            fleet: self.fleet,
            grounds: self.args.fleet.grounds(self.environment, self.args.root.clone()),
            history: Some(history),
            key: key.as_ref(),
            clock: self.clock,
            temporary_directory: self.environment.temporary_directory.clone(),
            cache_directory: self.environment.cache_directory.clone(),
            search_path: self.environment.search_path.clone(),
            variable: Environment::variable,
            ending: &ending,
        };
        let calendar = Calendar {
            fleet: self.fleet,
            history,
            key: key.as_ref(),
            clock: self.clock,
            forever: self.forever,
            believe_clock: self.args.believe_clock,
            ending: &ending,
        };
        let told = |one: &Delivery| tell_delivery(self.ui, self.clock.now(), one);
        let mut tell = |happening: &Happening<'_>| self.tell(happening, done);
        #[cfg(feature = "queue")]
        if let Some(team) = &books.team {
            let trouble = |error: &DatabaseError| self.ui.talk(&format!("tried again: {error}"));
            return Ok(keep_team(team, &desk, &calendar, ledger, &mut tell, &told, &trouble)?);
        }
        Ok(keep(&desk, &calendar, ledger, &mut tell, &told)?)
    }

    fn tell(&self, happening: &Happening<'_>, done: &mut Vec<EndedSlot>) {
        match happening {
            Happening::Began(order) => self.say("began", order, ""),
            Happening::Ended(order, result) => {
                let reason = result.reason.as_ref().map(|reason| format!(": {reason}"));
                self.say(word(result.ended), order, &reason.unwrap_or_default());
            }
            // A daemon has told of the drill already.
            Happening::Closed(slot) if self.forever && slot.verdict.is_none() => {
                self.ui.talk(stand::line(slot).trim_end());
            }
            Happening::Closed(slot) if !self.forever => done.push((*slot).clone()),
            Happening::Closed(_) => {}
            Happening::Unwritten(error) => {
                self.ui.talk(&format!("could not be written, and is tried again: {error}"));
            }
        }
    }

    fn say(&self, word: &str, order: &Order, more: &str) {
        let drill = &self.fleet.drills[order.slot.drill].name;
        let due = written(order.slot.due);
        let attempt =
            if order.attempt > 1 { format!(", attempt {}", order.attempt) } else { String::new() };
        self.ui.talk(&format!("{}  {word}  {drill} of {due}{attempt}{more}", self.clock.now()));
    }
}

fn word(ended: Ended) -> &'static str {
    match ended {
        Ended::Passed => "passed",
        Ended::Failed => "FAILED",
        Ended::Inconclusive => "no verdict",
        Ended::Interrupted | Ended::Settled => "cut off",
        Ended::Unstarted => "could not be run",
    }
}
