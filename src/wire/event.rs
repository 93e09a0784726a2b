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

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// The program that ran a drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
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

/// What a step found out; each step fills in its own part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Context {
    /// `load_manifest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestFacts>,
    /// `verify_backup_digest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupFacts>,
    /// `verify_backup_payload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<PayloadFacts>,
    /// `validate_sbom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sbom: Option<SbomFacts>,
    /// `validate_provenance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<ProvenanceFacts>,
    /// `restore_artifact`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreFacts>,
    /// `validate_restored_backup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<RecoveredFacts>,
    /// `teardown_instance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teardown: Option<TeardownFacts>,
    /// `enforce_policies`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyResult>,
    /// Why a step did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorFacts>,
}

/// Why a step did not pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorFacts {
    /// Which kind of reason it is.
    pub class: Class,
    /// What happened, to what, and what was not done.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The manifest as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ManifestFacts {
    /// SHA-256 of the file.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The backup as it was hashed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackupFacts {
    /// Path relative to the root.
    pub path: String,
    /// `file` or `directory`.
    pub kind: String,
    /// The pin.
    pub expected_sha256: String,
    /// What was computed.
    pub sha256: String,
    /// Bytes of content.
    pub bytes: u64,
    /// Files in a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
}

/// What the backup turned out to be inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PayloadFacts {
    /// Its format; `opaque` where nothing is known of it.
    pub format: String,
    /// Whether it was read through to its end and found whole.
    pub complete: bool,
    /// Services in a service status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services_checked: Option<u64>,
    /// Bytes after decompression, or of all members of an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpacked_bytes: Option<u64>,
    /// The time inside the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<PayloadTime>,
}

/// A time that was found inside a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PayloadTime {
    /// RFC 3339, in UTC.
    pub at: String,
    /// What the time says of the capture.
    pub meaning: TimeMeaning,
}

/// What a time inside a backup says of the moment of its capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeMeaning {
    /// The capture, exactly.
    Captured,
    /// The capture, on a local clock whose zone is not known.
    CapturedLocalTime,
    /// The newest change that it holds: the capture cannot be earlier.
    NotBefore,
}

/// The SBOM as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SbomFacts {
    /// Path relative to the root.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// `CycloneDX` or `SPDX`.
    pub format: String,
    /// Version of the specification.
    pub spec_version: String,
    /// Components or packages that it lists.
    pub components: u64,
    /// Whether it names the backup by its digest.
    pub names_backup: bool,
}

/// The provenance as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProvenanceFacts {
    /// Path relative to the root.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// `dsse` or `statement`.
    pub form: String,
    /// Statements in the file.
    pub statements: u64,
    /// Predicate types of the statements about the backup.
    pub predicate_types: Vec<String>,
    /// Builders that they name; believed by nobody until a signature is verified.
    pub builders: Vec<String>,
    /// Signatures in the envelopes; none of them is verified.
    pub signatures: u64,
}

/// How the restore went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreFacts {
    /// The driver.
    pub driver: String,
    /// Attempts that were made.
    pub attempts: u32,
    /// Seconds that the last attempt took.
    pub seconds: f64,
    /// Path of the script relative to the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// SHA-256 of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_sha256: Option<String>,
    /// Exit status of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_status: Option<i32>,
    /// Names of processes that it left running.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<String>,
    /// Last lines that it printed, redacted, where it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
    /// Bytes that it printed.
    #[serde(default)]
    pub output_bytes: u64,
    /// What confined it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub isolation: Vec<IsolationFact>,
}

/// One protection, and whether it was in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IsolationFact {
    /// What it protects.
    pub protection: String,
    /// Whether it was in force.
    pub in_force: bool,
    /// By which mechanism, or why not.
    pub detail: String,
}

/// What was recovered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecoveredFacts {
    /// Path relative to the output directory.
    pub path: String,
    /// What its digest must be.
    pub expected_sha256: String,
    /// Its digest.
    pub sha256: String,
    /// Bytes of content.
    pub bytes: u64,
    /// Files in a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// The first files that differ, each with how.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
}

/// What was removed after the restore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TeardownFacts {
    /// Files that the restore had left, which were removed.
    pub files_removed: u64,
    /// Their bytes.
    pub bytes_removed: u64,
    /// Whether the private directory is gone.
    pub removed: bool,
}

/// One policy, held against what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyResult {
    /// Its key in the manifest.
    pub policy: String,
    /// The limit.
    pub limit: f64,
    /// What was measured; `null` where it could not be.
    pub observed: Option<f64>,
    /// Unit of both.
    pub unit: String,
    /// What became of it.
    pub status: PolicyStatus,
    /// One sentence for people.
    pub message: String,
}

/// What became of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyStatus {
    /// The limit holds.
    Passed,
    /// The limit holds, the warning level does not.
    Warned,
    /// The limit is broken.
    Failed,
    /// The limit is broken, and a waiver holds.
    Waived,
    /// Nothing was measured.
    NotMeasured,
}

/// Durations of the phases of a drill, in seconds, by name.
pub type PhaseSeconds = BTreeMap<String, f64>;
