//! Verdicts over outcomes that were made by hand.

use super::*;
use crate::document::{Document, Syntax};
use crate::outcome::StepOutcome;
use crate::wire::event::{
    BackupFacts, Binding, ClockFacts, Context, ErrorFacts, MissingElement, PayloadFacts,
    PayloadTime, ProfileFacts, SbomFacts, TimeMeaning,
};
use crate::wire::manifest::SbomProfile;

const STARTED: &str = "2026-11-20T10:00:00.000Z";

fn manifest(policies: &str) -> Manifest {
    let text = format!(
        r#"{{"backup": {{"path": "b", "sha256": "{}", "captured_at": "2026-11-20T09:00:00Z"}},
        "restore": {{"script": "r"}}, "policies": {{{policies}}}}}"#,
        "0".repeat(64)
    );
    let document = Document::parse(text.as_bytes(), Syntax::Json).unwrap();
    crate::manifest::parse(&document).unwrap()
}

fn step(step: Step, status: Status, seconds: f64) -> StepOutcome {
    let mut context = Context::default();
    if step == Step::VerifyBackupDigest {
        context.backup = Some(BackupFacts {
            path: "b".to_owned(),
            kind: "file".to_owned(),
            expected_sha256: String::new(),
            sha256: String::new(),
            bytes: 1000,
            files: None,
            url: None,
            fetch_seconds: None,
        });
    }
    let end =
        StepEnd { ended_at: STARTED.to_owned(), seconds, status, notes: String::new(), context };
    StepOutcome { id: step.id().to_owned(), started_at: Some(STARTED.to_owned()), end: Some(end) }
}

/// The steps of a drill with a script: there is no server, and nothing to ask.
fn steps() -> impl Iterator<Item = Step> {
    let of_databases = [Step::ProvisionInstance, Step::RunChecks];
    Step::ALL.into_iter().filter(move |step| !of_databases.contains(step))
}

/// An outcome in which every step took a second and passed.
fn outcome() -> Outcome {
    Outcome {
        run_id: "r".to_owned(),
        started_at: STARTED.to_owned(),
        clock: Some(ClockFacts { overridden: false }),
        steps: steps().map(|id| step(id, Status::Passed, 1.0)).collect(),
        ..Outcome::default()
    }
}

fn end(outcome: &mut Outcome, step: Step) -> &mut StepEnd {
    outcome.steps.iter_mut().find(|s| s.id == step.id()).unwrap().end.as_mut().unwrap()
}

/// Enforces and judges, as a drill does.
fn verdict(outcome: &mut Outcome, manifest: &Manifest) -> Judgement {
    let (policies, findings) = enforce(outcome, manifest);
    outcome.findings.extend(findings);
    let step = end(outcome, Step::EnforcePolicies);
    if policies.iter().any(|policy| policy.status == PolicyStatus::Failed) {
        step.status = Status::Failed;
    }
    step.context.policies = policies;
    judge(outcome, Some(manifest))
}

#[test]
fn what_was_proven_within_its_limits_passes() {
    let manifest = manifest(
        r#""max_rpo_minutes": 60, "max_rto_seconds": 7, "min_restore_bytes_per_second": 1000, "max_phase_seconds": {"restore": 1}"#,
    );
    let judgement = verdict(&mut outcome(), &manifest);
    assert_eq!((judgement.verdict, judgement.reasons.len()), (Verdict::Passed, 0));
    assert_eq!(judgement.metrics.rpo_minutes, Some(60.0));
    assert_eq!(judgement.metrics.rto_seconds, Some(7.0));
    assert_eq!(judgement.policies.len(), 4);
}

#[test]
fn each_broken_limit_is_a_reason_of_its_own_class() {
    for (policy, text) in [
        (r#""max_rpo_minutes": 59"#, "RPO is 60.000 minutes, the limit is 59 minutes"),
        (r#""max_rto_seconds": 6.5"#, "RTO is 7.000 seconds"),
        (r#""max_phase_seconds": {"validate": 0.5}"#, "phase validate is 1.000 seconds"),
        (r#""min_restore_bytes_per_second": 1001"#, "restored only 1000 bytes per second"),
    ] {
        let judgement = verdict(&mut outcome(), &manifest(policy));
        assert_eq!(judgement.verdict, Verdict::Failed, "{policy}");
        assert_eq!(judgement.reasons.len(), 1);
        assert_eq!(judgement.reasons[0].class, Class::Policy);
        assert!(judgement.reasons[0].message.contains(text), "{}", judgement.reasons[0].message);
    }
}

#[test]
fn a_warning_level_warns_and_passes() {
    let mut outcome = outcome();
    let judgement =
        verdict(&mut outcome, &manifest(r#""max_rpo_minutes": 100, "warn_rpo_minutes": 30"#));
    assert_eq!(judgement.verdict, Verdict::Passed);
    assert_eq!(judgement.policies[0].status, PolicyStatus::Warned);
    assert_eq!(outcome.findings[0].id, "policy_warning");
}

#[test]
fn a_waiver_holds_until_it_expires_and_only_for_what_it_names() {
    let waiver = |until: &str, policies: &str| {
        format!(
            r#""max_rpo_minutes": 1, "waiver": {{"approved_by": "Ada", "reason": "migration", "until": "{until}",
            "makeup_drill_at": "2026-12-01T00:00:00Z", "policies": [{policies}]}}"#
        )
    };
    let mut run = outcome();
    let judgement = verdict(&mut run, &manifest(&waiver("2026-11-21T00:00:00Z", "")));
    assert_eq!(judgement.verdict, Verdict::Passed);
    assert_eq!(judgement.policies[0].status, PolicyStatus::Waived);
    assert!(run.findings[0].message.contains("WAIVED until 2026-11-21"), "{:?}", run.findings);
    let mut run = outcome();
    assert_eq!(
        verdict(&mut run, &manifest(&waiver("2026-11-20T09:59:59Z", ""))).verdict,
        Verdict::Failed
    );
    assert_eq!(run.findings[0].id, "waiver_expired");
    let other = waiver("2026-11-21T00:00:00Z", r#""max_rto_seconds""#);
    assert_eq!(verdict(&mut outcome(), &manifest(&other)).verdict, Verdict::Failed);
}

#[test]
fn a_fixed_clock_fails_where_the_manifest_forbids_it() {
    let mut run = outcome();
    run.clock = Some(ClockFacts { overridden: true });
    assert_eq!(verdict(&mut run.clone(), &manifest("")).verdict, Verdict::Passed);
    let judgement = verdict(&mut run, &manifest(r#""allow_clock_override": false"#));
    assert_eq!(judgement.reasons[0].class, Class::Policy);
}

#[test]
fn a_capture_that_lies_in_the_future_or_contradicts_the_backup_never_passes() {
    let payload = |at: &str, meaning| PayloadFacts {
        format: "f".to_owned(),
        complete: true,
        services_checked: None,
        unpacked_bytes: None,
        time: Some(PayloadTime { at: at.to_owned(), meaning }),
    };
    let manifest = manifest("");
    for (at, meaning, passes) in [
        ("2026-11-20T09:00:00Z", TimeMeaning::Captured, true),
        ("2026-11-20T09:04:59Z", TimeMeaning::Captured, true),
        ("2026-11-20T08:50:00Z", TimeMeaning::Captured, false),
        ("2026-11-20T09:10:00Z", TimeMeaning::Captured, false),
        ("2026-11-20T20:00:00Z", TimeMeaning::CapturedLocalTime, true),
        ("2026-11-19T22:00:00Z", TimeMeaning::CapturedLocalTime, true),
        ("2026-11-19T20:00:00Z", TimeMeaning::CapturedLocalTime, false),
        ("2020-01-01T00:00:00Z", TimeMeaning::NotBefore, true),
        ("2026-11-20T09:30:00Z", TimeMeaning::NotBefore, false),
    ] {
        let mut run = outcome();
        end(&mut run, Step::VerifyBackupPayload).context.payload = Some(payload(at, meaning));
        let judgement = verdict(&mut run, &manifest);
        assert_eq!(judgement.verdict == Verdict::Passed, passes, "{at} {meaning:?}");
        if !passes {
            assert_eq!(judgement.reasons[0].class, Class::CaptureTime);
        }
    }
    let mut run = outcome();
    run.started_at = "2026-11-20T08:59:00.000Z".to_owned();
    let judgement = verdict(&mut run, &manifest);
    assert_eq!((judgement.verdict, judgement.metrics.rpo_minutes), (Verdict::Failed, None));
}

#[test]
fn an_older_time_inside_the_backup_counts() {
    let mut run = outcome();
    end(&mut run, Step::VerifyBackupPayload).context.payload = Some(PayloadFacts {
        format: "f".to_owned(),
        complete: true,
        services_checked: None,
        unpacked_bytes: None,
        time: Some(PayloadTime {
            at: "2026-11-20T08:57:00Z".to_owned(),
            meaning: TimeMeaning::Captured,
        }),
    });
    assert_eq!(verdict(&mut run, &manifest("")).metrics.rpo_minutes, Some(63.0));
}

#[test]
fn what_did_not_run_never_passes() {
    for status in [Status::Skipped, Status::Inconclusive] {
        for id in steps().filter(|id| *id != Step::EnforcePolicies) {
            let mut run = outcome();
            end(&mut run, id).status = status;
            let judgement = verdict(&mut run, &manifest(""));
            assert_eq!(judgement.verdict, Verdict::Inconclusive, "{}", id.id());
            assert_eq!(judgement.reasons[0].class, Class::Incomplete);
        }
    }
    let mut run = outcome();
    run.steps[5].end = None;
    assert_eq!(verdict(&mut run, &manifest("")).verdict, Verdict::Inconclusive);
    assert_eq!(judge(&Outcome::default(), None).verdict, Verdict::Inconclusive);
}

#[test]
fn a_failure_is_told_before_what_did_not_run_because_of_it() {
    let mut run = outcome();
    let failed = end(&mut run, Step::VerifyBackupDigest);
    failed.status = Status::Failed;
    failed.context.error = Some(ErrorFacts {
        class: Class::Integrity,
        message: "other digest".to_owned(),
        hint: None,
    });
    for id in [Step::RestoreArtifact, Step::ValidateRestoredBackup] {
        end(&mut run, id).status = Status::Skipped;
    }
    let judgement = verdict(&mut run, &manifest(r#""max_rto_seconds": 5"#));
    assert_eq!(judgement.verdict, Verdict::Failed);
    assert_eq!(judgement.reasons.len(), 1);
    assert_eq!(judgement.reasons[0].message, "other digest");
    assert_eq!(judgement.policies[0].status, PolicyStatus::NotMeasured);
}

#[test]
fn the_sbom_is_held_against_elements_licenses_and_age() {
    let manifest = manifest(
        r#""sbom_profiles": ["ntia-2021"], "denied_licenses": ["GPL-3.0-only"], "max_sbom_age_days": 2"#,
    );
    let good = SbomFacts {
        path: "s".to_owned(),
        sha256: String::new(),
        format: "CycloneDX".to_owned(),
        spec_version: "1.6".to_owned(),
        components: 2,
        names_backup: true,
        binding: Binding::Bound,
        created: Some("2026-11-18T10:00:00Z".to_owned()),
        profiles: vec![ProfileFacts { profile: SbomProfile::Ntia2021, missing: Vec::new() }],
        refused_licenses: 0,
        refused_components: Vec::new(),
        remarks: Vec::new(),
    };
    let judged = |facts: Option<SbomFacts>| {
        let mut run = outcome();
        end(&mut run, Step::ValidateSbom).context.sbom = facts;
        let judgement = verdict(&mut run, &manifest);
        let messages: Vec<String> = judgement.reasons.into_iter().map(|r| r.message).collect();
        (judgement.verdict, messages.join("; "))
    };
    assert_eq!(judged(Some(good.clone())), (Verdict::Passed, String::new()));
    for (change, wanted) in [
        (
            (|facts| {
                facts.profiles[0].missing = vec![MissingElement {
                    element: "supplier".to_owned(),
                    components: 2,
                    first: Some("a".to_owned()),
                }];
            }) as fn(&mut SbomFacts),
            "lacks elements of ntia-2021: supplier (2 component(s), a first)",
        ),
        (
            |facts| {
                facts.refused_licenses = 1;
                facts.refused_components = vec!["a: GPL-3.0-only".to_owned()];
            },
            "1 component(s) have licenses that are not acceptable: a: GPL-3.0-only",
        ),
        (
            |facts| facts.created = Some("2026-11-18T09:00:00Z".to_owned()),
            "the SBOM is 2.0 days old, the limit is 2 days",
        ),
        (|facts| facts.created = Some("2026-11-21T00:00:00Z".to_owned()), "made in the future"),
    ] {
        let mut facts = good.clone();
        change(&mut facts);
        let (verdict, message) = judged(Some(facts));
        assert_eq!(verdict, Verdict::Failed, "{wanted}");
        assert!(message.contains(wanted), "{message}");
    }
    let undated = SbomFacts { created: None, ..good };
    assert_eq!(judged(Some(undated)).0, Verdict::Inconclusive, "an age that nobody knows");
    assert_eq!(judged(None).0, Verdict::Inconclusive, "an SBOM that was not accepted");
}
