//! Rehearsals: people talk a scenario through, or a service is switched for real. The events are their memory: a run
//! that was cut off goes on from them.

mod failover;
mod load;
mod tabletop;

use std::io;

use crate::clock::Clock;
use crate::engine::{Beginning, Engine, StepResult};
use crate::event::Evidence;
use crate::manifest::exercise::Exercise;
use crate::outcome::{Outcome, fold};
use crate::plan::exercise::Stage;
use crate::policy::{Judgement, enforce_exercise, judge_exercise};
use crate::process::Interrupt;
use crate::wire::event::{
    ActionFacts, ActionPlan, Body, Context, Event, ManifestFacts, PastFacts, ResumedFacts,
    Resumption, Status, Tool,
};

pub use failover::{Wanted, fail_over, plan};
pub use load::{LoadError, Loaded, load};
pub use tabletop::{Room, talk};

/// What a rehearsal came to.
#[derive(Debug)]
pub struct Conclusion {
    /// The fold of its events.
    pub outcome: Outcome,
    /// The verdict; `None` where it is to go on later.
    pub judgement: Option<Judgement>,
}

/// What every rehearsal works with.
pub struct Setup<'a> {
    /// Wall clock.
    pub clock: &'a dyn Clock,
    /// Whether it is to end.
    pub interrupt: &'a dyn Interrupt,
    /// Fingerprint of the key that is to sign the evidence.
    pub signer: Option<String>,
    /// What the exercises before were like, where a history is kept.
    pub past: Option<PastFacts>,
    /// What another process left of the run, if one is to go on.
    pub before: Option<(Vec<Event>, Resumption)>,
}

/// A rehearsal as it goes on.
struct Rehearsal<'a> {
    engine: Engine<'a>,
    stages: Vec<Stage>,
}

impl<'a> Rehearsal<'a> {
    /// Begins one with these stages, or goes on with one.
    fn begin(
        loaded: &Loaded,
        setup: &'a Setup<'a>,
        stages: Vec<Stage>,
        evidence: &'a mut dyn Evidence,
    ) -> io::Result<Self> {
        let (clock, interrupt) = (setup.clock, setup.interrupt);
        if let Some((events, request)) = &setup.before {
            let outcome = fold(events).map_err(io::Error::other)?;
            // What was planned at the beginning holds.
            let planned = |stage: &Stage| outcome.steps.iter().any(|step| step.id == stage.id());
            let stages = Stage::ALL.into_iter().filter(planned).collect();
            let count = events.len() as u64;
            let has_ended = outcome.finished.is_some();
            let mut engine = Engine::resume(clock, interrupt, evidence, outcome, count);
            if !has_ended {
                let (at, tool, request) = (engine.now(), Tool::own(), *request);
                engine.emit(Body::RunResumed(ResumedFacts { at, tool, request }))?;
            }
            return Ok(Self { engine, stages });
        }
        let beginning = Beginning {
            digest: Some(loaded.digest),
            manifest: loaded.shown_path.display().to_string(),
            steps: stages.iter().map(|stage| stage.id().to_owned()).collect(),
            signer: setup.signer.clone(),
            slot: None,
        };
        let engine = Engine::begin(clock, interrupt, evidence, beginning)?;
        Ok(Self { engine, stages })
    }

    /// Keeps the file, unless that was done before.
    fn load(&mut self, loaded: &Loaded, setup: &Setup<'_>) -> io::Result<()> {
        self.step(Stage::LoadManifest, |rehearsal| {
            rehearsal.engine.keep_manifest(&loaded.bytes, loaded.syntax, &[])?;
            let sha256 = loaded.digest.to_string();
            let bytes = loaded.bytes.len() as u64;
            let manifest = Some(ManifestFacts { sha256, bytes, signed_by: None });
            let context = Context { manifest, past: setup.past.clone(), ..Context::default() };
            Ok(StepResult::passed(format!("{} is valid", loaded.shown_path.display()), context))
        })?;
        Ok(())
    }

    /// Runs a step that is planned and has not ended before.
    fn step(
        &mut self,
        stage: Stage,
        work: impl FnOnce(&mut Self) -> io::Result<StepResult>,
    ) -> io::Result<Option<Status>> {
        if !self.stages.contains(&stage) {
            return Ok(None);
        }
        if let Some(end) = self.engine.outcome.end_of(stage.id()) {
            return Ok(Some(end.status));
        }
        let begun = self.engine.begin_step(stage.id())?;
        let result = work(self)?;
        self.engine.end_step(begun, result, true).map(Some)
    }

    /// Does one thing. That it is to be done is on the disk before.
    fn act(
        &mut self,
        plan: ActionPlan,
        work: impl FnOnce() -> (Status, String),
    ) -> io::Result<(Status, String)> {
        let (step, of, action) = (plan.step.clone(), plan.of.clone(), plan.action.clone());
        self.engine.emit(Body::ActionStarted(plan))?;
        let watch = crate::clock::Stopwatch::start();
        let (status, message) = work();
        let (ended_at, duration_seconds) = (self.engine.now(), watch.seconds());
        self.engine.emit(Body::ActionFinished(ActionFacts {
            step,
            of,
            action,
            ended_at,
            duration_seconds,
            status,
            message: message.clone(),
        }))?;
        Ok((status, message))
    }

    /// Judges, takes the place in the history, and ends the run.
    fn conclude(mut self, exercise: &Exercise) -> io::Result<Conclusion> {
        self.step(Stage::EnforcePolicies, |rehearsal| {
            let policies = enforce_exercise(&rehearsal.engine.outcome, exercise);
            Ok(StepResult::of_policies(policies, Vec::new()))
        })?;
        self.step(Stage::SealEvidence, |rehearsal| rehearsal.engine.take_place(exercise.name()))?;
        let judgement = judge_exercise(&self.engine.outcome);
        if self.engine.outcome.finished.is_none() {
            self.engine.end(judgement.verdict, judgement.reasons)?;
        }
        let judgement = Some(judge_exercise(&self.engine.outcome));
        Ok(Conclusion { outcome: self.engine.outcome, judgement })
    }
}
