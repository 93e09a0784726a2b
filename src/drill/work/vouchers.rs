//! What vouches for the backup: its SBOM, and its provenance with the keys that it is held against.

use std::io;
use std::path::PathBuf;

use super::super::{Run, StepResult, shown};
use super::Work;
use crate::digest::Digest;
use crate::fs::read_capped;
use crate::manifest::{Input, Provenance};
use crate::provenance::{Artifact, Identity, Trust, TrustedRoots};
use crate::sbom::SbomError;
use crate::signature::PublicKey;
use crate::wire::event::{Binding, Class, Context, Verification};
use crate::{provenance, sbom};

/// Largest key or trusted root that is read, in bytes.
const MAX_TRUST_BYTES: u64 = 4 << 20;

impl Work<'_> {
    pub(in super::super) fn validate_sbom(&mut self, run: &mut Run<'_>) -> io::Result<StepResult> {
        let Some(input) = &self.manifest.sbom else {
            return Ok(StepResult::skipped("none is given"));
        };
        let read = match self.read_input(run, input, "sbom", sbom::MAX_BYTES)? {
            Ok(read) => read,
            Err(failed) => return Ok(*failed),
        };
        self.sbom.clone_from(&read.copy);
        let policies = &self.manifest.policies;
        let demand = sbom::Demand {
            subject: Some(self.manifest.backup.sha256),
            components: true,
            profiles: policies.sbom_profiles.clone(),
            licenses: sbom::LicenseRules {
                allowed: policies.allowed_licenses.clone(),
                denied: policies.denied_licenses.clone(),
            },
        };
        Ok(match sbom::validate(&read.bytes, &demand) {
            Ok(found) => {
                let facts = found.facts(&read.path, &read.digest);
                let bound = match facts.binding {
                    Binding::Bound => "names the backup",
                    Binding::WeaklyBound => "names something, but no digest of it",
                    Binding::Unbound => "does not name the backup",
                };
                let notes = format!(
                    "{} {}, {} component(s), {bound}",
                    facts.format, facts.spec_version, facts.components
                );
                StepResult::passed(notes, Context { sbom: Some(facts), ..Context::default() })
            }
            Err(error) => {
                let message = format!("the SBOM {} {error}", read.path);
                StepResult::failed(Class::Integrity, &message, None, Context::default())
            }
        })
    }

    pub(in super::super) fn validate_provenance(
        &mut self,
        run: &mut Run<'_>,
    ) -> io::Result<StepResult> {
        let failed = |message: &str, hint: Option<&str>| {
            let hint = hint.map(str::to_owned);
            StepResult::failed(Class::Integrity, &message, hint, Context::default())
        };
        let required = self.manifest.policies.require_signature;
        let Some(asked) = &self.manifest.provenance else {
            if required {
                let message = "policies.require_signature is set, and no provenance is given";
                return Ok(failed(message, Some("name a signed one under provenance.path")));
            }
            return Ok(StepResult::skipped("none is given"));
        };
        let read = match self.read_input(run, &asked.file, "provenance", provenance::MAX_BYTES)? {
            Ok(read) => read,
            Err(failed) => return Ok(*failed),
        };
        self.provenance.clone_from(&read.copy);
        let trust = match self.trust(run, asked)? {
            Ok(trust) => trust,
            Err(message) => return Ok(failed(&message, None)),
        };
        if required && !trust.is_given() {
            let message = "policies.require_signature is set, and there is nobody to trust: the \
                           signatures of the provenance are not verified";
            return Ok(failed(message, Some("name provenance.keys, or identity and issuer")));
        }
        let hashed = self.hashed.as_ref();
        let other_digest = |name: &str| hashed?.other_digest(name);
        let artifact = Artifact::new(self.manifest.backup.sha256, &other_digest);
        let now = run.setup.clock.now();
        Ok(match provenance::validate(&read.bytes, &artifact, &trust, &asked.expected, now) {
            Ok(found) => match sboms_within(&found.sboms) {
                Ok(()) => accepted(&read, found),
                Err(error) => {
                    failed(&format!("an SBOM in the provenance {} {error}", read.path), None)
                }
            },
            Err(error) => failed(&format!("the provenance {} {error}", read.path), None),
        })
    }

    /// Reads the keys and the trusted root that the manifest names; they are kept as evidence.
    fn trust(&self, run: &mut Run<'_>, asked: &Provenance) -> io::Result<Result<Trust, String>> {
        let mut trust = Trust {
            threshold: asked.threshold,
            identity: asked.identity.clone().map(|(name, issuer)| Identity { name, issuer }),
            ..Trust::default()
        };
        for path in &asked.keys {
            let add = |bytes: &[u8]| {
                let key = PublicKey::from_pem(bytes)
                    .map_err(|error| format!("the key {path} {error}"))?;
                trust.add_key(path, key).map_err(|earlier| {
                    format!("the keys {earlier} and {path} are one and the same: it counts once")
                })
            };
            if let Err(message) = self.read_trusted(run, path, "keys", add)? {
                return Ok(Err(message));
            }
        }
        if let Some(path) = &asked.trusted_root {
            let set = |bytes: &[u8]| {
                trust.roots = TrustedRoots::read(bytes)
                    .map_err(|error| format!("the trusted root {path} cannot be read: {error}"))?;
                Ok(())
            };
            if let Err(message) = self.read_trusted(run, path, "trusted-root", set)? {
                return Ok(Err(message));
            }
        }
        Ok(Ok(trust))
    }

    /// Reads a file, and keeps it as evidence once it was understood: not a private key, say, that
    /// was named by mistake.
    fn read_trusted(
        &self,
        run: &mut Run<'_>,
        path: &str,
        folder: &str,
        understand: impl FnOnce(&[u8]) -> Result<(), String>,
    ) -> io::Result<Result<(), String>> {
        let opened = self.root.open_file(path).map_err(|error| format!("the file {error}"));
        let read = opened.and_then(|(mut file, place)| {
            let bytes = read_capped(&mut file, MAX_TRUST_BYTES)
                .map_err(|error| format!("the file {path} {error}"))?;
            understand(&bytes)?;
            Ok((bytes, place))
        });
        let (bytes, place) = match read {
            Ok(read) => read,
            Err(message) => return Ok(Err(message)),
        };
        // Two keys may have one name in different directories.
        let name = shown(&place.relative).replace('/', "_");
        run.evidence.keep(&format!("inputs/{folder}/{name}"), &bytes)?;
        Ok(Ok(()))
    }

    /// Reads a file once: the same bytes are judged, kept as evidence and handed to the script.
    fn read_input(
        &self,
        run: &mut Run<'_>,
        input: &Input,
        what: &str,
        cap: u64,
    ) -> io::Result<Result<ReadInput, Box<StepResult>>> {
        let failed = |message: String| {
            let hint = Some(format!("check {what}.path in the manifest"));
            Ok(Err(Box::new(StepResult::failed(
                Class::Integrity,
                &message,
                hint,
                Context::default(),
            ))))
        };
        let (mut file, place) = match self.root.open_file(&input.path) {
            Ok(opened) => opened,
            Err(error) => return failed(format!("the {what} {error}")),
        };
        let path = shown(&place.relative);
        let bytes = match read_capped(&mut file, cap) {
            Ok(bytes) => bytes,
            Err(error) => return failed(format!("the {what} {path} {error}")),
        };
        let digest = Digest::of(&bytes);
        let name = place.relative.file_name().unwrap_or_default().to_string_lossy().into_owned();
        run.evidence.keep(&format!("inputs/{what}/{name}"), &bytes)?;
        if let Some(pin) = input.sha256
            && pin != digest
        {
            return failed(format!(
                "the {what} {path} has the digest {digest}, the manifest pins {pin}"
            ));
        }
        let copy = self
            .workspace
            .as_ref()
            .map(|workspace| workspace.inputs().join(format!("{what}-{name}")));
        if let Some(copy) = &copy
            && let Err(error) = std::fs::write(copy, &bytes)
        {
            return failed(format!("the private copy of the {what} cannot be written: {error}"));
        }
        Ok(Ok(ReadInput { path, bytes, digest, copy }))
    }
}

/// A file as it was read.
struct ReadInput {
    path: String,
    bytes: Vec<u8>,
    digest: Digest,
    copy: Option<PathBuf>,
}

/// SBOMs that statements carry keep the rules of SBOMs, too.
fn sboms_within(sboms: &[String]) -> Result<(), SbomError> {
    let demand = sbom::Demand { components: true, ..sbom::Demand::default() };
    sboms.iter().try_for_each(|text| sbom::validate(text.as_bytes(), &demand).map(drop))
}

fn accepted(read: &ReadInput, found: provenance::Provenance) -> StepResult {
    let facts = found.facts(&read.path, &read.digest);
    let signers: Vec<&str> = facts.signers.iter().map(|signer| signer.name.as_str()).collect();
    let by = match facts.verification {
        Verification::Verified => format!("signed by {}", signers.join(", ")),
        Verification::NotVerified => "signatures not verified".to_owned(),
    };
    let said = if facts.predicate_types.is_empty() {
        "a signature without a statement".to_owned()
    } else {
        facts.predicate_types.join(", ")
    };
    let notes = format!("{} statement(s), about the backup: {said}; {by}", facts.statements);
    StepResult::passed(notes, Context { provenance: Some(facts), ..Context::default() })
}
