//! What the steps of a drill found out: each fills in its own part of a context.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::manifest::SbomProfile;

use super::Class;

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
    /// `validate_sbom`: that of the recall script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_sbom: Option<SbomFacts>,
    /// `validate_provenance`: that of the recall script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_provenance: Option<ProvenanceFacts>,
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
    /// The key that signed it, if one was asked for with `--manifest-key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
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
    /// How it is tied to the backup.
    pub binding: Binding,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// What it lacks of each profile that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileFacts>,
    /// How many components have licences that are not acceptable.
    #[serde(default)]
    pub refused_licenses: u64,
    /// The first of them, each with its licences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_components: Vec<String>,
    /// What is odd but allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// How an SBOM is tied to an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// By its digest.
    Bound,
    /// By a name and a version, which anything could have.
    WeaklyBound,
    /// By nothing.
    Unbound,
}

/// What an SBOM lacks of a profile; nothing, if the list is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileFacts {
    /// The profile.
    pub profile: SbomProfile,
    /// Elements that are missing.
    pub missing: Vec<MissingElement>,
}

/// An element of a profile that an SBOM lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingElement {
    /// The element.
    pub element: String,
    /// How many components lack it; 0 for an element of the document itself.
    pub components: u64,
    /// Name of the first that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
}

/// The provenance as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProvenanceFacts {
    /// Path relative to the root.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// `dsse`, `bundle`, `statement`, `minisign` or `mixed`.
    pub form: String,
    /// Statements in the file.
    pub statements: u64,
    /// Predicate types of the statements about the backup.
    pub predicate_types: Vec<String>,
    /// Builders that they name; to be believed only if a signature was verified.
    pub builders: Vec<String>,
    /// Signatures in the file.
    pub signatures: u64,
    /// Whether the statements that count were signed by whom the manifest trusts.
    pub verification: Verification,
    /// Those who signed; empty unless verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<SignerFacts>,
    /// What is odd but allowed, and statements about the backup that do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// Whether signatures were held against keys or identities that the caller gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// They were, and they hold.
    Verified,
    /// There was nobody to hold them against.
    NotVerified,
}

/// Somebody who is trusted and has signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignerFacts {
    /// Path of the key, or the identity.
    pub name: String,
    /// Kind and digest of the key, or the issuer of the identity.
    pub detail: String,
    /// When it was signed, as a log or a timestamp authority has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<String>,
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
