//! The manifest, version 1: what to drill and what must hold.

mod checks;
mod limits;
mod recovery;
mod vouchers;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use checks::*;
pub use limits::*;
pub use recovery::*;
pub use vouchers::*;

/// What to drill and what must hold. Paths are relative to this file and stay inside the root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dr-drill manifest, version 1")]
pub struct Manifest {
    /// Name of the drill, for people and for history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub name: Option<String>,
    /// The backup under test.
    pub backup: Backup,
    /// Its software bill of materials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbom: Option<Input>,
    /// Its provenance: who made it, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// How it is restored.
    pub restore: Restore,
    /// The throwaway server that a database is restored into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// What the database was when it was last known to be good, for the checks `structure` and
    /// `content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineSource>,
    /// What must hold of the restored data. A database is always asked whether it answers and
    /// whether it is empty. `auto`: whatever follows from the baseline.
    #[serde(default, skip_serializing_if = "Checks::is_empty")]
    pub checks: Checks,
    /// Limits on what is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Policies>,
    /// What has to follow a drill that does not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrective_action: Option<CorrectiveAction>,
}

/// What has to follow a drill that does not pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectiveAction {
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub owner: Option<String>,
    /// Days within which a drill of this name has to pass again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 3650), extend("exclusiveMinimum" = 0))]
    pub due_days: Option<f64>,
}

/// The artifact under test: a file or a directory tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Where it lies; this or `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub path: Option<String>,
    /// The object storage that it is fetched from, a file: `s3://`, `gs://`, `az://` or `https://` (`docs/storage.md`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub url: Option<String>,
    /// Most bytes that are fetched; default 100 GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_bytes: Option<u64>,
    /// SHA-256 of the file, or the tree digest of the directory (`docs/tree-digest.md`).
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub sha256: String,
    /// When the data was captured, RFC 3339 with an offset.
    #[schemars(length(min = 1, max = 64))]
    pub captured_at: String,
}

/// Where it is told what the database was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaselineSource {
    /// Where a baseline lies: `dr-drill backup` and `dr-drill run --record-baseline` make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub path: Option<String>,
    /// SHA-256 of the file, if it is to be pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub sha256: Option<String>,
    /// Whether it is what the newest drill of this name that passed found, as the history holds it. The
    /// file is then only for the first drill. Each drill records what it finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good_drill: Option<bool>,
}

impl From<Input> for BaselineSource {
    fn from(file: Input) -> Self {
        Self { path: Some(file.path), sha256: file.sha256, last_good_drill: None }
    }
}

/// A file that vouches for the backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Where it lies.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// SHA-256 of the file, if it is to be pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub sha256: Option<String>,
}
