//! What a rehearsal is held to, and what it came to.

use super::{Judgement, conclude, limits};
use crate::clock::round_seconds;
use crate::manifest::exercise::{Exercise, Tabletop};
use crate::manifest::{Limit, Policies};
use crate::outcome::Outcome;
use crate::plan::exercise::Stage;
use crate::wire::event::{Class, PolicyResult, PolicyStatus, Status};
use crate::wire::report::Metrics;

/// Everything that the limits of a rehearsal say of what was worked out or measured.
#[must_use]
pub fn enforce_exercise(outcome: &Outcome, exercise: &Exercise) -> Vec<PolicyResult> {
    match exercise {
        Exercise::Tabletop(tabletop) => expected(tabletop),
        Exercise::Failover(_) => {
            let written = exercise.policies().unwrap_or_default();
            let limit = |max| Limit { max, warn: None };
            let policies = Policies {
                rpo: limit(written.max_rpo_minutes),
                rto: limit(written.max_rto_seconds),
                ..Policies::default()
            };
            limits::enforce(&measured(outcome), &policies)
        }
    }
}

/// The verdict over a rehearsal.
#[must_use]
pub fn judge_exercise(outcome: &Outcome) -> Judgement {
    let mut judgement = conclude(outcome, measured(outcome));
    // What could not be undone cannot wait: it is told before why it had to be.
    judgement.reasons.sort_by_key(|reason| reason.class != Class::Rollback);
    judgement
}

/// What the room expects of itself.
fn expected(tabletop: &Tabletop) -> Vec<PolicyResult> {
    let mut results = Vec::new();
    for scenario in tabletop.scenarios() {
        let (written, table) = (scenario.written, scenario.timetable);
        let name = &written.name;
        let minutes = |what: &str, key: &str, limit: f64, observed: f64| {
            let gap = observed - limit;
            let (status, message) = if gap > 0.0 {
                let message = format!(
                    "{name}: {what} {observed} minutes, {gap} more than the {limit} that are expected"
                );
                (PolicyStatus::Failed, message)
            } else {
                let message = format!("{name}: {what} {observed} minutes, {limit} are expected");
                (PolicyStatus::Passed, message)
            };
            let policy = format!("{key}.{name}");
            let unit = "minutes".to_owned();
            PolicyResult { policy, limit, observed: Some(observed), unit, status, message }
        };
        let (rto, rpo) = (written.expected_rto_minutes, written.expected_rpo_minutes);
        results.push(minutes("the steps take", "expected_rto_minutes", rto, table.length));
        if let Some(loss) = written.estimated_data_loss_minutes {
            results.push(minutes("the data lost spans", "expected_rpo_minutes", rpo, loss));
        }
    }
    results
}

/// Measures a rehearsal. Only what was really away and really lost counts: a tabletop measures neither.
fn measured(outcome: &Outcome) -> Metrics {
    let phase = |step: &crate::outcome::StepOutcome| {
        let end = step.end.as_ref().filter(|end| end.status != Status::Skipped)?;
        let concludes = [Stage::EnforcePolicies.id(), Stage::SealEvidence.id()];
        let counts = !concludes.contains(&step.id.as_str());
        counts.then(|| (step.id.clone(), round_seconds(end.seconds)))
    };
    let availability = outcome.fact(|context| context.availability.as_ref());
    let availability = availability.filter(|facts| facts.requests > 0 && facts.answers);
    let markers = outcome.fact(|context| context.markers.as_ref());
    let markers = markers.filter(|facts| facts.promised > 0);
    Metrics {
        rto_seconds: availability.map(|facts| round_seconds(facts.downtime_seconds)),
        rpo_minutes: markers.map(|facts| round_seconds(facts.lost_span_seconds / 60.0)),
        phases: outcome.steps.iter().filter_map(phase).collect(),
        restore_bytes_per_second: None,
        restore_seconds_per_gb: None,
        restore_rows_per_second: None,
        first_answer_seconds: None,
        peak_disk_bytes: None,
        check_pass_rate: None,
        duration_seconds: outcome.finished.as_ref().map_or(0.0, |finished| finished.seconds),
    }
}
