//! From outcome and judgement to the report, by a pure function: `verify` computes it again.

use crate::clock::Timestamp;
use crate::manifest::Manifest;
use crate::outcome::Outcome;
use crate::policy::Judgement;
use crate::wire;
use crate::wire::event::{Tool, Verdict};
use crate::wire::report::{CorrectiveAction, Notes, Report, SCHEMA, Step};

/// The report of a drill.
#[must_use]
pub fn report(outcome: &Outcome, judgement: &Judgement, manifest: Option<&Manifest>) -> Report {
    let action = manifest.map(|manifest| &manifest.corrective_action);
    let mut report = base(outcome, judgement, action);
    if let Some(manifest) = manifest {
        report.name = report.name.or_else(|| manifest.name.clone());
        report.backup_captured_at = Some(manifest.backup.captured_at.to_string());
        report.notes.policy.clone_from(&manifest.written_policies);
    }
    let mut list = not_proven(outcome, manifest);
    if manifest.is_some() {
        list.append(&mut report.not_proven);
    }
    report.not_proven = list;
    report
}

/// What the events of any run tell, whatever it was of. `action` is what has to follow where it does not pass.
pub(super) fn base(
    outcome: &Outcome,
    judgement: &Judgement,
    action: Option<&wire::manifest::CorrectiveAction>,
) -> Report {
    let restore = outcome.fact(|context| context.restore.as_ref()).cloned();
    let payload = outcome.fact(|context| context.payload.as_ref()).cloned();
    let ended_at = outcome.finished.as_ref().map(|finished| finished.ended_at.clone());
    Report {
        schema: SCHEMA.to_owned(),
        run_id: outcome.run_id.clone(),
        name: outcome.slot.as_ref().map(|slot| slot.drill.clone()),
        status: judgement.verdict,
        reasons: judgement.reasons.clone(),
        not_proven: unknown_of_any(outcome),
        started_at: outcome.started_at.clone(),
        ended_at: ended_at.unwrap_or_default(),
        backup_captured_at: None,
        manifest: outcome.manifest.clone(),
        tool: outcome.tool.clone().unwrap_or(Tool { name: String::new(), version: String::new() }),
        clock: outcome.clock.clone().unwrap_or(wire::event::ClockFacts { overridden: false }),
        signer: outcome.signer.clone(),
        slot: outcome.slot.clone(),
        chain: outcome.fact(|context| context.chain.as_ref()).cloned(),
        past: outcome.fact(|context| context.past.as_ref()).cloned(),
        corrective_action: corrective_action(outcome, judgement, action),
        backup: outcome.fact(|context| context.backup.as_ref()).cloned(),
        sbom: outcome.fact(|context| context.sbom.as_ref()).cloned(),
        provenance: outcome.fact(|context| context.provenance.as_ref()).cloned(),
        script_sbom: outcome.fact(|context| context.script_sbom.as_ref()).cloned(),
        script_provenance: outcome.fact(|context| context.script_provenance.as_ref()).cloned(),
        instance: outcome.fact(|context| context.instance.as_ref()).cloned(),
        checks: outcome.checks.clone(),
        coverage: outcome.fact(|context| context.coverage.as_ref()).cloned(),
        isolation: restore.as_ref().map(|facts| facts.isolation.clone()).unwrap_or_default(),
        restore,
        recovered: outcome.fact(|context| context.recovered.as_ref()).cloned(),
        teardown: outcome.fact(|context| context.teardown.as_ref()).cloned(),
        metrics: judgement.metrics.clone(),
        policies: judgement.policies.clone(),
        steps: outcome.steps.iter().map(step).collect(),
        findings: outcome.findings.clone(),
        exercise: None,
        notes: Notes {
            policy: None,
            services_checked: payload.as_ref().and_then(|facts| facts.services_checked),
            manifest_sha256: outcome
                .fact(|context| context.manifest.as_ref())
                .map(|facts| facts.sha256.clone()),
        },
        payload,
    }
}

/// What has to follow, unless the run passed.
fn corrective_action(
    outcome: &Outcome,
    judgement: &Judgement,
    wanted: Option<&wire::manifest::CorrectiveAction>,
) -> Option<CorrectiveAction> {
    let wanted = wanted?;
    let due_at = wanted.due_days.and_then(|days| {
        Some(outcome.started_at.parse::<Timestamp>().ok()?.plus_days(days)?.to_string())
    });
    let action = CorrectiveAction { owner: wanted.owner.clone(), due_at };
    let asked = action.owner.is_some() || action.due_at.is_some();
    (asked && judgement.verdict != Verdict::Passed).then_some(action)
}

/// The limits on RTO, in seconds, and on RPO, in minutes, as the manifest sets them. A level from which on a
/// warning is given is none.
#[must_use]
pub fn limits(report: &Report) -> (Option<f64>, Option<f64>) {
    let written = report.notes.policy.as_ref();
    (written.and_then(|p| p.max_rto_seconds), written.and_then(|p| p.max_rpo_minutes))
}

/// What a drill is called: as its manifest names it, else by the path of the manifest.
#[must_use]
pub fn drill_name(report: &Report) -> &str {
    report.name.as_deref().unwrap_or(&report.manifest)
}

/// The flat metrics of a report.
#[must_use]
pub fn metrics(report: &Report) -> wire::metrics::Metrics {
    wire::metrics::Metrics {
        schema: wire::metrics::SCHEMA.to_owned(),
        run_id: report.run_id.clone(),
        status: report.status,
        started_at: report.started_at.clone(),
        rto_seconds: report.metrics.rto_seconds,
        rpo_minutes: report.metrics.rpo_minutes,
        phases: report.metrics.phases.clone(),
        restore_bytes_per_second: report.metrics.restore_bytes_per_second,
        restore_seconds_per_gb: report.metrics.restore_seconds_per_gb,
        restore_rows_per_second: report.metrics.restore_rows_per_second,
        first_answer_seconds: report.metrics.first_answer_seconds,
        peak_disk_bytes: report.metrics.peak_disk_bytes,
        backup_bytes: report.backup.as_ref().map(|backup| backup.bytes),
        duration_seconds: report.metrics.duration_seconds,
    }
}

fn step(step: &crate::outcome::StepOutcome) -> Step {
    let end = step.end.as_ref();
    Step {
        step: step.id.clone(),
        status: end.map(|end| end.status),
        started_at: step.started_at.clone(),
        ended_at: end.map(|end| end.ended_at.clone()),
        duration_seconds: end.map(|end| end.seconds),
        notes: end.map(|end| end.notes.clone()).unwrap_or_default(),
    }
}

/// What a reader could take for granted and must not.
fn not_proven(outcome: &Outcome, manifest: Option<&Manifest>) -> Vec<String> {
    let Some(manifest) = manifest else {
        return vec!["anything about the backup: the manifest could not be read".to_owned()];
    };
    let mut list = Vec::new();
    let mut add = |what: &str| list.push(what.to_owned());
    match outcome.fact(|context| context.payload.as_ref()) {
        Some(payload) if payload.complete => {}
        Some(payload) if payload.format == "opaque" => {
            add("that the backup is whole inside: its format is not known");
        }
        _ => add("that the backup is whole inside: it was not read through"),
    }
    match outcome.fact(|context| context.sbom.as_ref()) {
        Some(sbom) if sbom.names_backup => {}
        Some(_) => add("that the SBOM is that of this backup: it does not name its digest"),
        None if manifest.sbom.is_none() => add("what the backup is made of: no SBOM is given"),
        None => add("what the backup is made of: the SBOM was not accepted"),
    }
    match outcome.fact(|context| context.provenance.as_ref()) {
        Some(provenance) if !provenance.signers.is_empty() => {}
        Some(provenance) if provenance.signatures > 0 => {
            add("who made the backup: the signatures of the provenance are not verified");
        }
        Some(_) => add("who made the backup: the provenance is not signed"),
        None if manifest.provenance.is_none() => add("who made the backup: no provenance is given"),
        None => add("who made the backup: the provenance was not accepted"),
    }
    match outcome.fact(|context| context.coverage.as_ref()) {
        Some(coverage) if coverage.unchecked > 0 => add(&format!(
            "that {} of {} table(s) hold what they should: no check looked into {}",
            coverage.unchecked,
            coverage.tables,
            coverage.first_unchecked.join(", ")
        )),
        _ => {}
    }
    let restored = outcome.fact(|context| context.restore.as_ref());
    if restored.is_some_and(|restored| restored.verified_files == Some(false)) {
        add("that the base backup is what was written: it has no backup_manifest");
    }
    if outcome.fact(|context| context.instance.as_ref()).is_some_and(|instance| instance.existing) {
        add("that the backup comes back with nothing there: it went into a server of others");
    }
    if manifest.policies.rpo.max.is_none() {
        add("that the data is recent enough: max_rpo_minutes is not set");
    }
    if manifest.policies.rto.max.is_none() {
        add("that a restore is fast enough: max_rto_seconds is not set");
    }
    list
}

/// What no run can tell of itself.
fn unknown_of_any(outcome: &Outcome) -> Vec<String> {
    let mut list = Vec::new();
    let mut add = |what: &str| list.push(what.to_owned());
    if outcome.clock.as_ref().is_some_and(|clock| clock.overridden) {
        add("when the drill ran: its clock was set with --current-time");
    }
    if outcome.fact(|context| context.chain.as_ref()).is_none() {
        add("that no drill was left out: this one stands in no history");
    }
    if outcome.signer.is_none() {
        add("who wrote this evidence: it is not signed");
    }
    list
}
