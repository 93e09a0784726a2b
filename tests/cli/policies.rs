//! Limits, waivers and clocks, through the binary.

use serde_json::{Value, json};

use crate::common::Project;

/// Drills the sample with these policies: exit code and report.
fn drill_with(policies: Value) -> (i32, Value, String) {
    let project = Project::sample();
    project.edit(|manifest| manifest["policies"] = policies);
    let output = project.drill();
    project.verifies();
    (output.code(), project.report(), output.snapshot())
}

#[test]
fn a_broken_limit_has_an_exit_code_of_its_own() {
    for policies in [
        json!({"max_rpo_minutes": 59}),
        json!({"max_rto_seconds": 1e-6}),
        json!({"max_phase_seconds": {"restore": 1e-6}}),
        json!({"min_restore_bytes_per_second": 1e12}),
        json!({"allow_clock_override": false}),
    ] {
        let (code, report, seen) = drill_with(policies);
        assert_eq!(code, 3, "{seen}");
        assert_eq!(report["reasons"][0]["class"], "policy");
    }
    let (code, _, seen) = drill_with(json!({"max_rpo_minutes": 60, "warn_rpo_minutes": 59}));
    assert_eq!(code, 0);
    insta::assert_snapshot!(seen);
}

#[test]
fn a_waiver_is_loud_and_expires() {
    let waiver = |until: &str| {
        json!({"max_rpo_minutes": 1, "waiver": {"approved_by": "Ada", "reason": "migration",
            "until": until, "makeup_drill_at": "2026-12-01T00:00:00Z"}})
    };
    let (code, report, seen) = drill_with(waiver("2026-11-21T00:00:00Z"));
    assert_eq!((code, &report["policies"][0]["status"]), (0, &json!("waived")));
    insta::assert_snapshot!(seen);
    let (code, _, seen) = drill_with(waiver("2026-11-20T08:00:00Z"));
    assert_eq!(code, 3);
    assert!(seen.contains("the waiver approved by Ada expired"), "{seen}");
}

#[test]
fn times_that_cannot_be_true_never_pass() {
    let capture = |at: &str| {
        let project = Project::sample();
        project.edit(|manifest| manifest["backup"]["captured_at"] = json!(at));
        (project.fails_at(1, "enforce_policies"), project.report())
    };
    let (message, report) = capture("2026-11-20T09:30:00Z");
    assert!(message.contains("30.0 minutes after this drill began"), "{message}");
    assert_eq!(report["metrics"]["rpo_minutes"], 60.0, "the time in the backup counts");
    let (message, _) = capture("2026-11-20T08:30:00Z");
    assert!(message.contains("the backup itself says 2026-11-20T08:00:00.000Z"), "{message}");
}

#[test]
fn a_wrong_time_on_the_command_line_is_a_usage_error() {
    let project = Project::sample();
    let output = project.run(&["run", "--current-time", "yesterday"]);
    assert_eq!(output.code(), 2);
    assert!(output.stderr.contains("is not a time in ISO 8601"), "{}", output.snapshot());
    assert!(!project.path("artifacts").exists());
}
