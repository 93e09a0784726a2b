//! What a report tells of a rehearsal, and what was not proven by it.

use super::model::base;
use crate::manifest::exercise::Exercise;
use crate::outcome::{ActionOutcome, Outcome};
use crate::plan::exercise::Stage;
use crate::policy::Judgement;
use crate::wire::event::{Status, TabletopFacts};
use crate::wire::report::{self as wire, ExerciseKind, Report};

/// The report of a rehearsal.
#[must_use]
pub fn rehearsed(outcome: &Outcome, judgement: &Judgement, exercise: &Exercise) -> Report {
    let action = exercise.corrective_action();
    let mut report = base(outcome, judgement, Some(&action));
    report.name = Some(exercise.name().to_owned());
    report.notes.policy = exercise.policies();
    let facts = wire::Exercise {
        kind: match exercise {
            Exercise::Tabletop(_) => ExerciseKind::Tabletop,
            Exercise::Failover(_) => ExerciseKind::Failover,
        },
        tabletop: outcome.fact(|context| context.tabletop.as_ref()).cloned(),
        failover: outcome.fact(|context| context.failover.as_ref()).cloned(),
        availability: outcome.fact(|context| context.availability.as_ref()).cloned(),
        markers: outcome.fact(|context| context.markers.as_ref()).cloned(),
        actions: outcome
            .actions
            .iter()
            .filter(|action| counts(action, exercise))
            .map(told)
            .collect(),
        gaps: outcome.gaps.clone(),
        closed_gaps: outcome.closed_gaps.clone(),
        observations: outcome.observations.clone(),
        resumed: outcome.resumed.clone(),
        recommendations: recommendations(outcome),
    };
    let mut list = not_proven(&facts);
    list.append(&mut report.not_proven);
    report.not_proven = list;
    report.exercise = Some(facts);
    report
}

/// A step of a talk that was broken off is put to the room again, and told once. What was begun for real and never
/// ended is told.
fn counts(action: &ActionOutcome, exercise: &Exercise) -> bool {
    action.end.is_some() || matches!(exercise, Exercise::Failover(_))
}

fn told(action: &ActionOutcome) -> wire::Action {
    let end = action.end.as_ref();
    wire::Action {
        plan: action.plan.clone(),
        status: end.map(|end| end.status),
        ended_at: end.map(|end| end.ended_at.clone()),
        duration_seconds: end.map(|end| end.duration_seconds),
        message: end.map(|end| end.message.clone()).unwrap_or_default(),
    }
}

/// What a reader could take for granted and must not.
fn not_proven(facts: &wire::Exercise) -> Vec<String> {
    let mut list = Vec::new();
    let mut add = |what: String| list.push(what);
    match facts.kind {
        ExerciseKind::Tabletop => {
            add("that anything works: it was talked through, and nothing was done".to_owned());
            add("that it takes the minutes that were estimated".to_owned());
        }
        ExerciseKind::Failover => {
            match &facts.availability {
                None => add("how long the service was away: there is no probe".to_owned()),
                Some(seen) if seen.unobserved_seconds > 0.0 => add(format!(
                    "how long the service was away: it was not asked for {:.3} s, while the run was cut off",
                    seen.unobserved_seconds
                )),
                Some(_) => {}
            }
            if facts.markers.is_none() {
                add("that nothing was lost: there is no marker".to_owned());
            }
            if let Some(plan) = &facts.failover {
                if plan.partial {
                    add("anything about the components that were left out".to_owned());
                }
                if plan.mode == "planned" {
                    let what =
                        "that it works when the first side is gone: it was there, and was asked";
                    add(what.to_owned());
                }
            }
        }
    }
    list
}

/// What follows from what was seen.
fn recommendations(outcome: &Outcome) -> Vec<String> {
    let mut list = Vec::new();
    let failover = outcome.fact(|context| context.failover.as_ref()).is_some();
    if let Some(facts) = outcome.fact(|context| context.availability.as_ref()) {
        if !facts.answers {
            list.push("the service did not answer at the end: look at it now".to_owned());
        }
        if facts.outages.len() > 1 {
            let outages = facts.outages.len();
            list.push(format!(
                "the service was away {outages} times: find out what let it go again"
            ));
        }
        if facts.downtime_seconds > 0.0
            && let Some(slowest) = slowest(outcome)
        {
            list.push(format!(
                "downtime of {:.3} s: to make it shorter, begin with what took longest, {slowest}",
                facts.downtime_seconds
            ));
        }
    }
    match outcome.fact(|context| context.markers.as_ref()) {
        Some(facts) if facts.lost > 0 => list.push(format!(
            "{} of {} transactions that had been promised were lost: let the primary wait for its standby \
             (synchronous replication), or accept it as the objective",
            facts.lost, facts.promised
        )),
        None if failover => {
            list.push("add a `marker`: it is not known whether anything was lost".to_owned());
        }
        _ => {}
    }
    if failover && outcome.fact(|context| context.availability.as_ref()).is_none() {
        list.push("add a `probe`: it is not known how long the service was away".to_owned());
    }
    list.extend(
        outcome.fact(|context| context.tabletop.as_ref()).into_iter().flat_map(of_tabletop),
    );
    list
}

fn of_tabletop(facts: &TabletopFacts) -> Vec<String> {
    let late = facts.scenarios.iter().filter(|scenario| scenario.gap_minutes > 0.0);
    late.map(|scenario| {
        format!(
            "{}: save {} minutes among {}: nothing else makes it shorter",
            scenario.name,
            scenario.gap_minutes,
            scenario.critical_path.join(", ")
        )
    })
    .collect()
}

/// The action of a switch that took longest.
fn slowest(outcome: &Outcome) -> Option<String> {
    let away = [Stage::DrainTraffic, Stage::SyncData, Stage::Switch].map(Stage::id);
    let ended = outcome.actions.iter().filter(|action| away.contains(&action.plan.step.as_str()));
    let ended = ended.filter_map(|action| action.end.as_ref());
    let ended = ended.filter(|end| end.status == Status::Passed);
    let longest = ended.max_by(|a, b| a.duration_seconds.total_cmp(&b.duration_seconds))?;
    Some(format!("{} of {} ({:.3} s)", longest.action, longest.of, longest.duration_seconds))
}
