//! The manifest, version 1: what to drill and what must hold.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Limits on what is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Policies>,
}

/// The artifact under test: a file or a directory tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Where it lies.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// SHA-256 of the file, or the tree digest of the directory (`docs/tree-digest.md`).
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub sha256: String,
    /// When the data was captured, RFC 3339 with an offset.
    #[schemars(length(min = 1, max = 64))]
    pub captured_at: String,
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

/// Who says what of the backup, whom to believe, and what must be said (`docs/supply-chain.md`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Where it lies.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// SHA-256 of the file, if it is to be pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub sha256: Option<String>,
    /// Public keys (PEM) whose signatures count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 4096)))]
    pub keys: Vec<String>,
    /// How many of the keys must have signed. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 32))]
    pub threshold: Option<u32>,
    /// Whom the certificate of a Sigstore bundle must name: an address, or the URI of a workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub identity: Option<String>,
    /// Who must have vouched for that identity: an OpenID Connect issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub issuer: Option<String>,
    /// Trusted root of Sigstore (`trusted_root.json`, or one a line). Default: those built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub trusted_root: Option<String>,
    /// Builders that are believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builder_ids: Vec<Builder>,
    /// Build types that are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_types: Vec<String>,
    /// Repository that the build must have been started from, and have used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub source_uri: Option<String>,
    /// The whole ref of the source, as `refs/tags/v1.2.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub source_ref: Option<String>,
    /// Digest of the source: a commit, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{40,128}$"))]
    pub source_digest: Option<String>,
    /// Predicate types that are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predicate_types: Vec<String>,
    /// External parameters of the build that are expected, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_parameters: Vec<String>,
    /// Oldest acceptable statement, in hours before the drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_age_hours: Option<f64>,
}

/// A builder, and who must have signed for it to be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Builder {
    /// Its id; without a version (`@…`) that of every version.
    #[schemars(length(min = 1, max = 2048))]
    pub id: String,
    /// A key of `keys`, or the `identity`. Default: any of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub signer: Option<String>,
}

/// How the backup is restored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// What restores it; `script` where a script is given, else `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// The recall script: any executable (`docs/recall-script.md`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub script: Option<String>,
    /// SHA-256 of the script, if it is to be pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub script_sha256: Option<String>,
    /// Where restores happen: each run in a new directory below it. Default: the system's
    /// temporary directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub output_dir: Option<String>,
    /// Whether the script gets a private copy of the verified bytes. Default: true. Without it the
    /// script gets the backup itself, which is looked at again afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_backup: Option<bool>,
    /// How long one attempt may run. Default: 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub timeout_seconds: Option<u64>,
    /// How often a script that fails is started again, each time in an empty directory. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub retries: Option<u32>,
    /// What the script recovers, relative to its output directory. Default: `recovered-backup*`,
    /// else the backup's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub recovered: Option<String>,
    /// Digest of what the script recovers, where that is not the backup byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub recovered_sha256: Option<String>,
    /// Names of environment variables that the script gets besides its own; their values are
    /// secrets and are redacted from its output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$")))]
    pub environment: Vec<String>,
    /// Whether the drill fails where the kernel refuses a protection. Default: best-effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// What the script may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// For `files` and an archive: the tree digest that the unpacked archive must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub tree_sha256: Option<String>,
    /// For `files`: a list as `sha256sum` writes it, naming every file that must come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub digests: Option<String>,
}

/// What restores a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// A recall script.
    Script,
    /// A directory tree or an archive, copied or unpacked by the tool itself.
    Files,
}

/// What happens where the kernel refuses a protection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// The restore fails.
    Required,
    /// The restore runs with what is to be had, and a finding says what was missing.
    #[default]
    BestEffort,
}

/// What a recall script may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// MiB of private memory of each process. Default: the machine's memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub memory_mib: Option<u64>,
    /// Processes and threads. Default: 4096.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub processes: Option<u64>,
    /// MiB of any one file that is written. Default: what is free on the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub file_mib: Option<u64>,
}

/// Limits on what is measured. Breaking one fails the drill with exit code 3.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// Oldest acceptable data, in minutes before the drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_rpo_minutes: Option<f64>,
    /// Age from which on a warning is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub warn_rpo_minutes: Option<f64>,
    /// Longest acceptable time to verified data, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_rto_seconds: Option<f64>,
    /// Time from which on a warning is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub warn_rto_seconds: Option<f64>,
    /// Longest acceptable time of each phase, in seconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub max_phase_seconds: BTreeMap<Phase, f64>,
    /// Slowest acceptable restore, in bytes of backup per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub min_restore_bytes_per_second: Option<f64>,
    /// Whether a drill with `--current-time` may pass. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_clock_override: Option<bool>,
    /// Minimum elements that the SBOM must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sbom_profiles: Vec<SbomProfile>,
    /// The only licences that components may have, by their SPDX identifiers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_licenses: Vec<String>,
    /// Licences that no component may need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied_licenses: Vec<String>,
    /// Oldest acceptable SBOM, in days before the drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_sbom_age_days: Option<f64>,
    /// Whether provenance must be signed by somebody whom the manifest trusts. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_signature: Option<bool>,
    /// An approved exception that expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waiver>,
}

/// Minimum elements of an SBOM, as authorities ask for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SbomProfile {
    /// NTIA, 2021.
    #[serde(rename = "ntia-2021")]
    Ntia2021,
    /// CISA, Framing Software Component Transparency, third edition, 2024.
    #[serde(rename = "fsct3-2024")]
    Fsct32024,
    /// CISA, draft of August 2025.
    #[serde(rename = "cisa-2025-draft")]
    Cisa2025Draft,
}

/// A part of a drill whose time can be limited.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reading the manifest, the backup and what vouches for it.
    Verify,
    /// The restore itself.
    Restore,
    /// Comparing what was recovered.
    Validate,
    /// Removing what the restore left.
    Teardown,
}

/// Turns a broken limit into a recorded, loud one that does not fail the drill, until it expires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Who approved it.
    #[schemars(length(min = 1, max = 200))]
    pub approved_by: String,
    /// Why.
    #[schemars(length(min = 1, max = 2000))]
    pub reason: String,
    /// Until when it holds, RFC 3339 with an offset.
    #[schemars(length(min = 1, max = 64))]
    pub until: String,
    /// When the drill is made up for, RFC 3339 with an offset.
    #[schemars(length(min = 1, max = 64))]
    pub makeup_drill_at: String,
    /// The policies it holds for, by their keys. Default: all limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
}
