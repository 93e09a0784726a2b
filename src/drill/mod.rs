//! The engine: walks a plan, emits what happens, and comes to a conclusion whatever happens.
//!
//! What a step found out is in its event; the engine keeps the fold of them, and the judgement is made from
//! that fold and the manifest alone.

mod load;
mod steps;
mod work;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::digest::Observer;
use crate::engine::{Beginning, Engine, StepResult};
use crate::event::Evidence;
use crate::manifest::Manifest;
use crate::outcome::Outcome;
use crate::plan::{Plan, Step};
use crate::policy::{Judgement, judge};
use crate::process::{Interrupt, Supervisor};
use crate::wire::event::{PastFacts, Status};
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
    pub variable: &'a (dyn Fn(&str) -> Option<OsString> + Sync),
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
    let manifest = loaded.manifest.as_ref().ok().cloned();
    let plan = Plan::new(manifest.as_ref());
    let beginning = Beginning {
        digest: loaded.digest,
        manifest: loaded.shown_path.display().to_string(),
        steps: plan.ids(),
        signer: setup.signer.clone(),
        slot: setup.slot.as_ref(),
    };
    let interrupt: &dyn Interrupt = setup.watch;
    let engine = Engine::begin(setup.clock, interrupt, evidence, beginning)?;
    let steps = plan.steps.iter().map(|(step, _)| *step).collect();
    let mut run = Run { setup, engine, steps };
    steps::walk(&mut run, loaded, manifest.as_ref(), standby)?;
    run.step(Step::SealEvidence, |run| {
        run.engine.take_place(&loaded.drill_name(setup.slot.as_ref()))
    })?;
    let judgement = judge(&run.engine.outcome, manifest.as_ref());
    run.engine.end(judgement.verdict, judgement.reasons)?;
    // Once more, over the whole stream: this is what anyone can compute from the evidence.
    let judgement = judge(&run.engine.outcome, manifest.as_ref());
    Ok(Conclusion { outcome: run.engine.outcome, manifest, judgement })
}

/// A run as it goes on.
struct Run<'a> {
    setup: &'a Setup<'a>,
    engine: Engine<'a>,
    steps: Vec<Step>,
}

impl Run<'_> {
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
        let begun = self.engine.begin_step(step.id())?;
        let concludes =
            matches!(step, Step::TeardownInstance | Step::EnforcePolicies | Step::SealEvidence);
        let result = if self.setup.watch.interrupted() && !concludes {
            StepResult::skipped(StepResult::INTERRUPTED)
        } else {
            work(self)?
        };
        self.engine.end_step(begun, result, concludes).map(Some)
    }

    /// Whether every one of these steps that is planned has passed.
    fn all_passed(&self, steps: &[Step]) -> Result<(), &'static str> {
        for step in steps.iter().filter(|step| self.steps.contains(step)) {
            if self.engine.outcome.end_of(step.id()).is_none_or(|end| end.status != Status::Passed)
            {
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
