//! What was found out of a restore: the server, the programs, the data, and what was left.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Status;
use crate::wire::manifest::Profile;

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
    /// Programs that it used besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<ProgramFacts>,
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
    /// Rows (of Redis: keys) that the server took, where it counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Whether every file was held against what `pg_basebackup` says that it has written; `false` where
    /// it has said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_files: Option<bool>,
    /// Seconds that the server took to recover, of those of the restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_seconds: Option<f64>,
    /// Keys that were left out, as their time had passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired_keys: Option<u64>,
    /// What confined it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub isolation: Vec<IsolationFact>,
}

/// A program that a restore used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgramFacts {
    /// What it was used for.
    pub role: ProgramRole,
    /// The name or path by which it was looked for.
    pub name: String,
    /// Where it was found, every link followed.
    pub path: String,
    /// What it says of its version; nothing if it cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// What a program was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgramRole {
    /// It runs the script.
    Interpreter,
    /// The manifest says that the script uses it.
    Tool,
    /// The throwaway server.
    Server,
    /// It brings the data into the server, or looks at it there.
    Client,
}

/// The throwaway server that was started for a restore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceFacts {
    /// `postgresql`, `mariadb`, `redis`, `valkey` or `sqlite`.
    pub engine: String,
    /// Version of the server.
    pub version: String,
    /// How it writes.
    pub profile: Profile,
    /// Seconds until it answered; nothing where there is no server to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_seconds: Option<f64>,
    /// The database that is looked at.
    pub database: String,
    /// Roles that the dump speaks of and does not make; they were made, without rights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Whether it was there before, and was started by somebody else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub existing: bool,
    /// The user that it ran as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// How much of the restored data was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageFacts {
    /// Tables that there are.
    pub tables: u64,
    /// How many of them no check looked into.
    pub unchecked: u64,
    /// The first of those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_unchecked: Vec<String>,
}

/// The answer to a question about the restored data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckFacts {
    /// Which of the checks it is, as `2-row_count`: its place in the manifest, and its kind.
    pub id: String,
    /// Its kind.
    pub check: String,
    /// Whether the drill fails where it does not hold.
    pub critical: bool,
    /// What became of it.
    pub status: Status,
    /// What was expected: numbers and names, never rows.
    pub expected: String,
    /// What was found; nothing where it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
    /// One sentence for people.
    pub message: String,
    /// Tables that it looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// Time of the newest row, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_row_at: Option<String>,
    /// Measured duration.
    pub duration_seconds: f64,
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
    /// Most bytes that the private directory took on the disk at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_disk_bytes: Option<u64>,
    /// Whether the private directory is gone.
    pub removed: bool,
}
