//! Who vouches for something, whom to believe, and what must be said.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// In place of `source_ref`: the branch of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub source_branch: Option<String>,
    /// In place of `source_ref`: the tag of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub source_tag: Option<String>,
    /// In place of `source_ref`: a version; `v14` also holds for the tags `v14.2` and `v14.2.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub source_versioned_tag: Option<String>,
    /// Digest of the source: a commit, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{40,128}$"))]
    pub source_digest: Option<String>,
    /// Predicate types that are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predicate_types: Vec<String>,
    /// Inputs that the build must have been given by who started it by hand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub build_inputs: BTreeMap<String, String>,
    /// What the certificate that signed must say, exactly.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub certificate: BTreeMap<CertificateClaim, String>,
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

/// What a certificate of Sigstore says of the build that it was issued to (its extensions
/// 1.3.6.1.4.1.57264.1.9 to 1.23).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CertificateClaim {
    /// The workflow that signed, with its ref.
    BuildSignerUri,
    /// Its commit.
    BuildSignerDigest,
    /// `github-hosted`, or `self-hosted`.
    RunnerEnvironment,
    /// The repository.
    SourceRepositoryUri,
    /// Its commit.
    SourceRepositoryDigest,
    /// Its ref.
    SourceRepositoryRef,
    /// Its number, which a new repository of the same name has not.
    SourceRepositoryIdentifier,
    /// Its owner.
    SourceRepositoryOwnerUri,
    /// The number of its owner.
    SourceRepositoryOwnerIdentifier,
    /// The workflow that was started, with its ref.
    BuildConfigUri,
    /// Its commit.
    BuildConfigDigest,
    /// What started it, as `push` or `workflow_dispatch`.
    BuildTrigger,
    /// Address of the run.
    RunInvocationUri,
    /// Whether everybody could see the repository: `public`, `private` or `internal`.
    SourceRepositoryVisibility,
    /// The environment that was deployed to.
    DeploymentEnvironment,
}

impl CertificateClaim {
    /// The claim of this name, as manifests write it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }

    /// Its name, as manifests write it.
    #[must_use]
    pub fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}
