//! Who has signed, and signed off, what a bundle comes to; and what a pruned one still tells.

use super::judged::is_ours;
use super::{Check, Signature};
use crate::digest::Digest;
use crate::document::parse_json;
use crate::evidence::attestation::{agrees, payloads};
use crate::evidence::bundle::parse_sums;
use crate::evidence::sign_off::countersigned;
use crate::evidence::{ATTESTATION, REPORT, SIGN_OFFS, SUMS};
use crate::report::drill_name;
use crate::signature::Envelope;
use crate::wire::answer::{Standing, VERIFICATION, Verification};
use crate::wire::attestation::PAYLOAD_TYPE;
use crate::wire::report::Report;

impl Check<'_> {
    /// What is signed is what this directory comes to, and the keys that were given have signed it.
    pub(super) fn signature(&mut self, report: &Report) -> Signature {
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
        let listed = parse_sums(&sums).unwrap_or_default();
        let wanted = payloads(report, &listed, &sums);
        let says = |envelope: &Envelope, wanted: &[u8]| {
            envelope.payload() == wanted
                || (!is_ours(report) && agrees(envelope.payload(), report, &listed, &sums))
        };
        let Some(envelopes) = envelopes.filter(|envelopes| {
            envelopes.len() == wanted.len()
                && envelopes.iter().zip(&wanted).all(|(envelope, wanted)| {
                    envelope.payload_type() == PAYLOAD_TYPE && says(envelope, wanted)
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
            let what = if report.backup.is_some() { "the backup's digest and " } else { "" };
            self.proven.push(format!("{key} has signed {what}every file"));
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
    pub(super) fn pruned(mut self) -> Verification {
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
    pub(super) fn place(&mut self, report: &Report) {
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
    pub(super) fn reviewed(&mut self) -> Signature {
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
}
