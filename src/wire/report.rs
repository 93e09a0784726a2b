//! The report of a drill, version 2 (`dr_drill.v2`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{
    ActionPlan, AvailabilityFacts, BackupFacts, ChainFacts, CheckFacts, ClockFacts, ClosedGapFacts,
    CoverageFacts, FailoverFacts, Finding, GapFacts, InstanceFacts, IsolationFact, MarkerFacts,
    ObservationFacts, PastFacts, PayloadFacts, PhaseSeconds, PolicyResult, ProvenanceFacts, Reason,
    RecoveredFacts, RestoreFacts, ResumedFacts, SbomFacts, Status, TabletopFacts, TeardownFacts,
    Tool, Verdict,
};
use super::manifest::Policies;
use super::slot::SlotFacts;

/// Value of `schema` in every report.
pub const SCHEMA: &str = "dr_drill.v2";

/// What a drill found out, computed from its events and its manifest alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill report, version 2")]
pub struct Report {
    /// Always `dr_drill.v2`.
    pub schema: String,
    /// The run.
    pub run_id: String,
    /// Name of the drill, as its fleet calls it, else as the manifest does.
    pub name: Option<String>,
    /// The verdict.
    pub status: Verdict,
    /// Why it is not `passed`.
    pub reasons: Vec<Reason>,
    /// What was not proven, in words.
    pub not_proven: Vec<String>,
    /// Wall-clock time of the start.
    pub started_at: String,
    /// Wall-clock time of the end.
    pub ended_at: String,
    /// When the data was captured, as the manifest says.
    pub backup_captured_at: Option<String>,
    /// Path of the manifest, relative to the root.
    pub manifest: String,
    /// What ran.
    pub tool: Tool,
    /// Where the time comes from.
    pub clock: ClockFacts,
    /// Fingerprint of the key that signs the evidence: `dr-drill verify --key` tells whether it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The slot of a calendar that it ran for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<SlotFacts>,
    /// Its place among the drills of its name, where a history is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainFacts>,
    /// What the drills before it were like, where a history is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<PastFacts>,
    /// What has to follow, where the drill did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrective_action: Option<CorrectiveAction>,
    /// The backup.
    pub backup: Option<BackupFacts>,
    /// What it is inside.
    pub payload: Option<PayloadFacts>,
    /// Its SBOM.
    pub sbom: Option<SbomFacts>,
    /// Its provenance.
    pub provenance: Option<ProvenanceFacts>,
    /// SBOM of the recall script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_sbom: Option<SbomFacts>,
    /// Provenance of the recall script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_provenance: Option<ProvenanceFacts>,
    /// How the restore went.
    pub restore: Option<RestoreFacts>,
    /// The throwaway server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceFacts>,
    /// What the restored data answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckFacts>,
    /// How much of the restored data was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageFacts>,
    /// What was recovered.
    pub recovered: Option<RecoveredFacts>,
    /// What was removed afterwards.
    pub teardown: Option<TeardownFacts>,
    /// What confined the restore.
    pub isolation: Vec<IsolationFact>,
    /// What was measured.
    pub metrics: Metrics,
    /// Each policy against what was measured.
    pub policies: Vec<PolicyResult>,
    /// Each planned step.
    pub steps: Vec<Step>,
    /// What people must know.
    pub findings: Vec<Finding>,
    /// What is told of a rehearsal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exercise: Option<Exercise>,
    /// Facts under the names that consumers of older reports look for.
    pub notes: Notes,
}

/// What is told of a rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exercise {
    /// Which kind it is.
    pub kind: ExerciseKind,
    /// A tabletop as it was worked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tabletop: Option<TabletopFacts>,
    /// A failover as it was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<FailoverFacts>,
    /// Whether the service answered from start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<AvailabilityFacts>,
    /// What of that which was promised was still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markers: Option<MarkerFacts>,
    /// Everything that was done or discussed, in order.
    pub actions: Vec<Action>,
    /// What was found to be missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<GapFacts>,
    /// What is not missing any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_gaps: Vec<ClosedGapFacts>,
    /// What was said and is to be remembered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<ObservationFacts>,
    /// When other processes went on with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<ResumedFacts>,
    /// What follows from what was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recommendations: Vec<String>,
}

/// Kinds of rehearsals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExerciseKind {
    /// People talk it through.
    Tabletop,
    /// A service is switched for real.
    Failover,
}

impl ExerciseKind {
    /// The word of the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tabletop => "tabletop",
            Self::Failover => "failover",
        }
    }
}

/// Something that was done or discussed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// What, and when it began.
    #[serde(flatten)]
    pub plan: ActionPlan,
    /// What became of it; `null` where the run was cut off before it ended.
    pub status: Option<Status>,
    /// Wall-clock time of its end.
    pub ended_at: Option<String>,
    /// Its measured duration.
    pub duration_seconds: Option<f64>,
    /// One sentence for people.
    pub message: String,
}

/// What has to follow a drill that did not pass, as its manifest wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CorrectiveAction {
    /// Who answers for it.
    pub owner: Option<String>,
    /// Until when a drill of this name has to pass again.
    pub due_at: Option<String>,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// Seconds from the start of the drill to verified data; `null` where it never came to that.
    pub rto_seconds: Option<f64>,
    /// Minutes from the capture to the start of the drill; `null` where it is not known.
    pub rpo_minutes: Option<f64>,
    /// Seconds of each phase.
    pub phases: PhaseSeconds,
    /// Bytes of backup restored per second.
    pub restore_bytes_per_second: Option<f64>,
    /// Seconds that a restore takes for each gigabyte (10^9 bytes) of backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_seconds_per_gb: Option<f64>,
    /// Rows (of Redis: keys) restored per second, where the server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_rows_per_second: Option<f64>,
    /// Seconds from the start of the drill to the first answer of the restored database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_answer_seconds: Option<f64>,
    /// Most bytes that the drill took on the disk at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_disk_bytes: Option<u64>,
    /// Share of the checks of the restored data that hold; those that were skipped do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_pass_rate: Option<f64>,
    /// Seconds of the whole run.
    pub duration_seconds: f64,
}

/// A step and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its fixed id.
    pub step: String,
    /// What became of it; `null` where the run ended before.
    pub status: Option<Status>,
    /// Wall-clock time of its start.
    pub started_at: Option<String>,
    /// Wall-clock time of its end.
    pub ended_at: Option<String>,
    /// Its measured duration.
    pub duration_seconds: Option<f64>,
    /// One sentence for people.
    pub notes: String,
}

/// Facts under the names that consumers of older reports look for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notes {
    /// The limits of the manifest.
    pub policy: Option<Policies>,
    /// Services in a service status.
    pub services_checked: Option<u64>,
    /// SHA-256 of the manifest.
    pub manifest_sha256: Option<String>,
}
