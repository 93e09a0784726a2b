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
mod weigh;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;

use crate::clock::Timestamp;
use crate::digest::{Digest, other_digest};
use crate::document::Place;
use crate::manifest::Expectations;
use crate::signature::{Detached, is_minisign};
use crate::wire::event::{ProvenanceFacts, SignerFacts, Verification};

use statement::Statement;
use trust::{Distrust, Form};
use weigh::{Scale, of_fault, shown};

pub use bundle::TrustedRoots;
pub use trust::{Identity, Signer, Trust};

/// Largest provenance that is read, in bytes.
pub const MAX_BYTES: u64 = 128 << 20;
/// Most statements in one file.
const MAX_STATEMENTS: usize = 1024;

/// What provenance must be about.
pub struct Artifact<'a> {
    sha256: Digest,
    content: Option<&'a File>,
    computed: RefCell<BTreeMap<String, Option<String>>>,
}

impl<'a> Artifact<'a> {
    /// An artifact by its SHA-256, with its content if it is a file and at hand.
    #[must_use]
    pub fn new(sha256: Digest, content: Option<&'a File>) -> Self {
        Self { sha256, content, computed: RefCell::default() }
    }

    /// Its digest by another algorithm, under in-toto's name for it, in hexadecimal digits; `None`
    /// where there is none. One that cannot be computed though there is one equals nothing. It is
    /// computed once: a thousand subjects may ask for it.
    fn other_digest(&self, name: &str) -> Option<String> {
        let mut computed = self.computed.borrow_mut();
        let compute = || {
            let digest = other_digest(name, self.content?);
            digest.unwrap_or_else(|error| Some(format!("none: it cannot be read: {error}")))
        };
        computed.entry(name.to_owned()).or_insert_with(compute).clone()
    }
}

/// Provenance with at least one statement that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// `dsse`, `bundle`, `statement`, `minisign`, or `mixed`.
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
    /// SBOMs that are the predicates of those that count, as JSON: for others to validate.
    pub sboms: Vec<String>,
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
    #[error("speaks against the artifact: statement {number}: {detail}")]
    Negative {
        /// Which statement of the file, from 1.
        number: usize,
        /// What it says.
        detail: String,
    },
    /// Statements, but none about the artifact.
    #[error(
        "is unrelated: no statement is about the artifact {artifact}: they are about {}",
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
/// a line; or a signature of the artifact by minisign.
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
    let mut scale = Scale::new(artifact, trust, expected, now);
    if is_minisign(bytes) {
        let invalid = |detail: String| ProvenanceError::Invalid { number: 1, detail };
        scale.add_signature(&Form::Detached(Detached::read(bytes).map_err(invalid)?), 1)?;
        return scale.finish();
    }
    let documents = read::documents(bytes)?;
    if documents.is_empty() {
        return Err(ProvenanceError::Empty);
    }
    if documents.len() > MAX_STATEMENTS {
        return Err(ProvenanceError::TooMany);
    }
    for (document, number) in documents.iter().zip(1..) {
        scale.add(document, number)?;
    }
    scale.finish()
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
    match trust.signers(&form, artifact) {
        Ok(signers) if signers.is_empty() => {
            Err(ProvenanceError::Unsigned(vec!["nobody is trusted".to_owned()]))
        }
        Ok(_) => Ok(()),
        Err(Distrust::Unsigned(why)) => Err(ProvenanceError::Unsigned(vec![why])),
        Err(Distrust::Untrusted(why)) => Err(ProvenanceError::Untrusted(vec![why])),
    }
}
