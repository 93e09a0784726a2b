//! Controls of standards against the evidence of drills (`dr_drill.controls.v1`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::Verdict;
use super::report::ExerciseKind;

/// Value of `schema` in the answer of `dr-drill controls`.
pub const SCHEMA: &str = "dr_drill.controls.v1";

/// A control, as the catalogue lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Standard and number.
    pub id: String,
    /// What the standard calls it.
    pub title: String,
    /// What it asks for, in our words.
    pub asks: String,
    /// What meets it; default drills.
    #[serde(default, skip_serializing_if = "Meets::is_drill")]
    pub of: Meets,
    /// Facts that the evidence of a drill must hold, each by its name.
    pub needs: Vec<String>,
}

/// What can meet a control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Meets {
    /// A drill of a backup.
    #[default]
    Drill,
    /// A tabletop.
    Tabletop,
    /// A failover.
    Failover,
}

impl Meets {
    /// The word of the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Drill => "drill",
            Self::Tabletop => "tabletop",
            Self::Failover => "failover",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_drill(&self) -> bool {
        *self == Self::Drill
    }
}

impl From<Option<ExerciseKind>> for Meets {
    fn from(kind: Option<ExerciseKind>) -> Self {
        match kind {
            None => Self::Drill,
            Some(ExerciseKind::Tabletop) => Self::Tabletop,
            Some(ExerciseKind::Failover) => Self::Failover,
        }
    }
}

/// Which controls the drills of a period meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill controls, version 1")]
pub struct Matrix {
    /// Always `dr_drill.controls.v1`.
    pub schema: String,
    /// Beginning of the period.
    pub from: String,
    /// End of the period, which is no part of it.
    pub to: String,
    /// Every control of the catalogue.
    pub controls: Vec<ControlResult>,
    /// Every drill of the period.
    pub drills: Vec<DrillLine>,
}

/// Whether a control is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlResult {
    /// The control.
    #[serde(flatten)]
    pub control: Control,
    /// Whether, for each name, a drill of the period holds all that it needs.
    pub met: bool,
    /// For each name that misses it: what is missing.
    pub gaps: Vec<Gap>,
}

/// What is missing for a control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Name of the drills; nothing where there was none at all.
    pub name: Option<String>,
    /// The drill that comes closest.
    pub closest: Option<String>,
    /// Facts that even that one does not hold; all where there was no drill.
    pub missing: Vec<String>,
}

/// A drill of the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrillLine {
    /// Its name.
    pub name: String,
    /// The run.
    pub run_id: String,
    /// What it was.
    #[serde(default, skip_serializing_if = "Meets::is_drill")]
    pub kind: Meets,
    /// When it began.
    pub started_at: String,
    /// The verdict.
    pub verdict: Verdict,
    /// How its evidence stands.
    pub evidence: EvidenceStanding,
    /// What its evidence holds.
    pub facts: Vec<String>,
}

/// How the evidence of a drill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceStanding {
    /// As it was sealed, and signed by a key that was given.
    Signed,
    /// As it was sealed; by whom was not asked, or is not known.
    SignerUnknown,
    /// Not as it was sealed, or signed by nobody who was asked for: it proves nothing.
    NotVerified,
}
