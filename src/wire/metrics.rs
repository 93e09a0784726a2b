//! The metrics of a drill, version 1 (`dr_drill.metrics.v1`): a flat file for `jq` and dashboards.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{PhaseSeconds, Verdict};

/// Value of `schema` in every metrics file.
pub const SCHEMA: &str = "dr_drill.metrics.v1";

/// What was measured, with what it takes to tell drills apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill metrics, version 1")]
pub struct Metrics {
    /// Always `dr_drill.metrics.v1`.
    pub schema: String,
    /// The run.
    pub run_id: String,
    /// The verdict.
    pub status: Verdict,
    /// Wall-clock time of the start.
    pub started_at: String,
    /// See the report.
    pub rto_seconds: Option<f64>,
    /// See the report.
    pub rpo_minutes: Option<f64>,
    /// Seconds of each phase.
    pub phases: PhaseSeconds,
    /// Bytes of backup restored per second.
    pub restore_bytes_per_second: Option<f64>,
    /// See the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_seconds_per_gb: Option<f64>,
    /// See the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_rows_per_second: Option<f64>,
    /// See the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_answer_seconds: Option<f64>,
    /// See the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_disk_bytes: Option<u64>,
    /// Size of the backup.
    pub backup_bytes: Option<u64>,
    /// Seconds of the whole run.
    pub duration_seconds: f64,
}
