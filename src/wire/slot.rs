//! Slots of a calendar, version 1: what a drill ran for, and the record of a slot in which none ran.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{ChainFacts, Tool};

/// Value of `schema` in the record of a slot.
pub const RECORD: &str = "dr_drill.slot.v1";

/// The slot that a drill ran for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotFacts {
    /// What the fleet calls the drill: its name in the history.
    pub drill: String,
    /// When it was due.
    pub due_at: String,
    /// How often it was begun for this slot, this time included.
    pub attempt: u32,
    /// Whether it ran after its time, because nothing looked at the calendar before.
    pub late: bool,
    /// SHA-256 of the fleet file.
    pub fleet_sha256: String,
    /// How the backup was chosen, where there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_point: Option<PointFacts>,
}

/// How one of several backups was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PointFacts {
    /// How: `latest`, `oldest` or `random`.
    pub choose: super::fleet::Choice,
    /// From how many.
    pub among: u64,
    /// Its place among them by the time of capture, from 1, the oldest first.
    pub chosen: u64,
    /// What a random choice follows from: its SHA-256, the first eight bytes as a number, divided by `among`, has
    /// `chosen` less one as its remainder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// When the oldest of them was captured.
    pub oldest_captured_at: String,
    /// When the newest of them was captured.
    pub newest_captured_at: String,
}

/// Slots in which no drill ran: a link in the chain of the drill's name, like a drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dr-drill slot record, version 1")]
pub struct SlotRecord {
    /// Always `dr_drill.slot.v1`.
    pub schema: String,
    /// What wrote it.
    pub tool: Tool,
    /// The drill.
    pub drill: String,
    /// Its place among the drills and records of the name.
    pub chain: ChainFacts,
    /// When it was written.
    pub recorded_at: String,
    /// How the slots ended.
    pub end: SlotEnd,
    /// What kept the drill from running.
    pub cause: Cause,
    /// The same for people.
    pub reason: String,
    /// When they were due, the oldest first.
    #[schemars(length(min = 1, max = 1000))]
    pub due_at: Vec<String>,
    /// How often a drill was begun that did not come to its end.
    pub attempts: u32,
    /// SHA-256 of the fleet file.
    pub fleet_sha256: String,
    /// Fingerprint of the key that was to sign; `null` where none was given.
    pub signer: Option<String>,
}

/// How a slot ended in which no drill ran.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SlotEnd {
    /// The fleet file wants it so.
    Skipped,
    /// It should have run.
    Missed,
}

/// What kept a drill from running.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A blackout.
    Blackout,
    /// No window was open.
    Window,
    /// What drills may use in a day was used up.
    Budget,
    /// A drill that has to pass before did not.
    Dependency,
    /// Nothing looked at the calendar.
    Downtime,
    /// The machine had no room.
    Busy,
    /// The drill of the slot before still ran.
    Running,
    /// It was begun, and whatever ran it ended before it did.
    Interrupted,
    /// It could not be begun, or left no evidence.
    Unstarted,
}

impl SlotEnd {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Missed => "missed",
        }
    }
}

impl Cause {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Blackout => "blackout",
            Self::Window => "window",
            Self::Budget => "budget",
            Self::Dependency => "dependency",
            Self::Downtime => "downtime",
            Self::Busy => "busy",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Unstarted => "unstarted",
        }
    }

    /// How a slot ends that ends so.
    #[must_use]
    pub fn end(self) -> SlotEnd {
        match self {
            Self::Blackout | Self::Budget | Self::Dependency => SlotEnd::Skipped,
            Self::Window
            | Self::Downtime
            | Self::Busy
            | Self::Running
            | Self::Interrupted
            | Self::Unstarted => SlotEnd::Missed,
        }
    }
}
