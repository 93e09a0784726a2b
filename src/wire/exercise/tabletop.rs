//! A tabletop: scenarios that people talk through, and what the talk has found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::manifest::CorrectiveAction;

/// The kind of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TabletopKind {
    /// A tabletop.
    Tabletop,
}

/// Scenarios, who talks them through, and how they would be answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dr-drill tabletop, version 1")]
pub struct Tabletop {
    /// Always `tabletop`.
    pub exercise: TabletopKind,
    /// Name of the exercise, for people and for history.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who leads it.
    #[schemars(length(min = 1, max = 200))]
    pub facilitator: String,
    /// Who is in the room.
    #[schemars(length(min = 1, max = 1000))]
    pub participants: Vec<Participant>,
    /// When it is to be, RFC 3339 with an offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<String>,
    /// What could happen.
    #[schemars(length(min = 1, max = 100))]
    pub scenarios: Vec<Scenario>,
    /// What has to follow an exercise that does not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrective_action: Option<CorrectiveAction>,
}

/// Somebody in the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Participant {
    /// Their name.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The roles that they hold.
    #[schemars(length(min = 1, max = 100))]
    pub roles: Vec<String>,
}

/// Something that could happen, and how it would be answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// What happens.
    #[schemars(length(min = 1, max = 10000))]
    pub description: String,
    /// How bad it is.
    pub severity: ScenarioSeverity,
    /// What it affects.
    #[schemars(length(min = 1, max = 1000))]
    pub affected_systems: Vec<String>,
    /// Within how many minutes everything has to be back.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub expected_rto_minutes: f64,
    /// How many minutes of data may be lost.
    #[schemars(range(min = 0))]
    pub expected_rpo_minutes: f64,
    /// How many minutes of data would be lost, as the people in the room estimate it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub estimated_data_loss_minutes: Option<f64>,
    /// How it would be noticed.
    #[schemars(length(min = 1, max = 1000))]
    pub triggers: Vec<String>,
    /// How it would be answered.
    #[schemars(length(min = 1, max = 5000))]
    pub steps: Vec<ResponseStep>,
    /// What is known to be missing already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// How bad a scenario is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioSeverity {
    /// Few would notice.
    Low,
    /// Some work stops.
    Medium,
    /// The business suffers.
    High,
    /// The business could end.
    Critical,
}

/// One step of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseStep {
    /// What other steps call it.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"))]
    pub id: String,
    /// What is done.
    #[schemars(length(min = 1, max = 10000))]
    pub action: String,
    /// The role that does it.
    #[schemars(length(min = 1, max = 200))]
    pub role: String,
    /// How many minutes it would take.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub minutes: f64,
    /// Steps that have to be done before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// What is needed for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// What.
    #[schemars(length(min = 1, max = 10000))]
    pub description: String,
    /// Of which kind it is, such as `people`, `process`, `technology`, `documentation`.
    #[schemars(length(min = 1, max = 200))]
    pub category: String,
    /// How much it weighs.
    pub priority: GapPriority,
    /// What is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when: a day, as `2026-12-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub due: Option<String>,
}

/// How much a gap weighs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum GapPriority {
    /// The recovery would fail: the exercise fails.
    P1,
    /// It would be late, or lose more than it may.
    P2,
    /// It would be harder than it need be.
    P3,
}

impl GapPriority {
    /// The word of the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
        }
    }
}
