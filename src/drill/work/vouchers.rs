//! What vouches for the backup: its SBOM, and its provenance with the keys that it is held against.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::super::{Run, shown};
use super::Work;
use crate::backup::HashedBackup;
use crate::digest::{Digest, Unobserved, hash};
use crate::engine::StepResult;
use crate::fs::read_capped;
use crate::manifest::{Input, Provenance};
use crate::provenance::{Artifact, Identity, Trust, TrustedRoots};
use crate::sbom::SbomError;
use crate::signature::PublicKey;
use crate::wire::event::{Binding, Class, Context, ProvenanceFacts, SbomFacts, Verification};
use crate::{provenance, sbom};

/// Something that was read; else what its step comes to. Only evidence that cannot be written is an error.
pub(super) type Read<T> = io::Result<Result<T, Box<StepResult>>>;

/// Largest key or trusted root that is read, in bytes.
const MAX_TRUST_BYTES: u64 = 4 << 20;

impl Work<'_> {
    pub(in super::super) fn validate_sbom(&mut self, run: &mut Run<'_>) -> io::Result<StepResult> {
        let (manifest, mut said) = (self.manifest, Said::default());
        if let Some(input) = &manifest.sbom {
            let policies = &manifest.policies;
            let demand = sbom::Demand {
                subject: Some(manifest.backup.sha256),
                components: true,
                now: Some(run.setup.clock.now()),
                profiles: policies.sbom_profiles.clone(),
                licenses: sbom::LicenseRules {
                    allowed: policies.allowed_licenses.clone(),
                    denied: policies.denied_licenses.clone(),
                },
            };
            match self.read_sbom(run, input, "sbom", &demand)? {
                Ok((read, facts)) => {
                    said.note("", &sbom_notes(&facts, "the backup"));
                    said.context.sbom = Some(facts);
                    self.sbom = read.copy;
                    self.sbom_bytes = manifest.provenance.is_some().then_some(read.bytes);
                }
                Err(failed) => return Ok(*failed),
            }
        }
        if let Some((script, input)) = manifest.script().and_then(|s| Some((s, s.sbom.as_ref()?))) {
            let subject = match self.vouched_script(&script.path) {
                Ok((digest, _)) => Some(digest),
                Err(message) => return Ok(said.refused(&message, None)),
            };
            let now = Some(run.setup.clock.now());
            let demand = sbom::Demand { subject, now, components: true, ..sbom::Demand::default() };
            match self.read_sbom(run, input, "script_sbom", &demand)? {
                Ok((_, facts)) => {
                    said.note("of the script: ", &sbom_notes(&facts, "the script"));
                    said.context.script_sbom = Some(facts);
                }
                Err(failed) => return Ok(said.failed(*failed)),
            }
        }
        Ok(said.finish())
    }

    fn read_sbom(
        &self,
        run: &mut Run<'_>,
        input: &Input,
        what: &str,
        demand: &sbom::Demand,
    ) -> Read<(ReadInput, SbomFacts)> {
        let read = match self.read_input(run, input, what, sbom::MAX_BYTES)? {
            Ok(read) => read,
            Err(failed) => return Ok(Err(failed)),
        };
        Ok(match sbom::validate(&read.bytes, demand) {
            Ok(found) => {
                let facts = found.facts(&read.path, &read.digest);
                Ok((read, facts))
            }
            Err(error) => Err(Box::new(refused(&format!("the SBOM {} {error}", read.path), None))),
        })
    }

    pub(in super::super) fn validate_provenance(
        &mut self,
        run: &mut Run<'_>,
    ) -> io::Result<StepResult> {
        let (manifest, mut said) = (self.manifest, Said::default());
        let required = manifest.policies.require_signature;
        let beside = self.sbom_bytes.take();
        if let Some(asked) = &manifest.provenance {
            let content = self.hashed.as_ref().and_then(HashedBackup::content);
            let artifact = Artifact::new(manifest.backup.sha256, content);
            match self.read_provenance(run, asked, "provenance", &artifact, beside.as_deref())? {
                Ok((copy, facts)) => {
                    said.note("", &provenance_notes(&facts, "the backup"));
                    said.context.provenance = Some(facts);
                    self.provenance = copy;
                }
                Err(failed) => return Ok(*failed),
            }
        } else if required {
            let message = "policies.require_signature is set, and no provenance is given";
            return Ok(refused(message, Some("name a signed one under provenance.path")));
        }
        if let Some((script, asked)) =
            manifest.script().and_then(|s| Some((s, s.provenance.as_ref()?)))
        {
            let (digest, file) = match self.vouched_script(&script.path) {
                Ok(found) => found,
                Err(message) => return Ok(said.refused(&message, None)),
            };
            let artifact = Artifact::new(digest, Some(&file));
            match self.read_provenance(run, asked, "script_provenance", &artifact, None)? {
                Ok((_, facts)) => {
                    said.note("of the script: ", &provenance_notes(&facts, "the script"));
                    said.context.script_provenance = Some(facts);
                }
                Err(failed) => return Ok(said.failed(*failed)),
            }
        }
        Ok(said.finish())
    }

    /// `beside` is the SBOM that lies beside the artifact: where a statement carries one of the same
    /// format, it must be that one.
    fn read_provenance(
        &self,
        run: &mut Run<'_>,
        asked: &Provenance,
        what: &str,
        artifact: &Artifact<'_>,
        beside: Option<&[u8]>,
    ) -> Read<(Option<PathBuf>, ProvenanceFacts)> {
        let read = match self.read_input(run, &asked.file, what, provenance::MAX_BYTES)? {
            Ok(read) => read,
            Err(failed) => return Ok(Err(failed)),
        };
        let trust = match self.trust(run, asked)? {
            Ok(trust) => trust,
            Err(message) => return Ok(Err(Box::new(refused(&message, None)))),
        };
        if self.manifest.policies.require_signature && !trust.is_given() {
            let message = format!(
                "policies.require_signature is set, and there is nobody to trust: the signatures of \
                 {what} are not verified"
            );
            let hint = format!("name {what}.keys, or identity and issuer");
            return Ok(Err(Box::new(refused(&message, Some(&hint)))));
        }
        let now = run.setup.clock.now();
        let found = provenance::validate(&read.bytes, artifact, &trust, &asked.expected, now);
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let message = format!("the provenance {} {error}", read.path);
                return Ok(Err(Box::new(refused(&message, None))));
            }
        };
        if let Err(error) = sboms_within(&found.sboms) {
            let message = format!("an SBOM in the provenance {} {error}", read.path);
            return Ok(Err(Box::new(refused(&message, None))));
        }
        if beside.is_some_and(|beside| !sbom::agrees(beside, &found.sboms)) {
            let message = format!(
                "the SBOM beside the backup is not the one that the provenance {} speaks of",
                read.path
            );
            let hint = "give the SBOM that was signed, or have this one signed";
            return Ok(Err(Box::new(refused(&message, Some(hint)))));
        }
        let facts = found.facts(&read.path, &read.digest);
        Ok(Ok((read.copy, facts)))
    }

    /// The script that something vouches for: it must still be the same when it is run.
    fn vouched_script(&mut self, path: &str) -> Result<(Digest, File), String> {
        let (mut file, _) =
            self.root.open_file(path).map_err(|error| format!("the script {error}"))?;
        let (digest, _) = hash(&mut file, &Unobserved)
            .map_err(|error| format!("the script {path} cannot be read: {error}"))?;
        self.vouched_script = Some(digest);
        Ok((digest, file))
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
                let key =
                    PublicKey::read(bytes).map_err(|error| format!("the key {path} {error}"))?;
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
        run.engine.evidence.keep(&format!("inputs/{folder}/{name}"), &bytes)?;
        Ok(Ok(()))
    }

    /// Reads a file once: the same bytes are judged, kept as evidence and handed to the script.
    pub(super) fn read_input(
        &self,
        run: &mut Run<'_>,
        input: &Input,
        what: &str,
        cap: u64,
    ) -> Read<ReadInput> {
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
        run.engine.evidence.keep(&format!("inputs/{what}/{name}"), &bytes)?;
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
pub(super) struct ReadInput {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    digest: Digest,
    copy: Option<PathBuf>,
}

/// SBOMs that statements carry keep the rules of SBOMs, too.
fn sboms_within(sboms: &[String]) -> Result<(), SbomError> {
    let demand = sbom::Demand { components: true, ..sbom::Demand::default() };
    sboms.iter().try_for_each(|text| sbom::validate(text.as_bytes(), &demand).map(drop))
}

fn sbom_notes(facts: &SbomFacts, subject: &str) -> String {
    let bound = match facts.binding {
        Binding::Bound => format!("names {subject}"),
        Binding::WeaklyBound => "names something, but no digest of it".to_owned(),
        Binding::Unbound => format!("does not name {subject}"),
    };
    format!("{} {}, {} component(s), {bound}", facts.format, facts.spec_version, facts.components)
}

fn provenance_notes(facts: &ProvenanceFacts, subject: &str) -> String {
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
    format!("{} statement(s), about {subject}: {said}; {by}", facts.statements)
}

fn refused(message: &str, hint: Option<&str>) -> StepResult {
    let hint = hint.map(str::to_owned);
    StepResult::failed(Class::Integrity, &message, hint, Context::default())
}

/// What a step found out so far, of the backup and then of the script.
#[derive(Default)]
struct Said {
    notes: Vec<String>,
    context: Context,
}

impl Said {
    fn note(&mut self, of: &str, notes: &str) {
        self.notes.push(format!("{of}{notes}"));
    }

    /// A failure keeps what was found out before it.
    fn failed(self, failed: StepResult) -> StepResult {
        let context = Context { error: failed.context.error, ..self.context };
        StepResult { context: Box::new(context), ..failed }
    }

    fn refused(self, message: &str, hint: Option<&str>) -> StepResult {
        self.failed(refused(message, hint))
    }

    fn finish(self) -> StepResult {
        if self.notes.is_empty() {
            return StepResult::skipped("none is given");
        }
        StepResult::passed(self.notes.join("; "), self.context)
    }
}
