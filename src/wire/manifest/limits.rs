//! Limits on what is measured.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// How much longer than the median of the drills before it a drill may take, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_rto_regression_percent: Option<f64>,
    /// Longest acceptable time of each phase, in seconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub max_phase_seconds: BTreeMap<Phase, f64>,
    /// Slowest acceptable restore, in bytes of backup per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub min_restore_bytes_per_second: Option<f64>,
    /// Share of the tables of a database that checks must look into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub min_coverage: Option<f64>,
    /// Share of the checks that has to hold, those that only warn and those that were skipped among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub min_pass_rate: Option<f64>,
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
    /// Fetching the backup from a storage, hashed on the way.
    Fetch,
    /// Reading the manifest, the backup and what vouches for it.
    Verify,
    /// Getting a server ready to restore into.
    Provision,
    /// The restore itself.
    Restore,
    /// Recovering a base backup with its write-ahead log.
    Recover,
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
