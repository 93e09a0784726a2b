//! Provenance: who says what of an artifact, in which words, and whether they are believed.
//!
//! A statement counts if it is about the artifact, keeps the rules of its type, says what was asked
//! for, and was signed by whom the caller trusts. With nobody to trust nothing is ever called
//! verified. The ids in the tests are those of `docs/supply-chain.md`.

mod bundle;
mod expectation;
mod predicate;
mod read;
mod source;
mod statement;
#[cfg(test)]
mod tests;
mod trust;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::document::Place;
use crate::manifest::Expectations;
use crate::wire::event::{ProvenanceFacts, SignerFacts, Verification};

use predicate::{Predicate, Rejected};
use statement::{Fault, Statement};
use trust::{Distrust, Form};

pub use bundle::TrustedRoots;
pub use trust::{Identity, Signer, Trust};

/// Largest provenance that is read, in bytes.
pub const MAX_BYTES: u64 = 128 << 20;
/// Most statements in one file.
const MAX_STATEMENTS: usize = 1024;
/// Reasons that are shown; the number of all is said.
const SHOWN: usize = 3;

/// What provenance must be about.
pub struct Artifact<'a> {
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its digest by another algorithm, under in-toto's name for it, in hexadecimal digits; `None`
    /// where it cannot be computed.
    pub other_digest: &'a dyn Fn(&str) -> Option<String>,
}

/// Provenance with at least one statement that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// `dsse`, `bundle`, `statement`, or `mixed`.
    pub form: &'static str,
    /// Statements in the file.
    pub statements: u64,
    /// Predicate types of those that count.
    pub predicate_types: Vec<String>,
    /// Builders that those name.
    pub builders: Vec<String>,
    /// Signatures in the file.
    pub signatures: u64,
    /// Who signed those that count; empty where nobody is trusted: then nothing is verified.
    pub signers: Vec<Signer>,
    /// What is odd but allowed, and statements about the artifact that do not count.
    pub remarks: Vec<String>,
}

/// Why provenance is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ProvenanceError {
    /// Not strict JSON, nor JSON lines.
    #[error("is invalid: {}{message}", place.map(|p| format!("{p}: ")).unwrap_or_default())]
    Syntax {
        /// Where.
        place: Option<Place>,
        /// What is wrong.
        message: String,
    },
    /// There is no statement in it.
    #[error("is empty: it holds no statement")]
    Empty,
    /// More statements than any build makes.
    #[error("is invalid: it holds more than {MAX_STATEMENTS} statements")]
    TooMany,
    /// Something in it breaks the specification of its kind.
    #[error("is invalid: statement {number}: {detail}")]
    Invalid {
        /// Which statement of the file, from 1.
        number: usize,
        /// What is wrong, with its JSON pointer.
        detail: String,
    },
    /// It is of a version of which nothing is known.
    #[error("is of an unknown version: statement {number}: {detail}")]
    UnknownVersion {
        /// Which statement of the file, from 1.
        number: usize,
        /// What it is, and what is known.
        detail: String,
    },
    /// Somebody who counts says that the artifact failed. No other statement makes that good.
    #[error("speaks against the backup: statement {number}: {detail}")]
    Negative {
        /// Which statement of the file, from 1.
        number: usize,
        /// What it says.
        detail: String,
    },
    /// Statements, but none about the artifact.
    #[error(
        "is unrelated: no statement is about the backup {artifact}: they are about {}",
        found.join(", ")
    )]
    Unrelated {
        /// The digest of the artifact.
        artifact: Digest,
        /// Digests that they are about.
        found: Vec<String>,
    },
    /// Those about the artifact carry nothing that could be verified.
    #[error("is unsigned: {}", .0.join("; "))]
    Unsigned(Vec<String>),
    /// Those about the artifact are signed by nobody who is trusted.
    #[error("is not signed by whom it should be: {}", .0.join("; "))]
    Untrusted(Vec<String>),
    /// Those about the artifact do not say what was asked for.
    #[error("does not say what was asked for: {}", .0.join("; "))]
    Unmet(Vec<String>),
}

impl ProvenanceError {
    /// The kind of reason, in words that never change.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::TooMany | Self::Invalid { .. } => "provenance/invalid",
            Self::Empty => "provenance/empty",
            Self::UnknownVersion { .. } => "provenance/unknown-version",
            Self::Negative { .. } => "provenance/negative",
            Self::Unrelated { .. } => "provenance/unrelated",
            Self::Unsigned(_) => "provenance/unsigned",
            Self::Untrusted(_) => "provenance/untrusted",
            Self::Unmet(_) => "provenance/unmet",
        }
    }
}

impl Provenance {
    /// What is kept of it in events, reports and answers.
    #[must_use]
    pub fn facts(self, path: &str, sha256: &Digest) -> ProvenanceFacts {
        let verified = !self.signers.is_empty();
        let signers = self.signers.into_iter().map(|signer| SignerFacts {
            name: signer.name,
            detail: signer.detail,
            signed_at: signer.signed_at.map(|time| time.to_string()),
        });
        ProvenanceFacts {
            path: path.to_owned(),
            sha256: sha256.to_string(),
            form: self.form.to_owned(),
            statements: self.statements,
            predicate_types: self.predicate_types,
            builders: self.builders,
            signatures: self.signatures,
            verification: if verified { Verification::Verified } else { Verification::NotVerified },
            signers: signers.collect(),
            remarks: self.remarks,
        }
    }
}

/// Validates the bytes of provenance: a statement, an envelope or a bundle, a list of them, or one
/// a line.
///
/// # Errors
/// Why no statement counts; something that breaks its specification is an error wherever it stands.
pub fn validate(
    bytes: &[u8],
    artifact: &Artifact<'_>,
    trust: &Trust,
    expected: &Expectations,
    now: Timestamp,
) -> Result<Provenance, ProvenanceError> {
    let documents = read::documents(bytes)?;
    if documents.is_empty() {
        return Err(ProvenanceError::Empty);
    }
    if documents.len() > MAX_STATEMENTS {
        return Err(ProvenanceError::TooMany);
    }
    let mut found = Found::new(artifact, trust, expected, now);
    for (document, number) in documents.iter().zip(1..) {
        found.add(document, number)?;
    }
    found.finish()
}

/// Verifies one Sigstore bundle: that somebody who is trusted signed the artifact, or a statement
/// about it. What the statement says besides is not looked at.
///
/// # Errors
/// Why it does not verify.
pub fn verify_bundle(
    bytes: &[u8],
    artifact: &Artifact<'_>,
    trust: &Trust,
) -> Result<(), ProvenanceError> {
    let invalid = |detail: String| ProvenanceError::Invalid { number: 1, detail };
    let documents = read::documents(bytes)?;
    let [document] = documents.as_slice() else {
        return Err(invalid("one bundle is wanted".to_owned()));
    };
    let (form, statement) = read::open(document).map_err(invalid)?;
    if !matches!(form, Form::Bundle { .. }) {
        return Err(invalid("it is no bundle".to_owned()));
    }
    if let Some(statement) = statement {
        let statement = Statement::read(&statement).map_err(|fault| of_fault(fault, 1))?;
        if !statement.is_about(artifact).map_err(|fault| of_fault(fault, 1))? {
            let found = shown(statement.sha256_digests().collect());
            return Err(ProvenanceError::Unrelated { artifact: artifact.sha256, found });
        }
    }
    match trust.signers(&form, &artifact.sha256) {
        Ok(signers) if signers.is_empty() => {
            Err(ProvenanceError::Unsigned(vec!["nobody is trusted".to_owned()]))
        }
        Ok(_) => Ok(()),
        Err(Distrust::Unsigned(why)) => Err(ProvenanceError::Unsigned(vec![why])),
        Err(Distrust::Untrusted(why)) => Err(ProvenanceError::Untrusted(vec![why])),
    }
}

/// What was found in a file so far.
struct Found<'a> {
    artifact: &'a Artifact<'a>,
    trust: &'a Trust,
    expected: &'a Expectations,
    now: Timestamp,
    result: Provenance,
    counted: usize,
    others: Vec<String>,
    unsigned: Vec<String>,
    untrusted: Vec<String>,
    unmet: Vec<String>,
}

impl<'a> Found<'a> {
    fn new(
        artifact: &'a Artifact<'a>,
        trust: &'a Trust,
        expected: &'a Expectations,
        now: Timestamp,
    ) -> Self {
        Self {
            artifact,
            trust,
            expected,
            now,
            result: Provenance::default(),
            counted: 0,
            others: Vec::new(),
            unsigned: Vec::new(),
            untrusted: Vec::new(),
            unmet: Vec::new(),
        }
    }

    fn add(&mut self, document: &Value, number: usize) -> Result<(), ProvenanceError> {
        let invalid = |detail: String| ProvenanceError::Invalid { number, detail };
        let (form, statement) = read::open(document).map_err(invalid)?;
        let (name, signatures) = match &form {
            Form::Bare => ("statement", 0),
            Form::Envelope(envelope) => ("dsse", envelope.signatures()),
            Form::Bundle { .. } => ("bundle", 1),
        };
        let earlier = self.result.form;
        self.result.form = if earlier.is_empty() || earlier == name { name } else { "mixed" };
        self.result.statements += 1;
        self.result.signatures += signatures as u64;
        let Some(statement) = statement else { return self.add_signature(&form, number) };
        let statement = Statement::read(&statement).map_err(|fault| of_fault(fault, number))?;
        self.result.remarks.extend(statement.remarks());
        if !statement.is_about(self.artifact).map_err(|fault| of_fault(fault, number))? {
            self.others.extend(statement.sha256_digests());
            return Ok(());
        }
        let predicate = match predicate::read(statement.predicate_type, statement.predicate) {
            Ok(predicate) => predicate,
            Err(Rejected::Version(detail)) => {
                return Err(ProvenanceError::UnknownVersion { number, detail });
            }
            Err(Rejected::Invalid(detail)) => return Err(invalid(detail)),
            Err(Rejected::Negative(detail)) => {
                return match self.signers(&form, number) {
                    Some(_) => Err(ProvenanceError::Negative { number, detail }),
                    None => Ok(()),
                };
            }
        };
        let Some(signers) = self.signers(&form, number) else { return Ok(()) };
        let kind = statement.predicate_type;
        if let Err(why) = expectation::hold(self.expected, kind, &predicate, &signers, self.now) {
            self.unmet.push(format!("statement {number}: {why}"));
            return Ok(());
        }
        self.counted += 1;
        push_new(&mut self.result.predicate_types, kind.to_owned());
        if let Predicate::Build(build) = predicate {
            push_new(&mut self.result.builders, build.builder);
            self.result.remarks.extend(build.remarks);
        }
        signers.into_iter().for_each(|signer| push_new(&mut self.result.signers, signer));
        Ok(())
    }

    /// A bundle that signs the artifact itself and says nothing of it.
    fn add_signature(&mut self, form: &Form<'_>, number: usize) -> Result<(), ProvenanceError> {
        if !self.trust.is_given() {
            let detail = "a signature without a statement says nothing unless it is verified: give \
                          a key or an identity";
            self.unsigned.push(format!("statement {number}: {detail}"));
            return Ok(());
        }
        let Some(signers) = self.signers(form, number) else { return Ok(()) };
        if *self.expected != Expectations::default() {
            self.unmet.push(format!("statement {number}: it is a signature without a statement"));
            return Ok(());
        }
        self.counted += 1;
        signers.into_iter().for_each(|signer| push_new(&mut self.result.signers, signer));
        Ok(())
    }

    fn signers(&mut self, form: &Form<'_>, number: usize) -> Option<Vec<Signer>> {
        match self.trust.signers(form, &self.artifact.sha256) {
            Ok(signers) => Some(signers),
            Err(Distrust::Unsigned(why)) => {
                self.unsigned.push(format!("statement {number}: {why}"));
                None
            }
            Err(Distrust::Untrusted(why)) => {
                self.untrusted.push(format!("statement {number}: {why}"));
                None
            }
        }
    }

    fn finish(mut self) -> Result<Provenance, ProvenanceError> {
        if self.counted > 0 {
            let passed_over = self.unmet.into_iter().chain(self.untrusted).chain(self.unsigned);
            let remarks = passed_over.map(|why| format!("does not count: {why}"));
            self.result.remarks.extend(remarks);
            return Ok(self.result);
        }
        if !self.unmet.is_empty() {
            Err(ProvenanceError::Unmet(shown(self.unmet)))
        } else if !self.untrusted.is_empty() {
            Err(ProvenanceError::Untrusted(shown(self.untrusted)))
        } else if !self.unsigned.is_empty() {
            Err(ProvenanceError::Unsigned(shown(self.unsigned)))
        } else {
            let found = shown(self.others);
            Err(ProvenanceError::Unrelated { artifact: self.artifact.sha256, found })
        }
    }
}

fn shown(mut reasons: Vec<String>) -> Vec<String> {
    let more = reasons.len().saturating_sub(SHOWN);
    reasons.truncate(SHOWN);
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    reasons
}

fn of_fault(fault: Fault, number: usize) -> ProvenanceError {
    match fault {
        Fault::Version(detail) => ProvenanceError::UnknownVersion { number, detail },
        Fault::Invalid(detail) => ProvenanceError::Invalid { number, detail },
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
