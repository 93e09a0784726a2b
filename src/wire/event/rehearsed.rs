//! What rehearsals find out: what was planned, done and discussed, how long the service was away, what was lost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Status, Tool};
use crate::wire::exercise::{Gap, Participant, ResponseStep, ScenarioSeverity};

/// An action of a rehearsal that is about to begin. It is on the disk before the action begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionPlan {
    /// The step that it belongs to.
    pub step: String,
    /// The component, or the scenario.
    pub of: String,
    /// What is done.
    pub action: String,
    /// Wall-clock time.
    pub started_at: String,
    /// What would undo it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

/// An action of a rehearsal that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionFacts {
    /// The step that it belongs to.
    pub step: String,
    /// The component, or the scenario.
    pub of: String,
    /// What was done.
    pub action: String,
    /// Wall-clock time.
    pub ended_at: String,
    /// Measured duration.
    pub duration_seconds: f64,
    /// What became of it.
    pub status: Status,
    /// One sentence for people.
    pub message: String,
}

/// Another process goes on with a run that was cut off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResumedFacts {
    /// Wall-clock time.
    pub at: String,
    /// What goes on.
    pub tool: Tool,
    /// What it was asked for.
    pub request: Resumption,
}

/// What a run that was cut off is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resumption {
    /// Its end.
    Resume,
    /// The first state.
    RollBack,
}

/// Something that a talk has found to be missing, or that was known before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GapFacts {
    /// What it is called from now on.
    pub id: String,
    /// The scenario.
    pub scenario: String,
    /// The step of it, if it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What is missing.
    pub gap: Gap,
    /// Wall-clock time.
    pub found_at: String,
}

/// Something that was missing and is not any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClosedGapFacts {
    /// What it is called.
    pub id: String,
    /// Wall-clock time.
    pub closed_at: String,
}

/// Something that was said and is to be remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObservationFacts {
    /// The scenario.
    pub scenario: String,
    /// The step of it, if it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What was said.
    pub text: String,
    /// Wall-clock time.
    pub at: String,
}

/// A tabletop as it was planned and worked out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TabletopFacts {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who leads it.
    pub facilitator: String,
    /// Who is in the room.
    pub participants: Vec<Participant>,
    /// When it was to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<String>,
    /// Each scenario.
    pub scenarios: Vec<ScenarioFacts>,
}

/// A scenario as it was worked out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioFacts {
    /// Its name.
    pub name: String,
    /// What happens.
    pub description: String,
    /// How bad it is.
    pub severity: ScenarioSeverity,
    /// What it affects.
    pub affected_systems: Vec<String>,
    /// How it would be noticed.
    pub triggers: Vec<String>,
    /// Within how many minutes everything has to be back.
    pub expected_rto_minutes: f64,
    /// How many minutes of data may be lost.
    pub expected_rpo_minutes: f64,
    /// How many would be, as people estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_data_loss_minutes: Option<f64>,
    /// All steps one after the other.
    pub total_minutes: f64,
    /// All steps, those at once that can be.
    pub critical_path_minutes: f64,
    /// The same, where each role and tool does one thing at a time.
    pub minutes_with_waiting: f64,
    /// By how much the critical path is longer than it may be; 0 where it is not.
    pub gap_minutes: f64,
    /// Ids of the steps that nothing may be late of.
    pub critical_path: Vec<String>,
    /// Each step, in an order in which they can be done.
    pub steps: Vec<PlannedResponse>,
}

/// A step of an answer, and when it would begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedResponse {
    /// The step.
    #[serde(flatten)]
    pub step: ResponseStep,
    /// Minutes after the beginning.
    pub starts_after_minutes: f64,
    /// Whether nothing may be late of it.
    pub critical: bool,
}

/// A failover as it was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailoverFacts {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it began: `planned`, `unplanned`.
    pub mode: String,
    /// Whether people depend on it.
    pub production: bool,
    /// Whether only some of the components were asked for.
    pub partial: bool,
    /// Whether the first state was asked for again, after all was validated.
    pub returns: bool,
    /// Whether nothing but the first state was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback_only: bool,
    /// What is switched, in order.
    pub components: Vec<ComponentFacts>,
}

/// A component as it was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentFacts {
    /// Its name.
    pub name: String,
    /// What switches it: `postgres`, `haproxy`, `dns` or `actions`.
    pub kind: String,
}

/// Whether the service answered from start to end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AvailabilityFacts {
    /// Seconds from the start of one request to that of the next.
    pub every_seconds: f64,
    /// How many requests were made.
    pub requests: u64,
    /// How many of them were not answered as they have to be.
    pub lost: u64,
    /// When it was away, in order.
    pub outages: Vec<OutageFacts>,
    /// Seconds that it was away, altogether.
    pub downtime_seconds: f64,
    /// Seconds in which it was not asked, because the run was cut off; a part of them may be downtime.
    pub unobserved_seconds: f64,
    /// Whether it answered at the end.
    pub answers: bool,
}

/// A time in which the service was away: from the first request that failed to the first that succeeded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutageFacts {
    /// Wall-clock time of the start of the first request that failed.
    pub first_failure_at: String,
    /// Wall-clock time of the end of the first request that succeeded again; `null` where none did.
    pub first_success_at: Option<String>,
    /// Seconds between the two, else until the last request.
    pub seconds: f64,
    /// How many requests failed in it.
    pub lost: u64,
}

/// What of that which was promised was still there afterwards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MarkerFacts {
    /// How many were sent.
    pub sent: u64,
    /// How many of them were promised.
    pub promised: u64,
    /// How many of those were found afterwards.
    pub found: u64,
    /// How many of those were not.
    pub lost: u64,
    /// How many were found without having been promised: the answer had been lost, not the data.
    pub unpromised: u64,
    /// The first numbers that were lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_lost: Vec<u64>,
    /// Seconds from the last promise that was kept before the first that was not, to the last that was not.
    pub lost_span_seconds: f64,
}
