//! A failover for real: each component is moved to its other side, one small move after the other. That a move is made
//! is on the disk before it is; so whoever comes after a kill knows what may have happened, and goes on or goes back.

mod control;
mod dns;
mod haproxy;
mod node;
mod observe;
mod postgres;
mod switch;
mod told;
mod walk;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{Conclusion, Loaded, Rehearsal, Setup};
use crate::clock::Stopwatch;
use crate::engine::StepResult;
use crate::event::Evidence;
use crate::manifest::exercise::{Component, Failover};
use crate::plan::exercise::{Stage, stages};
use crate::request::Hands;
use crate::wire::event::{
    Class, ComponentFacts, Context, FailoverFacts, Finding, Resumption, Severity, Status,
};
use crate::wire::exercise::Mode;

use observe::{MARKERS, PROBES, Series, availability, markers, read};
use switch::{Goal, switch_of};
use walk::{Walk, Went};

/// How long the first answer of the probe is waited for.
const FIRST_ANSWER: Duration = Duration::from_secs(60);

/// What a failover is to do.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The components, by name; all where there is none.
    pub only: Vec<String>,
    /// Whether the first state is brought back after all was validated.
    pub then_roll_back: bool,
    /// Whether nothing but the first state is brought back.
    pub roll_back_only: bool,
}

/// Everything that would be done, a line each: component, stage, what.
#[must_use]
pub fn plan(failover: &Failover, wanted: &Wanted, hands: &Hands<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let empty = crate::outcome::Outcome::default();
    let goals: &[Goal] = match (wanted.roll_back_only, failover.mode) {
        (true, _) => &[Goal::First],
        (false, Mode::Planned) => &[Goal::Drained, Goal::Level, Goal::Switched, Goal::Paired],
        (false, Mode::Unplanned) => &[Goal::Switched, Goal::Paired],
    };
    for goal in goals {
        let chosen = chosen(failover, wanted);
        let ordered: Vec<&Component> =
            if *goal == Goal::First { chosen.into_iter().rev().collect() } else { chosen };
        for component in ordered {
            let switch = switch_of(component, failover.mode, hands, &empty);
            for line in switch.tell(*goal) {
                lines.push(format!("{:14}  {}: {line}", goal.stage().id(), component.name));
            }
        }
    }
    for component in chosen(failover, wanted).into_iter().filter(|_| !wanted.roll_back_only) {
        if let Some(health) = &component.health {
            let stage = Stage::Validate.id();
            lines.push(format!("{stage:14}  {}: {}", component.name, health.told()));
        }
    }
    lines
}

fn chosen<'a>(failover: &'a Failover, wanted: &Wanted) -> Vec<&'a Component> {
    let asked =
        |component: &&Component| wanted.only.is_empty() || wanted.only.contains(&component.name);
    failover.components.iter().filter(asked).collect()
}

/// Carries a failover out, or goes on with one, or brings back the first state.
///
/// # Errors
/// When the evidence cannot be written: nothing more is done then.
pub fn fail_over(
    loaded: &Loaded,
    failover: &Failover,
    wanted: &Wanted,
    setup: &Setup<'_>,
    hands: &Hands<'_>,
    evidence: &mut dyn Evidence,
) -> io::Result<Conclusion> {
    let planned =
        if wanted.roll_back_only { ROLL_BACK_ONLY.to_vec() } else { stages(&loaded.exercise) };
    let mut rehearsal = Rehearsal::begin(loaded, setup, planned, evidence)?;
    rehearsal.load(loaded, setup)?;
    // What was asked for at the beginning holds, also for whoever goes on.
    let planned = rehearsal.engine.outcome.fact(|context| context.failover.as_ref()).cloned();
    let wanted = match planned {
        Some(facts) => Wanted {
            only: facts.components.iter().map(|component| component.name.clone()).collect(),
            then_roll_back: facts.returns,
            roll_back_only: facts.rollback_only,
        },
        None => wanted.clone(),
    };
    let run = rehearsal.engine.outcome.run_id.clone();
    let probe = match &failover.probe {
        Some((request, every)) => {
            let before = read(&rehearsal.engine.evidence.read(PROBES)?);
            let log = rehearsal.engine.evidence.open(PROBES)?;
            Some(Series::new(hands, setup.clock, (request, *every), &run, log, before))
        }
        None => None,
    };
    let marker = match &failover.marker {
        Some((write, _, every)) => {
            let before = read(&rehearsal.engine.evidence.read(MARKERS)?);
            let log = rehearsal.engine.evidence.open(MARKERS)?;
            Some(Series::new(hands, setup.clock, (write, *every), &run, log, before))
        }
        None => None,
    };
    let stop = AtomicBool::new(false);
    let went = thread::scope(|scope| {
        let mut threads = Vec::new();
        let done = rehearsal.engine.outcome.end_of(Stage::Complete.id()).is_some();
        for series in probe.iter().chain(&marker).filter(|_| !done) {
            let stop = &stop;
            threads.push(scope.spawn(move || series.follow(stop)));
        }
        let mut walk = Walk {
            rehearsal: &mut rehearsal,
            failover,
            components: chosen(failover, &wanted),
            hands,
            clock: setup.clock,
        };
        let went = prepare(&mut walk, &wanted, probe.as_ref())
            .and_then(|()| all_stages(&mut walk, &wanted, setup, probe.as_ref()));
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            let _ = thread.join();
        }
        went
    })?;
    if went == Went::Paused {
        return Ok(Conclusion { outcome: rehearsal.engine.outcome, judgement: None });
    }
    complete(&mut rehearsal, failover, hands, probe.as_ref(), marker.as_ref())?;
    rehearsal.conclude(&loaded.exercise)
}

/// The stages of a run that only brings back the first state.
const ROLL_BACK_ONLY: [Stage; 6] = [
    Stage::LoadManifest,
    Stage::Prepare,
    Stage::RollBack,
    Stage::Complete,
    Stage::EnforcePolicies,
    Stage::SealEvidence,
];

/// Tells what is going to be done, and lets the probe begin.
fn prepare(walk: &mut Walk<'_, '_>, wanted: &Wanted, probe: Option<&Series<'_>>) -> io::Result<()> {
    let (failover, components) = (walk.failover, walk.components.clone());
    walk.rehearsal.step(Stage::Prepare, |_| {
        let facts = FailoverFacts {
            description: failover.written.description.clone(),
            mode: failover.mode.word().to_owned(),
            production: failover.production,
            partial: components.len() < failover.components.len(),
            returns: wanted.then_roll_back,
            rollback_only: wanted.roll_back_only,
            components: components
                .iter()
                .map(|component| ComponentFacts {
                    name: component.name.clone(),
                    kind: component.switch.kind().to_owned(),
                })
                .collect(),
        };
        let watch = Stopwatch::start();
        while probe.is_some_and(|probe| probe.newest().is_none()) && watch.elapsed() < FIRST_ANSWER
        {
            thread::sleep(Duration::from_millis(5));
        }
        let notes = match probe.map(Series::newest) {
            None => "nobody asks the service: there is no probe",
            Some(Some(true)) => "the service answers",
            Some(Some(false)) => "the service does not answer",
            Some(None) => "the service has not answered yet",
        };
        let context = Context { failover: Some(facts), ..Context::default() };
        Ok(StepResult::passed(format!("{}, {notes}", failover.mode.word()), context))
    })?;
    Ok(())
}

/// From the pre-checks to the rollback.
fn all_stages(
    walk: &mut Walk<'_, '_>,
    wanted: &Wanted,
    setup: &Setup<'_>,
    probe: Option<&Series<'_>>,
) -> io::Result<Went> {
    let asked_back = setup.before.as_ref().is_some_and(|(_, asked)| *asked == Resumption::RollBack);
    let mut went = Went::Well;
    if asked_back {
        walk.give_up("the first state was asked for")?;
    } else if !wanted.roll_back_only {
        went = walk.pre_checks(probe)?;
        for goal in [Goal::Drained, Goal::Level, Goal::Switched] {
            went = match went {
                Went::Well => walk.stage(goal)?,
                other => other,
            };
        }
        if went == Went::Well {
            went = walk.validate()?;
        }
        if went == Went::Paused {
            return Ok(went);
        }
        walk.give_up("an earlier step did not pass")?;
    }
    let back = asked_back || wanted.roll_back_only || wanted.then_roll_back || went == Went::Wrong;
    walk.roll_back(back, wanted.roll_back_only)
}

/// Counts what was lost, once nothing more is done.
fn complete(
    rehearsal: &mut Rehearsal<'_>,
    failover: &Failover,
    hands: &Hands<'_>,
    probe: Option<&Series<'_>>,
    marker: Option<&Series<'_>>,
) -> io::Result<Option<Status>> {
    let run = rehearsal.engine.outcome.run_id.clone();
    rehearsal.step(Stage::Complete, |_| {
        let seen = probe.map(|probe| availability(&probe.all(), probe.every()));
        let mut context = Context { availability: seen, ..Context::default() };
        if let (Some(series), Some((_, list, _))) = (marker, &failover.marker) {
            match hands.perform(list, &[("{run}", &run)], Duration::MAX) {
                Ok(found) => context.markers = Some(markers(&series.all(), &run, &found)),
                Err(error) => {
                    let message = format!("whether anything was lost cannot be told: {error}");
                    let hint = "look for the markers by hand";
                    let result = StepResult::inconclusive(&message, hint);
                    let error = result.context.error.clone();
                    let context = Box::new(Context { error, ..context });
                    return Ok(StepResult { context, ..result });
                }
            }
        }
        let away = context.availability.as_ref();
        let away = away.map(|seen| format!("away for {:.3} s", seen.downtime_seconds));
        let lost = context.markers.as_ref().map(|found| format!("{} lost", found.lost));
        let notes: Vec<String> = away.into_iter().chain(lost).collect();
        let notes =
            if notes.is_empty() { "nothing was measured".to_owned() } else { notes.join(", ") };
        let class = Class::Exercise;
        if let Some(seen) = context.availability.as_ref().filter(|seen| !seen.answers) {
            let requests = seen.requests;
            let message =
                format!("the service does not answer at the end, after {requests} requests");
            let hint = Some("look at it now".to_owned());
            return Ok(StepResult::failed(class, &message, hint, context));
        }
        let lost = context.markers.as_ref().filter(|found| found.lost > 0);
        let lost = lost.map(|found| {
            format!("{} of {} promised transactions were lost", found.lost, found.promised)
        });
        let mut findings = Vec::new();
        if let Some(lost) = lost {
            if failover.mode == Mode::Planned {
                let message = format!("{lost}, although both sides were there");
                let hint = Some("find out which of the components let go of them".to_owned());
                return Ok(StepResult::failed(class, &message, hint, context));
            }
            findings.push(Finding {
                id: "data_lost".to_owned(),
                severity: Severity::Warning,
                message: lost,
                place: Stage::Complete.id().to_owned(),
                class: None,
            });
        }
        Ok(StepResult { findings, ..StepResult::passed(notes, context) })
    })
}
