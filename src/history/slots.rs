//! The slots of a calendar in a history: a drill that ran for one stands in the chain of its name, and so does the
//! record of those in which none did. Each slot is there once.

use super::entry::ended;
use super::filed::{RecordError, SealedRecord, record_id};
use super::origin::publish;
use super::shelf::{record_of, shelve};
use super::{History, HistoryError};
use crate::clock::Timestamp;
use crate::signature::PrivateKey;
use crate::wire::event::Tool;
use crate::wire::schedule::EndedSlot;
use crate::wire::slot::{Cause, RECORD, SlotRecord};

/// Slots that one record holds at most.
const MAX_SLOTS: usize = 1000;

/// Slots in which no drill ran.
#[derive(Clone, Debug)]
pub struct Unrun<'a> {
    /// What the drill is called.
    pub drill: &'a str,
    /// When they were due.
    pub due: Vec<Timestamp>,
    /// What kept it from running.
    pub cause: Cause,
    /// The same for people.
    pub reason: &'a str,
    /// How often a drill was begun.
    pub attempts: u32,
    /// SHA-256 of the fleet file.
    pub fleet_sha256: String,
}

impl History {
    /// Records slots in which no drill ran. Those that have ended already are left as they are.
    ///
    /// # Errors
    /// When nothing can be written, or the key cannot sign.
    pub fn record(
        &self,
        unrun: &Unrun<'_>,
        key: Option<&PrivateKey>,
        now: Timestamp,
    ) -> Result<(), HistoryError> {
        let signer = key.map(PrivateKey::public_key).transpose();
        let signer = signer.map_err(|error| HistoryError::Refused(format!("the key {error}")))?;
        let signer = signer.map(|key| key.to_string());
        for due in unrun.due.chunks(MAX_SLOTS) {
            let mut link = self.link(unrun.drill)?;
            let mut index = self.index_locked()?;
            let mut due_at: Vec<String> = due.iter().map(ToString::to_string).collect();
            let recorded = index.slots(unrun.drill, &due_at)?;
            due_at.retain(|due| !recorded.iter().any(|slot| slot.due_at == *due));
            if due_at.is_empty() {
                continue;
            }
            let record = SlotRecord {
                schema: RECORD.to_owned(),
                tool: Tool::own(),
                drill: unrun.drill.to_owned(),
                chain: link.chain().clone(),
                recorded_at: now.to_string(),
                end: unrun.cause.end(),
                cause: unrun.cause,
                reason: unrun.reason.to_owned(),
                due_at,
                attempts: unrun.attempts,
                fleet_sha256: unrun.fleet_sha256.clone(),
                signer: signer.clone(),
            };
            let file = record_of(unrun.drill, link.chain().sequence, &record_id(&record));
            let written = shelve(
                &self.folder,
                &file,
                |out| SealedRecord::write(&record, key, out),
                |written| {
                    index.announce(&file)?;
                    Ok(publish(link.claim.take(), &file, written)?)
                },
            );
            written.map_err(|error| match error {
                RecordError::History(error) => error,
                error => HistoryError::Refused(format!("slots of {}: {error}", unrun.drill)),
            })?;
            index.enter_slots(&ended(&record), &file)?;
        }
        Ok(())
    }

    /// How the slots of all drills ended that were due in a period, the earliest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn slots_within(&self, from: &str, to: &str) -> Result<Vec<EndedSlot>, HistoryError> {
        self.index()?.slots_within(from, to)
    }

    /// How a slot ended; `None` if it has not.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn slot(&self, drill: &str, due: Timestamp) -> Result<Option<EndedSlot>, HistoryError> {
        Ok(self.index()?.slots(drill, &[due.to_string()])?.pop())
    }

    /// How the newest slots of some drills ended, the newest first: so many of each.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn newest_slots<'a>(
        &self,
        wanted: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<Vec<Vec<EndedSlot>>, HistoryError> {
        let index = self.index()?;
        wanted.into_iter().map(|(drill, limit)| index.newest_slots(drill, limit)).collect()
    }

    /// How the slots of some drills ended that were due after a moment of each, the earliest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn slots_after<'a>(
        &self,
        wanted: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Result<Vec<Vec<EndedSlot>>, HistoryError> {
        let index = self.index()?;
        wanted.into_iter().map(|(drill, after)| index.slots_after(drill, &after)).collect()
    }
}
