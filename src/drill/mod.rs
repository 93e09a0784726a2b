//! The engine: walks a plan, emits what happens, and comes to a conclusion whatever happens.
//!
//! It is the only place that emits events. What a step found out is in its event; the engine keeps
//! the fold of them, and the judgement is made from that fold and the manifest alone.

mod load;
mod steps;
mod work;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::clock::{Clock, Stopwatch};
use crate::digest::{Digest, Observer};
use crate::event::{Emitter, Evidence};
use crate::manifest::Manifest;
use crate::outcome::Outcome;
use crate::plan::{Plan, Step};
use crate::policy::{Judgement, judge};
use crate::process::{Interrupt, Supervisor};
use crate::wire::event::{
    Body, Class, ClockFacts, Context, ErrorFacts, Finding, PastFacts, Status, Tool,
};
use crate::wire::slot::SlotFacts;

pub use load::{LoadError, LoadRequest, Loaded, find_root, load};

/// Follows a drill: shows how far long jobs are, and can end them.
pub trait Watch: Observer + Interrupt {
    /// A job over so many bytes begins.
    fn begin(&self, what: &str, bytes: Option<u64>);
    /// The job that began last has ended.
    fn end(&self);
}

/// What a drill works with, besides its manifest.
pub struct Setup<'a> {
    /// Wall clock.
    pub clock: &'a dyn Clock,
    /// Progress and interruption.
    pub watch: &'a dyn Watch,
    /// Where restores happen if the manifest does not say.
    pub temporary_directory: PathBuf,
    /// Where files of new servers are kept from one drill to the next, if anywhere.
    pub cache_directory: Option<PathBuf>,
    /// Where programs are looked for.
    pub search_path: OsString,
    /// Value of an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Whether a database that is there already, and that the manifest names, may be replaced.
    pub allow_existing_target: bool,
    /// The slot of a calendar that it runs for.
    pub slot: Option<SlotFacts>,
    /// What the drills before were like, where a history is kept.
    pub past: Option<PastFacts>,
    /// What the newest drill of the name that passed found, if it recorded that.
    pub last_baseline: Option<Vec<u8>>,
    /// Fingerprint of the key that is to sign the evidence.
    pub signer: Option<String>,
    /// Whether recovered artifacts are kept with the evidence.
    pub keep_artifacts: bool,
    /// Whether it is recorded in the evidence what a database was found to be.
    pub record_baseline: bool,
}

/// What a drill came to.
#[derive(Debug)]
pub struct Conclusion {
    /// The fold of its events.
    pub outcome: Outcome,
    /// The manifest, if it could be understood.
    pub manifest: Option<Manifest>,
    /// The verdict.
    pub judgement: Judgement,
}

/// Runs a drill to its end. `standby` is the supervisor for its script, if one was started early; it
/// is given nothing before the backup is verified.
///
/// # Errors
/// Only when the evidence cannot be written: a drill without evidence is none. Everything else is
/// in the conclusion.
pub fn run(
    loaded: &Loaded,
    setup: &Setup<'_>,
    standby: Option<Supervisor>,
    evidence: &mut dyn Evidence,
) -> io::Result<Conclusion> {
    let watch = Stopwatch::start();
    let started_at = setup.clock.now();
    let mut seed =
        format!("{}\0{started_at}", loaded.digest.map(|d| d.to_string()).unwrap_or_default());
    if let Some(slot) = &setup.slot {
        seed.push_str(&format!("\0{}\0{}\0{}", slot.drill, slot.due_at, slot.attempt));
    }
    let run_id = format!("{}-{}", started_at.compact(), Digest::of(seed.as_bytes()).short());
    let manifest = loaded.manifest.as_ref().ok().cloned();
    let plan = Plan::new(manifest.as_ref());
    let mut run = Run {
        setup,
        evidence,
        emitter: Emitter::new(run_id),
        outcome: Outcome::default(),
        steps: plan.steps.iter().map(|(step, _)| *step).collect(),
    };
    run.emit(Body::RunStarted {
        started_at: started_at.to_string(),
        tool: Tool::own(),
        clock: ClockFacts { overridden: setup.clock.is_overridden() },
        manifest: loaded.shown_path.display().to_string(),
        steps: plan.ids(),
        signer: setup.signer.clone(),
        slot: setup.slot.clone().map(Box::new),
    })?;
    steps::walk(&mut run, loaded, manifest.as_ref(), standby)?;
    run.step(Step::SealEvidence, |run| {
        let chain = run.evidence.link(&loaded.drill_name(setup.slot.as_ref()))?;
        let notes = match &chain {
            None => "evidence complete".to_owned(),
            Some(chain) => format!("evidence complete, number {} of its name", chain.sequence),
        };
        Ok(StepResult::passed(notes, Context { chain, ..Context::default() }))
    })?;
    let judgement = judge(&run.outcome, manifest.as_ref());
    run.emit(Body::RunFinished {
        ended_at: setup.clock.now().to_string(),
        duration_seconds: watch.seconds(),
        status: judgement.verdict,
        reasons: judgement.reasons,
    })?;
    // Once more, over the whole stream: this is what anyone can compute from the evidence.
    let judgement = judge(&run.outcome, manifest.as_ref());
    Ok(Conclusion { outcome: run.outcome, manifest, judgement })
}

/// A run as it goes on.
struct Run<'a> {
    setup: &'a Setup<'a>,
    evidence: &'a mut dyn Evidence,
    emitter: Emitter,
    outcome: Outcome,
    steps: Vec<Step>,
}

/// What a step came to.
struct StepResult {
    status: Status,
    notes: String,
    context: Box<Context>,
    findings: Vec<Finding>,
}

impl StepResult {
    fn passed(notes: impl Into<String>, context: Context) -> Self {
        let context = Box::new(context);
        Self { status: Status::Passed, notes: notes.into(), context, findings: Vec::new() }
    }

    fn skipped(why: impl Into<String>) -> Self {
        let (status, context) = (Status::Skipped, Box::default());
        Self { status, notes: why.into(), context, findings: Vec::new() }
    }

    /// It could not be found out: nothing is said of the backup.
    fn inconclusive(message: &str, hint: &str) -> Self {
        let hint = Some(hint.to_owned());
        let result = Self::failed(Class::Incomplete, &message, hint, Context::default());
        Self { status: Status::Inconclusive, ..result }
    }

    /// `error` is a whole sentence: what happened, to what.
    fn failed(
        class: Class,
        error: &impl ToString,
        hint: Option<String>,
        mut context: Context,
    ) -> Self {
        let message = error.to_string();
        context.error = Some(ErrorFacts { class, message: message.clone(), hint });
        let context = Box::new(context);
        Self { status: Status::Failed, notes: message, context, findings: Vec::new() }
    }
}

impl Run<'_> {
    fn emit(&mut self, body: Body) -> io::Result<()> {
        let event = self.emitter.emit(self.evidence, body)?;
        self.outcome.apply(&event).map_err(io::Error::other)
    }

    /// Runs a step that is planned, and says what became of it. Once the drill is interrupted only
    /// what cleans up and concludes is still run.
    fn step(
        &mut self,
        step: Step,
        work: impl FnOnce(&mut Self) -> io::Result<StepResult>,
    ) -> io::Result<Option<Status>> {
        if !self.steps.contains(&step) {
            return Ok(None);
        }
        let started_at = self.setup.clock.now().to_string();
        let id = step.id().to_owned();
        self.emit(Body::StepStarted { step: id.clone(), started_at: started_at.clone() })?;
        let watch = Stopwatch::start();
        let concludes =
            matches!(step, Step::TeardownInstance | Step::EnforcePolicies | Step::SealEvidence);
        let interrupted = "the drill was interrupted";
        let mut result = if self.setup.watch.interrupted() && !concludes {
            StepResult::skipped(interrupted)
        } else {
            work(self)?
        };
        if self.setup.watch.interrupted() && !concludes && result.status == Status::Failed {
            let hint = Some("run it again; nothing was proven either way".to_owned());
            let context = *std::mem::take(&mut result.context);
            result = StepResult::failed(
                Class::Incomplete,
                &format!("{interrupted} in {id}"),
                hint,
                context,
            );
            result.status = Status::Inconclusive;
        }
        let status = result.status;
        for finding in result.findings {
            self.emit(Body::Finding(finding))?;
        }
        self.emit(Body::StepFinished {
            step: id,
            started_at,
            ended_at: self.setup.clock.now().to_string(),
            duration_seconds: watch.seconds(),
            status,
            notes: result.notes,
            context: result.context,
        })?;
        Ok(Some(status))
    }

    /// Whether every one of these steps that is planned has passed.
    fn all_passed(&self, steps: &[Step]) -> Result<(), &'static str> {
        for step in steps.iter().filter(|step| self.steps.contains(step)) {
            if self.outcome.end_of(step.id()).is_none_or(|end| end.status != Status::Passed) {
                return Err(step.id());
            }
        }
        Ok(())
    }
}

/// A path as evidence shows it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
