//! What the evidence of a drill holds that controls ask for, each by a name of its own.
//!
//! A fact stands only for what was proven: one that cannot be told from the report is not there.

use crate::evidence::SealedEvidence;
use crate::plan::Step;
use crate::plan::exercise::Stage;
use crate::report::limits;
use crate::wire::event::{FailoverFacts, PolicyStatus, Status, Verdict};
use crate::wire::report::{Action, Report};

/// Whether the evidence of a drill holds a fact.
type Holds = fn(&Report) -> bool;

/// Every fact that a report can hold: its name, what it says, and how it is told.
const FACTS: [(&str, &str, Holds); 19] = [
    ("passed", "the drill passed", |report| report.status == Verdict::Passed),
    ("backup_identified", "the backup has the digest that the manifest pins", |report| {
        passed(report, Step::VerifyBackupDigest.id())
    }),
    (
        "verified_before_restore",
        "digest and content were verified before anything was restored",
        |report| {
            passed(report, Step::VerifyBackupDigest.id())
                && passed(report, Step::VerifyBackupPayload.id())
        },
    ),
    (
        "provenance_verified",
        "somebody who is trusted has signed where the backup comes from",
        |report| {
            report.provenance.as_ref().is_some_and(|provenance| !provenance.signers.is_empty())
        },
    ),
    ("restored", "the backup was restored for real", |report| {
        passed(report, Step::RestoreArtifact.id())
    }),
    ("data_verified", "the restored data was compared or asked, and was as expected", |report| {
        passed(report, Step::ValidateRestoredBackup.id()) || passed(report, Step::RunChecks.id())
    }),
    ("complete", "no part of the restored data was left unlooked at", complete),
    ("two_checks", "two checks or more of the restored data held, of different kinds", two_checks),
    (
        "segregated",
        "the restore was apart from the source: no network, a throwaway place",
        segregated,
    ),
    ("destroyed", "what was restored was removed afterwards", |report| {
        report.teardown.as_ref().is_some_and(|teardown| teardown.removed)
    }),
    (
        "rto_objective_met",
        "the time to verified data was measured, and is within its objective",
        |report| limits(report).0.is_some() && within(report, "max_rto_seconds"),
    ),
    (
        "rpo_objective_met",
        "the age of the data was measured, and is within its objective",
        |report| limits(report).1.is_some() && within(report, "max_rpo_minutes"),
    ),
    ("phases_timed", "each step has a start and an end", |report| {
        report.steps.iter().all(|step| {
            step.step == Step::SealEvidence.id()
                || (step.started_at.is_some() && step.ended_at.is_some())
        }) && !report.steps.is_empty()
    }),
    ("real_clock", "the time is that of the machine's clock", |report| !report.clock.overridden),
    ("owner_named", "somebody answers for it where it does not pass", |report| {
        let action = report.corrective_action.as_ref();
        report.status == Verdict::Passed || action.is_some_and(|action| action.owner.is_some())
    }),
    ("chained", "it stands in a chain with the drills before it", |report| report.chain.is_some()),
    ("to_be_signed", "a key was to sign its evidence", |report| report.signer.is_some()),
    ("talked_through", "people talked every step of the scenarios through", talked_through),
    (
        "failed_over",
        "the whole service was switched to its other side for real, and worked there",
        |report| {
            let whole = |plan: &FailoverFacts| !plan.partial;
            let plan = report.exercise.as_ref().and_then(|exercise| exercise.failover.as_ref());
            plan.is_some_and(whole)
                && passed(report, Stage::Switch.id())
                && passed(report, Stage::Validate.id())
        },
    ),
];

/// What is told from what stands beside the report.
const REVIEWED: (&str, &str) = ("reviewed", "somebody else has signed it off");

/// Names of facts, with what each says.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    FACTS.iter().map(|(name, says, _)| (*name, *says)).chain([REVIEWED])
}

/// The facts that the evidence of a drill holds.
pub(super) fn facts(sealed: &SealedEvidence) -> Vec<String> {
    let held = FACTS.iter().filter(|(_, _, holds)| holds(sealed.report())).map(|(name, ..)| *name);
    let reviewed = (sealed.sign_offs() > 0).then_some(REVIEWED.0);
    held.chain(reviewed).map(str::to_owned).collect()
}

fn passed(report: &Report, step: &str) -> bool {
    report.steps.iter().any(|found| found.step == step && found.status == Some(Status::Passed))
}

fn talked_through(report: &Report) -> bool {
    let said = |action: &Action| {
        action.plan.step == Stage::WalkThrough.id()
            && matches!(action.status, Some(Status::Passed | Status::Failed))
    };
    let Some(exercise) = &report.exercise else { return false };
    let steps = exercise.tabletop.iter().flat_map(|facts| &facts.scenarios);
    let steps: usize = steps.map(|scenario| scenario.steps.len()).sum();
    steps > 0 && exercise.actions.iter().filter(|action| said(action)).count() >= steps
}

fn within(report: &Report, policy: &str) -> bool {
    report.policies.iter().any(|result| {
        let kept = matches!(result.status, PolicyStatus::Passed | PolicyStatus::Warned);
        result.policy == policy && kept
    })
}

fn complete(report: &Report) -> bool {
    match &report.coverage {
        Some(coverage) => coverage.unchecked == 0,
        // Without tables the whole of what came back was compared.
        None => passed(report, Step::ValidateRestoredBackup.id()),
    }
}

fn two_checks(report: &Report) -> bool {
    // That it answers and is not empty is asked always, and reconciles nothing.
    let held = report.checks.iter().filter(|check| check.status == Status::Passed);
    let mut kinds: Vec<&str> = held.map(|check| check.check.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.retain(|kind| !["connectivity", "not_empty"].contains(kind));
    kinds.len() + usize::from(passed(report, Step::ValidateRestoredBackup.id())) >= 2
}

fn segregated(report: &Report) -> bool {
    let existing = report.instance.as_ref().is_some_and(|instance| instance.existing);
    let network = report.isolation.iter().any(|fact| fact.protection == "network" && fact.in_force);
    // The tool itself copies files into a private directory, and starts nothing.
    let own = report.isolation.is_empty() && passed(report, Step::RestoreArtifact.id());
    !existing && (network || own)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_fact_has_a_name_of_its_own() {
        let mut names: Vec<&str> = all().map(|(name, _)| name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// A report that holds every fact.
    fn whole() -> Value {
        let step = |id: &str| {
            json!({"step": id, "status": "passed", "notes": "", "duration_seconds": 1.0,
                "started_at": "2026-11-20T08:00:00.000Z", "ended_at": "2026-11-20T08:00:01.000Z"})
        };
        let policy = |policy: &str| json!({"policy": policy, "limit": 1.0, "observed": 0.5, "unit": "", "status": "passed", "message": ""});
        let check = |kind: &str| {
            json!({"id": kind, "check": kind, "critical": true, "status": "passed", "expected": "",
                "message": "", "duration_seconds": 1.0})
        };
        let (outcome, manifest) = (crate::outcome::Outcome::default(), None);
        let judgement = crate::policy::judge(&outcome, manifest);
        let report = crate::report::report(&outcome, &judgement, manifest);
        let mut report = serde_json::to_value(report).unwrap();
        report["status"] = json!("passed");
        let stages = [Stage::Switch, Stage::Validate].map(Stage::id);
        let steps = Step::ALL.map(Step::id).into_iter().chain(stages).map(step);
        report["steps"] = steps.collect();
        let discussed = json!({"step": "walk_through", "of": "s", "action": "a", "started_at": "", "status": "failed",
            "ended_at": "", "duration_seconds": 1.0, "message": ""});
        let planned = json!({"id": "a", "action": "", "role": "r", "minutes": 1.0, "starts_after_minutes": 0.0, "critical": true});
        report["exercise"] = json!({"kind": "failover", "actions": [discussed],
            "failover": {"mode": "planned", "production": true, "partial": false, "returns": false, "components": []},
            "tabletop": {"facilitator": "f", "participants": [], "scenarios": [{"name": "s", "description": "",
                "severity": "low", "affected_systems": [], "triggers": [], "expected_rto_minutes": 1.0,
                "expected_rpo_minutes": 1.0, "total_minutes": 1.0, "critical_path_minutes": 1.0,
                "minutes_with_waiting": 1.0, "gap_minutes": 0.0, "critical_path": ["a"], "steps": [planned]}]}});
        report["policies"] = json!([policy("max_rto_seconds"), policy("max_rpo_minutes")]);
        report["checks"] = json!([check("connectivity"), check("row_count"), check("content")]);
        report["notes"]["policy"] = json!({"max_rto_seconds": 1.0, "max_rpo_minutes": 1.0});
        report["coverage"] = json!({"tables": 2, "unchecked": 0});
        report["teardown"] = json!({"files_removed": 1, "bytes_removed": 1, "removed": true});
        report["isolation"] = json!([{"protection": "network", "in_force": true, "detail": ""}]);
        report["chain"] = json!({"sequence": 1, "previous": null});
        report["signer"] = json!("somebody");
        report["provenance"] = json!({"path": "p", "sha256": "", "form": "", "statements": 1, "predicate_types": [],
            "builders": [], "signatures": 1, "verification": "verified", "signers": [{"name": "key", "detail": ""}]});
        report
    }

    fn held(report: &Value) -> Vec<&'static str> {
        let report: Report = serde_json::from_value(report.clone()).unwrap();
        FACTS.iter().filter(|(_, _, holds)| holds(&report)).map(|(name, ..)| *name).collect()
    }

    /// Each fact is lost by what contradicts it.
    #[test]
    fn each_fact_can_fail() {
        let step = |step: Step| Step::ALL.iter().position(|other| *other == step).unwrap();
        let status = |at: Step| format!("/steps/{}/status", step(at));
        let lost: [(&str, String, Value); 19] = [
            ("passed", "/status".to_owned(), json!("inconclusive")),
            ("backup_identified", status(Step::VerifyBackupDigest), json!("failed")),
            ("verified_before_restore", status(Step::VerifyBackupPayload), json!("skipped")),
            ("restored", status(Step::RestoreArtifact), json!("inconclusive")),
            ("complete", "/coverage/unchecked".to_owned(), json!(1)),
            ("two_checks", "/checks".to_owned(), json!([])),
            ("segregated", "/isolation/0/in_force".to_owned(), json!(false)),
            ("destroyed", "/teardown/removed".to_owned(), json!(false)),
            ("rto_objective_met", "/policies/0/status".to_owned(), json!("waived")),
            ("rpo_objective_met", "/policies/1/status".to_owned(), json!("not_measured")),
            ("phases_timed", "/steps/3/ended_at".to_owned(), json!(null)),
            ("real_clock", "/clock/overridden".to_owned(), json!(true)),
            ("owner_named", "/status".to_owned(), json!("failed")),
            ("chained", "/chain".to_owned(), json!(null)),
            ("to_be_signed", "/signer".to_owned(), json!(null)),
            ("data_verified", "/steps".to_owned(), json!([])),
            ("talked_through", "/exercise/actions/0/status".to_owned(), json!("skipped")),
            ("failed_over", "/exercise/failover/partial".to_owned(), json!(true)),
            ("provenance_verified", "/provenance/signers".to_owned(), json!([])),
        ];
        assert_eq!(lost.len(), FACTS.len());
        for (fact, pointer, value) in lost {
            let mut report = whole();
            if fact == "two_checks" {
                // What was compared counts as one, as does a single kind of check.
                report["steps"][step(Step::ValidateRestoredBackup)]["status"] = json!("skipped");
            }
            let before = held(&report);
            assert!(before.contains(&fact), "{fact}: {before:?}");
            *report.pointer_mut(&pointer).unwrap() = value;
            assert!(!held(&report).contains(&fact), "{fact}");
        }
        // Above the level of a warning an objective is still met; that level alone is none.
        let mut report = whole();
        report["policies"][0]["status"] = json!("warned");
        assert!(held(&report).contains(&"rto_objective_met"));
        report["notes"]["policy"] = json!({"warn_rto_seconds": 0.1});
        assert!(!held(&report).contains(&"rto_objective_met"));
        // That it answers and is not empty reconciles nothing.
        let mut report = whole();
        report["steps"][step(Step::ValidateRestoredBackup)]["status"] = json!("skipped");
        report["checks"][2]["check"] = json!("not_empty");
        assert!(!held(&report).contains(&"two_checks"));
    }
}
