//! What differs between two drills, as far as a reader would ask.

use std::collections::BTreeSet;

use super::{amount, drill_name};
use crate::wire::event::{CheckFacts, Status};
use crate::wire::report::Report;

/// One thing that differs: what, in the first drill, in the second.
pub type Difference = (String, String, String);

/// Everything that differs between two reports; figures always, with the change in percent.
#[must_use]
pub fn difference(before: &Report, after: &Report) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut texts = |what: &str, one: String, other: String| {
        if one != other {
            found.push((what.to_owned(), one, other));
        }
    };
    texts("name", drill_name(before).to_owned(), drill_name(after).to_owned());
    texts("verdict", before.status.word().to_owned(), after.status.word().to_owned());
    texts("tool", before.tool.version.clone(), after.tool.version.clone());
    let backup = |report: &Report| report.backup.as_ref().map(|backup| backup.sha256.clone());
    texts("backup", shown(backup(before)), shown(backup(after)));
    let manifest = |report: &Report| shown(report.notes.manifest_sha256.clone());
    texts("manifest", manifest(before), manifest(after));
    let engine = |report: &Report| {
        shown(report.instance.as_ref().map(|i| format!("{} {}", i.engine, i.version)))
    };
    texts("database", engine(before), engine(after));
    for step in before.steps.iter().chain(&after.steps) {
        let status = |report: &Report| {
            let found = report.steps.iter().find(|other| other.step == step.step);
            found.map_or("not planned", |found| status_word(found.status)).to_owned()
        };
        texts(&format!("step {}", step.step), status(before), status(after));
    }
    for check in before.checks.iter().chain(&after.checks) {
        let answer = |report: &Report| {
            let found = report.checks.iter().find(|other| other.id == check.id);
            shown(found.map(|found: &CheckFacts| {
                format!("{} ({})", status_word(Some(found.status)), shown(found.observed.clone()))
            }))
        };
        texts(&format!("check {}", check.id), answer(before), answer(after));
    }
    // What both reports list was compared twice.
    let mut seen = BTreeSet::new();
    found.retain(|(what, ..)| seen.insert(what.clone()));
    figures(before, after, &mut found);
    found
}

fn figures(before: &Report, after: &Report, found: &mut Vec<Difference>) {
    let mut numbers = |what: &str, unit: &str, one: Option<f64>, other: Option<f64>| {
        let number = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{}{unit}", amount(value)))
        };
        let change = one.zip(other).filter(|(one, _)| *one > 0.0);
        let change = change.map(|(one, other)| format!(" ({:+.1} %)", (other - one) / one * 100.0));
        if one.is_some() || other.is_some() {
            let after = format!("{}{}", number(other), change.unwrap_or_default());
            found.push((what.to_owned(), number(one), after));
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "sizes are compared in percent")]
    let bytes = |report: &Report| report.backup.as_ref().map(|backup| backup.bytes as f64);
    let (one, other) = (&before.metrics, &after.metrics);
    numbers("RTO", " s", one.rto_seconds, other.rto_seconds);
    numbers("RPO", " min", one.rpo_minutes, other.rpo_minutes);
    numbers("backup size", " bytes", bytes(before), bytes(after));
    numbers("restore per GB", " s", one.restore_seconds_per_gb, other.restore_seconds_per_gb);
    let phases: BTreeSet<&String> = one.phases.keys().chain(other.phases.keys()).collect();
    for phase in phases {
        let seconds = |metrics: &crate::wire::report::Metrics| metrics.phases.get(phase).copied();
        numbers(&format!("phase {phase}"), " s", seconds(one), seconds(other));
    }
}

fn shown(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

fn status_word(status: Option<Status>) -> &'static str {
    match status {
        Some(Status::Passed) => "passed",
        Some(Status::Failed) => "failed",
        Some(Status::Inconclusive) => "inconclusive",
        Some(Status::Skipped) => "skipped",
        None => "cut off",
    }
}
