//! How slots ended, on its way into history, ledger and outbox: first the record that nobody can take back, then, in one
//! transaction, that the slot has ended and who is to be told.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::agenda::{Settled, Spent};
use super::alerts::{Close, note};
use super::fleet::Fleet;
use super::ledger::{Ledger, LedgerError};
use super::outbox::Noted;
use crate::clock::Timestamp;
use crate::history::{History, HistoryError, Unrun};
use crate::signature::PrivateKey;

/// How many records are written before it is looked at the drills again.
const AT_ONCE: usize = 64;

/// What is not written yet.
pub struct Books<'a> {
    /// The fleet.
    pub fleet: &'a Fleet,
    /// Where slots are recorded.
    pub history: &'a History,
    /// The key that signs their records.
    pub key: Option<&'a PrivateKey>,
    /// Where it is noted that they have ended.
    pub ledger: &'a mut Ledger,
    /// Slots whose record is not written.
    pub unrecorded: VecDeque<Settled>,
    /// Slots that are recorded, and not noted as ended.
    pub closed: Vec<Close>,
}

impl Books<'_> {
    /// Whether all is written.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.unrecorded.is_empty() && self.closed.is_empty()
    }

    /// Writes what is not written, but never so much that drills would wait for it. `settled_until` tells until when
    /// all slots of a drill have ended.
    ///
    /// # Errors
    /// When something cannot be written: it is kept for the next time.
    pub fn write(
        &mut self,
        settled_until: impl Fn(usize) -> i64,
        spent: Spent,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut failed = None;
        for _ in 0..self.unrecorded.len().min(AT_ONCE) {
            let Some(settled) = self.unrecorded.pop_front() else { break };
            if let Err(error) = self.record(&settled, now) {
                // A chain that is damaged must not keep the others from being written.
                failed = Some(error);
                self.unrecorded.push_back(settled);
                continue;
            }
            let name = &self.fleet.drills[settled.drill].name;
            let closed = settled.slots(name).into_iter().zip(&settled.due);
            self.closed.extend(closed.map(|(slot, due)| Close {
                drill: settled.drill,
                due: *due,
                slot,
                only_limits: false,
            }));
        }
        let mut noted = BTreeMap::new();
        for close in &self.closed {
            self.note(close, &mut noted, now.unix())?;
        }
        // What is not recorded yet has to come again after a crash.
        let mut whole: HashSet<usize> = self.closed.iter().map(|close| close.drill).collect();
        for settled in &self.unrecorded {
            whole.remove(&settled.drill);
        }
        let (mut until, mut ended) = (Vec::new(), Vec::new());
        for close in &self.closed {
            let name = self.fleet.drills[close.drill].name.as_str();
            if whole.contains(&close.drill) {
                until.push((name, settled_until(close.drill)));
            }
            ended.push((name, close.due));
        }
        let noted: Vec<Noted> = noted.into_values().collect();
        self.ledger.settle(&until, &ended, spent, &noted)?;
        self.closed.clear();
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Notes what is told of a slot, unless it was noted before.
    fn note(
        &self,
        close: &Close,
        noted: &mut BTreeMap<usize, Noted>,
        now: i64,
    ) -> Result<(), LedgerError> {
        let drill = &self.fleet.drills[close.drill].name;
        let mut entry = match noted.remove(&close.drill) {
            Some(entry) => entry,
            None => {
                let (due, told) = self.ledger.told(drill)?;
                Noted { drill: drill.clone(), due, told, outgoing: Vec::new() }
            }
        };
        if close.due > entry.due {
            let (told, outgoing) = note(self.fleet, close, entry.told, now);
            entry.due = close.due;
            entry.told = told;
            entry.outgoing.extend(outgoing);
        }
        noted.insert(close.drill, entry);
        Ok(())
    }

    fn record(&self, settled: &Settled, now: Timestamp) -> Result<(), HistoryError> {
        let unrun = Unrun {
            drill: &self.fleet.drills[settled.drill].name,
            due: settled.due.iter().filter_map(|due| Timestamp::from_unix(*due)).collect(),
            cause: settled.cause,
            reason: &settled.reason,
            attempts: settled.attempts,
            fleet_sha256: self.fleet.sha256.to_string(),
        };
        self.history.record(&unrun, self.key, now)
    }
}
