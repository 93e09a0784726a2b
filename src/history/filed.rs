//! What stands in a chain: a drill, or the record of slots in which none ran.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use super::shelf::{SLOT, file_of, place, record_of};
use super::{History, HistoryError};
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::document::parse_json;
use crate::evidence::SealedEvidence;
use crate::fs::{open_for_reading, read_capped};
use crate::report::drill_name;
use crate::signature::{Envelope, KeyError, PrivateKey, PublicKey};
use crate::wire::event::ChainFacts;
use crate::wire::slot::{RECORD, SlotRecord};

/// What the signature of a record says that it signs.
const PAYLOAD_TYPE: &str = "application/vnd.dr-drill.slot+json";
/// Largest record that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Something that stands in a chain.
#[derive(Debug)]
pub(super) enum Filed {
    /// A drill.
    Drill(Box<SealedEvidence>),
    /// Slots without one.
    Record(Box<SealedRecord>),
}

/// The record of slots in which no drill ran, as its file holds it: a line of JSON, and the envelope of its
/// signature in a second line, if it was signed.
#[derive(Debug)]
pub(super) struct SealedRecord {
    pub(super) record: SlotRecord,
    line: Vec<u8>,
    envelope: Option<Envelope>,
}

impl SealedRecord {
    /// Writes a record.
    pub(super) fn write(
        record: &SlotRecord,
        key: Option<&PrivateKey>,
        out: &mut File,
    ) -> Result<(), RecordError> {
        let mut line = serde_json_canonicalizer::to_vec(record).unwrap_or_default();
        let envelope = key.map(|key| Envelope::sign(PAYLOAD_TYPE, &line, key)).transpose()?;
        line.push(b'\n');
        if let Some(envelope) = envelope {
            line.extend_from_slice(format!("{envelope}\n").as_bytes());
        }
        Ok(out.write_all(&line)?)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let line = lines.next().unwrap_or_default().to_vec();
        let value = parse_json(&line).map_err(|error| error.message)?;
        let record: SlotRecord =
            serde_json::from_value(value).map_err(|error| error.to_string())?;
        if record.schema != RECORD {
            return Err(format!("is of another version: {}", record.schema));
        }
        if serde_json_canonicalizer::to_vec(&record).ok().as_ref() != Some(&line) {
            return Err("is not as the tool writes it".to_owned());
        }
        let envelope = match lines.next().unwrap_or_default() {
            [] => None,
            signed => {
                let value = parse_json(signed).map_err(|error| error.message)?;
                Some(Envelope::read(&value).map_err(|error| error.to_string())?)
            }
        };
        if lines.any(|rest| !rest.is_empty()) {
            return Err("holds more than a record and its signature".to_owned());
        }
        Ok(Self { record, line, envelope })
    }

    fn seal(&self) -> Digest {
        Digest::of(&self.line)
    }

    /// What is wrong with its signature, by the keys one of which must have made it.
    pub(super) fn problem(&self, keys: &[PublicKey]) -> Option<&'static str> {
        let signs = |envelope: &Envelope| {
            envelope.payload_type() == PAYLOAD_TYPE && envelope.payload() == self.line
        };
        match &self.envelope {
            Some(envelope) if !signs(envelope) => Some("the signature is of something else"),
            None if self.record.signer.is_some() => Some("the signature was taken away"),
            Some(envelope) if !keys.is_empty() && envelope.signers(keys).is_empty() => {
                Some("is signed by none of the keys that were given")
            }
            None if !keys.is_empty() => Some("is signed by none of the keys that were given"),
            _ => None,
        }
    }
}

/// Why a record could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the key {0}")]
    Key(#[from] KeyError),
    #[error("{0}")]
    History(#[from] HistoryError),
}

impl Filed {
    /// What its drill is called.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Drill(sealed) => drill_name(sealed.report()),
            Self::Record(sealed) => &sealed.record.drill,
        }
    }

    /// The run, or what stands for it.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Drill(sealed) => sealed.report().run_id.clone(),
            Self::Record(sealed) => record_id(&sealed.record),
        }
    }

    /// What pins all of it.
    pub(super) fn seal(&self) -> Digest {
        match self {
            Self::Drill(sealed) => sealed.seal(),
            Self::Record(sealed) => sealed.seal(),
        }
    }

    /// Its place.
    pub(super) fn chain(&self) -> Option<&ChainFacts> {
        match self {
            Self::Drill(sealed) => sealed.report().chain.as_ref(),
            Self::Record(sealed) => Some(&sealed.record.chain),
        }
    }

    /// Where it belongs.
    pub(super) fn file(&self) -> String {
        let sequence = self.chain().map(|chain| chain.sequence);
        match self {
            Self::Drill(_) => file_of(self.name(), sequence, &self.id()),
            Self::Record(_) => record_of(self.name(), sequence.unwrap_or_default(), &self.id()),
        }
    }
}

/// What stands for the run in a record: how its slots ended, and when the first was due.
pub(super) fn record_id(record: &SlotRecord) -> String {
    let first = record.due_at.first().and_then(|due| due.parse::<Timestamp>().ok());
    let first = first.map(Timestamp::compact).unwrap_or_default();
    format!("{}-{first}", record.end.word())
}

impl History {
    /// What lies in a file.
    pub(super) fn filed(&self, file: &str) -> Result<Filed, HistoryError> {
        if !file.ends_with(SLOT) {
            return Ok(Filed::Drill(Box::new(self.read(file)?)));
        }
        let wrong = |problem| HistoryError::Pack { file: file.to_owned(), problem };
        read_record(&place(&self.folder, file)).map(Box::new).map(Filed::Record).map_err(wrong)
    }
}

/// Reads the record of slots.
pub(super) fn read_record(path: &Path) -> Result<SealedRecord, String> {
    let mut opened = open_for_reading(path).map_err(|error| format!("cannot be read: {error}"))?;
    let bytes = read_capped(&mut opened, MAX_BYTES).map_err(|error| error.to_string())?;
    SealedRecord::parse(&bytes)
}
