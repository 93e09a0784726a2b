//! What was found out of an SBOM, and of provenance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::manifest::SbomProfile;

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
