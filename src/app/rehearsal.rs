//! A rehearsal from a file to sealed evidence, and on from where it was cut off.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::run::{RunError, Tee, seal_and_file};
use crate::clock::Clock;
use crate::event::Sink;
use crate::evidence::{Directory, EvidenceError};
use crate::exercise::{self, Conclusion, Loaded, Room, Setup, Wanted};
use crate::history::History;
use crate::manifest::exercise::{Exercise, Failover, Tabletop};
use crate::plan::exercise::{Stage, analysis};
use crate::policy::enforce_exercise;
use crate::process::Interrupt;
use crate::report::rehearsed;
use crate::request::Hands;
use crate::signature::PrivateKey;
use crate::wire::answer::{TABLETOP_CHECK, TabletopCheck};
use crate::wire::event::{Body, Event, Resumption};
use crate::wire::report::Report;

/// What comes with the tool: the name of each scenario, what it is, and a file to begin with.
pub const SCENARIOS: [(&str, &str); 5] = [
    ("database-corruption", include_str!("../../data/scenarios/database-corruption.yaml")),
    ("ransomware", include_str!("../../data/scenarios/ransomware.yaml")),
    ("region-outage", include_str!("../../data/scenarios/region-outage.yaml")),
    ("key-person-absent", include_str!("../../data/scenarios/key-person-absent.yaml")),
    ("bad-backups", include_str!("../../data/scenarios/bad-backups.yaml")),
];

/// Where a rehearsal writes, and what it goes on with.
#[derive(Debug)]
pub struct ExerciseRequest<'a> {
    /// The evidence directory.
    pub evidence_directory: PathBuf,
    /// The key that signs it.
    pub signing_key: Option<&'a PrivateKey>,
    /// Where its pack is filed.
    pub history: Option<&'a History>,
    /// Whether a run that was cut off goes on, and to what end.
    pub resume: Option<Resumption>,
}

/// Works a tabletop out, without anybody.
#[must_use]
pub fn check_tabletop(exercise: &Exercise, tabletop: &Tabletop) -> TabletopCheck {
    let (facts, findings) = analysis(tabletop);
    let policies = enforce_exercise(&crate::outcome::Outcome::default(), exercise);
    let (schema, name) = (TABLETOP_CHECK.to_owned(), exercise.name().to_owned());
    TabletopCheck { schema, name, tabletop: facts, findings, policies }
}

/// Talks a tabletop through, and seals its evidence. `None` where people pause.
///
/// # Errors
/// When the evidence cannot be written, or there is no run to go on with.
pub fn run_tabletop(
    loaded: &Loaded,
    tabletop: &Tabletop,
    clock: &dyn Clock,
    request: &ExerciseRequest<'_>,
    room: &mut dyn Room,
) -> Result<Option<Report>, RunError> {
    let name = loaded.exercise.name();
    let open = match request.history {
        Some(history) => history.open_gaps(name, clock.now()).map_err(RunError::History)?,
        None => Vec::new(),
    };
    carry_out(loaded, clock, &Undisturbed, request, &mut Undisturbed, |setup, tee| {
        exercise::talk(loaded, tabletop, setup, &open, tee, room)
    })
}

/// A talk is ended by whoever talks, and hears itself.
struct Undisturbed;

impl Interrupt for Undisturbed {
    fn interrupted(&self) -> bool {
        false
    }
}

impl Sink for Undisturbed {
    fn accept(&mut self, _: &Event) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a directory holds that was cut off before its seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutOff {
    /// Nothing, or nothing that had begun to act.
    Nothing,
    /// A run that is neither here nor there.
    UnderWay,
    /// A run that has done all it was to do; only its seal is missing.
    Ended,
}

/// What of a rehearsal was cut off in a directory.
#[must_use]
pub fn cut_off(place: &Path) -> CutOff {
    let Ok((_, events)) = Directory::reopen(place) else { return CutOff::Nothing };
    let last = Stage::RollBack.id();
    let ended =
        |event: &Event| matches!(&event.body, Body::StepFinished { step, .. } if step == last);
    match (events.iter().any(acted), events.iter().any(ended)) {
        (_, true) => CutOff::Ended,
        (true, false) => CutOff::UnderWay,
        (false, false) => CutOff::Nothing,
    }
}

/// Carries a failover out, goes on with one, or goes back, and seals its evidence. `None` where it was interrupted.
///
/// # Errors
/// When the evidence cannot be written, or there is no run to go on with.
pub fn run_failover(
    loaded: &Loaded,
    failover: &Failover,
    (wanted, hands): (&Wanted, &Hands<'_>),
    clock: &dyn Clock,
    interrupt: &dyn Interrupt,
    request: &ExerciseRequest<'_>,
    listener: &mut dyn Sink,
) -> Result<Option<Report>, RunError> {
    // One at a time, whatever evidence directory each is given.
    let path = loaded.folder.join(loaded.shown_path.file_name().unwrap_or_default());
    let lock = File::open(&path)
        .map_err(|error| RunError::Resume(format!("{}: {error}", loaded.shown_path.display())))?;
    if lock.try_lock().is_err() {
        let path = loaded.shown_path.display();
        return Err(RunError::Resume(format!("another failover of {path} is under way")));
    }
    carry_out(loaded, clock, interrupt, request, listener, |setup, tee| {
        exercise::fail_over(loaded, failover, wanted, setup, hands, tee)
    })
}

/// Opens the evidence, anew or where it was cut off, does the work, and seals it if that came to its end.
fn carry_out(
    loaded: &Loaded,
    clock: &dyn Clock,
    interrupt: &dyn Interrupt,
    request: &ExerciseRequest<'_>,
    listener: &mut dyn Sink,
    work: impl FnOnce(&Setup<'_>, &mut Tee<'_>) -> std::io::Result<Conclusion>,
) -> Result<Option<Report>, RunError> {
    let place = &request.evidence_directory;
    let signer = match request.signing_key.map(PrivateKey::public_key) {
        Some(Ok(key)) => Some(key.to_string()),
        Some(Err(error)) => return Err(RunError::Resume(format!("the signing key {error}"))),
        None => None,
    };
    let (mut evidence, before) = match request.resume {
        None => {
            refuse_unfinished(place)?;
            let events = place.join("dr-events.ndjson");
            (Directory::open(place, &events).map_err(RunError::Open)?, None)
        }
        Some(resumption) => {
            let (directory, events) = Directory::reopen(place).map_err(RunError::Open)?;
            same_run(&events, loaded, signer.as_deref())?;
            if !events.iter().any(acted) {
                // What it was asked for may not have been written down yet: only some of the components, say.
                return Err(RunError::Resume(
                    "it had not begun anything: begin it again".to_owned(),
                ));
            }
            (directory, Some((events, resumption)))
        }
    };
    let history = request.history;
    let past = match history {
        Some(history) => Some(history.past(loaded.exercise.name()).map_err(RunError::History)?),
        None => None,
    };
    let setup = Setup { clock, interrupt, signer, past, before };
    let (conclusion, link) = {
        let mut tee = Tee { evidence: &mut evidence, listener, history, link: None };
        let conclusion = work(&setup, &mut tee).map_err(RunError::Write)?;
        (conclusion, tee.link)
    };
    let Some(judgement) = conclusion.judgement else { return Ok(None) };
    let report = rehearsed(&conclusion.outcome, &judgement, &loaded.exercise);
    let output = place.join("dr-report.json");
    seal_and_file(evidence, &report, &output, request.signing_key, history, link)?;
    Ok(Some(report))
}

/// Whether something was begun.
fn acted(event: &Event) -> bool {
    matches!(event.body, Body::ActionStarted(_))
}

/// What was cut off is not thrown away by beginning again: it may have to be undone.
fn refuse_unfinished(place: &Path) -> Result<(), RunError> {
    match Directory::reopen(place) {
        Ok((_, events)) if events.iter().any(acted) => {
            Err(RunError::Unfinished(place.display().to_string()))
        }
        Ok(_) | Err(EvidenceError::NothingToResume { .. }) => Ok(()),
        Err(error) => Err(RunError::Open(error)),
    }
}

/// Whether the events are those of a run of this very file, signed by this very key.
fn same_run(events: &[Event], loaded: &Loaded, signer: Option<&str>) -> Result<(), RunError> {
    let digest = loaded.digest.to_string();
    for event in events {
        match &event.body {
            Body::RunStarted { signer: announced, .. } if announced.as_deref() != signer => {
                let told = announced.as_deref().unwrap_or("nobody");
                return Err(RunError::Resume(format!("its evidence was to be signed by {told}")));
            }
            Body::StepFinished { context, .. } => {
                let file = context.manifest.as_ref().map(|facts| facts.sha256.as_str());
                if file.is_some_and(|sha256| sha256 != digest) {
                    let path = loaded.shown_path.display();
                    return Err(RunError::Resume(format!("{path} was changed since it began")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
