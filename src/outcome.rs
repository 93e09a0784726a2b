//! What a drill came to: a pure fold over its events, the same live, from a file, or cut off.

use crate::wire::event::{
    ActionFacts, ActionPlan, Body, CheckFacts, ClockFacts, ClosedGapFacts, Context, Event, Finding,
    GapFacts, ObservationFacts, Reason, ResumedFacts, Status, Tool, Verdict,
};
use crate::wire::slot::SlotFacts;

/// The state of a run after some of its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The run; empty before the first event.
    pub run_id: String,
    /// Wall-clock time of the start.
    pub started_at: String,
    /// What ran.
    pub tool: Option<Tool>,
    /// Where the time comes from.
    pub clock: Option<ClockFacts>,
    /// Path of the manifest.
    pub manifest: String,
    /// Fingerprint of the key that is to sign the evidence.
    pub signer: Option<String>,
    /// The slot of a calendar that it runs for.
    pub slot: Option<SlotFacts>,
    /// Every planned step, in order.
    pub steps: Vec<StepOutcome>,
    /// Questions that were answered, in order.
    pub checks: Vec<CheckFacts>,
    /// What people must know, in order.
    pub findings: Vec<Finding>,
    /// What a rehearsal did or discussed, in order.
    pub actions: Vec<ActionOutcome>,
    /// What it found to be missing.
    pub gaps: Vec<GapFacts>,
    /// What is not missing any more.
    pub closed_gaps: Vec<ClosedGapFacts>,
    /// What was said in it.
    pub observations: Vec<ObservationFacts>,
    /// When other processes went on with it.
    pub resumed: Vec<ResumedFacts>,
    /// How the run ended; `None` where it was cut off.
    pub finished: Option<Finished>,
}

/// A planned step and what became of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepOutcome {
    /// Its id.
    pub id: String,
    /// Wall-clock time of its start.
    pub started_at: Option<String>,
    /// Its end; `None` where it never ended.
    pub end: Option<StepEnd>,
}

/// An action of a rehearsal and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionOutcome {
    /// What, and when it began.
    pub plan: ActionPlan,
    /// Its end; `None` where it never ended.
    pub end: Option<ActionFacts>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEnd {
    /// Wall-clock time.
    pub ended_at: String,
    /// Measured duration in seconds.
    pub seconds: f64,
    /// What became of it.
    pub status: Status,
    /// One sentence for people.
    pub notes: String,
    /// What was found out.
    pub context: Context,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Wall-clock time.
    pub ended_at: String,
    /// Measured duration in seconds.
    pub seconds: f64,
    /// The verdict that was announced.
    pub status: Verdict,
    /// The reasons that were announced.
    pub reasons: Vec<Reason>,
}

/// A stream of events that no run can have written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The first event is not the start of a run.
    #[error("event {0}: the stream does not begin with `run_started`")]
    NoStart(u64),
    /// A number is missing, double or out of order.
    #[error("event {found}: number {wanted} was expected here")]
    Gap {
        /// The number that was expected.
        wanted: u64,
        /// The number that was found.
        found: u64,
    },
    /// It belongs to another run.
    #[error("event {0}: it belongs to another run")]
    OtherRun(u64),
    /// A step that was not planned, not started, or has ended.
    #[error("event {seq}: the step `{step}` {problem}")]
    Step {
        /// Number of the event.
        seq: u64,
        /// The step.
        step: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An action ended that had not begun.
    #[error("event {0}: an action ends that had not begun")]
    Action(u64),
    /// Something follows the end of the run.
    #[error("event {0}: the run had ended before")]
    AfterEnd(u64),
}

impl Outcome {
    /// Takes one event.
    ///
    /// # Errors
    /// When no run can have written it here.
    pub fn apply(&mut self, event: &Event) -> Result<(), StreamError> {
        let seq = event.seq;
        if self.finished.is_some() {
            return Err(StreamError::AfterEnd(seq));
        }
        if let Body::RunStarted { started_at, tool, clock, manifest, steps, signer, slot } =
            &event.body
        {
            if !self.run_id.is_empty() {
                return Err(StreamError::NoStart(seq));
            }
            self.run_id.clone_from(&event.run_id);
            self.started_at.clone_from(started_at);
            self.tool = Some(tool.clone());
            self.clock = Some(clock.clone());
            self.manifest.clone_from(manifest);
            self.signer.clone_from(signer);
            self.slot = slot.as_deref().cloned();
            self.steps = steps
                .iter()
                .map(|id| StepOutcome { id: id.clone(), ..StepOutcome::default() })
                .collect();
            return Ok(());
        }
        if self.run_id.is_empty() {
            return Err(StreamError::NoStart(seq));
        }
        if self.run_id != event.run_id {
            return Err(StreamError::OtherRun(seq));
        }
        match &event.body {
            Body::RunStarted { .. } => {}
            Body::StepStarted { step, started_at } => {
                let step = self.open_step(seq, step)?;
                if step.started_at.replace(started_at.clone()).is_some() {
                    return Err(step_error(seq, &step.id, "had started before"));
                }
            }
            Body::StepFinished {
                step, ended_at, duration_seconds, status, notes, context, ..
            } => {
                let step = self.open_step(seq, step)?;
                if step.started_at.is_none() {
                    return Err(step_error(seq, &step.id, "had not started"));
                }
                step.end = Some(StepEnd {
                    ended_at: ended_at.clone(),
                    seconds: *duration_seconds,
                    status: *status,
                    notes: notes.clone(),
                    context: (**context).clone(),
                });
            }
            Body::CheckFinished(check) => self.checks.push(check.clone()),
            Body::ActionStarted(plan) => {
                let step = self.open_step(seq, &plan.step)?;
                if step.started_at.is_none() {
                    return Err(step_error(seq, &step.id, "had not started"));
                }
                self.actions.push(ActionOutcome { plan: plan.clone(), end: None });
            }
            Body::ActionFinished(facts) => {
                let open = |action: &&mut ActionOutcome| {
                    let plan = &action.plan;
                    let named = (&plan.step, &plan.of, &plan.action);
                    action.end.is_none() && named == (&facts.step, &facts.of, &facts.action)
                };
                let action = self.actions.iter_mut().rev().find(open);
                let action = action.ok_or(StreamError::Action(seq))?;
                action.end = Some(facts.clone());
            }
            Body::RunResumed(resumed) => self.resumed.push(resumed.clone()),
            Body::GapFound(gap) => self.gaps.push(gap.clone()),
            Body::GapClosed(gap) => self.closed_gaps.push(gap.clone()),
            Body::Observed(observation) => self.observations.push(observation.clone()),
            Body::Finding(finding) => self.findings.push(finding.clone()),
            Body::RunFinished { ended_at, duration_seconds, status, reasons } => {
                self.finished = Some(Finished {
                    ended_at: ended_at.clone(),
                    seconds: *duration_seconds,
                    status: *status,
                    reasons: reasons.clone(),
                });
            }
        }
        Ok(())
    }

    fn open_step(&mut self, seq: u64, id: &str) -> Result<&mut StepOutcome, StreamError> {
        let step = self
            .steps
            .iter_mut()
            .find(|step| step.id == id)
            .ok_or_else(|| step_error(seq, id, "was not planned"))?;
        if step.end.is_some() {
            return Err(step_error(seq, id, "had ended before"));
        }
        Ok(step)
    }

    /// The end of a step, if it came to one.
    #[must_use]
    pub fn end_of(&self, id: &str) -> Option<&StepEnd> {
        self.steps.iter().find(|step| step.id == id)?.end.as_ref()
    }

    /// The first context in which `part` finds something.
    pub fn fact<'a, T>(&'a self, part: impl Fn(&'a Context) -> Option<&'a T>) -> Option<&'a T> {
        self.steps.iter().filter_map(|step| step.end.as_ref()).find_map(|end| part(&end.context))
    }
}

fn step_error(seq: u64, step: &str, problem: &'static str) -> StreamError {
    StreamError::Step { seq, step: step.to_owned(), problem }
}

/// Makes the outcome of a run from its events.
///
/// # Errors
/// When a number is missing or no run can have written the stream.
pub fn fold(events: &[Event]) -> Result<Outcome, StreamError> {
    let mut outcome = Outcome::default();
    for (wanted, event) in (0..).zip(events) {
        if event.seq != wanted {
            return Err(StreamError::Gap { wanted, found: event.seq });
        }
        outcome.apply(event)?;
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A whole run of `steps` steps.
    fn run(steps: usize) -> Vec<Event> {
        let at = || "2026-11-20T08:00:00.000Z".to_owned();
        let id = |n: usize| format!("step_{n}");
        let mut bodies = vec![Body::RunStarted {
            started_at: at(),
            tool: Tool { name: "dr-drill".to_owned(), version: "0".to_owned() },
            clock: ClockFacts { overridden: false },
            manifest: "manifest.json".to_owned(),
            steps: (0..steps).map(id).collect(),
            signer: None,
            slot: None,
        }];
        for n in 0..steps {
            bodies.push(Body::StepStarted { step: id(n), started_at: at() });
            bodies.push(Body::StepFinished {
                step: id(n),
                started_at: at(),
                ended_at: at(),
                duration_seconds: 0.5,
                status: Status::Passed,
                notes: String::new(),
                context: Box::default(),
            });
        }
        bodies.push(Body::RunFinished {
            ended_at: at(),
            duration_seconds: 1.0,
            status: Verdict::Passed,
            reasons: Vec::new(),
        });
        (0..)
            .zip(bodies)
            .map(|(seq, body)| Event {
                schema: crate::wire::event::SCHEMA.to_owned(),
                run_id: "r".to_owned(),
                seq,
                body,
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_log_survives_writing_and_reading(steps in 0usize..6) {
            let events = run(steps);
            let text: Vec<String> = events.iter().map(|e| serde_json::to_string(e).unwrap()).collect();
            let read: Vec<Event> = text.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            prop_assert_eq!(fold(&read).unwrap(), fold(&events).unwrap());
        }

        #[test]
        fn a_log_that_was_cut_off_is_incomplete(steps in 0usize..6, cut in 0usize..20) {
            let mut events = run(steps);
            prop_assume!(cut < events.len());
            events.truncate(cut);
            prop_assert!(fold(&events).unwrap().finished.is_none());
        }

        #[test]
        fn a_log_with_an_event_missing_doubled_or_moved_is_refused(
            steps in 1usize..6, at in 0usize..12, to in 0usize..12, what in 0..3
        ) {
            let mut events = run(steps);
            prop_assume!(at < events.len() - 1 && to < events.len() && at != to);
            match what {
                0 => { events.remove(at); }
                1 => { let event = events[at].clone(); events.insert(to, event); }
                _ => events.swap(at, to),
            }
            prop_assert!(fold(&events).is_err());
        }
    }

    #[test]
    fn each_impossible_stream_is_named() {
        let whole = run(2);
        let renumber = |mut events: Vec<Event>| {
            for (seq, event) in (0..).zip(&mut events) {
                event.seq = seq;
            }
            fold(&events).unwrap_err().to_string()
        };
        assert!(renumber(whole[1..].to_vec()).contains("does not begin"));
        assert!(renumber(vec![whole[0].clone(), whole[0].clone()]).contains("does not begin"));
        assert!(renumber(vec![whole[0].clone(), whole[2].clone()]).contains("had not started"));
        assert!(renumber([&whole[..3], &whole[1..2]].concat()).contains("had ended before"));
        assert!(renumber([&whole[..2], &whole[1..2]].concat()).contains("had started before"));
        assert!(renumber([&whole[..], &whole[1..2]].concat()).contains("the run had ended"));
        let mut other = whole.clone();
        other[1].run_id = "other".to_owned();
        assert!(renumber(other).contains("another run"));
        let mut unplanned = whole;
        unplanned[1].body = Body::StepStarted { step: "x".to_owned(), started_at: String::new() };
        assert!(renumber(unplanned).contains("was not planned"));
    }
}
