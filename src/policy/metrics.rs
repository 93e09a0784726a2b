//! What was measured, computed from the events of a drill.

use std::collections::BTreeMap;

use crate::clock::{Timestamp, round_seconds};
use crate::manifest::Manifest;
use crate::outcome::Outcome;
use crate::plan::Step;
use crate::wire::event::{Status, TimeMeaning};
use crate::wire::manifest::Phase;
use crate::wire::report::Metrics;

/// What comes before a restored database answers.
const ANSWERING: [Phase; 5] =
    [Phase::Fetch, Phase::Verify, Phase::Provision, Phase::Restore, Phase::Recover];

/// The phase that a step counts to.
fn phase(step: Step) -> Option<Phase> {
    match step {
        Step::LoadManifest
        | Step::VerifyBackupDigest
        | Step::VerifyBackupPayload
        | Step::ValidateSbom
        | Step::ValidateProvenance => Some(Phase::Verify),
        Step::ProvisionInstance => Some(Phase::Provision),
        Step::RestoreArtifact => Some(Phase::Restore),
        Step::ValidateRestoredBackup | Step::RunChecks => Some(Phase::Validate),
        Step::TeardownInstance => Some(Phase::Teardown),
        Step::EnforcePolicies | Step::SealEvidence => None,
    }
}

/// The name of a phase, as it is written.
#[must_use]
pub(super) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Fetch => "fetch",
        Phase::Verify => "verify",
        Phase::Provision => "provision",
        Phase::Restore => "restore",
        Phase::Recover => "recover",
        Phase::Validate => "validate",
        Phase::Teardown => "teardown",
    }
}

/// Measures a drill. The recovery time is that of everything from the start to verified data:
/// verification and validation belong to a recovery as much as the restore does.
#[must_use]
pub fn measure(outcome: &Outcome, manifest: Option<&Manifest>) -> Metrics {
    let mut phases: BTreeMap<String, f64> = BTreeMap::new();
    for step in &outcome.steps {
        let (Some(end), Some(phase)) = (&step.end, Step::from_id(&step.id).and_then(phase)) else {
            continue;
        };
        if end.status != Status::Skipped {
            let seconds = phases.entry(phase_name(phase).to_owned()).or_default();
            *seconds = round_seconds(*seconds + end.seconds);
        }
    }
    // What a server recovers is a part of the step that restores, and what is fetched of the one that hashes.
    let recovered = outcome.fact(|context| context.restore.as_ref());
    let fetched = outcome.fact(|context| context.backup.as_ref());
    for (part, whole, seconds) in [
        (Phase::Recover, Phase::Restore, recovered.and_then(|facts| facts.recovery_seconds)),
        (Phase::Fetch, Phase::Verify, fetched.and_then(|facts| facts.fetch_seconds)),
    ] {
        let Some(seconds) = seconds.map(round_seconds) else { continue };
        let rest = phases.entry(phase_name(whole).to_owned()).or_default();
        *rest = round_seconds((*rest - seconds).max(0.0));
        phases.insert(phase_name(part).to_owned(), seconds);
    }
    let passed =
        |step: Step| outcome.end_of(step.id()).is_some_and(|end| end.status == Status::Passed);
    let validated = passed(Step::ValidateRestoredBackup) || passed(Step::RunChecks);
    let rto_seconds = validated.then(|| {
        let counted = [&ANSWERING[..], &[Phase::Validate]].concat();
        round_seconds(counted.iter().filter_map(|phase| phases.get(phase_name(*phase))).sum())
    });
    let restore_seconds = outcome.end_of(Step::RestoreArtifact.id()).map(|end| end.seconds);
    let bytes = outcome.fact(|context| context.backup.as_ref()).map(|backup| backup.bytes);
    let restore_seconds =
        restore_seconds.filter(|seconds| passed(Step::RestoreArtifact) && *seconds > 0.0);
    let restored = outcome.fact(|context| context.restore.as_ref());
    let per_second = |amount: Option<u64>| Some((amount? as f64 / restore_seconds?).round());
    let gigabytes = bytes.filter(|bytes| *bytes > 0).map(|bytes| bytes as f64 / 1e9);
    let teardown = outcome.fact(|context| context.teardown.as_ref());
    Metrics {
        rto_seconds,
        rpo_minutes: manifest.and_then(|manifest| rpo(outcome, manifest)),
        restore_bytes_per_second: per_second(bytes),
        restore_seconds_per_gb: restore_seconds.zip(gigabytes).map(|(s, gb)| round_seconds(s / gb)),
        restore_rows_per_second: per_second(restored.and_then(|facts| facts.rows)),
        first_answer_seconds: first_answer(outcome, &phases),
        check_pass_rate: pass_rate(outcome),
        peak_disk_bytes: teardown.and_then(|facts| facts.peak_disk_bytes),
        phases,
        duration_seconds: outcome.finished.as_ref().map_or(0.0, |finished| finished.seconds),
    }
}

/// How many of the checks hold, of all that were to be made.
fn pass_rate(outcome: &Outcome) -> Option<f64> {
    let all = outcome.checks.len();
    let held = outcome.checks.iter().filter(|check| check.status == Status::Passed).count();
    (all > 0).then(|| held as f64 / all as f64)
}

/// Seconds until a restored database answered the question whether it does.
fn first_answer(outcome: &Outcome, phases: &BTreeMap<String, f64>) -> Option<f64> {
    let asked = outcome.checks.iter().position(|check| check.check == "connectivity")?;
    let answered = outcome.checks[asked].status == Status::Passed;
    let before: f64 = ANSWERING.iter().filter_map(|phase| phases.get(phase_name(*phase))).sum();
    let checks: f64 = outcome.checks[..=asked].iter().map(|check| check.duration_seconds).sum();
    answered.then(|| round_seconds(before + checks))
}

/// Age of the data at the start of the drill: the worst of what the manifest and the backup say.
/// `None` where the capture would lie in the future.
fn rpo(outcome: &Outcome, manifest: &Manifest) -> Option<f64> {
    let started: Timestamp = outcome.started_at.parse().ok()?;
    let inside = outcome
        .fact(|context| context.payload.as_ref()?.time.as_ref())
        .filter(|time| time.meaning == TimeMeaning::Captured)
        .and_then(|time| time.at.parse::<Timestamp>().ok());
    let newest =
        outcome.checks.iter().filter_map(|check| check.newest_row_at.as_ref()?.parse().ok());
    let captured = newest.chain(inside).fold(manifest.backup.captured_at, Timestamp::min);
    let minutes = started.minutes_since(captured);
    if manifest.backup.captured_at > started && minutes < -super::capture::SKEW_MINUTES {
        return None;
    }
    Some(round_seconds(minutes.max(0.0)))
}
