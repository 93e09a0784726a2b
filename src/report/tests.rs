//! Every renderer on the same reports.

use super::*;
use crate::document::{Document, Syntax};
use crate::outcome::Outcome;
use crate::wire::event::Class;
use crate::wire::event::{
    ChainFacts, ClockFacts, Finding, PolicyResult, PolicyStatus, PreviousFacts, Reason,
    RestoreFacts, Severity, Status, Verdict,
};
use crate::wire::report::CorrectiveAction;

/// A report of each verdict, with text in it that each form must make harmless.
fn reports() -> Vec<Report> {
    let text = format!(
        r#"{{"name": "orders <nightly>", "backup": {{"path": "b", "sha256": "{}", "captured_at": "2026-11-20T07:00:00Z"}},
        "restore": {{"script": "r"}}, "policies": {{"max_rto_seconds": 60}}}}"#,
        "0".repeat(64)
    );
    let document = Document::parse(text.as_bytes(), Syntax::Json).unwrap();
    let manifest = crate::manifest::parse(&document).unwrap();
    let outcome = Outcome {
        run_id: "run-1".to_owned(),
        started_at: "2026-11-20T08:00:00.000Z".to_owned(),
        manifest: "data/dr/manifest.json".to_owned(),
        clock: Some(ClockFacts { overridden: true }),
        ..Outcome::default()
    };
    let judgement = crate::policy::judge(&outcome, Some(&manifest));
    let mut passed = report(&outcome, &judgement, Some(&manifest));
    passed.status = Verdict::Passed;
    passed.reasons.clear();
    passed.metrics.rto_seconds = Some(1.25);
    passed.steps.push(crate::wire::report::Step {
        step: "load_manifest".to_owned(),
        status: Some(Status::Passed),
        started_at: None,
        ended_at: None,
        duration_seconds: Some(0.001),
        notes: "valid".to_owned(),
    });
    passed.policies.push(PolicyResult {
        policy: "max_rto_seconds".to_owned(),
        limit: 60.0,
        observed: Some(1.25),
        unit: "seconds".to_owned(),
        status: PolicyStatus::Passed,
        message: "RTO is 1.250 seconds, the limit is 60 seconds".to_owned(),
    });
    let mut failed = passed.clone();
    failed.status = Verdict::Failed;
    failed.metrics.rto_seconds = None;
    failed.reasons.push(Reason {
        class: Class::Restore,
        step: "restore_artifact".to_owned(),
        message: "the script a|b ended with exit status 1\n::error::<script>".to_owned(),
        hint: Some("look at 100% of it".to_owned()),
    });
    failed.corrective_action = Some(CorrectiveAction {
        owner: Some("dba <dba@example.org>".to_owned()),
        due_at: Some("2026-11-27T08:00:00.000Z".to_owned()),
    });
    failed.chain = Some(ChainFacts {
        sequence: 2,
        previous: Some(PreviousFacts { run_id: "run-0".to_owned(), seal_sha256: "1".repeat(64) }),
    });
    failed.restore = Some(RestoreFacts {
        last_lines: vec!["no such table".to_owned()],
        ..RestoreFacts::default()
    });
    let mut inconclusive = passed.clone();
    inconclusive.status = Verdict::Inconclusive;
    inconclusive.findings.push(Finding {
        id: "isolation_incomplete".to_owned(),
        severity: Severity::Warning,
        message: "the restore ran without network".to_owned(),
        place: "restore.isolation".to_owned(),
        class: None,
    });
    vec![passed, failed, inconclusive]
}

#[test]
fn every_form_of_every_report() {
    for renderer in RENDERERS {
        let text: Vec<String> = reports()
            .iter()
            .map(|report| String::from_utf8(to_bytes(renderer, report)).unwrap())
            .map(|text| anstream::adapter::strip_str(&text).to_string())
            .collect();
        insta::assert_snapshot!(renderer.name(), text.join("\n----\n"));
    }
}

#[test]
fn no_text_from_elsewhere_becomes_a_command_or_markup() {
    let reports = reports();
    let annotations = String::from_utf8(to_bytes(ANNOTATIONS, &reports[1])).unwrap();
    assert_eq!(annotations.lines().count(), 1, "{annotations}");
    let markdown = String::from_utf8(to_bytes(MARKDOWN, &reports[1])).unwrap();
    assert!(!markdown.contains("<script>") && !markdown.contains("<nightly>"), "{markdown}");
    for form in [HTML, JUNIT] {
        let text = String::from_utf8(to_bytes(form, &reports[1])).unwrap();
        assert!(!text.contains("<script>") && !text.contains("<nightly>"), "{text}");
        assert!(text.contains("&lt;script&gt;"), "it is shown: {text}");
    }
}

#[test]
fn the_page_loads_nothing_and_is_small() {
    let mut report = reports().remove(1);
    // As large as reports get.
    let reason = report.reasons[0].clone();
    report.reasons.extend(std::iter::repeat_n(reason, 100));
    let step = report.steps[0].clone();
    report.steps.extend(std::iter::repeat_n(step, 12));
    let page = String::from_utf8(to_bytes(HTML, &report)).unwrap();
    assert!(page.len() < 200_000, "{}", page.len());
    for loading in ["src=", "href=", "url(", "@import", "http:", "https:", "<link", "<iframe"] {
        assert!(!page.contains(loading), "{loading}");
    }
}
