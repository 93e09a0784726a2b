//! Events of a drill, version 1 (`dr_drill.event.v1`): one JSON object a line, flushed as it happens.
//!
//! `run_started` names every planned step, so that a log that was cut off reads as incomplete.
//! Sequence numbers start at 0 and have no gaps. Events are facts: nothing in them is meant for a
//! display, and [`crate::outcome::fold`] makes the whole outcome of a drill from them.
//!
//! ```
//! let line = r#"{"schema":"dr_drill.event.v1","run_id":"r","seq":1,
//!   "event":"step_started","step":"load_manifest","started_at":"2026-11-20T08:00:00.000Z"}"#;
//! let event: dr_drill::wire::event::Event = serde_json::from_str(line).unwrap();
//! assert!(matches!(event.body, dr_drill::wire::event::Body::StepStarted { .. }));
//! ```

mod chained;
mod facts;
mod rehearsed;
mod restored;
mod vouched;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::slot::SlotFacts;

pub use chained::*;
pub use facts::*;
pub use rehearsed::*;
pub use restored::*;
pub use vouched::*;

/// Value of `schema` in every event.
pub const SCHEMA: &str = "dr_drill.event.v1";

/// One line of the event stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill event, version 1")]
pub struct Event {
    /// Always `dr_drill.event.v1`.
    pub schema: String,
    /// The run that it belongs to.
    pub run_id: String,
    /// Position in the stream, from 0, without gaps.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Body {
    /// A drill began.
    RunStarted {
        /// Wall-clock time of the start.
        started_at: String,
        /// What ran.
        tool: Tool,
        /// Where the time comes from.
        clock: ClockFacts,
        /// Path of the manifest, relative to the root.
        manifest: String,
        /// Every step that is planned, in order.
        steps: Vec<String>,
        /// Fingerprint of the key that is to sign the evidence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signer: Option<String>,
        /// The slot of a calendar that it runs for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<Box<SlotFacts>>,
    },
    /// A step began.
    StepStarted {
        /// Its fixed id.
        step: String,
        /// Wall-clock time.
        started_at: String,
    },
    /// A step ended.
    StepFinished {
        /// Its fixed id.
        step: String,
        /// Wall-clock time of its start.
        started_at: String,
        /// Wall-clock time of its end.
        ended_at: String,
        /// Measured duration, whatever the wall clock said.
        duration_seconds: f64,
        /// What became of it.
        status: Status,
        /// One sentence for people.
        notes: String,
        /// What was found out.
        context: Box<Context>,
    },
    /// A question about the restored data was answered.
    CheckFinished(CheckFacts),
    /// An action of a rehearsal is about to begin.
    ActionStarted(ActionPlan),
    /// An action of a rehearsal ended.
    ActionFinished(ActionFacts),
    /// Another process goes on with a run that was cut off.
    RunResumed(ResumedFacts),
    /// A talk has found something to be missing.
    GapFound(GapFacts),
    /// Something that was missing is not any more.
    GapClosed(ClosedGapFacts),
    /// Something was said that is to be remembered.
    Observed(ObservationFacts),
    /// Something a person must know.
    Finding(Finding),
    /// A drill ended.
    RunFinished {
        /// Wall-clock time of the end.
        ended_at: String,
        /// Measured duration of the whole run.
        duration_seconds: f64,
        /// The verdict.
        status: Verdict,
        /// Why, where it is not `passed`.
        reasons: Vec<Reason>,
    },
}

impl Body {
    /// Whether something irrevocable may follow, or has: it has to be on the disk first.
    #[must_use]
    pub fn is_checkpoint(&self) -> bool {
        matches!(self, Self::ActionStarted(_) | Self::ActionFinished(_) | Self::RunResumed(_))
    }
}

/// The program that ran a drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// This program.
    #[must_use]
    pub fn own() -> Self {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Self { name: name.to_owned(), version: version.to_owned() }
    }
}

/// Where the wall-clock time of a run comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClockFacts {
    /// Whether a caller fixed it with `--current-time`.
    pub overridden: bool,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// What it checks was proven.
    Passed,
    /// What it checks does not hold.
    Failed,
    /// It could not be told.
    Inconclusive,
    /// It did not run; `notes` says why.
    Skipped,
}

/// The result of a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was planned was proven.
    Passed,
    /// Something does not hold.
    Failed,
    /// Something could not be told.
    Inconclusive,
}

impl Verdict {
    /// The word of the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Why a verdict is not `passed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Which kind of reason; decides the exit code.
    pub class: Class,
    /// The step that it comes from.
    pub step: String,
    /// What happened, to what.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Kinds of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The manifest is not valid: nothing was run.
    Manifest,
    /// The backup, or what vouches for it, is not what it should be.
    Integrity,
    /// The restore did not work.
    Restore,
    /// The restored data is not what it should be.
    Check,
    /// A rehearsal has shown that a recovery would not work as it is planned.
    Exercise,
    /// What a rehearsal had begun could not be undone: somebody has to act now.
    Rollback,
    /// Times contradict each other or lie in the future.
    CaptureTime,
    /// A limit was broken.
    Policy,
    /// The drill was interrupted, or a step did not run.
    Incomplete,
}

/// Something a person must know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable id.
    pub id: String,
    /// How much it weighs; an `error` fails the drill.
    pub severity: Severity,
    /// What was found.
    pub message: String,
    /// Where.
    pub place: String,
    /// Which kind of reason it is, where it fails the drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// To be looked at.
    Warning,
    /// Fails the drill.
    Error,
}

/// Durations of the phases of a drill, in seconds, by name.
pub type PhaseSeconds = BTreeMap<String, f64>;
