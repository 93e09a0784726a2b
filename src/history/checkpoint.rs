//! Checkpoints: short signed notes that pin all history so far, to be kept where nobody here can change
//! them. A note names the digest of a list of the newest drill of each name; the list stays in the history.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::shelf::{folders, shelved};
use super::{History, HistoryError};
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::document::parse_json;
use crate::fs::{open_for_reading, read_capped, sync, write_whole};
use crate::signature::{Envelope, PrivateKey, PublicKey};
use crate::wire::answer::FileProblem;
use crate::wire::attestation::{
    CHECKPOINT, Checkpoint, PAYLOAD_TYPE, STATEMENT, Statement, Subject,
};
use crate::wire::history::{HEADS, Head, Heads};

/// Folder of the lists that checkpoints pin.
pub(super) const CHECKPOINTS: &str = "checkpoints";
/// What the list is called in the note.
const SUBJECT: &str = "heads.json";
/// Largest list that is read, in bytes.
const MAX_BYTES: u64 = 512 << 20;

fn place(history: &History, digest: &str) -> PathBuf {
    history.folder.join(CHECKPOINTS).join(format!("{digest}.json"))
}

/// The newest drill of each name that has a chain.
///
/// # Errors
/// When the history cannot be read.
fn heads(history: &History) -> Result<Heads, HistoryError> {
    let mut heads = Vec::new();
    for folder in folders(&history.folder)? {
        let all = shelved(&history.folder, &folder)?;
        let Some(newest) = all.iter().rfind(|shelved| shelved.sequence.is_some()) else { continue };
        let filed = history.filed(&newest.file)?;
        heads.push(Head {
            name: filed.name().to_owned(),
            sequence: newest.sequence.unwrap_or_default(),
            seal_sha256: filed.seal().to_string(),
        });
    }
    heads.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Heads { schema: HEADS.to_owned(), heads })
}

/// Makes a checkpoint: the list is kept in the history, the signed note is given back, one line.
///
/// # Errors
/// When the history cannot be read or written, or there is nothing to pin.
pub fn checkpoint(
    history: &History,
    key: &PrivateKey,
    now: Timestamp,
) -> Result<String, HistoryError> {
    let _lock = history.lock()?;
    let list = heads(history)?;
    if list.heads.is_empty() {
        return Err(HistoryError::Refused(
            "no drill stands in a chain: there is nothing to pin".to_owned(),
        ));
    }
    let bytes = serde_json_canonicalizer::to_vec(&list).unwrap_or_default();
    let digest = Digest::of(&bytes).to_string();
    let path = place(history, &digest);
    write_whole(&path, &bytes)
        .and_then(|()| sync(&history.folder))
        .map_err(|cause| HistoryError::io(&path, cause))?;
    let statement = Statement {
        kind: STATEMENT.to_owned(),
        subject: vec![Subject {
            name: SUBJECT.to_owned(),
            digest: BTreeMap::from([("sha256".to_owned(), digest)]),
        }],
        predicate_type: CHECKPOINT.to_owned(),
        predicate: Checkpoint {
            made_at: now.to_string(),
            names: list.heads.len() as u64,
            drills: list.heads.iter().map(|head| head.sequence).sum(),
        },
    };
    let payload = serde_json_canonicalizer::to_vec(&statement).unwrap_or_default();
    let envelope = Envelope::sign(PAYLOAD_TYPE, &payload, key)
        .map_err(|error| HistoryError::Refused(format!("the key {error}")))?;
    Ok(format!("{envelope}\n"))
}

/// What a checkpoint pins, after its signature was verified.
pub(super) struct Pinned {
    made_at: String,
    heads: Vec<Head>,
}

impl Pinned {
    /// Reads a note, and the list that it pins from the history.
    pub(super) fn read(history: &History, note: &[u8], keys: &[PublicKey]) -> Result<Self, String> {
        let envelope = parse_json(note).ok().and_then(|value| Envelope::read(&value).ok());
        let envelope = envelope.ok_or("is no checkpoint: one signed envelope is wanted")?;
        if envelope.signers(keys).is_empty() {
            return Err("is signed by none of the keys that were given".to_owned());
        }
        let said = parse_json(envelope.payload()).ok();
        let said: Option<Statement<Checkpoint>> = said.and_then(|v| serde_json::from_value(v).ok());
        let ours = |said: &Statement<Checkpoint>| {
            said.predicate_type == CHECKPOINT
                && said.kind == STATEMENT
                && envelope.payload_type() == PAYLOAD_TYPE
        };
        let said = said.filter(ours).ok_or("is signed, but is no checkpoint")?;
        let [Subject { digest, .. }] = said.subject.as_slice() else {
            return Err("is signed, but is no checkpoint".to_owned());
        };
        let wanted: Digest = digest
            .get("sha256")
            .and_then(|digest| digest.parse().ok())
            .ok_or("is signed, but names no digest")?;
        let gone = "the list that it pins is not in the history any more: nobody can tell what was \
                    removed";
        let path = place(history, &wanted.to_string());
        let mut file = open_for_reading(&path).map_err(|_| gone.to_owned())?;
        let bytes =
            read_capped(&mut file, MAX_BYTES).map_err(|error| format!("the list {error}"))?;
        if Digest::of(&bytes) != wanted {
            return Err("the list that it pins was changed in the history".to_owned());
        }
        let value = parse_json(&bytes).map_err(|error| format!("the list: {}", error.message))?;
        let list: Heads = serde_json::from_value(value).map_err(|e| format!("the list: {e}"))?;
        Ok(Self { made_at: said.predicate.made_at, heads: list.heads })
    }

    /// Every drill that is pinned must still be there, with the same seal.
    pub(super) fn hold<R>(
        &self,
        reads: &[R],
        problems: &mut Vec<FileProblem>,
        proven: &mut Vec<String>,
        chain_of: impl Fn(&R) -> Option<(&str, u64, &str)>,
    ) {
        let found: BTreeMap<(&str, u64), &str> = reads
            .iter()
            .filter_map(|read| chain_of(read).map(|(name, number, seal)| ((name, number), seal)))
            .collect();
        let before = problems.len();
        for head in &self.heads {
            let message = match found.get(&(head.name.as_str(), head.sequence)) {
                Some(seal) if *seal == head.seal_sha256 => continue,
                Some(_) => "was rewritten since",
                None => "was removed since",
            };
            problems.push(FileProblem {
                file: "checkpoint".to_owned(),
                message: format!("drill {} of {} {message}", head.sequence, head.name),
            });
        }
        if problems.len() == before {
            proven.push(format!(
                "everything that the checkpoint of {} pins is there: {} name(s)",
                self.made_at,
                self.heads.len()
            ));
        }
    }
}
