//! What is signed of a drill: in-toto statements, version 1, whose subjects are the backup and every file
//! of the evidence (<https://github.com/in-toto/attestation/tree/main/spec/v1>).
//!
//! Two say the same: one with the predicate that others know
//! ([test-result](https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md)), and
//! one with our own, which tells *inconclusive* from *failed*.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::Verdict;

/// Payload type of an envelope with a statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Value of `_type` in every statement.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The predicate that others know.
pub const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// Our own predicate.
pub const DRILL: &str = "https://github.com/dr-drill/dr-drill/attestation/drill/v1";

/// The predicate of whoever has looked at a drill.
pub const SIGN_OFF: &str = "https://github.com/dr-drill/dr-drill/attestation/sign-off/v1";
/// The predicate of a checkpoint of a history.
pub const CHECKPOINT: &str = "https://github.com/dr-drill/dr-drill/attestation/checkpoint/v1";

/// What is said, of what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement<P> {
    /// Always [`STATEMENT`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// The backup, if it was read, and every file of the evidence.
    pub subject: Vec<Subject>,
    /// What the predicate is.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What is said.
    pub predicate: P,
}

/// Something with a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name: of the backup its path in the root, of evidence its path in the directory.
    pub name: String,
    /// Its digests, by algorithm.
    pub digest: BTreeMap<String, String>,
}

/// That a test was run, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// `PASSED` or `FAILED`: what is inconclusive has not passed.
    pub result: String,
    /// The manifest as it was run.
    pub configuration: Vec<Subject>,
    /// Steps that passed.
    pub passed_tests: Vec<String>,
    /// Steps that did not pass, be it that nothing could be told.
    pub failed_tests: Vec<String>,
}

/// What a drill came to (`dr_drill.attestation.v1`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "dr-drill attestation predicate, version 1")]
pub struct Drill {
    /// The run.
    pub run_id: String,
    /// Name of the drill, as the manifest gives it.
    pub name: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// SHA-256 of the report.
    pub report_sha256: String,
    /// SHA-256 of the list of digests.
    pub sums_sha256: String,
    /// Wall-clock time of the start.
    pub started_at: String,
    /// Wall-clock time of the end.
    pub ended_at: String,
    /// Whether a caller fixed the clock.
    pub clock_overridden: bool,
    /// What was not proven, in words.
    pub not_proven: Vec<String>,
    /// Its number among the drills of its name, where a history is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// SHA-256 of the list of digests of the drill before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_seal_sha256: Option<String>,
}

/// That somebody has looked at a drill. The subject is its list of digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "dr-drill sign-off predicate, version 1")]
pub struct SignOff {
    /// The run.
    pub run_id: String,
    /// What they have to say.
    pub note: String,
    /// When they said it, on their clock.
    pub signed_at: String,
}

/// What a history holds. The subject is the list of the newest drill of each name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "dr-drill checkpoint predicate, version 1")]
pub struct Checkpoint {
    /// When it was made, on the clock of whoever made it.
    pub made_at: String,
    /// How many names have drills in it.
    pub names: u64,
    /// How many drills are in their chains.
    pub drills: u64,
}
