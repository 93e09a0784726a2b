//! Limits on age, time and speed, and the waiver that can suspend them for a while.

use super::metrics::phase_name;
use crate::clock::Timestamp;
use crate::manifest::{Limit, Policies};
use crate::outcome::Outcome;
use crate::wire::event::{Finding, PolicyResult, PolicyStatus, Severity};
use crate::wire::report::Metrics;

pub(super) fn enforce(metrics: &Metrics, policies: &Policies) -> Vec<PolicyResult> {
    let mut results = Vec::new();
    results.extend(at_most("max_rpo_minutes", "RPO", "minutes", policies.rpo, metrics.rpo_minutes));
    results.extend(at_most("max_rto_seconds", "RTO", "seconds", policies.rto, metrics.rto_seconds));
    for (phase, max) in &policies.phases {
        let name = phase_name(*phase);
        let limit = Limit { max: Some(*max), warn: None };
        let key = format!("max_phase_seconds.{name}");
        let what = format!("phase {name}");
        results.extend(at_most(&key, &what, "seconds", limit, metrics.phases.get(name).copied()));
    }
    if let Some(limit) = policies.min_restore_bytes_per_second {
        let observed = metrics.restore_bytes_per_second;
        let (status, message) = match observed {
            None => (PolicyStatus::NotMeasured, "restore speed was not measured".to_owned()),
            Some(speed) if speed >= limit => (
                PolicyStatus::Passed,
                format!("restored {speed:.0} bytes per second, at least {limit:.0} are wanted"),
            ),
            Some(speed) => (
                PolicyStatus::Failed,
                format!(
                    "restored only {speed:.0} bytes per second, at least {limit:.0} are wanted"
                ),
            ),
        };
        results.push(PolicyResult {
            policy: "min_restore_bytes_per_second".to_owned(),
            limit,
            observed,
            unit: "bytes per second".to_owned(),
            status,
            message,
        });
    }
    results
}

fn at_most(
    policy: &str,
    what: &str,
    unit: &str,
    limit: Limit,
    observed: Option<f64>,
) -> Option<PolicyResult> {
    // A warning level alone is judged as a limit that only warns.
    let max = limit.max.or(limit.warn)?;
    let (status, message) = match observed {
        None => (
            PolicyStatus::NotMeasured,
            format!("{what} was not measured, the limit is {max} {unit}"),
        ),
        Some(value) if limit.max.is_some_and(|max| value > max) => (
            PolicyStatus::Failed,
            format!("{what} is {value:.3} {unit}, the limit is {max} {unit}"),
        ),
        Some(value) if limit.warn.is_some_and(|warn| value > warn) => {
            let warn = limit.warn.unwrap_or_default();
            (
                PolicyStatus::Warned,
                format!("{what} is {value:.3} {unit}, above the warning level of {warn} {unit}"),
            )
        }
        Some(value) => (
            PolicyStatus::Passed,
            format!("{what} is {value:.3} {unit}, the limit is {max} {unit}"),
        ),
    };
    Some(PolicyResult {
        policy: policy.to_owned(),
        limit: max,
        observed,
        unit: unit.to_owned(),
        status,
        message,
    })
}

/// Waives broken limits while the waiver holds, and says loudly that it did, or that it is over.
pub(super) fn waive(
    results: &mut [PolicyResult],
    outcome: &Outcome,
    policies: &Policies,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for result in results.iter().filter(|result| result.status == PolicyStatus::Warned) {
        findings.push(finding("policy_warning", &result.policy, result.message.clone()));
    }
    let (Some(waiver), Ok(started)) = (&policies.waiver, outcome.started_at.parse::<Timestamp>())
    else {
        return findings;
    };
    for result in results.iter_mut().filter(|result| result.status == PolicyStatus::Failed) {
        let key = result.policy.split('.').next().unwrap_or_default();
        if !waiver.policies.is_empty() && !waiver.policies.iter().any(|waived| waived == key) {
            continue;
        }
        let (by, reason) = (&waiver.approved_by, &waiver.reason);
        let (until, makeup) = (waiver.until, waiver.makeup_drill_at);
        if started > until {
            let message =
                format!("the waiver approved by {by} expired at {until}; {}", result.message);
            findings.push(finding("waiver_expired", &result.policy, message));
            continue;
        }
        result.status = PolicyStatus::Waived;
        result.message = format!(
            "WAIVED until {until} by {by} ({reason}; make-up drill at {makeup}): {}",
            result.message
        );
        findings.push(finding("policy_waived", &result.policy, result.message.clone()));
    }
    findings
}

fn finding(id: &str, policy: &str, message: String) -> Finding {
    Finding {
        id: id.to_owned(),
        severity: Severity::Warning,
        message,
        place: format!("policies.{policy}"),
        class: None,
    }
}
