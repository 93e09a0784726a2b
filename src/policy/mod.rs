//! Judges a drill: a pure function of its outcome and its manifest. One file a policy.

mod capture;
mod clock;
mod coverage;
mod limits;
mod metrics;
mod pass_rate;
mod regression;
mod rehearsal;
mod sbom;

use crate::manifest::Manifest;
use crate::outcome::{Outcome, StepEnd};
use crate::plan::Step;
use crate::wire::event::{
    Class, Finding, PolicyResult, PolicyStatus, Reason, Severity, Status, Verdict,
};
use crate::wire::report::Metrics;

pub use metrics::measure;
pub use rehearsal::{enforce_exercise, judge_exercise};

/// What a drill came to, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is not `passed`, in the order of the steps.
    pub reasons: Vec<Reason>,
    /// What was measured.
    pub metrics: Metrics,
    /// Each policy against it.
    pub policies: Vec<PolicyResult>,
}

/// Everything that the policies of a manifest say of what was measured.
#[must_use]
pub fn enforce(outcome: &Outcome, manifest: &Manifest) -> (Vec<PolicyResult>, Vec<Finding>) {
    let metrics = measure(outcome, Some(manifest));
    let mut results = limits::enforce(&metrics, &manifest.policies);
    results.extend(regression::enforce(outcome, &metrics, &manifest.policies));
    results.extend(sbom::enforce(outcome, &manifest.policies));
    results.extend(clock::enforce(outcome, &manifest.policies));
    results.extend(coverage::enforce(outcome, &manifest.policies));
    results.extend(pass_rate::enforce(&metrics, &manifest.policies));
    let mut findings = capture::contradictions(outcome, manifest);
    findings.extend(limits::waive(&mut results, outcome, &manifest.policies));
    (results, findings)
}

/// The verdict over a whole outcome. Only what was proven passes.
#[must_use]
pub fn judge(outcome: &Outcome, manifest: Option<&Manifest>) -> Judgement {
    conclude(outcome, measure(outcome, manifest))
}

/// The verdict over what the steps of a run came to.
fn conclude(outcome: &Outcome, metrics: Metrics) -> Judgement {
    let (mut reasons, mut unproven, mut not_run) = (Vec::new(), Vec::new(), Vec::new());
    for step in &outcome.steps {
        match &step.end {
            Some(end) => match end.status {
                Status::Passed => {}
                Status::Failed if step.id == Step::EnforcePolicies.id() => {}
                Status::Failed => reasons.push(reason(&step.id, end, Class::Integrity)),
                Status::Inconclusive => unproven.push(reason(&step.id, end, Class::Incomplete)),
                Status::Skipped => not_run.push(Reason {
                    class: Class::Incomplete,
                    step: step.id.clone(),
                    message: format!("{} did not run: {}", step.id, end.notes),
                    hint: None,
                }),
            },
            // The last step ends after the verdict: its evidence is what is being written.
            None if step.id == Step::SealEvidence.id() => {}
            None => unproven.push(Reason {
                class: Class::Incomplete,
                step: step.id.clone(),
                message: format!("{} did not end: the run was cut off", step.id),
                hint: Some("run the drill again".to_owned()),
            }),
        }
    }
    let policies = outcome
        .end_of(Step::EnforcePolicies.id())
        .map(|end| end.context.policies.clone())
        .unwrap_or_default();
    for finding in outcome.findings.iter().filter(|finding| finding.severity == Severity::Error) {
        reasons.push(Reason {
            class: finding.class.unwrap_or(Class::Integrity),
            step: Step::EnforcePolicies.id().to_owned(),
            message: finding.message.clone(),
            hint: None,
        });
    }
    for policy in &policies {
        let reason = |message| Reason {
            class: if policy.status == PolicyStatus::Failed {
                Class::Policy
            } else {
                Class::Incomplete
            },
            step: Step::EnforcePolicies.id().to_owned(),
            message,
            hint: None,
        };
        match policy.status {
            PolicyStatus::Failed => reasons.push(reason(policy.message.clone())),
            PolicyStatus::NotMeasured => unproven.push(reason(policy.message.clone())),
            PolicyStatus::Passed | PolicyStatus::Warned | PolicyStatus::Waived => {}
        }
    }
    // What failed, or could not be told, says why other steps did not run: repeating that would
    // hide it.
    if unproven.is_empty() {
        unproven = not_run;
    }
    let verdict = if !reasons.is_empty() {
        Verdict::Failed
    } else if !unproven.is_empty() || outcome.steps.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::Passed
    };
    if reasons.is_empty() {
        reasons = unproven;
    }
    Judgement { verdict, reasons, metrics, policies }
}

fn reason(step: &str, end: &StepEnd, default: Class) -> Reason {
    match &end.context.error {
        Some(error) => Reason {
            class: error.class,
            step: step.to_owned(),
            message: error.message.clone(),
            hint: error.hint.clone(),
        },
        None => {
            Reason { class: default, step: step.to_owned(), message: end.notes.clone(), hint: None }
        }
    }
}

#[cfg(test)]
mod tests;
