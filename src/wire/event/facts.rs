//! What the steps of a drill found out: each fills in its own part of a context.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AvailabilityFacts, ChainFacts, Class, CoverageFacts, FailoverFacts, InstanceFacts, MarkerFacts,
    PastFacts, ProvenanceFacts, RecoveredFacts, RestoreFacts, SbomFacts, TabletopFacts,
    TeardownFacts,
};

/// What a step found out; each step fills in its own part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Context {
    /// `load_manifest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestFacts>,
    /// `load_manifest`: the drills before, where there is a history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub past: Option<PastFacts>,
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
    /// `provision_instance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceFacts>,
    /// `validate_restored_backup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<RecoveredFacts>,
    /// `run_checks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageFacts>,
    /// `teardown_instance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teardown: Option<TeardownFacts>,
    /// `enforce_policies`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyResult>,
    /// `analyse_scenarios`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tabletop: Option<TabletopFacts>,
    /// `prepare`: of a failover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failover: Option<FailoverFacts>,
    /// `complete`: whether the service answered from start to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability: Option<AvailabilityFacts>,
    /// `complete`: what of that which was promised was still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markers: Option<MarkerFacts>,
    /// `seal_evidence`, where there is a history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainFacts>,
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
    /// The storage that it was fetched from; its path is then only its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Seconds that fetching it took; a part of its step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch_seconds: Option<f64>,
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
