//! What commands answer with `--format json`, each with its own version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{Finding, PolicyResult, ProvenanceFacts, SbomFacts, TabletopFacts, Verdict};

/// Value of `schema` in the answer of `dr-drill verify`.
pub const VERIFICATION: &str = "dr_drill.verification.v1";
/// Value of `schema` in the answer of `dr-drill check manifest`.
pub const MANIFEST_CHECK: &str = "dr_drill.manifest_check.v1";
/// Value of `schema` in the answers of `dr-drill check provenance` and `check sbom`.
pub const CHECK: &str = "dr_drill.check.v1";
/// Value of `schema` in the answer of `dr-drill run --dry-run`.
pub const PLAN: &str = "dr_drill.plan.v1";

/// Value of `schema` in the answer of `dr-drill exercise tabletop check`.
pub const TABLETOP_CHECK: &str = "dr_drill.tabletop_check.v1";

/// A tabletop, worked out before anybody talks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill tabletop check, version 1")]
pub struct TabletopCheck {
    /// Always `dr_drill.tabletop_check.v1`.
    pub schema: String,
    /// Name of the exercise.
    pub name: String,
    /// Paths and times of each scenario.
    pub tabletop: TabletopFacts,
    /// What people miss.
    pub findings: Vec<Finding>,
    /// What is expected against what the steps come to.
    pub policies: Vec<PolicyResult>,
}

/// What is known of an evidence directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill verification, version 1")]
pub struct Verification {
    /// Always `dr_drill.verification.v1`.
    pub schema: String,
    /// How it stands.
    pub standing: Standing,
    /// The run.
    pub run_id: Option<String>,
    /// The verdict of the drill; `null` unless the evidence is intact.
    pub verdict: Option<Verdict>,
    /// What was found to hold.
    pub proven: Vec<String>,
    /// What nobody can tell from the directory alone, or was not proven by the drill.
    pub not_proven: Vec<String>,
    /// Everything that is wrong.
    pub problems: Vec<FileProblem>,
}

/// How an evidence directory stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Every byte is as it was sealed; by whom, nobody can tell without a signature.
    IntactSignerUnknown,
    /// Every byte is as it was sealed, and signed by the key that was given.
    Verified,
    /// Every byte is as it was sealed, but not signed by the key that was given.
    NotSignedByKey,
    /// Only seal, signatures and report are left, as they were sealed.
    Pruned,
    /// It was never sealed: its drill was cut off.
    Incomplete,
    /// Something in it was changed.
    Altered,
}

/// One thing that is wrong with a file of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileProblem {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub message: String,
}

/// Whether a manifest is valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill manifest check, version 1")]
pub struct ManifestCheck {
    /// Always `dr_drill.manifest_check.v1`.
    pub schema: String,
    /// Whether there is no problem.
    pub valid: bool,
    /// Everything that is wrong, in the order of the text.
    pub problems: Vec<ManifestProblem>,
}

/// One thing that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManifestProblem {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// Which key, as `backup.sha256`; empty for the whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What was found in a file that vouches for an artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill check, version 1")]
pub struct Check {
    /// Always `dr_drill.check.v1`.
    pub schema: String,
    /// The file.
    pub file: String,
    /// How it stands.
    pub standing: CheckStanding,
    /// Why it is refused: the first reasons.
    pub problems: Vec<CheckProblem>,
    /// How many reasons there are.
    pub problems_in_all: usize,
    /// What is odd but allowed.
    pub remarks: Vec<String>,
    /// What an SBOM says; only if it keeps its rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbom: Option<SbomFacts>,
    /// What provenance says; only if it is not refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<ProvenanceFacts>,
}

/// How a file that vouches for an artifact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStanding {
    /// Signed by whom it should be, and says what was asked for.
    Verified,
    /// Keeps all rules; there was nothing to verify it against, nor need to.
    Valid,
    /// Keeps all rules, but was verified against nobody: nothing is proven.
    NotVerified,
    /// Breaks a rule, or does not say what was asked for.
    Refused,
}

/// One reason for which a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckProblem {
    /// The kind of reason, as `provenance/unsigned`.
    pub rule: String,
    /// What was found, and what was wanted.
    pub message: String,
    /// JSON pointer to the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// What a drill would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill plan, version 1")]
pub struct Plan {
    /// Always `dr_drill.plan.v1`.
    pub schema: String,
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
}

/// A step that is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStep {
    /// Its fixed id.
    pub step: String,
    /// What it will do, to what.
    pub does: String,
}
