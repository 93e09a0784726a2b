//! Second signatures: that somebody other than whoever drilled has looked at the evidence.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::bundle::Bundle;
use super::{SIGN_OFFS, SUMS, SealedEvidence};
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::document::parse_json;
use crate::fs::write_whole;
use crate::signature::{Envelope, PrivateKey, PublicKey};
use crate::wire::attestation::{PAYLOAD_TYPE, SIGN_OFF, STATEMENT, SignOff, Statement, Subject};

/// Longest note, in bytes.
const MAX_NOTE: usize = 10_000;

/// Adds a signature over the seal of a directory.
///
/// # Errors
/// When it is not sealed, the key is the one that signed the drill, the note is empty or too long, or
/// nothing can be written.
pub fn sign_off(
    directory: &Path,
    key: &PrivateKey,
    note: &str,
    now: Timestamp,
) -> Result<PublicKey, String> {
    if !directory.is_dir() {
        return Err("is no directory: unpack it first (dr-drill evidence unpack)".to_owned());
    }
    if note.trim().is_empty() || note.len() > MAX_NOTE {
        return Err(format!("cannot be signed off with a note of {} bytes", note.len()));
    }
    let sealed = SealedEvidence::read(directory)?;
    let public =
        key.public_key().map_err(|error| format!("cannot be signed off: the key {error}"))?;
    if sealed.report().signer.as_deref() == Some(&public.to_string()) {
        return Err(
            "is signed by this very key: whoever signs off must be somebody else".to_owned()
        );
    }
    let statement = Statement {
        kind: STATEMENT.to_owned(),
        subject: vec![subject(sealed.seal())],
        predicate_type: SIGN_OFF.to_owned(),
        predicate: SignOff {
            run_id: sealed.report().run_id.clone(),
            note: note.to_owned(),
            signed_at: now.to_string(),
        },
    };
    let payload = serde_json_canonicalizer::to_vec(&statement).unwrap_or_default();
    let envelope = Envelope::sign(PAYLOAD_TYPE, &payload, key)
        .map_err(|error| format!("cannot be signed off: the key {error}"))?;
    let path = directory.join(SIGN_OFFS);
    let mut lines = fs::read(&path).unwrap_or_default();
    lines.extend_from_slice(format!("{envelope}\n").as_bytes());
    write_whole(&path, &lines).map_err(|error| format!("cannot be signed off: {error}"))?;
    Ok(public)
}

fn subject(seal: Digest) -> Subject {
    let digest = BTreeMap::from([("sha256".to_owned(), seal.to_string())]);
    Subject { name: SUMS.to_owned(), digest }
}

/// Who has signed off what, as far as one can tell.
pub(super) struct Countersigned {
    /// Sentences for people: who, when, with what words.
    pub(super) proven: Vec<String>,
    /// Keys that were asked for and have signed nothing.
    pub(super) missing: Vec<String>,
    /// Signatures of nobody that was asked for.
    pub(super) unknown: usize,
}

/// Reads the second signatures of a bundle, and holds them against the keys of reviewers.
pub(super) fn countersigned(bundle: &Bundle, keys: &[PublicKey]) -> Result<Countersigned, String> {
    let mut found = Countersigned { proven: Vec::new(), missing: Vec::new(), unknown: 0 };
    let mut signed = Vec::new();
    if bundle.has(SIGN_OFFS) {
        let seal = Digest::of(&bundle.read(SUMS)?);
        for line in bundle.read(SIGN_OFFS)?.split_inclusive(|byte| *byte == b'\n') {
            let (envelope, said) = statement(line, seal)
                .ok_or_else(|| "holds a line that does not sign off this evidence".to_owned())?;
            let signers = envelope.signers(keys);
            found.unknown += usize::from(signers.is_empty());
            for key in signers {
                signed.push(key.to_string());
                found.proven.push(format!(
                    "{key} has signed it off, on {} by its own clock: {}",
                    said.signed_at,
                    said.note.split_whitespace().collect::<Vec<_>>().join(" ")
                ));
            }
        }
    }
    found.missing = keys.iter().map(ToString::to_string).filter(|k| !signed.contains(k)).collect();
    Ok(found)
}

fn statement(line: &[u8], seal: Digest) -> Option<(Envelope, SignOff)> {
    let envelope = Envelope::read(&parse_json(line).ok()?).ok()?;
    let said: Statement<SignOff> =
        serde_json::from_value(parse_json(envelope.payload()).ok()?).ok()?;
    let ours = said.kind == STATEMENT
        && said.predicate_type == SIGN_OFF
        && said.subject == [subject(seal)]
        && envelope.payload_type() == PAYLOAD_TYPE;
    ours.then_some((envelope, said.predicate))
}
