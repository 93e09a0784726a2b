//! One drill from a loaded manifest to sealed evidence.

use std::io;
use std::path::{Path, PathBuf};

use crate::drill::{self, Loaded, Setup};
use crate::event::{Sink, Store};
use crate::evidence::{Directory, EvidenceError};
use crate::history::{History, HistoryError, Link};
use crate::process::Supervisor;
use crate::report::report;
use crate::signature::PrivateKey;
use crate::wire::event::{ChainFacts, Event, PastFacts};
use crate::wire::report::Report;
use crate::wire::slot::SlotFacts;

/// Where a run writes.
#[derive(Debug)]
pub struct RunRequest<'a> {
    /// The report.
    pub output: PathBuf,
    /// The events.
    pub ndjson: PathBuf,
    /// The evidence directory.
    pub evidence_directory: PathBuf,
    /// The key that signs it.
    pub signing_key: Option<&'a PrivateKey>,
    /// Where its pack is filed.
    pub history: Option<&'a History>,
}

/// What the drills before a drill hand on to it.
#[derive(Debug, Default)]
pub struct Past {
    /// What they were like.
    pub facts: Option<PastFacts>,
    /// What the newest that passed found, if the manifest wants it.
    pub baseline: Option<Vec<u8>>,
}

/// What the drills before this one hand on, if a history is kept and the manifest can be read.
///
/// # Errors
/// When the history cannot be read.
pub fn past(
    history: Option<&History>,
    loaded: &Loaded,
    slot: Option<&SlotFacts>,
) -> Result<Past, RunError> {
    let (Some(history), Ok(manifest)) = (history, &loaded.manifest) else {
        return Ok(Past::default());
    };
    let name = loaded.drill_name(slot);
    let mut facts = history.past(&name).map_err(RunError::History)?;
    let mut baseline = None;
    if manifest.baseline.as_ref().is_some_and(|baseline| baseline.last_good_drill)
        && let Some((run, bytes)) = history.last_baseline(&name).map_err(RunError::History)?
    {
        facts.baseline_run_id = Some(run);
        baseline = Some(bytes);
    }
    Ok(Past { facts: Some(facts), baseline })
}

/// Why a run has no evidence. Whatever the restore did, it counts for nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The evidence directory cannot be used: nothing was run.
    #[error("nothing was run: the evidence cannot be written: {0}")]
    Open(#[source] EvidenceError),
    /// An event or a file could not be written: the run was ended.
    #[error("the drill was ended: its evidence cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The history cannot be used: nothing was run.
    #[error("nothing was run: the history cannot be used: {0}")]
    History(#[source] HistoryError),
    /// The evidence is of a rehearsal that has begun something and was cut off: nothing was run.
    #[error("nothing was run: {0} holds a rehearsal that was cut off after it had begun to act")]
    Unfinished(String),
    /// It is not the run that is to go on: nothing was done.
    #[error("nothing was done: {0}")]
    Resume(String),
    /// The drill was sealed, but its pack could not be filed.
    #[error("the drill is sealed, but does not stand in the history: {0}")]
    File(#[source] HistoryError),
    /// The evidence could not be sealed.
    #[error("the drill counts for nothing: its evidence cannot be sealed: {0}")]
    Seal(#[source] EvidenceError),
}

impl RunError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Open(error) | Self::Seal(error) => error.hint(),
            Self::Unfinished(_) => {
                "go on with it (`exercise resume`, `exercise rollback`, `tabletop run --resume`), or give another --evidence-dir"
            }
            Self::Resume(_) => "give the file and the key that it began with",
            Self::History(error) | Self::File(error) => error.hint(),
            Self::Write(_) => "make room or choose another --evidence-dir, and run the drill again",
        }
    }
}

/// Runs a drill, seals its evidence and gives its report. `standby` as in [`drill::run`]. `listener` hears every event after it
/// was written.
///
/// # Errors
/// When the evidence cannot be written.
pub fn run(
    loaded: &Loaded,
    setup: &Setup<'_>,
    standby: Option<Supervisor>,
    request: &RunRequest<'_>,
    listener: &mut dyn Sink,
) -> Result<Report, RunError> {
    let mut evidence =
        Directory::open(&request.evidence_directory, &request.ndjson).map_err(RunError::Open)?;
    // No report of an earlier run may be taken for that of this one.
    match std::fs::remove_file(&request.output) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            let path = request.output.display().to_string();
            return Err(RunError::Open(EvidenceError::Write { path, cause }));
        }
        _ => {}
    }
    let history = request.history;
    let (conclusion, link) = {
        let mut tee = Tee { evidence: &mut evidence, listener, history, link: None };
        let conclusion = drill::run(loaded, setup, standby, &mut tee).map_err(RunError::Write)?;
        (conclusion, tee.link)
    };
    let report = report(&conclusion.outcome, &conclusion.judgement, conclusion.manifest.as_ref());
    seal_and_file(evidence, &report, &request.output, request.signing_key, history, link)?;
    Ok(report)
}

/// Seals what a run has left, and files it where a history is kept.
pub(super) fn seal_and_file(
    evidence: Directory,
    report: &Report,
    output: &Path,
    key: Option<&PrivateKey>,
    history: Option<&History>,
    link: Option<Link>,
) -> Result<(), RunError> {
    let sealed = evidence.seal(report, output, key).map_err(RunError::Seal)?;
    if let Some(history) = history {
        history.file(sealed.path(), link).map_err(RunError::File)?;
    }
    Ok(())
}

/// Evidence first, then whoever listens.
pub(super) struct Tee<'a> {
    pub(super) evidence: &'a mut Directory,
    pub(super) listener: &'a mut dyn Sink,
    pub(super) history: Option<&'a History>,
    /// The place of this drill among those of its name, held until its pack is filed.
    pub(super) link: Option<Link>,
}

impl Sink for Tee<'_> {
    fn accept(&mut self, event: &Event) -> io::Result<()> {
        self.evidence.accept(event)?;
        self.listener.accept(event)
    }
}

impl Store for Tee<'_> {
    fn keep(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.evidence.keep(name, bytes)
    }

    fn keep_files(&mut self, name: &str, folder: &Path) -> io::Result<()> {
        self.evidence.keep_files(name, folder)
    }

    fn open(&mut self, name: &str) -> io::Result<std::fs::File> {
        self.evidence.open(name)
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        self.evidence.read(name)
    }

    fn link(&mut self, name: &str) -> io::Result<Option<ChainFacts>> {
        let Some(history) = self.history else { return Ok(None) };
        let link = history.link(name).map_err(io::Error::other)?;
        Ok(Some(self.link.insert(link).chain().clone()))
    }
}
