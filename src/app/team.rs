//! A calendar that several machines work: who keeps it gives orders, and workers carry them out.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::calendar::{Desk, Grounds, attend};
use crate::clock::{Clock as _, SystemClock};
use crate::database::DatabaseError;
use crate::evidence::SealedEvidence;
use crate::fs::free_bytes;
use crate::history::{History, HistoryError};
use crate::instance::offered;
use crate::manifest::DatabaseEngine as Engine;
use crate::schedule::team::{Awaited, Crew, Ordered, Team, Work};
use crate::schedule::{
    Calendar, Delivery, Done, Drill, Ended, Fleet, Happening, Ledger, LedgerError, Order, Outbox,
    Slot,
};
use crate::signature::PrivateKey;

/// How long it is waited before a shared history is read again that could not be.
const AGAIN: Duration = Duration::from_secs(1);

/// Keeps the calendar of a team: gives orders, records how slots end, and sends messages beside them.
///
/// # Errors
/// When calendar, history or messages cannot be read or written, or another keeps the calendar now.
pub fn keep_team(
    team: &Team,
    desk: &Desk<'_>,
    calendar: &Calendar<'_>,
    mut ledger: Ledger,
    tell: &mut dyn FnMut(&Happening<'_>),
    told: &(dyn Fn(&Delivery) + Sync),
    trouble: &(dyn Fn(&DatabaseError) + Sync),
) -> Result<(), LedgerError> {
    let history = calendar.history;
    history.sync(None)?;
    let orders = team.orders(ledger.keeper().unwrap_or_default());
    // Whoever keeps the calendar now waits for what was ordered.
    let lost = AtomicBool::new(false);
    let ending = || (desk.ending)() || lost.load(Ordering::Relaxed);
    let mut tell = |happening: &Happening<'_>| {
        if let Happening::Unwritten(LedgerError::Lost(_)) = happening {
            lost.store(true, Ordering::Relaxed);
        }
        tell(happening);
    };
    let run = |order: &Order| {
        let drill = &desk.fleet.drills[order.slot.drill];
        let needs = needs(desk.fleet, drill, &desk.grounds);
        let ordered = Ordered {
            drill: &drill.name,
            due: order.slot.due,
            attempt: order.attempt,
            late: order.late,
            needs: &needs,
            priority: drill.rules.priority,
            take_within: drill.rules.start_within as f64,
            timeout: drill.rules.timeout,
        };
        match orders.give(&ordered, &ending, trouble) {
            Awaited::Filed(file) => filed(history, &drill.name, &file, &ending),
            Awaited::Unstarted(reason) => Done::without(Ended::Unstarted, Some(reason)),
            Awaited::Untaken => {
                let needs = needs.join(", ");
                let reason = format!("no worker took it in time that has all it needs: {needs}");
                Done::without(Ended::Unstarted, Some(reason))
            }
            Awaited::Gone => {
                let reason = "its worker is gone, and no other took it over".to_owned();
                Done::without(Ended::Interrupted, Some(reason))
            }
            // The next that keeps the calendar waits for it.
            Awaited::Left => Done::without(Ended::Inconclusive, None),
        }
    };
    attend(desk, calendar, &mut ledger, Outbox::shared(team), &run, &mut tell, told)
}

/// What became of a drill that a worker has filed. It is waited for until it can be read: it was carried out.
fn filed(history: &History, name: &str, file: &str, ending: &dyn Fn() -> bool) -> Done {
    let read = || -> Result<Done, HistoryError> {
        history.sync(Some(name))?;
        let path = history.place_of_file(file);
        let sealed = SealedEvidence::read(&path);
        let sealed =
            sealed.map_err(|problem| HistoryError::Pack { file: file.to_owned(), problem })?;
        Ok(Done::of(sealed.report()))
    };
    loop {
        match read() {
            Ok(done) => return done,
            Err(HistoryError::Origin(_)) if !ending() => thread::sleep(AGAIN),
            // The next that keeps the calendar reads it.
            Err(_) if ending() => return Done::without(Ended::Inconclusive, None),
            Err(error) => return Done::without(Ended::Unstarted, Some(error.to_string())),
        }
    }
}

/// What a worker has to have for a drill.
fn needs(fleet: &Fleet, drill: &Drill, grounds: &Grounds) -> Vec<String> {
    let mut needs = vec![of_fleet(fleet)];
    let manifests = grounds.manifests(drill).unwrap_or_default();
    let databases = manifests.iter().filter_map(|one| one.manifest.as_ref().ok()?.database());
    for database in databases {
        let engine = word(database.engine);
        needs.push(engine.to_owned());
        needs.extend(database.version.map(|version| format!("{engine}-{version}")));
    }
    let room = drill.rules.needs;
    needs.extend(room.cpus.map(|cpus| format!("cpus-{}", step(cpus.ceil() as u64))));
    needs.extend(room.memory_mb.map(|mb| format!("memory-{}MB", step(mb))));
    needs.extend(room.disk_mb.map(|mb| format!("disk-{}MB", step(mb))));
    needs.extend(drill.rules.workers.iter().map(|label| format!("label-{label}")));
    needs.sort();
    needs.dedup();
    needs
}

/// A drill is carried out by the fleet file that orders it, and no other.
fn of_fleet(fleet: &Fleet) -> String {
    format!("fleet-{}", fleet.sha256.short())
}

fn word(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "postgres",
        Engine::MariaDb => "mysql",
        Engine::Redis => "redis",
        Engine::Sqlite => "sqlite",
    }
}

/// Amounts are asked for in steps of powers of two.
fn step(amount: u64) -> u64 {
    amount.max(1).next_power_of_two()
}

/// A worker, as it is started.
pub struct Hand {
    /// The fleet.
    pub fleet: Arc<Fleet>,
    /// Where it finds what it drills.
    pub grounds: Grounds,
    /// Where its copy of the shared history lies.
    pub history: PathBuf,
    /// The key that signs evidence.
    pub key: Option<PrivateKey>,
    /// Words that it was started with.
    pub labels: Vec<String>,
    /// How many drills it carries out side by side.
    pub places: usize,
    /// After so long without a sign it is given up.
    pub lost_after: Duration,
    /// Where restores happen if a manifest does not say.
    pub temporary_directory: PathBuf,
    /// Where files of new servers are kept.
    pub cache_directory: Option<PathBuf>,
    /// Where programs are looked for.
    pub search_path: std::ffi::OsString,
    /// Value of an environment variable.
    pub variable: fn(&str) -> Option<std::ffi::OsString>,
}

impl Hand {
    /// What it has that is there or not: its fleet file, servers, labels.
    fn words(&self) -> Vec<String> {
        let labels = self.labels.iter().map(|label| format!("label-{label}"));
        let servers = offered(&self.search_path).into_iter();
        std::iter::once(of_fleet(&self.fleet)).chain(servers).chain(labels).collect()
    }

    /// Of what it has an amount: the word, how much, and the unit.
    fn amounts(&self) -> [(&'static str, u64, &'static str); 3] {
        let cpus = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
        let memory = rustix::system::sysinfo();
        let memory = (memory.totalram as u64).saturating_mul(memory.mem_unit.into());
        let disk = free_bytes(&self.temporary_directory).unwrap_or_default();
        [("cpus", cpus, ""), ("memory", memory / 1_000_000, "MB"), ("disk", disk / 1_000_000, "MB")]
    }

    /// What it has, for drills that need it: of an amount every step up to it.
    fn has(&self) -> Vec<String> {
        let steps = self.amounts().into_iter().flat_map(|(word, most, unit)| {
            let steps =
                (0..u64::BITS).map(|bit| 1_u64 << bit).take_while(move |step| *step <= most);
            steps.map(move |step| format!("{word}-{step}{unit}"))
        });
        self.words().into_iter().chain(steps).collect()
    }

    /// The same for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let amounts = self.amounts().map(|(word, most, unit)| format!("{word} {most}{unit}"));
        [self.words(), amounts.to_vec()].concat().join(", ")
    }

    /// Carries out orders of a team until it is to end. `heard` hears of drills and of trouble.
    ///
    /// # Errors
    /// When its copy of the history cannot be made.
    pub fn work(
        self,
        team: Team,
        ending: &Arc<AtomicBool>,
        heard: &Arc<dyn Fn(&str) + Send + Sync>,
    ) -> Result<(), HistoryError> {
        let history = History::create(&self.history)?;
        let name = format!("{}-{}", std::process::id(), SystemClock.now().compact());
        sweep(&history.works());
        let works = history.works().join(&name);
        let (has, places, lost_after) = (self.has(), self.places, self.lost_after);
        let told = Arc::clone(heard);
        let run = move |work: &Work| {
            let result = self.carry_out(work, &works);
            let word =
                result.as_ref().map_or_else(|why| format!("left no evidence: {why}"), Clone::clone);
            told(&format!("{word}  {} of {}", work.drill, crate::schedule::written(work.due)));
            result.map(drop)
        };
        let crew = Crew::new(team, name, Arc::new(run), Arc::clone(ending), lost_after);
        crew.work(places, &has, &|error| heard(error));
        Ok(())
    }

    /// Runs the drill of an order, and files it in the shared history. Gives its verdict.
    fn carry_out(&self, work: &Work, works: &Path) -> Result<String, String> {
        let position = self.fleet.position(&work.drill);
        let drill = position.ok_or("the fleet file of this worker has no such drill")?;
        let records = Arc::clone(&work.records);
        let history = History::open(&self.history).map_err(|error| error.to_string())?;
        let history = history.shared(records);
        history.sync(Some(&work.drill)).map_err(|error| error.to_string())?;
        let ending = || work.over.load(Ordering::Relaxed);
        let desk = Desk {
            fleet: &self.fleet,
            grounds: self.grounds.clone(),
            history: Some(&history),
            key: self.key.as_ref(),
            clock: &SystemClock,
            temporary_directory: self.temporary_directory.clone(),
            cache_directory: self.cache_directory.clone(),
            search_path: self.search_path.clone(),
            variable: self.variable,
            ending: &ending,
        };
        let Work { due, attempt, late, .. } = *work;
        let order = Order { slot: Slot { drill, due }, attempt, late };
        let place = works.join(format!("{drill}-{due}-{attempt}"));
        let report = desk.drill(&order, &place);
        let _ = fs::remove_dir_all(place);
        report.map(|report| report.status.word().to_owned())
    }
}

/// Removes what workers have left here that were killed: their orders were handed on, so nothing of it is filed.
fn sweep(works: &Path) {
    for entry in fs::read_dir(works).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.split('-').next().and_then(|id| id.parse::<u32>().ok());
        if process.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
