//! What a history tells of drills, version 1: the answers of `dr-drill history`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{ClosedGapFacts, GapFacts, Verdict};
use super::report::ExerciseKind;
use super::slot::SlotFacts;

/// Value of `schema` in the answer of `dr-drill history list`.
pub const LIST: &str = "dr_drill.history.v1";
/// Value of `schema` in the answer of `dr-drill history trend`.
pub const TREND: &str = "dr_drill.trend.v1";
/// Value of `schema` in the answer of `dr-drill history verify`.
pub const AUDIT: &str = "dr_drill.history_verification.v1";
/// Value of `schema` in the list that a checkpoint pins.
pub const HEADS: &str = "dr_drill.heads.v1";

/// What the index of a history tells: the part that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill history, version 1")]
pub struct List {
    /// Always `dr_drill.history.v1`.
    pub schema: String,
    /// `history list`: drills, the newest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drills: Option<Vec<Entry>>,
    /// `history names`: how each name stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<Standing>>,
    /// `history actions`: what has to follow drills that did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<Action>>,
    /// `history coverage`: which backups ever came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backups: Option<Vec<Drilled>>,
}

/// A backup that is kept, and the newest drill that passed with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drilled {
    /// Its name, as the list of backups gives it.
    pub backup: String,
    /// Its digest.
    pub sha256: String,
    /// The run that it came back in; `null` where it never did.
    pub run_id: Option<String>,
    /// When that began.
    pub started_at: Option<String>,
}

/// One drill, as its sealed report tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Name of the drill: as its fleet calls it, else its manifest, else the path of that.
    pub name: String,
    /// The run.
    pub run_id: String,
    /// Which kind of rehearsal it was; nothing for a drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ExerciseKind>,
    /// What it found to be missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<GapFacts>,
    /// What was not missing any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_gaps: Vec<ClosedGapFacts>,
    /// Its number among the drills of its name; `null` where it was made without the history.
    pub sequence: Option<u64>,
    /// SHA-256 of its list of digests.
    pub seal_sha256: String,
    /// The slot of a calendar that it ran for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<SlotFacts>,
    /// The verdict.
    pub verdict: Verdict,
    /// The first reason, where it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Wall-clock time of the start.
    pub started_at: String,
    /// Wall-clock time of the end.
    pub ended_at: String,
    /// See the report.
    pub rto_seconds: Option<f64>,
    /// The limit that held.
    pub max_rto_seconds: Option<f64>,
    /// See the report.
    pub rpo_minutes: Option<f64>,
    /// The limit that held.
    pub max_rpo_minutes: Option<f64>,
    /// Seconds of the whole run.
    pub duration_seconds: f64,
    /// Seconds of each phase.
    pub phases: BTreeMap<String, f64>,
    /// Seconds that a restore takes for each gigabyte (10^9 bytes) of backup.
    pub restore_seconds_per_gb: Option<f64>,
    /// The backup, if it was read.
    pub backup_sha256: Option<String>,
    /// Its size.
    pub backup_bytes: Option<u64>,
    /// When the data was captured, as the manifest says.
    pub backup_captured_at: Option<String>,
    /// The database and its version, if one was restored.
    pub engine: Option<String>,
    /// Fingerprint of the key that was to sign.
    pub signer: Option<String>,
    /// How many people have signed it off, when it was filed.
    pub sign_offs: u64,
    /// Whether its clock was set.
    pub clock_overridden: bool,
    /// Who answers for what has to follow, where it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when a drill of this name has to pass again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// What its evidence holds that controls ask for (`docs/controls.md`).
    pub facts: Vec<String>,
    /// Where its pack lies in the history.
    pub file: String,
}

/// How all drills of a name stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The name.
    pub name: String,
    /// How many drills there are.
    pub drills: u64,
    /// How many passed.
    pub passed: u64,
    /// How many failed.
    pub failed: u64,
    /// How many could not be told.
    pub inconclusive: u64,
    /// Start of the newest that passed.
    pub last_passed_at: Option<String>,
    /// The newest.
    pub last: Entry,
}

/// What has to follow a drill that did not pass, opened by it and closed by the next that does; or a gap that a
/// tabletop has found, closed when a later one of its name says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// Name of the drills.
    pub name: String,
    /// The gap, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<GapFacts>,
    /// The run that opened it.
    pub opened_by: String,
    /// When that began.
    pub opened_at: String,
    /// Why it did not pass.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Until when a drill has to pass.
    pub due_at: Option<String>,
    /// How many further drills did not pass since.
    pub repeated: u64,
    /// The run that closed it; `null` while it is open.
    pub closed_by: Option<String>,
    /// When that began.
    pub closed_at: Option<String>,
    /// Whether it was not closed in time.
    pub overdue: bool,
}

/// How the drills of a name develop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill trend, version 1")]
pub struct Trend {
    /// Always `dr_drill.trend.v1`.
    pub schema: String,
    /// The name.
    pub name: String,
    /// How many drills were looked at: the newest.
    pub drills: u64,
    /// How many of them passed.
    pub passed: u64,
    /// Time to verified data, in seconds.
    pub rto_seconds: Option<Series>,
    /// Age of the data, in minutes.
    pub rpo_minutes: Option<Series>,
    /// Seconds that a restore takes for each gigabyte of backup.
    pub restore_seconds_per_gb: Option<Series>,
    /// Size of the backup.
    pub backup_bytes: Option<Series>,
    /// Median seconds of each phase.
    pub phases: BTreeMap<String, f64>,
    /// Each drill, the oldest first.
    pub points: Vec<Point>,
}

/// What the drills that passed came to, in one measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// The newest.
    pub last: f64,
    /// The median.
    pub median: f64,
    /// Nineteen of twenty are below.
    pub p95: f64,
    /// The newest against the median of those before it, in percent.
    pub change_percent: Option<f64>,
    /// The limit of the newest.
    pub limit: Option<f64>,
    /// How it grows, and when it comes to the limit.
    pub forecast: Option<Forecast>,
}

/// How a measure grows: the median slope between all pairs of drills (Theil and Sen), and the middle 80 % of
/// those slopes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// Growth a day.
    pub per_day: f64,
    /// Nine of ten slopes are above.
    pub per_day_low: f64,
    /// Nine of ten slopes are below.
    pub per_day_high: f64,
    /// When it comes to the limit, if it goes on so; `null` where it never does, or not within ten years.
    pub limit_at: Option<String>,
    /// When at the earliest, by the steep slope.
    pub limit_at_earliest: Option<String>,
    /// When at the latest, by the flat slope.
    pub limit_at_latest: Option<String>,
}

/// One drill in a trend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// The run.
    pub run_id: String,
    /// When it began.
    pub started_at: String,
    /// The verdict.
    pub verdict: Verdict,
    /// See the report.
    pub rto_seconds: Option<f64>,
    /// See the report.
    pub rpo_minutes: Option<f64>,
    /// Size of the backup.
    pub backup_bytes: Option<u64>,
}

/// What was found of a whole history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill history verification, version 1")]
pub struct Audit {
    /// Always `dr_drill.history_verification.v1`.
    pub schema: String,
    /// Whether nothing is wrong.
    pub intact: bool,
    /// How many names have drills.
    pub names: u64,
    /// How many drills there are.
    pub drills: u64,
    /// How many slots of a calendar are recorded in which no drill ran.
    #[serde(default)]
    pub unrun_slots: u64,
    /// How many of them stand in no chain.
    pub unlinked: u64,
    /// How many of them have only their seal and report left.
    pub pruned: u64,
    /// What was found to hold.
    pub proven: Vec<String>,
    /// What nobody can tell from it.
    pub not_proven: Vec<String>,
    /// Everything that is wrong.
    pub problems: Vec<super::answer::FileProblem>,
}

/// The newest drill of each name: what a checkpoint pins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dr-drill heads, version 1")]
pub struct Heads {
    /// Always `dr_drill.heads.v1`.
    pub schema: String,
    /// By name.
    pub heads: Vec<Head>,
}

/// The newest drill of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The name.
    pub name: String,
    /// Its number.
    pub sequence: u64,
    /// SHA-256 of its list of digests.
    pub seal_sha256: String,
}
