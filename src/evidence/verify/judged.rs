//! Whether the verdict, and all that the report says, is what events and manifest come to.

use super::{Check, EVENTS, MANIFEST};
use crate::document::{Document, Problem, Syntax};
use crate::evidence::{REPORT, forms};
use crate::manifest::Manifest;
use crate::manifest::exercise::Exercise;
use crate::outcome::Outcome;
use crate::plan::exercise::Stage;
use crate::policy::{enforce, enforce_exercise, judge, judge_exercise};
use crate::report::{rehearsed, report};
use crate::wire::event::{PolicyResult, Reason};
use crate::wire::report::Report;

/// What a run was asked to do.
enum Asked {
    /// A drill; `None` where its manifest could not be understood then either.
    Drill(Option<Box<Manifest>>),
    /// A rehearsal.
    Exercise(Box<Exercise>),
}

/// Whether this very version wrote it: then every byte of it can be computed again.
pub(super) fn is_ours(report: &Report) -> bool {
    report.tool.version == env!("CARGO_PKG_VERSION")
}

/// Whether policies came to the same. The words are those of a version.
fn same_policies(one: &[PolicyResult], other: &[PolicyResult]) -> bool {
    let facts = |result: &PolicyResult| {
        (
            result.policy.clone(),
            result.limit.to_bits(),
            result.observed.map(f64::to_bits),
            result.status,
        )
    };
    one.len() == other.len() && one.iter().map(facts).eq(other.iter().map(facts))
}

/// Whether reasons are the same. The words are those of a version.
fn same_reasons(one: &[Reason], other: &[Reason]) -> bool {
    let facts = |reason: &Reason| (reason.class, reason.step.clone());
    one.iter().map(facts).eq(other.iter().map(facts))
}

/// Whether two reports say the same of a drill, in whatever words.
fn same_facts(one: &Report, other: &Report) -> bool {
    one.run_id == other.run_id
        && one.name == other.name
        && one.status == other.status
        && same_reasons(&one.reasons, &other.reasons)
        && (&one.started_at, &one.ended_at) == (&other.started_at, &other.ended_at)
        && one.manifest == other.manifest
        && one.tool == other.tool
        && one.clock == other.clock
        && one.signer == other.signer
        && one.chain == other.chain
        && one.backup == other.backup
        && one.recovered == other.recovered
        && one.checks == other.checks
        && one.exercise.is_some() == other.exercise.is_some()
        && one.steps == other.steps
        && same_policies(&one.policies, &other.policies)
        && (one.metrics.rto_seconds, one.metrics.rpo_minutes)
            == (other.metrics.rto_seconds, other.metrics.rpo_minutes)
}

impl Check<'_> {
    /// The report, its other forms and the announced verdict are what the events and the manifest
    /// come to.
    pub(super) fn report(&mut self, outcome: &Outcome) -> Option<Report> {
        let asked = self.asked(outcome)?;
        let (judgement, mut computed) = match &asked {
            Asked::Drill(manifest) => {
                let judgement = judge(outcome, manifest.as_deref());
                let computed = report(outcome, &judgement, manifest.as_deref());
                (judgement, computed)
            }
            Asked::Exercise(exercise) => {
                let judgement = judge_exercise(outcome);
                let computed = rehearsed(outcome, &judgement, exercise);
                (judgement, computed)
            }
        };
        let before = self.problems.len();
        if is_ours(&computed) {
            for (name, bytes) in forms(&computed) {
                if self.read(name).is_some_and(|written| written != bytes) {
                    self.problem(name, format!("is not what {EVENTS} and {MANIFEST} come to"));
                }
            }
        } else {
            computed = self.of_another_version(&computed)?;
        }
        let policies = match &asked {
            Asked::Drill(manifest) => {
                manifest.as_ref().map(|manifest| enforce(outcome, manifest).0)
            }
            Asked::Exercise(exercise) => Some(enforce_exercise(outcome, exercise)),
        };
        if policies.is_some_and(|policies| !same_policies(&policies, &judgement.policies)) {
            let what = "its policies are not what its measurements and";
            self.problem(EVENTS, format!("{what} {MANIFEST} come to"));
        }
        if let Some(finished) = &outcome.finished
            && (finished.status != judgement.verdict
                || !same_reasons(&finished.reasons, &judgement.reasons))
        {
            self.problem(EVENTS, "announces another verdict than its steps come to");
        }
        if self.problems.len() == before {
            self.proven.push(
                "report, metrics and verdict are what events and manifest come to".to_owned(),
            );
        }
        self.not_proven.extend(computed.not_proven.iter().cloned());
        Some(computed)
    }

    /// Another version puts into other words what it found out, and draws other pages. What it found out must be
    /// what the events come to all the same; its own report is what was sealed.
    fn of_another_version(&mut self, computed: &Report) -> Option<Report> {
        let written = self.read(REPORT)?;
        let Ok(written) = serde_json::from_slice::<Report>(&written) else {
            self.problem(REPORT, "is no report");
            return None;
        };
        if !same_facts(&written, computed) {
            self.problem(REPORT, format!("is not what {EVENTS} and {MANIFEST} come to"));
        }
        self.not_proven.push(format!(
            "that the words and pages of the report follow from its events: version {} wrote them, this is {}",
            computed.tool.version,
            env!("CARGO_PKG_VERSION")
        ));
        Some(written)
    }

    /// What was asked for, as it was run.
    fn asked(&mut self, outcome: &Outcome) -> Option<Asked> {
        if Stage::any_of(outcome.steps.iter().map(|step| step.id.as_str())) {
            let parse = |document: Document| Exercise::parse(&document);
            return self.understood(parse).map(|exercise| Asked::Exercise(Box::new(exercise)));
        }
        if outcome.end_of(crate::plan::Step::VerifyBackupDigest.id()).is_none() {
            return Some(Asked::Drill(None));
        }
        let parse = |document: Document| crate::manifest::parse(&document);
        self.understood(parse).map(|manifest| Asked::Drill(Some(Box::new(manifest))))
    }

    fn understood<T>(&mut self, parse: impl Fn(Document) -> Result<T, Vec<Problem>>) -> Option<T> {
        let bytes = self.read(MANIFEST)?;
        match Document::read(&bytes, Syntax::Json).and_then(parse) {
            Ok(understood) => Some(understood),
            Err(problems) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                self.problem(MANIFEST, format!("is not valid: {first}"));
                None
            }
        }
    }
}
