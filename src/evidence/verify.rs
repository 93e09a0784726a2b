//! Verification of a sealed directory, offline: every byte, every event, and the report computed again.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use super::attestation::payloads;
use super::seal::{Listed, digests, list};
use super::{ATTESTATION, EVENTS, MANIFEST, SUMS, forms};
use crate::digest::{Digest, Observer, Tree, TreeKind, hash_tree};
use crate::document::schema::Schema;
use crate::document::{Syntax, parse_json};
use crate::fs::{open_for_reading, read_capped};
use crate::outcome::{Outcome, fold};
use crate::report::report;
use crate::signature::{Envelope, PublicKey};
use crate::wire;
use crate::wire::answer::{FileProblem, Standing, VERIFICATION, Verification};
use crate::wire::attestation::PAYLOAD_TYPE;
use crate::wire::event::Event;
use crate::wire::report::Report;

/// Largest file of evidence that is read into memory, in bytes.
const MAX_BYTES: u64 = 512 << 20;

/// Verifies an evidence directory; with keys, whether all of them have signed it.
///
/// # Errors
/// When there is no such directory, or it cannot be read.
pub fn verify(
    path: &Path,
    keys: &[PublicKey],
    observer: &dyn Observer,
) -> Result<Verification, String> {
    let shown = path.display();
    let folder = File::open(path).map_err(|error| format!("{shown}: {error}"))?;
    if !folder.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(format!("{shown} is not a directory"));
    }
    if !path.join(SUMS).exists() && !path.join(EVENTS).exists() {
        return Err(format!(
            "{shown} is no evidence directory: neither {SUMS} nor {EVENTS} is in it"
        ));
    }
    let tree = hash_tree(&folder, observer).map_err(|error| format!("{shown}: {error}"))?;
    let mut check =
        Check { path, keys, problems: Vec::new(), proven: Vec::new(), not_proven: Vec::new() };
    let sealed = path.join(SUMS).exists();
    if sealed {
        check.digests(&tree);
    }
    let outcome = check.events();
    let finished = outcome.as_ref().is_some_and(|outcome| outcome.finished.is_some());
    let mut computed = None;
    if let (true, Some(outcome)) = (sealed, &outcome) {
        computed = check.report(outcome);
    }
    let mut signature = Signature::Unknown;
    if let Some(report) = &computed
        && check.problems.is_empty()
    {
        signature = check.signature(report);
    }
    if !sealed {
        check.problem(SUMS, "is missing: the drill was cut off before its evidence was sealed");
    } else if !finished {
        check.problem(EVENTS, "does not tell of the end of the run");
    }
    let standing = match (check.problems.is_empty(), sealed, signature) {
        (true, _, Signature::Good) => Standing::Verified,
        (true, _, Signature::Unknown | Signature::NotOfKey) => Standing::IntactSignerUnknown,
        (false, true, Signature::NotOfKey) => Standing::NotSignedByKey,
        (false, true, _) => Standing::Altered,
        (false, false, _) => Standing::Incomplete,
    };
    let intact = matches!(standing, Standing::Verified | Standing::IntactSignerUnknown);
    Ok(Verification {
        schema: VERIFICATION.to_owned(),
        standing,
        run_id: outcome.map(|outcome| outcome.run_id),
        verdict: computed.filter(|_| intact).map(|report| report.status),
        proven: check.proven,
        not_proven: check.not_proven,
        problems: check.problems,
    })
}

/// What is known of the signature.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signature {
    /// Nobody asked.
    Unknown,
    /// It is that of the keys that were given.
    Good,
    /// There is none of them.
    NotOfKey,
}

struct Check<'a> {
    path: &'a Path,
    keys: &'a [PublicKey],
    problems: Vec<FileProblem>,
    proven: Vec<String>,
    not_proven: Vec<String>,
}

impl Check<'_> {
    fn problem(&mut self, file: &str, message: impl Into<String>) {
        self.problems.push(FileProblem { file: file.to_owned(), message: message.into() });
    }

    fn read(&mut self, name: &str) -> Option<Vec<u8>> {
        let read = open_for_reading(&self.path.join(name))
            .map_err(Into::into)
            .and_then(|mut file| read_capped(&mut file, MAX_BYTES));
        match read {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.problem(name, error.to_string());
                None
            }
        }
    }

    /// Every file is listed with its digest, and nothing else is there.
    fn digests(&mut self, tree: &Tree) {
        let Some(bytes) = self.read(SUMS) else { return };
        let Some(listed) = parse_sums(&bytes) else {
            self.problem(SUMS, "is not as the tool writes it: `DIGEST  PATH`, sorted by path");
            return;
        };
        let mut found: BTreeMap<String, Digest> = digests(tree).into_iter().collect();
        let count = listed.len();
        let before = self.problems.len();
        for (path, digest) in listed {
            match found.remove(&path) {
                None => self.problem(&path, format!("is listed in {SUMS} but not there")),
                Some(other) if other != digest => {
                    let message = format!("does not have the digest that {SUMS} lists: {other}");
                    self.problem(&path, message);
                }
                Some(_) => {}
            }
        }
        for path in found.into_keys() {
            self.problem(&path, format!("is there but not listed in {SUMS}"));
        }
        for entry in tree.entries.iter().filter(|entry| entry.kind == TreeKind::Symlink) {
            self.problem(
                &String::from_utf8_lossy(&entry.path),
                "is a symbolic link, which no drill leaves",
            );
        }
        if self.problems.len() == before {
            self.proven
                .push(format!("all {count} files are as they were sealed, and no other is there"));
        }
    }

    /// The events are of the right form, without gaps, and such as a run can write.
    fn events(&mut self) -> Option<Outcome> {
        let bytes = self.read(EVENTS)?;
        let schema = compiled("event");
        let mut events = Vec::new();
        for (line, number) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            let parsed = parse_json(line).map_err(|error| error.message).and_then(|value| {
                if let Some(schema) = &schema
                    && let Some(violation) = schema.violations(&value, 1).0.first()
                {
                    return Err(violation.message.clone());
                }
                serde_json::from_value::<Event>(value).map_err(|error| error.to_string())
            });
            match parsed {
                Ok(event) => events.push(event),
                Err(message) => {
                    self.problem(EVENTS, format!("line {number}: {message}"));
                    return None;
                }
            }
        }
        match fold(&events) {
            Ok(outcome) => {
                self.proven
                    .push(format!("{} events follow each other without a gap", events.len()));
                Some(outcome)
            }
            Err(error) => {
                self.problem(EVENTS, error.to_string());
                None
            }
        }
    }

    /// The report, its other forms and the announced verdict are what the events and the manifest
    /// come to.
    fn report(&mut self, outcome: &Outcome) -> Option<Report> {
        let manifest = self.manifest(outcome)?;
        let judgement = crate::policy::judge(outcome, manifest.as_ref());
        let computed = report(outcome, &judgement, manifest.as_ref());
        let before = self.problems.len();
        for (name, bytes) in forms(&computed) {
            if self.read(name).is_some_and(|written| written != bytes) {
                self.problem(name, format!("is not what {EVENTS} and {MANIFEST} come to"));
            }
        }
        if let Some(manifest) = &manifest {
            let policies = crate::policy::enforce(outcome, manifest).0;
            if policies != judgement.policies {
                self.problem(
                    EVENTS,
                    format!("its policies are not what its measurements and {MANIFEST} come to"),
                );
            }
        }
        if let Some(finished) = &outcome.finished
            && (finished.status != judgement.verdict || finished.reasons != judgement.reasons)
        {
            self.problem(EVENTS, "announces another verdict than its steps come to");
        }
        if self.problems.len() == before {
            self.proven.push(
                "report, metrics and verdict are what events and manifest come to".to_owned(),
            );
        }
        self.not_proven.clone_from(&computed.not_proven);
        Some(computed)
    }

    /// What is signed is what this directory comes to, and the keys that were given have signed it.
    fn signature(&mut self, report: &Report) -> Signature {
        if !self.path.join(ATTESTATION).exists() {
            return match (&report.signer, self.keys) {
                (Some(signer), _) => {
                    self.problem(ATTESTATION, format!("is missing: {signer} was to sign"));
                    if self.keys.is_empty() { Signature::Unknown } else { Signature::NotOfKey }
                }
                (None, []) => Signature::Unknown,
                (None, [key, ..]) => {
                    self.problem(ATTESTATION, format!("is missing: {key} has signed nothing"));
                    Signature::NotOfKey
                }
            };
        }
        let (Some(bytes), Some(sums)) = (self.read(ATTESTATION), self.read(SUMS)) else {
            return Signature::Unknown;
        };
        let read = |line: &[u8]| Envelope::read(&parse_json(line).ok()?).ok();
        let envelopes: Option<Vec<Envelope>> =
            bytes.split_inclusive(|byte| *byte == b'\n').map(read).collect();
        let wanted = payloads(report, &parse_sums(&sums).unwrap_or_default(), &sums);
        let Some(envelopes) = envelopes.filter(|envelopes| {
            envelopes.len() == wanted.len()
                && envelopes.iter().zip(&wanted).all(|(envelope, wanted)| {
                    envelope.payload_type() == PAYLOAD_TYPE && envelope.payload() == wanted
                })
        }) else {
            self.problem(ATTESTATION, "does not say what this directory comes to");
            return Signature::Unknown;
        };
        for key in self.keys {
            let one = std::slice::from_ref(key);
            if envelopes.iter().any(|envelope| envelope.signers(one).is_empty()) {
                self.problem(ATTESTATION, format!("is not signed by {key}"));
                return Signature::NotOfKey;
            }
            self.proven.push(format!("{key} has signed the backup's digest and every file"));
        }
        if self.keys.is_empty() {
            self.not_proven
                .push("who signed this evidence: no key was given with --key".to_owned());
            return Signature::Unknown;
        }
        Signature::Good
    }

    /// The manifest as it was run: `Some(None)` where it could not be understood then either.
    fn manifest(&mut self, outcome: &Outcome) -> Option<Option<crate::manifest::Manifest>> {
        if outcome.end_of(crate::plan::Step::VerifyBackupDigest.id()).is_none() {
            return Some(None);
        }
        let bytes = self.read(MANIFEST)?;
        let parsed = crate::manifest::document(&bytes, Syntax::Json)
            .and_then(|document| crate::manifest::parse(&document));
        match parsed {
            Ok(manifest) => Some(Some(manifest)),
            Err(problems) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                self.problem(MANIFEST, format!("is not valid: {first}"));
                None
            }
        }
    }
}

fn compiled(name: &str) -> Option<Schema> {
    Schema::compile(&serde_json::from_str(wire::schema(name)?).ok()?).ok()
}

/// The list, if it is exactly as [`list`] writes it.
fn parse_sums(bytes: &[u8]) -> Option<Listed> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut listed = Listed::new();
    for line in text.lines() {
        let (digest, path) = line.split_once("  ")?;
        listed.push((path.to_owned(), digest.parse().ok()?));
    }
    let sorted = listed.windows(2).all(|pair| pair[0].0 < pair[1].0);
    (sorted && list(&listed) == bytes).then_some(listed)
}
