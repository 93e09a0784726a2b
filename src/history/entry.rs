//! What an index keeps of a drill: all of it from the sealed report.

use crate::evidence::SealedEvidence;
use crate::report::{drill_name, limits};
use crate::wire::history::Entry;
use crate::wire::report::Report;
use crate::wire::schedule::EndedSlot;
use crate::wire::slot::SlotRecord;

use super::facts::facts;

/// The entry of a drill whose pack lies at `file`.
pub(super) fn entry(sealed: &SealedEvidence, file: &str) -> Entry {
    let report = sealed.report();
    let (max_rto_seconds, max_rpo_minutes) = limits(report);
    let action = report.corrective_action.as_ref();
    Entry {
        name: drill_name(report).to_owned(),
        run_id: report.run_id.clone(),
        kind: report.exercise.as_ref().map(|exercise| exercise.kind),
        gaps: report.exercise.iter().flat_map(|exercise| exercise.gaps.clone()).collect(),
        closed_gaps: report
            .exercise
            .iter()
            .flat_map(|exercise| exercise.closed_gaps.clone())
            .collect(),
        sequence: report.chain.as_ref().map(|chain| chain.sequence),
        seal_sha256: sealed.seal().to_string(),
        slot: report.slot.clone(),
        verdict: report.status,
        reason: report.reasons.first().map(|reason| reason.message.clone()),
        started_at: report.started_at.clone(),
        ended_at: report.ended_at.clone(),
        rto_seconds: report.metrics.rto_seconds,
        max_rto_seconds,
        rpo_minutes: report.metrics.rpo_minutes,
        max_rpo_minutes,
        duration_seconds: report.metrics.duration_seconds,
        phases: report.metrics.phases.clone(),
        restore_seconds_per_gb: report.metrics.restore_seconds_per_gb,
        backup_sha256: report.backup.as_ref().map(|backup| backup.sha256.clone()),
        backup_bytes: report.backup.as_ref().map(|backup| backup.bytes),
        backup_captured_at: report.backup_captured_at.clone(),
        engine: engine(report),
        signer: report.signer.clone(),
        sign_offs: sealed.sign_offs(),
        clock_overridden: report.clock.overridden,
        owner: action.and_then(|action| action.owner.clone()),
        due_at: action.and_then(|action| action.due_at.clone()),
        facts: facts(sealed),
        file: file.to_owned(),
    }
}

/// How the slot of a drill ended, if it ran for one.
pub(super) fn ended_by(entry: &Entry) -> Option<EndedSlot> {
    let slot = entry.slot.as_ref()?;
    Some(EndedSlot {
        drill: entry.name.clone(),
        due_at: slot.due_at.clone(),
        verdict: Some(entry.verdict),
        cause: None,
        reason: entry.reason.clone(),
        run_id: Some(entry.run_id.clone()),
    })
}

/// How the slots of a record ended.
pub(super) fn ended(record: &SlotRecord) -> Vec<EndedSlot> {
    let slot = |due: &String| EndedSlot {
        drill: record.drill.clone(),
        due_at: due.clone(),
        verdict: None,
        cause: Some(record.cause),
        reason: Some(record.reason.clone()),
        run_id: None,
    };
    record.due_at.iter().map(slot).collect()
}

fn engine(report: &Report) -> Option<String> {
    report.instance.as_ref().map(|instance| format!("{} {}", instance.engine, instance.version))
}
