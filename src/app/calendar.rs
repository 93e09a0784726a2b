//! A calendar at work: manifests of the drills of a fleet, and each drill from its order to filed evidence.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::run::{RunRequest, past, run};
use crate::clock::{Clock, Stopwatch, Timestamp};
use crate::digest::{Digest, Observer};
use crate::document::Problem;
use crate::drill::{LoadRequest, Loaded, Setup, Watch, load};
use crate::event::Sink;
use crate::evidence::SealedEvidence;
use crate::fs::{ReadError, open_for_reading, read_capped};
use crate::history::History;
use crate::notify::Secrets;
use crate::process::Interrupt;
use crate::schedule::{
    Calendar, Delivery, Done, Drill, Ended, Fleet, Happening, Ledger, LedgerError, MAX_BYTES,
    Order, Outbox, Source, choose, courier, read, work,
};
use crate::signature::PrivateKey;
use crate::wire::event::Event;
use crate::wire::report::Report;
use crate::wire::slot::{PointFacts, SlotFacts};

/// Why a fleet cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// It cannot be read.
    #[error("the fleet {0} {1}")]
    Read(String, #[source] ReadError),
    /// It is not valid.
    #[error("the fleet {path} is not valid:\n{}", Problem::lines(problems))]
    Invalid {
        /// The file.
        path: String,
        /// Everything that is wrong.
        problems: Vec<Problem>,
    },
}

/// Reads a fleet file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_fleet(path: &Path, working_directory: &Path) -> Result<Fleet, FleetError> {
    let shown = path.display().to_string();
    let bytes = open_for_reading(&working_directory.join(path))
        .map_err(ReadError::from)
        .and_then(|mut file| read_capped(&mut file, MAX_BYTES))
        .map_err(|error| FleetError::Read(shown.clone(), error))?;
    read(path, &bytes).map_err(|problems| FleetError::Invalid { path: shown, problems })
}

/// Where the drills of a fleet find what they drill.
#[derive(Clone, Debug)]
pub struct Grounds {
    /// The directory of the fleet file.
    pub fleet: PathBuf,
    /// Where the tool was started.
    pub working_directory: PathBuf,
    /// The directory that no path of a manifest may leave, if it is not the usual one.
    pub root: Option<PathBuf>,
}

impl Grounds {
    /// Every manifest that a drill may be of.
    ///
    /// # Errors
    /// When there is none.
    pub fn manifests(&self, drill: &Drill) -> Result<Vec<Loaded>, String> {
        let (path, parameters) = match &drill.source {
            Source::Manifest(path) => (path, None),
            Source::Template(path, parameters) => (path, Some(parameters)),
        };
        let mut paths = vec![self.fleet.join(path)];
        if path.contains('*') && parameters.is_none() {
            let folder = glob::Pattern::escape(&self.fleet.to_string_lossy());
            let found = glob::glob(&format!("{folder}/{path}"));
            let found = found.map_err(|error| format!("the manifests {path}: {error}"))?;
            paths = found
                .collect::<Result<_, _>>()
                .map_err(|error| format!("the manifests {path}: {error}"))?;
            if paths.is_empty() {
                return Err(format!("no manifest is there: {path}"));
            }
        }
        let request =
            LoadRequest { root: self.root.as_deref(), parameters, ..LoadRequest::default() };
        Ok(paths.iter().map(|path| load(path, &self.working_directory, request)).collect())
    }

    /// The manifest that is drilled for a slot, and how it was chosen, if there are several. One that cannot be
    /// read is chosen before all others: its drill says so.
    fn manifest(
        &self,
        drill: &Drill,
        due: Timestamp,
    ) -> Result<(Loaded, Option<PointFacts>), String> {
        let mut loaded = self.manifests(drill)?;
        let several = matches!(&drill.source, Source::Manifest(path) if path.contains('*'));
        let broken = loaded.iter().position(|loaded| loaded.manifest.is_err());
        if let (Some(at), _) | (None, Some(at)) = (broken, (!several).then_some(0)) {
            return Ok((loaded.swap_remove(at), None));
        }
        let captured: Vec<Timestamp> = loaded
            .iter()
            .filter_map(|loaded| Some(loaded.manifest.as_ref().ok()?.backup.captured_at))
            .collect();
        let rule = drill.rules.restore_point.as_ref();
        let chosen = choose(&captured, rule, &drill.name, due);
        let (at, facts) = chosen.ok_or("no backup is young enough for its restore point")?;
        Ok((loaded.swap_remove(at), Some(facts)))
    }
}

/// What carries out orders.
pub struct Desk<'a> {
    /// The fleet.
    pub fleet: &'a Fleet,
    /// Where it finds what it drills.
    pub grounds: Grounds,
    /// Where drills are filed, if they are.
    pub history: Option<&'a History>,
    /// The key that signs their evidence.
    pub key: Option<&'a PrivateKey>,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Where restores happen if a manifest does not say.
    pub temporary_directory: PathBuf,
    /// Where files of new servers are kept.
    pub cache_directory: Option<PathBuf>,
    /// Where programs are looked for.
    pub search_path: OsString,
    /// Value of an environment variable.
    pub variable: fn(&str) -> Option<OsString>,
    /// Whether drills are to come to an end.
    pub ending: &'a (dyn Fn() -> bool + Sync),
}

impl Desk<'_> {
    /// Runs the drill of an order, and files it. Its evidence lies in `works` until it is filed.
    fn carry_out(&self, order: &Order, works: &Path) -> Done {
        let watch = Stopwatch::start();
        let minutes = || watch.seconds() / 60.0;
        let slot = format!("{}\0{}", self.fleet.drills[order.slot.drill].name, order.slot.due);
        let place = works.join(Digest::of(slot.as_bytes()).short());
        let drilled = self.drill(order, &place);
        // What cannot be removed is looked after by the next start, and so is what was sealed and not filed.
        if drilled.is_ok() {
            let _ = fs::remove_dir_all(place);
        }
        match drilled {
            Ok(report) => Done { minutes: minutes(), ..Done::of(&report) },
            Err(reason) => {
                Done { minutes: minutes(), ..Done::without(Ended::Unstarted, Some(reason)) }
            }
        }
    }

    /// Runs the drill of an order, and leaves its evidence in a directory.
    ///
    /// # Errors
    /// Why it left none.
    pub fn drill(&self, order: &Order, place: &Path) -> Result<Report, String> {
        let drill = &self.fleet.drills[order.slot.drill];
        let due = Timestamp::from_unix(order.slot.due).ok_or("its time cannot be written")?;
        let (loaded, restore_point) = self.grounds.manifest(drill, due)?;
        let slot = SlotFacts {
            drill: drill.name.clone(),
            due_at: due.to_string(),
            attempt: order.attempt,
            late: order.late,
            fleet_sha256: self.fleet.sha256.to_string(),
            restore_point,
        };
        let signer = self.key.map(PrivateKey::public_key).transpose();
        let signer = signer.map_err(|error| format!("the signing key {error}"))?;
        let past = past(self.history, &loaded, Some(&slot)).map_err(|e| e.to_string())?;
        let watch = Limited {
            since: Stopwatch::start(),
            seconds: drill.rules.timeout,
            ending: self.ending,
        };
        let setup = Setup {
            clock: self.clock,
            watch: &watch,
            temporary_directory: self.temporary_directory.clone(),
            cache_directory: self.cache_directory.clone(),
            search_path: self.search_path.clone(),
            variable: &self.variable,
            allow_existing_target: false,
            slot: Some(slot),
            past: past.facts,
            last_baseline: past.baseline,
            signer: signer.map(|key| key.to_string()),
            keep_artifacts: false,
            record_baseline: false,
        };
        let request = RunRequest {
            output: place.join("dr-report.json"),
            ndjson: place.join("dr-events.ndjson"),
            evidence_directory: place.to_owned(),
            signing_key: self.key,
            history: self.history,
        };
        run(&loaded, &setup, None, &request, &mut Nobody).map_err(|error| error.to_string())
    }
}

/// Files what a calendar that was killed had sealed and not filed, and removes the rest of what it left. Only who
/// keeps the calendar may do so.
///
/// # Errors
/// When it cannot be removed.
fn settle_work(history: &History) -> io::Result<()> {
    let work = history.works();
    let entries = match fs::read_dir(&work) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if SealedEvidence::read(&path).is_ok() {
            // If another drill has its place, it was run again since.
            let _ = history.file(&path, None);
        }
        fs::remove_dir_all(&path)?;
    }
    Ok(())
}

/// Keeps a calendar: settles what the last one left, carries out orders, and sends messages beside them.
///
/// # Errors
/// When calendar, history or messages cannot be read or written.
pub fn keep(
    desk: &Desk<'_>,
    calendar: &Calendar<'_>,
    mut ledger: Ledger,
    tell: &mut dyn FnMut(&Happening<'_>),
    told: &(dyn Fn(&Delivery) + Sync),
) -> Result<(), LedgerError> {
    let history = calendar.history;
    let works = history.works();
    settle_work(history)
        .map_err(|cause| LedgerError::Io { path: works.display().to_string(), cause })?;
    let run = |order: &Order| desk.carry_out(order, &works);
    let outbox = Outbox::open(history.folder())?;
    attend(desk, calendar, &mut ledger, outbox, &run, tell, told)
}

/// Works a calendar, and sends messages beside it.
pub(super) fn attend(
    desk: &Desk<'_>,
    calendar: &Calendar<'_>,
    ledger: &mut Ledger,
    outbox: Outbox,
    run: &(dyn Fn(&Order) -> Done + Sync),
    tell: &mut dyn FnMut(&Happening<'_>),
    told: &(dyn Fn(&Delivery) + Sync),
) -> Result<(), LedgerError> {
    let secrets = Secrets { variable: desk.variable, folder: &desk.grounds.fleet };
    let over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let courier = scope.spawn(move || {
            let over = || over.load(Ordering::Relaxed);
            courier(outbox, desk.fleet, &secrets, desk.clock, &over, told)
        });
        let worked = work(calendar, ledger, run, tell);
        over.store(true, Ordering::Relaxed);
        worked.and(courier.join().unwrap_or(Ok(())))
    })
}

/// Ends a drill after its time, and when the calendar ends.
struct Limited<'a> {
    since: Stopwatch,
    seconds: f64,
    ending: &'a (dyn Fn() -> bool + Sync),
}

impl Interrupt for Limited<'_> {
    fn interrupted(&self) -> bool {
        (self.ending)() || self.since.seconds() > self.seconds
    }
}

impl Observer for Limited<'_> {
    fn advance(&self, _bytes: u64) -> bool {
        !self.interrupted()
    }
}

impl Watch for Limited<'_> {
    fn begin(&self, _what: &str, _bytes: Option<u64>) {}

    fn end(&self) {}
}

/// Listens to nothing.
struct Nobody;

impl Sink for Nobody {
    fn accept(&mut self, _event: &Event) -> io::Result<()> {
        Ok(())
    }
}
