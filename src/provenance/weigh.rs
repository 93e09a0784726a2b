//! Weighs the statements of a file: which of them count, and why the others do not.

use std::collections::BTreeMap;

use serde_json::Value;

use super::predicate::{self, Predicate, Rejected};
use super::statement::{Fault, Statement};
use super::trust::{Distrust, Form, Signer, Trust};
use super::{Artifact, Provenance, ProvenanceError, expectation, read};
use crate::clock::Timestamp;
use crate::manifest::Expectations;

/// Predicate types of SBOMs; versions follow.
const SBOM_PREDICATES: [&str; 2] = ["https://cyclonedx.org/bom", "https://spdx.dev/Document"];
/// Reasons that are shown; the number of all is said.
const SHOWN: usize = 3;

/// What the statements of a file come to.
pub(super) struct Scale<'a> {
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

impl<'a> Scale<'a> {
    pub(super) fn new(
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

    pub(super) fn add(&mut self, document: &Value, number: usize) -> Result<(), ProvenanceError> {
        let invalid = |detail: String| ProvenanceError::Invalid { number, detail };
        let (form, statement) = read::open(document).map_err(invalid)?;
        let Some(statement) = statement else { return self.add_signature(&form, number) };
        self.count(&form);
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
        if SBOM_PREDICATES.iter().any(|prefix| kind.starts_with(prefix)) {
            self.result.sboms.push(statement.predicate.to_string());
        }
        push_new(&mut self.result.predicate_types, kind.to_owned());
        if let Predicate::Build(build) = predicate {
            push_new(&mut self.result.builders, build.builder);
            self.result.remarks.extend(build.remarks);
        }
        signers.into_iter().for_each(|signer| push_new(&mut self.result.signers, signer));
        Ok(())
    }

    fn count(&mut self, form: &Form<'_>) {
        let (name, signatures) = match form {
            Form::Bare => ("statement", 0),
            Form::Envelope(envelope) => ("dsse", envelope.signatures()),
            Form::Bundle { .. } => ("bundle", 1),
            Form::Detached(_) => ("minisign", 1),
        };
        let earlier = self.result.form;
        self.result.form = if earlier.is_empty() || earlier == name { name } else { "mixed" };
        self.result.statements += 1;
        self.result.signatures += signatures as u64;
    }

    /// What signs the artifact itself and says nothing of it.
    pub(super) fn add_signature(
        &mut self,
        form: &Form<'_>,
        number: usize,
    ) -> Result<(), ProvenanceError> {
        self.count(form);
        if !self.trust.is_given() {
            let detail = "a signature without a statement says nothing unless it is verified: give \
                          a key or an identity";
            self.unsigned.push(format!("statement {number}: {detail}"));
            return Ok(());
        }
        let Some(signers) = self.signers(form, number) else { return Ok(()) };
        let expected = Expectations { certificate: BTreeMap::new(), ..self.expected.clone() };
        let unmet = if expected == Expectations::default() {
            expectation::certificate(self.expected, &signers).err()
        } else {
            Some("it is a signature without a statement".to_owned())
        };
        if let Some(why) = unmet {
            self.unmet.push(format!("statement {number}: {why}"));
            return Ok(());
        }
        self.counted += 1;
        signers.into_iter().for_each(|signer| push_new(&mut self.result.signers, signer));
        Ok(())
    }

    fn signers(&mut self, form: &Form<'_>, number: usize) -> Option<Vec<Signer>> {
        match self.trust.signers(form, self.artifact) {
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

    pub(super) fn finish(mut self) -> Result<Provenance, ProvenanceError> {
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

pub(super) fn shown(mut reasons: Vec<String>) -> Vec<String> {
    let more = reasons.len().saturating_sub(SHOWN);
    reasons.truncate(SHOWN);
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    reasons
}

pub(super) fn of_fault(fault: Fault, number: usize) -> ProvenanceError {
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
