//! What a calendar tells, version 1: the answers of `dr-drill schedule`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::Verdict;
use super::slot::Cause;

/// Value of `schema` in the answers of `dr-drill schedule`.
pub const CALENDAR: &str = "dr_drill.schedule.v1";
/// Value of `schema` in the answer of `dr-drill schedule simulate`.
pub const SIMULATION: &str = "dr_drill.simulation.v1";
/// Value of `schema` in a plan for the jobs of a pipeline.
pub const MATRIX: &str = "dr_drill.matrix.v1";

/// What a calendar tells: the part that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill schedule, version 1")]
pub struct Calendar {
    /// Always `dr_drill.schedule.v1`.
    pub schema: String,
    /// SHA-256 of the fleet file.
    pub fleet_sha256: String,
    /// The time of the answer.
    pub at: String,
    /// `schedule next`: slots to come, the earliest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<Vec<ComingSlot>>,
    /// `schedule explain`: why a drill runs or does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// `schedule run-due`: what was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Vec<EndedSlot>>,
    /// `schedule ledger`: how slots ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Vec<EndedSlot>>,
    /// `schedule gate`: every drill, and what does not hold of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Vec<GateLine>>,
}

/// A slot to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComingSlot {
    /// The drill.
    pub drill: String,
    /// When it is due.
    pub due_at: String,
    /// The same on the clock of its time zone, with the offset from UTC.
    pub local: String,
    /// When it starts, if the machine has room; `null` where it may not.
    pub starts_at: Option<String>,
    /// Until when it has to have started.
    pub deadline_at: String,
    /// What keeps it from starting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
}

/// Why a drill runs or does not at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The drill.
    pub drill: String,
    /// The pattern that it is due by.
    pub cron: String,
    /// The time zone of the pattern.
    pub time_zone: String,
    /// The last slot until the time.
    pub last: Option<ComingSlot>,
    /// How that ended, as the history tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ended: Option<EndedSlot>,
    /// The next slot.
    pub next: Option<ComingSlot>,
    /// The whole in sentences.
    pub because: Vec<String>,
}

/// A slot that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndedSlot {
    /// The drill.
    pub drill: String,
    /// When it was due.
    pub due_at: String,
    /// The verdict of its drill; `null` where none ran.
    pub verdict: Option<Verdict>,
    /// What kept a drill from running; `null` where one did.
    pub cause: Option<Cause>,
    /// Why it did not pass, or did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// How a drill of the fleet stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateLine {
    /// The drill.
    pub drill: String,
    /// When one last passed.
    pub last_passed_at: Option<String>,
    /// Within how many days one has to have passed.
    pub max_age_days: Option<f64>,
    /// How many of the newest slots passed, in a hundred, where the fleet has a limit.
    pub success_percent: Option<f64>,
    /// Its limit.
    pub min_success_percent: Option<f64>,
    /// What does not hold.
    pub problems: Vec<String>,
}

/// What is due, for the jobs of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dr-drill matrix, version 1")]
pub struct MatrixPlan {
    /// Always `dr_drill.matrix.v1`.
    pub schema: String,
    /// SHA-256 of the fleet file.
    pub fleet_sha256: String,
    /// When it was planned.
    pub at: String,
    /// Slots whose drills are to be run.
    pub slots: Vec<MatrixSlot>,
    /// Slots that have ended without one.
    pub unrun: Vec<EndedSlot>,
}

/// A slot whose drill is to be run: a job of a matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatrixSlot {
    /// The drill.
    pub drill: String,
    /// When it was due.
    pub due_at: String,
    /// Whether it is late.
    pub late: bool,
    /// How many drills come before it, one after another.
    pub level: u32,
}

/// What a calendar would come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill simulation, version 1")]
pub struct Simulation {
    /// Always `dr_drill.simulation.v1`.
    pub schema: String,
    /// SHA-256 of the fleet file.
    pub fleet_sha256: String,
    /// Start of what was played.
    pub from: String,
    /// Its end.
    pub to: String,
    /// How many drills could run side by side.
    pub workers: u64,
    /// How few would do for nothing to be missed that more can help; `null` if it was not looked for, or if
    /// no number helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers_needed: Option<u64>,
    /// How many drills were in the fleet.
    pub drills: u64,
    /// How many slots came.
    pub slots: u64,
    /// How many of them ran.
    pub ran: u64,
    /// How many had not ended.
    pub open: u64,
    /// How many ended without a drill, by what kept it from running.
    pub kept: BTreeMap<String, u64>,
    /// How many drills ran side by side at most.
    pub most_at_once: u64,
    /// Hours of drills.
    pub hours: f64,
    /// The longest that a slot waited for its turn, in seconds.
    pub longest_wait_seconds: u64,
    /// Drills that were still at work when their window closed, and how often.
    pub beyond_windows: Vec<Beyond>,
    /// Drills with slots that were missed, the worst first.
    pub missed: Vec<Missed>,
}

/// A drill that needs more time than its window has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Beyond {
    /// The drill.
    pub drill: String,
    /// How often it was at work when its window closed.
    pub times: u64,
}

/// A drill with slots that were missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missed {
    /// The drill.
    pub drill: String,
    /// How many.
    pub slots: u64,
    /// When the first was due.
    pub first_due_at: String,
    /// What kept it from running.
    pub cause: Cause,
}
