//! What a calendar has to know after whatever ran it has ended: until when the slots of each drill have ended, which
//! drills were begun, what was used of the budgets. How slots ended stands in the history, and only there.

use std::collections::{HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use super::agenda::{Begun, Ended, Past, Settled, Slot, Spent};
use super::alerts::{Close, Told};
use super::fleet::{Drill, Fleet};
use super::outbox::{self, LOCAL_ID, Noted};
use super::tables::{Local, Row, Tables};
use super::written;
#[cfg(feature = "queue")]
use super::{tables::Shared, team::Team};
use crate::clock::Timestamp;
use crate::history::{History, HistoryError};
use crate::wire::event::Verdict;
use crate::wire::schedule::EndedSlot;
use crate::wire::slot::Cause;

pub(super) const FILE: &str = "calendar.sqlite";
const LOCK: &str = "calendar.lock";
/// Longest time in seconds that nobody has looked at a calendar: a clock that says more is not believed.
const LONGEST_GAP: i64 = 400 * 86_400;

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS drill (
  name TEXT PRIMARY KEY, pattern TEXT NOT NULL, settled_until BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS begun (
  name TEXT NOT NULL, due BIGINT NOT NULL, attempts BIGINT NOT NULL, PRIMARY KEY (name, due)
);
CREATE TABLE IF NOT EXISTS spent (
  day BIGINT PRIMARY KEY, minutes DOUBLE PRECISION NOT NULL, bytes BIGINT NOT NULL
);
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
    /// Its tables are damaged, or cannot be reached or written.
    #[error("{place}: {cause}")]
    State {
        /// Where they are.
        place: String,
        /// What is said there.
        cause: String,
    },
    /// Another process keeps it now.
    #[error(
        "another dr-drill keeps the calendar of {0} now: this one was out of reach for too long"
    )]
    Lost(String),
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
    tables: Box<dyn Tables>,
    /// The lock of a file, which keeps others away as long as it is held.
    _lock: Option<File>,
    /// The number of who keeps the calendar of a team.
    keeper: Option<i64>,
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
        let tables = Local::open(&folder.join(FILE), &[TABLES, &outbox::tables(LOCAL_ID)])?;
        Ok(Self { tables: Box::new(tables), _lock: Some(file), keeper: None })
    }

    /// Opens the calendar of a team.
    ///
    /// # Errors
    /// When another process keeps it, or its database cannot be used.
    #[cfg(feature = "queue")]
    pub fn shared(team: &Team) -> Result<Self, LedgerError> {
        let place = || team.connection().address().shown().to_owned();
        let keeper = team.keep()?.ok_or_else(|| LedgerError::Busy(place()))?;
        let tables = Shared::new(team.connection(), Some(keeper));
        Ok(Self { tables: Box::new(tables), _lock: None, keeper: Some(keeper) })
    }

    /// The number of who keeps the calendar of a team.
    #[must_use]
    pub fn keeper(&self) -> Option<i64> {
        self.keeper
    }

    /// Slots whose drill may still run on another machine, or has ended there: their orders were not withdrawn.
    fn ordered(&self) -> Result<HashSet<(String, i64)>, LedgerError> {
        if self.keeper.is_none() {
            return Ok(HashSet::new());
        }
        let question =
            "SELECT begun.name, begun.due FROM begun JOIN attempt ON attempt.drill = begun.name
            AND attempt.due = begun.due AND attempt.attempt = begun.attempts
            WHERE attempt.state <> 'withdrawn'";
        let rows = self.tables.ask(question, &[])?;
        let slot = |row: &Row| Some((row.text(0)?.to_owned(), row.integer(1)?));
        Ok(rows.iter().filter_map(slot).collect())
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
        let mut begun: HashMap<String, Vec<Begun>> = HashMap::new();
        let ordered = self.ordered()?;
        for (name, due, attempts) in self.begun()? {
            let (key, runs) = (name.clone(), ordered.contains(&(name, due)));
            begun.entry(key).or_default().push(Begun { due, attempts, ran: None, runs });
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
                begun: begun.remove(&drill.name).unwrap_or_default(),
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
                    (Some(begun), Ended::Inconclusive) => {
                        let begun = &mut past[at].begun[begun];
                        (begun.ran, begun.runs) = (Some(ended), false);
                    }
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
        let mut settled = Vec::with_capacity(fleet.drills.len());
        let zone = |drill: &Drill| drill.rules.zone.iana_name().unwrap_or_default().to_owned();
        self.tables.together(&mut |tables| {
            settled.clear();
            let rows = tables.ask("SELECT name, pattern, settled_until FROM drill", &[])?;
            let known: HashMap<&str, (&str, i64)> = rows
                .iter()
                .filter_map(|row| Some((row.text(0)?, (row.text(1)?, row.integer(2)?))))
                .collect();
            for drill in &fleet.drills {
                let pattern = format!("{} {}", drill.rules.cron, zone(drill));
                let until = match known.get(drill.name.as_str()) {
                    Some((before, until)) if *before == pattern => *until,
                    _ => {
                        let insert =
                            "INSERT INTO drill VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE
                            SET pattern = excluded.pattern, settled_until = excluded.settled_until";
                        tables
                            .tell(insert, &[(&drill.name).into(), (&pattern).into(), now.into()])?;
                        now
                    }
                };
                settled.push(until);
            }
            let names: HashSet<&str> =
                fleet.drills.iter().map(|drill| drill.name.as_str()).collect();
            for name in known.keys().filter(|name| !names.contains(**name)) {
                for table in ["drill", "begun"] {
                    let forget = format!("DELETE FROM {table} WHERE name = ?1");
                    tables.tell(&forget, &[(*name).into()])?;
                }
            }
            Ok(())
        })?;
        Ok(settled)
    }

    fn begun(&self) -> Result<Vec<(String, i64, u32)>, LedgerError> {
        let rows = self.tables.ask("SELECT name, due, attempts FROM begun", &[])?;
        let begun = |row: &Row| {
            let attempts = u32::try_from(row.integer(2)?).unwrap_or(u32::MAX);
            Some((row.text(0)?.to_owned(), row.integer(1)?, attempts))
        };
        Ok(rows.iter().filter_map(begun).collect())
    }

    /// Notes that the drill of a slot is begun.
    ///
    /// # Errors
    /// When it cannot be written: then it must not be.
    pub fn begin(&self, drill: &Drill, slot: Slot, attempt: u32) -> Result<(), LedgerError> {
        let insert = "INSERT INTO begun VALUES (?1, ?2, ?3)
            ON CONFLICT (name, due) DO UPDATE SET attempts = excluded.attempts";
        self.tables.tell(insert, &[(&drill.name).into(), slot.due.into(), attempt.into()])
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
        let bytes = i64::try_from(spent.bytes).unwrap_or(i64::MAX);
        self.tables.together(&mut |tables| {
            for (name, until) in until {
                let update =
                    "UPDATE drill SET settled_until = ?2 WHERE name = ?1 AND settled_until < ?2";
                tables.tell(update, &[(*name).into(), (*until).into()])?;
            }
            for (name, due) in ended {
                let delete = "DELETE FROM begun WHERE name = ?1 AND due = ?2";
                tables.tell(delete, &[(*name).into(), (*due).into()])?;
            }
            tables.tell("DELETE FROM spent", &[])?;
            let insert = "INSERT INTO spent VALUES (?1, ?2, ?3)";
            tables.tell(insert, &[spent.day.into(), spent.minutes.into(), bytes.into()])?;
            noted.iter().try_for_each(|noted| outbox::write(tables, noted))
        })
    }

    /// What was noted of the alerts of a drill: the newest slot, and what has been told.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn told(&self, drill: &str) -> Result<(i64, Option<Told>), LedgerError> {
        outbox::read(&*self.tables, drill)
    }

    /// What was used of the budgets of the day that was last noted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn spent(&self) -> Result<Spent, LedgerError> {
        let rows = self.tables.ask("SELECT day, minutes, bytes FROM spent", &[])?;
        let spent = rows.first().and_then(|row| {
            let bytes = row.integer(2)?.unsigned_abs();
            Some(Spent { day: row.integer(0)?, minutes: row.real(1)?, bytes })
        });
        Ok(spent.unwrap_or_default())
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
