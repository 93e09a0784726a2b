//! What every run has in common, a drill or a rehearsal: events are numbered, steps are timed, and the fold of it
//! all is kept as it goes on.

use std::io;

use crate::clock::{Clock, Stopwatch};
use crate::digest::Digest;
use crate::document::{Document, Syntax};
use crate::event::{Emitter, Evidence};
use crate::outcome::Outcome;
use crate::process::Interrupt;
use crate::wire::event::{
    Body, Class, ClockFacts, Context, ErrorFacts, Finding, PolicyResult, PolicyStatus, Reason,
    Status, Tool, Verdict,
};
use crate::wire::slot::SlotFacts;

/// What a run says of itself when it begins.
#[derive(Debug)]
pub struct Beginning<'a> {
    /// SHA-256 of its manifest, if that could be read.
    pub digest: Option<Digest>,
    /// Path of its manifest, as evidence shows it.
    pub manifest: String,
    /// Ids of the steps that are planned, in order.
    pub steps: Vec<String>,
    /// Fingerprint of the key that is to sign.
    pub signer: Option<String>,
    /// The slot of a calendar that it runs for.
    pub slot: Option<&'a SlotFacts>,
}

/// A run as it goes on.
pub struct Engine<'a> {
    /// Takes what the run leaves.
    pub evidence: &'a mut dyn Evidence,
    /// What it has come to so far.
    pub outcome: Outcome,
    clock: &'a dyn Clock,
    interrupt: &'a dyn Interrupt,
    emitter: Emitter,
    watch: Stopwatch,
}

/// A step that has begun.
#[must_use = "a step that has begun has to end"]
#[derive(Debug)]
pub struct Begun {
    step: String,
    started_at: String,
    watch: Stopwatch,
}

impl<'a> Engine<'a> {
    /// Begins a run.
    ///
    /// # Errors
    /// When the evidence cannot be written.
    pub fn begin(
        clock: &'a dyn Clock,
        interrupt: &'a dyn Interrupt,
        evidence: &'a mut dyn Evidence,
        beginning: Beginning<'_>,
    ) -> io::Result<Self> {
        let watch = Stopwatch::start();
        let started_at = clock.now();
        let digest = beginning.digest.map(|digest| digest.to_string()).unwrap_or_default();
        let mut seed = format!("{digest}\0{started_at}");
        if let Some(slot) = beginning.slot {
            seed.push_str(&format!("\0{}\0{}\0{}", slot.drill, slot.due_at, slot.attempt));
        }
        let run_id = format!("{}-{}", started_at.compact(), Digest::of(seed.as_bytes()).short());
        let (emitter, outcome) = (Emitter::new(run_id), Outcome::default());
        let mut engine = Self { evidence, outcome, clock, interrupt, emitter, watch };
        engine.emit(Body::RunStarted {
            started_at: started_at.to_string(),
            tool: Tool::own(),
            clock: ClockFacts { overridden: clock.is_overridden() },
            manifest: beginning.manifest,
            steps: beginning.steps,
            signer: beginning.signer,
            slot: beginning.slot.cloned().map(Box::new),
        })?;
        Ok(engine)
    }

    /// Goes on with a run that another process began: `outcome` is the fold of its `events` events.
    pub fn resume(
        clock: &'a dyn Clock,
        interrupt: &'a dyn Interrupt,
        evidence: &'a mut dyn Evidence,
        outcome: Outcome,
        events: u64,
    ) -> Self {
        let emitter = Emitter::after(outcome.run_id.clone(), events);
        Self { evidence, outcome, clock, interrupt, emitter, watch: Stopwatch::start() }
    }

    /// Tells what happened.
    ///
    /// # Errors
    /// When the evidence cannot be written.
    pub fn emit(&mut self, body: Body) -> io::Result<()> {
        let event = self.emitter.emit(self.evidence, body)?;
        self.outcome.apply(&event).map_err(io::Error::other)
    }

    /// The time, as events tell it.
    #[must_use]
    pub fn now(&self) -> String {
        self.clock.now().to_string()
    }

    /// Begins a step, or goes on with one that had begun.
    ///
    /// # Errors
    /// When the evidence cannot be written.
    pub fn begin_step(&mut self, step: &str) -> io::Result<Begun> {
        let before = self.outcome.steps.iter().find(|found| found.id == step);
        let started_at = match before.and_then(|step| step.started_at.clone()) {
            Some(started_at) => started_at,
            None => {
                let started_at = self.now();
                let step = step.to_owned();
                self.emit(Body::StepStarted { step, started_at: started_at.clone() })?;
                started_at
            }
        };
        Ok(Begun { step: step.to_owned(), started_at, watch: Stopwatch::start() })
    }

    /// Ends a step. One that failed while the run was interrupted has proven nothing, unless it is one that
    /// cleans up and `concludes`.
    ///
    /// # Errors
    /// When the evidence cannot be written.
    pub fn end_step(
        &mut self,
        begun: Begun,
        mut result: StepResult,
        concludes: bool,
    ) -> io::Result<Status> {
        let Begun { step, started_at, watch } = begun;
        if self.interrupt.interrupted() && !concludes && result.status == Status::Failed {
            let hint = Some("run it again; nothing was proven either way".to_owned());
            let message = format!("{} in {step}", StepResult::INTERRUPTED);
            let context = *std::mem::take(&mut result.context);
            result = StepResult::failed(Class::Incomplete, &message, hint, context);
            result.status = Status::Inconclusive;
        }
        let status = result.status;
        for finding in result.findings {
            self.emit(Body::Finding(finding))?;
        }
        let ended_at = self.now();
        self.emit(Body::StepFinished {
            step,
            started_at,
            ended_at,
            duration_seconds: watch.seconds(),
            status,
            notes: result.notes,
            context: result.context,
        })?;
        Ok(status)
    }

    /// Whether the run was asked to end.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.interrupt.interrupted()
    }

    /// Takes the next place among the runs of a name, where a history is kept: the last step.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn take_place(&mut self, name: &str) -> io::Result<StepResult> {
        let chain = self.evidence.link(name)?;
        let notes = match &chain {
            None => "evidence complete".to_owned(),
            Some(chain) => format!("evidence complete, number {} of its name", chain.sequence),
        };
        Ok(StepResult::passed(notes, Context { chain, ..Context::default() }))
    }

    /// Keeps the manifest as it was run: `manifest.json`, and for YAML the file itself besides.
    ///
    /// # Errors
    /// When the evidence cannot be written.
    pub fn keep_manifest(
        &mut self,
        bytes: &[u8],
        syntax: Syntax,
        signature: &[u8],
    ) -> io::Result<()> {
        let name = match syntax {
            Syntax::Json => "manifest.json",
            Syntax::Yaml => "manifest.yaml",
        };
        self.evidence.keep(name, bytes)?;
        if !signature.is_empty() {
            self.evidence.keep(&format!("inputs/{name}.dsse"), signature)?;
        }
        let sum = format!("{}  {name}\n", Digest::of(bytes));
        self.evidence.keep("manifest.sha256", sum.as_bytes())?;
        if syntax == Syntax::Yaml
            && let Ok(document) = Document::read(bytes, syntax)
        {
            let json = serde_json::to_vec_pretty(&document.to_value())?;
            self.evidence.keep("manifest.json", &json)?;
        }
        Ok(())
    }

    /// Ends the run.
    ///
    /// # Errors
    /// When the evidence cannot be written.
    pub fn end(&mut self, status: Verdict, reasons: Vec<Reason>) -> io::Result<()> {
        let (ended_at, duration_seconds) = (self.now(), self.watch.seconds());
        self.emit(Body::RunFinished { ended_at, duration_seconds, status, reasons })
    }
}

/// What a step came to.
#[derive(Debug)]
pub struct StepResult {
    /// What became of it.
    pub status: Status,
    /// One sentence for people.
    pub notes: String,
    /// What was found out.
    pub context: Box<Context>,
    /// What people must know of it.
    pub findings: Vec<Finding>,
}

impl StepResult {
    /// Why a step does not run once its run is interrupted.
    pub const INTERRUPTED: &str = "the drill was interrupted";

    /// What it checks was proven.
    pub fn passed(notes: impl Into<String>, context: Context) -> Self {
        let context = Box::new(context);
        Self { status: Status::Passed, notes: notes.into(), context, findings: Vec::new() }
    }

    /// It did not run.
    pub fn skipped(why: impl Into<String>) -> Self {
        let (status, context) = (Status::Skipped, Box::default());
        Self { status, notes: why.into(), context, findings: Vec::new() }
    }

    /// It could not be found out: nothing is said of what is tested.
    #[must_use]
    pub fn inconclusive(message: &str, hint: &str) -> Self {
        let hint = Some(hint.to_owned());
        let result = Self::failed(Class::Incomplete, &message, hint, Context::default());
        Self { status: Status::Inconclusive, ..result }
    }

    /// What it checks does not hold. `error` is a whole sentence: what happened, to what.
    pub fn failed(
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

    /// What holding the limits against what was measured came to.
    #[must_use]
    pub fn of_policies(policies: Vec<PolicyResult>, findings: Vec<Finding>) -> Self {
        let count = |status| policies.iter().filter(|policy| policy.status == status).count();
        let (broken, unmeasured) = (count(PolicyStatus::Failed), count(PolicyStatus::NotMeasured));
        let status = if broken > 0 {
            Status::Failed
        } else if unmeasured > 0 {
            Status::Inconclusive
        } else {
            Status::Passed
        };
        let notes = match (policies.len(), broken, unmeasured) {
            (0, ..) => "no limits are set".to_owned(),
            (all, 0, 0) => format!("{all} limit(s) hold"),
            (all, 0, _) => format!("{unmeasured} of {all} limit(s) could not be measured"),
            (all, _, _) => format!("{broken} of {all} limit(s) broken"),
        };
        let context = Box::new(Context { policies, ..Context::default() });
        Self { status, notes, context, findings }
    }
}
