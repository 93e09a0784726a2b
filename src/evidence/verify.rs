//! Verification of a sealed directory, offline: every byte, every event, and the report computed again.

use std::path::Path;

use super::attestation::payloads;
use super::bundle::{Bundle, parse_sums};
use super::sign_off::countersigned;
use super::{ATTESTATION, EVENTS, MANIFEST, REPORT, SIGN_OFFS, SUMS, forms};
use crate::digest::{Digest, Observer};
use crate::document::schema::Schema;
use crate::document::{Syntax, parse_json};
use crate::outcome::{Outcome, fold};
use crate::report::{drill_name, report};
use crate::signature::{Envelope, PublicKey};
use crate::wire;
use crate::wire::answer::{FileProblem, Standing, VERIFICATION, Verification};
use crate::wire::attestation::PAYLOAD_TYPE;
use crate::wire::event::Event;
use crate::wire::report::Report;

/// Whose signatures are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys<'a> {
    /// Keys that all must have signed the drill.
    pub signers: &'a [PublicKey],
    /// Keys that all must have signed it off.
    pub reviewers: &'a [PublicKey],
}

/// Verifies the evidence of a drill, a directory or a pack; with keys, whether all of them have signed it.
///
/// # Errors
/// When there is no evidence, or it cannot be read.
pub fn verify(
    path: &Path,
    keys: Keys<'_>,
    observer: &dyn Observer,
) -> Result<Verification, String> {
    let bundle = Bundle::open(path, observer)?;
    let mut check = Check {
        bundle: &bundle,
        keys,
        problems: Vec::new(),
        proven: Vec::new(),
        not_proven: Vec::new(),
    };
    let sealed = bundle.has(SUMS);
    if sealed && bundle.files.keys().eq([REPORT]) {
        return Ok(check.pruned());
    }
    if sealed {
        check.digests();
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
        check.place(report);
        if check.reviewed() == Signature::NotOfKey {
            signature = Signature::NotOfKey;
        }
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
    bundle: &'a Bundle,
    keys: Keys<'a>,
    problems: Vec<FileProblem>,
    proven: Vec<String>,
    not_proven: Vec<String>,
}

impl Check<'_> {
    fn problem(&mut self, file: &str, message: impl Into<String>) {
        self.problems.push(FileProblem { file: file.to_owned(), message: message.into() });
    }

    fn read(&mut self, name: &str) -> Option<Vec<u8>> {
        match self.bundle.read(name) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.problem(name, error);
                None
            }
        }
    }

    /// Every file is listed with its digest, and nothing else is there.
    fn digests(&mut self) {
        let Some(bytes) = self.read(SUMS) else { return };
        let Some(listed) = parse_sums(&bytes) else {
            self.problem(SUMS, "is not as the tool writes it: `DIGEST  PATH`, sorted by path");
            return;
        };
        let mut found = self.bundle.files.clone();
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
        for link in &self.bundle.links {
            self.problem(link, "is a symbolic link, which no drill leaves");
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
        let keys = self.keys.signers;
        if !self.bundle.has(ATTESTATION) {
            return match (&report.signer, keys) {
                (Some(signer), _) => {
                    self.problem(ATTESTATION, format!("is missing: {signer} was to sign"));
                    if keys.is_empty() { Signature::Unknown } else { Signature::NotOfKey }
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
        for key in keys {
            let one = std::slice::from_ref(key);
            if envelopes.iter().any(|envelope| envelope.signers(one).is_empty()) {
                self.problem(ATTESTATION, format!("is not signed by {key}"));
                return Signature::NotOfKey;
            }
            self.proven.push(format!("{key} has signed the backup's digest and every file"));
        }
        if keys.is_empty() {
            self.not_proven
                .push("who signed this evidence: no key was given with --key".to_owned());
            return Signature::Unknown;
        }
        Signature::Good
    }

    /// Only the seal and the report are left: the report is the one that was sealed, and what was signed
    /// follows from the two.
    fn pruned(mut self) -> Verification {
        let report = (self.read(SUMS), self.read(REPORT));
        let report = match report {
            (Some(sums), Some(bytes)) => {
                let listed = parse_sums(&sums).unwrap_or_default();
                let of_report = listed.iter().find(|(name, _)| name == REPORT);
                if of_report.is_none_or(|(_, digest)| *digest != Digest::of(&bytes)) {
                    self.problem(REPORT, format!("does not have the digest that {SUMS} lists"));
                }
                serde_json::from_slice::<Report>(&bytes).ok()
            }
            _ => None,
        };
        let mut signature = Signature::Unknown;
        if let Some(report) = &report
            && self.problems.is_empty()
        {
            self.proven.push("seal and report are as they were sealed".to_owned());
            self.not_proven.clone_from(&report.not_proven);
            signature = self.signature(report);
            self.place(report);
            if self.reviewed() == Signature::NotOfKey {
                signature = Signature::NotOfKey;
            }
        } else if report.is_none() {
            self.problem(REPORT, "is no report");
        }
        self.not_proven
            .push("that the verdict follows from the events: they were pruned".to_owned());
        let standing = match (self.problems.is_empty(), signature) {
            (true, _) => Standing::Pruned,
            (false, Signature::NotOfKey) => Standing::NotSignedByKey,
            (false, _) => Standing::Altered,
        };
        Verification {
            schema: VERIFICATION.to_owned(),
            standing,
            run_id: report.as_ref().map(|report| report.run_id.clone()),
            verdict: report.filter(|_| standing == Standing::Pruned).map(|report| report.status),
            proven: self.proven,
            not_proven: self.not_proven,
            problems: self.problems,
        }
    }

    /// Which drill of its name it is.
    fn place(&mut self, report: &Report) {
        let Some(chain) = &report.chain else { return };
        let name = drill_name(report);
        self.proven.push(match &chain.previous {
            None => format!("it is the first drill of {name} in its history"),
            Some(previous) => {
                format!("it is drill {} of {name}, and follows {}", chain.sequence, previous.run_id)
            }
        });
        let what = "that no drill was left out after it: the whole history tells (dr-drill history verify)";
        self.not_proven.push(what.to_owned());
    }

    /// Who has signed it off.
    fn reviewed(&mut self) -> Signature {
        let found = match countersigned(self.bundle, self.keys.reviewers) {
            Ok(found) => found,
            Err(error) => {
                self.problem(SIGN_OFFS, error);
                return Signature::Unknown;
            }
        };
        self.proven.extend(found.proven);
        if found.unknown > 0 {
            self.not_proven.push(format!(
                "who signed it off: {} signature(s) in {SIGN_OFFS} are by none of the keys of \
                 --reviewer-key",
                found.unknown
            ));
        }
        for key in &found.missing {
            self.problem(SIGN_OFFS, format!("{key} has not signed it off"));
        }
        if found.missing.is_empty() { Signature::Unknown } else { Signature::NotOfKey }
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
