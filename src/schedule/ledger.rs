//! What a calendar has to know after whatever ran it has ended: until when the slots of each drill have ended, which
//! drills were begun, what was used of the budgets. How slots ended stands in the history, and only there.

use std::collections::{HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::agenda::{Begun, Ended, Past, Settled, Slot, Spent};
use super::alerts::{Close, Told};
use super::fleet::{Drill, Fleet};
use super::outbox::{self, Noted};
use super::written;
use crate::clock::Timestamp;
use crate::history::{History, HistoryError};
use crate::wire::event::Verdict;
use crate::wire::schedule::EndedSlot;
use crate::wire::slot::Cause;

pub(super) const FILE: &str = "calendar.sqlite";
const LOCK: &str = "calendar.lock";
const VERSION: i64 = 1;
/// Longest time in seconds that nobody has looked at a calendar: a clock that says more is not believed.
const LONGEST_GAP: i64 = 400 * 86_400;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS drill (
  name TEXT PRIMARY KEY, pattern TEXT NOT NULL, settled_until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS begun (
  name TEXT NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL, PRIMARY KEY (name, due)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (day INTEGER PRIMARY KEY, minutes REAL NOT NULL, bytes INTEGER NOT NULL);
";

/// Why a calendar cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process keeps it.
    #[error("another dr-drill keeps the calendar of {0}")]
    Busy(String),
    /// The system refused.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Its file is damaged, or cannot be written.
    #[error("the calendar {path}: {cause}")]
    State {
        /// Its file.
        path: String,
        /// What SQLite said.
        #[source]
        cause: rusqlite::Error,
    },
    /// It was written by a newer version.
    #[error("the calendar {0} was written by a newer version of the tool")]
    Newer(String),
    /// The clock says a time long after the calendar was last looked at.
    #[error("the clock says {now}, and the calendar was last looked at on {seen}")]
    Clock {
        /// What the clock says.
        now: String,
        /// When it was last looked at.
        seen: String,
    },
    /// The history cannot be used.
    #[error("{0}")]
    History(#[from] HistoryError),
}

/// What calendar and history know of a fleet.
#[derive(Debug)]
pub struct Known {
    /// Of each drill, in the order of the fleet.
    pub past: Vec<Past>,
    /// Slots that are recorded and were not noted as such: whatever noted them has ended before it could.
    pub recorded: Vec<Close>,
    /// Slots whose drill was begun, and that the fleet does not have any more: their pattern was changed.
    pub cut_off: Vec<Settled>,
}

/// A calendar that this process keeps: no other can, until it ends.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
    _lock: File,
}

/// Holds a clock against when a calendar was last looked at.
///
/// # Errors
/// When it says a time so long after that it is not believed.
pub(super) fn believe(now: Timestamp, seen: i64) -> Result<(), LedgerError> {
    if now.unix() - seen <= LONGEST_GAP {
        return Ok(());
    }
    Err(LedgerError::Clock { now: now.to_string(), seen: written(seen) })
}

impl Ledger {
    /// Opens the calendar that lies in a directory, and makes it where there is none.
    ///
    /// # Errors
    /// When another process keeps it, or it cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        let lock = folder.join(LOCK);
        let fail = |cause| LedgerError::Io { path: lock.display().to_string(), cause };
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LedgerError::Busy(folder.display().to_string()));
            }
            Err(TryLockError::Error(cause)) => return Err(fail(cause)),
        }
        let path = folder.join(FILE);
        let failed = |cause| LedgerError::State { path: path.display().to_string(), cause };
        let connection = Connection::open(&path).map_err(failed)?;
        let version: i64 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
        if version > VERSION {
            return Err(LedgerError::Newer(path.display().to_string()));
        }
        connection.busy_timeout(std::time::Duration::from_secs(30)).map_err(failed)?;
        connection.execute_batch(TABLES).map_err(failed)?;
        connection.execute_batch(outbox::TABLES).map_err(failed)?;
        connection.pragma_update(None, "user_version", VERSION).map_err(failed)?;
        Ok(Self { connection, path, _lock: file })
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> LedgerError + use<> {
        let path = self.path.display().to_string();
        move |cause| LedgerError::State { path: path.clone(), cause }
    }

    /// What is known of every drill of a fleet. Slots of a drill, or of a pattern, that is new count from now on;
    /// those of drills that are not in the fleet any more are forgotten.
    ///
    /// # Errors
    /// When calendar or history cannot be read, or the clock is not believed.
    pub fn known(
        &mut self,
        fleet: &Fleet,
        history: &History,
        now: Timestamp,
        believe_clock: bool,
    ) -> Result<Known, LedgerError> {
        let settled = self.enrol(fleet, now.unix())?;
        let newest = settled.iter().copied().max().unwrap_or_else(|| now.unix());
        if !believe_clock {
            believe(now, newest)?;
        }
        let mut begun: HashMap<String, Vec<(i64, u32)>> = HashMap::new();
        for (name, due, attempts) in self.begun()? {
            begun.entry(name).or_default().push((due, attempts));
        }
        let names = || fleet.drills.iter().map(|drill| drill.name.as_str());
        let newest = history.newest_slots(names().map(|name| (name, 1)))?;
        // Only of drills with slots that may have ended since.
        let since = fleet.drills.iter().zip(&settled).enumerate();
        let since: Vec<(usize, &str, i64)> = since
            .filter(|(_, (drill, until))| {
                drill.slots_after(**until).next().is_some_and(|due| due <= now.unix())
            })
            .map(|(at, (drill, until))| (at, drill.name.as_str(), *until))
            .collect();
        let slots =
            history.slots_after(since.iter().map(|(_, name, until)| (*name, written(*until))))?;
        let standings = history.standings()?.into_iter();
        let expected: HashMap<String, f64> = standings
            .filter(|standing| standing.last.verdict == Verdict::Passed)
            .map(|standing| (standing.name, standing.last.duration_seconds))
            .collect();
        let mut past: Vec<Past> = fleet
            .drills
            .iter()
            .zip(settled)
            .zip(newest)
            .map(|((drill, settled_until), newest)| Past {
                settled_until,
                last: newest.first().and_then(ended_as),
                expected: expected.get(&drill.name).copied(),
                begun: begun.remove(&drill.name).into_iter().flatten().map(Begun::new).collect(),
                ended: Vec::new(),
            })
            .collect();
        let mut recorded = Vec::new();
        for ((at, ..), slots) in since.into_iter().zip(slots) {
            for slot in slots {
                let Some((due, ended)) = ended_as(&slot) else { continue };
                let of_it = past[at].begun.iter().position(|begun| begun.due == due);
                match (of_it, ended) {
                    // It was to be run again.
                    (Some(begun), Ended::Inconclusive) => past[at].begun[begun].ran = Some(ended),
                    (begun, _) => {
                        begun.map(|begun| past[at].begun.remove(begun));
                        past[at].ended.push((due, ended));
                        recorded.push(Close { drill: at, due, slot, only_limits: false });
                    }
                }
            }
        }
        let mut cut_off = Vec::new();
        for (drill, past) in past.iter_mut().enumerate() {
            let settled_until = past.settled_until;
            let gone = past.begun.extract_if(.., |begun| begun.due <= settled_until);
            cut_off.extend(gone.map(|begun| Settled {
                drill,
                due: vec![begun.due],
                cause: Cause::Interrupted,
                reason: "its drill was begun and cut off, and its pattern was changed".to_owned(),
                attempts: begun.attempts,
            }));
        }
        Ok(Known { past, recorded, cut_off })
    }

    /// Until when the slots of each drill have ended.
    fn enrol(&mut self, fleet: &Fleet, now: i64) -> Result<Vec<i64>, LedgerError> {
        let failed = self.failed();
        let transaction = self.connection.transaction().map_err(&failed)?;
        let known: HashMap<String, (String, i64)> = {
            let mut asked = transaction
                .prepare("SELECT name, pattern, settled_until FROM drill")
                .map_err(&failed)?;
            let rows = asked.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))));
            rows.and_then(Iterator::collect).map_err(&failed)?
        };
        let mut settled = Vec::with_capacity(fleet.drills.len());
        let zone = |drill: &Drill| drill.rules.zone.iana_name().unwrap_or_default().to_owned();
        for drill in &fleet.drills {
            let pattern = format!("{} {}", drill.rules.cron, zone(drill));
            let until = match known.get(&drill.name) {
                Some((before, until)) if *before == pattern => *until,
                _ => {
                    let mut insert = transaction
                        .prepare_cached("INSERT OR REPLACE INTO drill VALUES (?1, ?2, ?3)")
                        .map_err(&failed)?;
                    insert.execute(params![drill.name, pattern, now]).map_err(&failed)?;
                    now
                }
            };
            settled.push(until);
        }
        let names: HashSet<&str> = fleet.drills.iter().map(|drill| drill.name.as_str()).collect();
        for name in known.keys().filter(|name| !names.contains(name.as_str())) {
            for table in ["drill", "begun"] {
                let forget = format!("DELETE FROM {table} WHERE name = ?1");
                transaction.execute(&forget, [name]).map_err(&failed)?;
            }
        }
        transaction.commit().map_err(&failed)?;
        Ok(settled)
    }

    fn begun(&self) -> Result<Vec<(String, i64, u32)>, LedgerError> {
        let asked = self.connection.prepare("SELECT name, due, attempts FROM begun");
        asked
            .and_then(|mut asked| {
                asked.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
            })
            .map_err(self.failed())
    }

    /// Notes that the drill of a slot is begun.
    ///
    /// # Errors
    /// When it cannot be written: then it must not be.
    pub fn begin(&self, drill: &Drill, slot: Slot, attempt: u32) -> Result<(), LedgerError> {
        let insert = "INSERT OR REPLACE INTO begun VALUES (?1, ?2, ?3)";
        self.connection
            .execute(insert, params![drill.name, slot.due, attempt])
            .map_err(self.failed())?;
        Ok(())
    }

    /// Notes that slots have ended, as the history holds: until when all of a drill have, by its name, those whose
    /// drill was begun, and what is told of them.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn settle(
        &mut self,
        until: &[(&str, i64)],
        ended: &[(&str, i64)],
        spent: Spent,
        noted: &[Noted],
    ) -> Result<(), LedgerError> {
        let failed = self.failed();
        let transaction = self.connection.transaction().map_err(&failed)?;
        for (name, until) in until {
            let update =
                "UPDATE drill SET settled_until = ?2 WHERE name = ?1 AND settled_until < ?2";
            transaction
                .prepare_cached(update)
                .and_then(|mut u| u.execute(params![name, until]))
                .map_err(&failed)?;
        }
        for (name, due) in ended {
            let delete = "DELETE FROM begun WHERE name = ?1 AND due = ?2";
            transaction.execute(delete, params![name, due]).map_err(&failed)?;
        }
        let bytes = i64::try_from(spent.bytes).unwrap_or(i64::MAX);
        transaction.execute("DELETE FROM spent", []).map_err(&failed)?;
        transaction
            .execute(
                "INSERT INTO spent VALUES (?1, ?2, ?3)",
                params![spent.day, spent.minutes, bytes],
            )
            .map_err(&failed)?;
        for noted in noted {
            outbox::write(&transaction, noted).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)
    }

    /// What was noted of the alerts of a drill: the newest slot, and what has been told.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn told(&self, drill: &str) -> Result<(i64, Option<Told>), LedgerError> {
        outbox::read(&self.connection, drill).map_err(self.failed())
    }

    /// What was used of the budgets of the day that was last noted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn spent(&self) -> Result<Spent, LedgerError> {
        let row = self.connection.query_row("SELECT day, minutes, bytes FROM spent", [], |row| {
            let bytes = row.get::<_, i64>(2)?.unsigned_abs();
            Ok(Spent { day: row.get(0)?, minutes: row.get(1)?, bytes })
        });
        match row {
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(Spent::default()),
            row => row.map_err(self.failed()),
        }
    }
}

/// A slot that has ended, for the agenda.
fn ended_as(slot: &EndedSlot) -> Option<(i64, Ended)> {
    let due = slot.due_at.parse::<Timestamp>().ok()?.unix();
    let ended = match slot.verdict {
        Some(Verdict::Passed) => Ended::Passed,
        Some(Verdict::Failed) => Ended::Failed,
        Some(Verdict::Inconclusive) => Ended::Inconclusive,
        None => Ended::Settled,
    };
    Some((due, ended))
}
