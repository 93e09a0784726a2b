//! Sigstore bundles, verified offline by `sigstore-verify`, with what that leaves open.
//!
//! Which logs and authorities a trusted root names decides what is asked of a bundle: one without
//! logs (GitHub's own instance has none) asks for a timestamp instead of an entry in a log.

use std::collections::BTreeMap;

use serde_json::Value;
use sigstore_verify::crypto::FulcioCiClaims;
use sigstore_verify::trust_root::{SigstoreInstance, TrustedRoot};
use sigstore_verify::types::{ArtifactDigest, Bundle, DerPublicKey, HashAlgorithm, Sha256Hash};
use sigstore_verify::{
    Error, Policy, PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult, Verifier,
};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::Artifact;
use super::source::Source;
use super::trust::{Identity, Signer};
use crate::clock::Timestamp;
use crate::document::{parse_json, parse_json_lines};
use crate::signature::PublicKey;
use crate::wire::manifest::CertificateClaim;

/// Most log entries, and most timestamps, of one bundle.
const MAX_ENTRIES: usize = 32;

/// Where certificates may come from: given by the caller, or built in.
#[derive(Debug, Default)]
pub struct TrustedRoots(Option<Vec<TrustedRoot>>);

impl TrustedRoots {
    /// Reads `trusted_root.json`, or one root a line as `gh` writes them.
    ///
    /// # Errors
    /// When it is neither.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let documents = match parse_json(bytes) {
            Ok(document) => vec![document],
            Err(whole) => parse_json_lines(bytes).map_err(|_| whole.to_string())?,
        };
        let roots = documents
            .into_iter()
            .map(|document| TrustedRoot::from_json(&document.to_string()))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        Ok(Self(Some(roots)))
    }

    /// The staging instance of Sigstore, for tests of its clients.
    ///
    /// # Errors
    /// A defect of what is built in.
    pub fn staging() -> Result<Self, String> {
        embedded(SigstoreInstance::Staging).map(|root| Self(Some(vec![root])))
    }

    /// The roots that can have issued a certificate. GitHub's instance is chosen by the name of the
    /// issuer, never tried after another has failed.
    fn for_certificate(&self, certificate: &[u8]) -> Result<Vec<TrustedRoot>, String> {
        if let Some(given) = &self.0 {
            return Ok(given.clone());
        }
        let certificate = Certificate::from_der(certificate)
            .map_err(|error| format!("its certificate cannot be read: {error}"))?;
        let github = certificate.tbs_certificate.issuer.to_string().contains("GitHub");
        let instance = if github { SigstoreInstance::GitHub } else { SigstoreInstance::PublicGood };
        embedded(instance).map(|root| vec![root])
    }

    fn for_key(&self) -> Result<Vec<TrustedRoot>, String> {
        match &self.0 {
            Some(given) => Ok(given.clone()),
            None => embedded(SigstoreInstance::PublicGood).map(|root| vec![root]),
        }
    }
}

fn embedded(instance: SigstoreInstance) -> Result<TrustedRoot, String> {
    TrustedRoot::from_embedded(instance).map_err(|error| error.to_string())
}

/// Whether a document is a bundle.
pub(super) fn is_bundle(document: &Value) -> bool {
    document.get("verificationMaterial").is_some()
}

/// Whether it says that it was signed with a certificate.
pub(super) fn has_certificate(bundle: &Value) -> bool {
    let material = &bundle["verificationMaterial"];
    ["certificate", "x509CertificateChain"].iter().any(|key| material.get(key).is_some())
}

/// Reads a bundle within its limits.
pub(super) fn read(value: &Value) -> Result<Bundle, String> {
    let material = &value["verificationMaterial"];
    let stamps = "/timestampVerificationData/rfc3161Timestamps";
    for list in [material.get("tlogEntries"), material.pointer(stamps)].into_iter().flatten() {
        if list.as_array().is_some_and(|list| list.len() > MAX_ENTRIES) {
            return Err(format!("it has more than {MAX_ENTRIES} log entries or timestamps"));
        }
    }
    Bundle::from_json(&value.to_string()).map_err(|error| error.to_string())
}

/// Verifies that somebody signed the artifact, or a statement about it, with a certificate.
pub(super) fn verify_identity(
    value: &Value,
    identity: &Identity,
    roots: &TrustedRoots,
    artifact: &Artifact<'_>,
) -> Result<Signer, String> {
    let bundle = read(value)?;
    let certificate = bundle.signing_certificate().ok_or("it has no certificate")?;
    let mut why = "no trusted root is given".to_owned();
    for root in roots.for_certificate(certificate.as_bytes())? {
        let mut policy = VerificationPolicy::new(identity.name.as_str(), identity.issuer.as_str());
        if root.tlogs.is_empty() {
            policy = policy.skip_tlog_unsafe();
        }
        if root.ctlogs.is_empty() {
            policy = policy.skip_sct();
        }
        match verify(&root, artifact, &bundle, &policy) {
            Ok(result) => {
                let earliest = result.verified_timestamps().iter().min();
                let claims = result.certificate().map(|certificate| &certificate.ci_claims);
                return Ok(Signer {
                    source: claims.map_or(Ok(None), source)?,
                    claims: claims.map(all_claims).unwrap_or_default(),
                    name: identity.name.clone(),
                    detail: identity.issuer.clone(),
                    signed_at: earliest.and_then(|time| Timestamp::from_unix(time.as_second())),
                });
            }
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// Verifies a bundle by the SHA-256 of the artifact; where that is not what it speaks of, by its
/// SHA-512, if that can be computed.
fn verify(
    root: &TrustedRoot,
    artifact: &Artifact<'_>,
    bundle: &Bundle,
    policy: &dyn Policy,
) -> sigstore_verify::Result<VerificationResult> {
    let verifier = Verifier::new(root)?;
    let sha256 = Sha256Hash::from_hex(&artifact.sha256.to_string())?;
    match verifier.verify(sha256, bundle, policy) {
        Err(Error::ArtifactMismatch(why)) => {
            let sha512 = artifact.other_digest("sha512").and_then(|text| hex::decode(text).ok());
            let Some(sha512) = sha512 else { return Err(Error::ArtifactMismatch(why)) };
            let digest = ArtifactDigest::new(HashAlgorithm::Sha2512, sha512)?;
            verifier.verify(digest, bundle, policy)
        }
        other => other,
    }
}

/// The source of the build that a certificate was issued to. Certificates carry it twice, in an old
/// form and a new one, which must agree.
pub(super) fn source(claims: &FulcioCiClaims) -> Result<Option<Source>, String> {
    let old = &claims.deprecated_github;
    let new_repository = claims.source_repository_uri.as_deref();
    let repository = new_repository.and_then(|uri| uri.strip_prefix("https://github.com/"));
    for (name, old, new) in [
        ("trigger", old.workflow_trigger.as_deref(), claims.build_trigger.as_deref()),
        ("commit", old.workflow_sha.as_deref(), claims.source_repository_digest.as_deref()),
        ("ref", old.workflow_ref.as_deref(), claims.source_repository_ref.as_deref()),
        ("repository", old.workflow_repository.as_deref(), repository),
    ] {
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            return Err(format!(
                "its certificate contradicts itself: the {name} is `{old}` and `{new}`"
            ));
        }
    }
    Ok(new_repository.map(|uri| Source {
        reference: claims.source_repository_ref.clone(),
        digests: claims.source_repository_digest.iter().cloned().collect(),
        ..Source::of_uri(uri)
    }))
}

/// What a certificate says of the build that it was issued to.
fn all_claims(claims: &FulcioCiClaims) -> BTreeMap<CertificateClaim, String> {
    use CertificateClaim as Claim;
    [
        (Claim::BuildSignerUri, &claims.build_signer_uri),
        (Claim::BuildSignerDigest, &claims.build_signer_digest),
        (Claim::RunnerEnvironment, &claims.runner_environment),
        (Claim::SourceRepositoryUri, &claims.source_repository_uri),
        (Claim::SourceRepositoryDigest, &claims.source_repository_digest),
        (Claim::SourceRepositoryRef, &claims.source_repository_ref),
        (Claim::SourceRepositoryIdentifier, &claims.source_repository_identifier),
        (Claim::SourceRepositoryOwnerUri, &claims.source_repository_owner_uri),
        (Claim::SourceRepositoryOwnerIdentifier, &claims.source_repository_owner_identifier),
        (Claim::BuildConfigUri, &claims.build_config_uri),
        (Claim::BuildConfigDigest, &claims.build_config_digest),
        (Claim::BuildTrigger, &claims.build_trigger),
        (Claim::RunInvocationUri, &claims.run_invocation_uri),
        (Claim::SourceRepositoryVisibility, &claims.source_repository_visibility_at_signing),
        (Claim::DeploymentEnvironment, &claims.deployment_environment),
    ]
    .into_iter()
    .filter_map(|(claim, value)| Some((claim, value.clone()?)))
    .collect()
}

/// Verifies that a key signed the artifact, or a statement about it. An entry in a log is verified
/// where there is one; a signature by a key that the caller gave needs none.
pub(super) fn verify_key(
    value: &Value,
    key: &PublicKey,
    roots: &TrustedRoots,
    artifact: &Artifact<'_>,
) -> Result<(), String> {
    let bundle = read(value)?;
    let logged = !bundle.verification_material.tlog_entries.is_empty();
    let mut why = "no trusted root is given".to_owned();
    for root in roots.for_key()? {
        let mut policy = PublicKeyVerificationPolicy::new(DerPublicKey::new(key.der().to_vec()));
        if !logged {
            policy = policy.skip_tlog_unsafe();
        }
        match verify(&root, artifact, &bundle, &policy) {
            Ok(_) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}
