//! The index: a file of SQLite that answers quickly, and that can be thrown away at any time.
//!
//! A drill is announced before its pack appears, and entered afterwards: whoever opens the index later
//! looks after what was announced and never entered.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, params};

use super::HistoryError;
use super::entry::ended_by;
use crate::wire::event::Verdict;
use crate::wire::history::{Entry, Standing};
use crate::wire::schedule::EndedSlot;

/// Name of the file.
pub(super) const INDEX: &str = "index.sqlite";
/// Version of the tables: an index with another one is made anew.
const VERSION: i64 = 2;
/// What a drill that stands beside the chain weighs in how its slot ended: a record of the chain goes before it.
const BESIDE: u32 = 0;
/// What the record of a slot weighs; a drill of the chain weighs as much more as it has attempts.
const RECORD: u32 = 1;

const TABLES: &str = "
CREATE TABLE drill (
  name TEXT NOT NULL, started_at TEXT NOT NULL, run_id TEXT NOT NULL,
  verdict TEXT NOT NULL, backup TEXT, entry TEXT NOT NULL,
  PRIMARY KEY (name, started_at, run_id)
) WITHOUT ROWID;
CREATE TABLE standing (
  name TEXT PRIMARY KEY, drills INTEGER NOT NULL, passed INTEGER NOT NULL, failed INTEGER NOT NULL,
  inconclusive INTEGER NOT NULL, last_passed_at TEXT, last TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE slot (
  drill TEXT NOT NULL, due_at TEXT NOT NULL, weight INTEGER NOT NULL, slot TEXT NOT NULL,
  PRIMARY KEY (drill, due_at)
) WITHOUT ROWID;
CREATE TABLE announced (file TEXT PRIMARY KEY) WITHOUT ROWID;
";
/// Made after all drills are entered: that is faster.
const ORDERS: &str = "
CREATE INDEX drill_by_time ON drill (started_at DESC, run_id DESC, verdict);
CREATE INDEX drill_by_run ON drill (run_id);
CREATE INDEX drill_by_backup ON drill (backup);
CREATE INDEX slot_by_time ON slot (due_at);
";
/// How each name stands, or the one of `?1`. SQLite takes the entry from the row that `max` is of.
fn standings(condition: &str) -> String {
    format!(
        "INSERT OR REPLACE INTO standing
         SELECT name, drills, passed, failed, inconclusive, (
           SELECT max(started_at) FROM drill WHERE drill.name = each.name AND verdict = 'passed'), entry
         FROM (
           SELECT name, count(*) AS drills, sum(verdict = 'passed') AS passed,
             sum(verdict = 'failed') AS failed, sum(verdict = 'inconclusive') AS inconclusive,
             entry, max(started_at || run_id)
           FROM drill {condition} GROUP BY name) AS each"
    )
}

/// What an index is made of.
pub(super) enum Found {
    /// A drill.
    Drill(Box<Entry>),
    /// Slots in which none ran.
    Slots(Vec<EndedSlot>),
}

/// An open index.
pub(super) struct Index {
    connection: Connection,
    path: PathBuf,
}

impl Index {
    /// Opens the index of a history, if there is one of this version.
    pub(super) fn open(history: &Path) -> Result<Option<Self>, HistoryError> {
        let path = history.join(INDEX);
        if !path.exists() {
            return Ok(None);
        }
        let index = Self::connect(path)?;
        let version: i64 =
            index.ask(|c| c.query_row("PRAGMA user_version", [], |row| row.get(0)))?;
        Ok((version == VERSION).then_some(index))
    }

    /// Makes an index of all these drills, in place of the one that is there.
    pub(super) fn make(
        history: &Path,
        found: impl Iterator<Item = Found>,
    ) -> Result<u64, HistoryError> {
        let temporary = history.join(format!("{INDEX}.new"));
        let _ = fs::remove_file(&temporary);
        let mut index = Self::connect(temporary.clone())?;
        let mut count = 0;
        index.ask(|c| {
            c.execute_batch(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;",
            )?;
            c.execute_batch(TABLES)
        })?;
        let path = index.path.clone();
        let fail = |cause| HistoryError::Index { path: path.display().to_string(), cause };
        let transaction = index.connection.transaction().map_err(fail)?;
        for found in found {
            match found {
                Found::Drill(entry) => {
                    insert(&transaction, &entry).map_err(fail)?;
                    count += 1;
                }
                Found::Slots(slots) => insert_slots(&transaction, &slots, RECORD).map_err(fail)?,
            }
        }
        transaction.execute_batch(ORDERS).map_err(fail)?;
        transaction.execute(&standings(""), []).map_err(fail)?;
        transaction.pragma_update(None, "user_version", VERSION).map_err(fail)?;
        transaction.commit().map_err(fail)?;
        drop(index);
        let place = history.join(INDEX);
        // The old one first, and then its journal: no other file may ever be rolled back by it.
        for old in ["", "-journal", "-wal", "-shm"] {
            let _ = fs::remove_file(history.join(format!("{INDEX}{old}")));
        }
        fs::File::open(&temporary)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&temporary, &place))
            .map_err(|cause| HistoryError::io(&place, cause))?;
        Ok(count)
    }

    fn connect(path: PathBuf) -> Result<Self, HistoryError> {
        let failed = |cause| HistoryError::Index { path: path.display().to_string(), cause };
        let connection = Connection::open(&path).map_err(failed)?;
        connection.busy_timeout(std::time::Duration::from_secs(30)).map_err(failed)?;
        Ok(Self { connection, path })
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, HistoryError> {
        question(&self.connection)
            .map_err(|cause| HistoryError::Index { path: self.path.display().to_string(), cause })
    }

    /// Notes that a pack is about to appear.
    pub(super) fn announce(&self, file: &str) -> Result<(), HistoryError> {
        self.ask(|c| c.execute("INSERT OR IGNORE INTO announced VALUES (?1)", [file]))?;
        Ok(())
    }

    /// Packs that were announced and not entered.
    pub(super) fn announced(&self) -> Result<Vec<String>, HistoryError> {
        self.ask(|c| {
            let mut asked = c.prepare("SELECT file FROM announced ORDER BY file")?;
            asked.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// Enters a drill, whose pack is there.
    pub(super) fn enter(&mut self, entry: &Entry) -> Result<(), HistoryError> {
        let path = self.path.display().to_string();
        let fail = |cause| HistoryError::Index { path: path.clone(), cause };
        let transaction = self.connection.transaction().map_err(fail)?;
        insert(&transaction, entry).map_err(fail)?;
        transaction.execute(&standings("WHERE name = ?1"), [&entry.name]).map_err(fail)?;
        transaction
            .execute("DELETE FROM announced WHERE file = ?1", [&entry.file])
            .map_err(fail)?;
        transaction.commit().map_err(fail)
    }

    /// Enters slots in which no drill ran, whose record is there.
    pub(super) fn enter_slots(
        &mut self,
        slots: &[EndedSlot],
        file: &str,
    ) -> Result<(), HistoryError> {
        let path = self.path.display().to_string();
        let fail = |cause| HistoryError::Index { path: path.clone(), cause };
        let transaction = self.connection.transaction().map_err(fail)?;
        insert_slots(&transaction, slots, RECORD).map_err(fail)?;
        transaction.execute("DELETE FROM announced WHERE file = ?1", [file]).map_err(fail)?;
        transaction.commit().map_err(fail)
    }

    /// Those of some slots of a drill that have ended.
    pub(super) fn slots(
        &self,
        drill: &str,
        due: &[String],
    ) -> Result<Vec<EndedSlot>, HistoryError> {
        let mut found = Vec::new();
        for due in due {
            found.extend(self.ended(
                "SELECT slot FROM slot WHERE drill = ?1 AND due_at = ?2",
                params![drill, due],
            )?);
        }
        Ok(found)
    }

    /// Slots that were due in a period, the earliest first.
    pub(super) fn slots_within(
        &self,
        from: &str,
        to: &str,
    ) -> Result<Vec<EndedSlot>, HistoryError> {
        let asked =
            "SELECT slot FROM slot WHERE due_at >= ?1 AND due_at < ?2 ORDER BY due_at, drill";
        self.ended(asked, params![from, to])
    }

    /// The newest slots of a drill first.
    pub(super) fn newest_slots(
        &self,
        drill: &str,
        limit: u64,
    ) -> Result<Vec<EndedSlot>, HistoryError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let asked = "SELECT slot FROM slot WHERE drill = ?1 ORDER BY due_at DESC LIMIT ?2";
        self.ended(asked, params![drill, limit])
    }

    /// The slots of a drill that were due after a moment, the earliest first.
    pub(super) fn slots_after(
        &self,
        drill: &str,
        after: &str,
    ) -> Result<Vec<EndedSlot>, HistoryError> {
        let asked = "SELECT slot FROM slot WHERE drill = ?1 AND due_at > ?2 ORDER BY due_at";
        self.ended(asked, params![drill, after])
    }

    fn ended(
        &self,
        asked: &str,
        with: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<EndedSlot>, HistoryError> {
        let stale = |_| HistoryError::Stale(self.path.display().to_string());
        let texts = self.ask(|c| all(c, asked, with))?;
        texts.iter().map(|text| serde_json::from_str(text).map_err(stale)).collect()
    }

    /// Forgets that a pack was announced, which never appeared.
    pub(super) fn forget(&self, file: &str) -> Result<(), HistoryError> {
        self.ask(|c| c.execute("DELETE FROM announced WHERE file = ?1", [file]))?;
        Ok(())
    }

    /// The newest drills first, of one name or of all, those that ended with a verdict or all.
    pub(super) fn newest(
        &self,
        name: Option<&str>,
        verdict: Option<Verdict>,
        limit: u64,
    ) -> Result<Vec<Entry>, HistoryError> {
        let order = "ORDER BY started_at DESC, run_id DESC LIMIT ?1";
        let verdict = verdict.map(Verdict::word);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.entries(|c| match (name, verdict) {
            (None, None) => all(c, &format!("SELECT entry FROM drill {order}"), params![limit]),
            (Some(name), None) => {
                all(c, &format!("SELECT entry FROM drill WHERE name = ?2 {order}"), params![limit, name])
            }
            (name, Some(verdict)) => all(
                c,
                &format!("SELECT entry FROM drill WHERE verdict = ?2 AND (?3 IS NULL OR name = ?3) {order}"),
                params![limit, verdict, name],
            ),
        })
    }

    /// Every drill that began in a period, the oldest first.
    pub(super) fn within(&self, from: &str, to: &str) -> Result<Vec<Entry>, HistoryError> {
        let asked = "SELECT entry FROM drill WHERE started_at >= ?1 AND started_at < ?2 ORDER BY started_at, run_id";
        self.entries(|c| all(c, asked, params![from, to]))
    }

    /// The drills of a name that began at a moment or later, the oldest first.
    pub(super) fn since(&self, name: &str, from: &str) -> Result<Vec<Entry>, HistoryError> {
        let asked = "SELECT entry FROM drill WHERE name = ?1 AND started_at >= ?2 ORDER BY started_at, run_id";
        self.entries(|c| all(c, asked, params![name, from]))
    }

    /// Drills of each day since a moment: the date, how many passed, failed, could not be told.
    pub(super) fn days(&self, since: &str) -> Result<Vec<(String, u64, u64, u64)>, HistoryError> {
        self.ask(|c| {
            let mut asked = c.prepare(
                "SELECT substr(started_at, 1, 10), sum(verdict = 'passed'), sum(verdict = 'failed'),
                   sum(verdict = 'inconclusive')
                 FROM drill WHERE started_at >= ?1 GROUP BY 1",
            )?;
            let count = |row: &Row<'_>, at| row.get(at).map(i64::unsigned_abs);
            let day =
                |row: &Row<'_>| Ok((row.get(0)?, count(row, 1)?, count(row, 2)?, count(row, 3)?));
            asked.query_map([since], day)?.collect()
        })
    }

    /// Drills whose run begins so.
    pub(super) fn runs(&self, beginning: &str) -> Result<Vec<Entry>, HistoryError> {
        let asked =
            "SELECT entry FROM drill WHERE run_id >= ?1 AND run_id < ?1 || char(1114111) LIMIT 3";
        self.entries(|c| all(c, asked, params![beginning]))
    }

    /// The newest drill that passed with this backup.
    pub(super) fn passed_with(&self, backup: &str) -> Result<Option<Entry>, HistoryError> {
        let asked = "SELECT entry FROM drill WHERE backup = ?1 AND verdict = 'passed' ORDER BY started_at DESC LIMIT 1";
        Ok(self.entries(|c| all(c, asked, params![backup]))?.pop())
    }

    /// How each name stands.
    pub(super) fn standings(&self) -> Result<Vec<Standing>, HistoryError> {
        let rows: Vec<(String, [i64; 4], Option<String>, String)> = self.ask(|c| {
            let mut asked = c.prepare("SELECT * FROM standing ORDER BY name")?;
            let row = |row: &Row<'_>| {
                let counts = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
                Ok((row.get(0)?, counts, row.get(5)?, row.get(6)?))
            };
            asked.query_map([], row)?.collect()
        })?;
        rows.into_iter()
            .map(|(name, counts, last_passed_at, last)| {
                let [drills, passed, failed, inconclusive] = counts.map(i64::unsigned_abs);
                let last = self.parse(&last)?;
                Ok(Standing { name, drills, passed, failed, inconclusive, last_passed_at, last })
            })
            .collect()
    }

    fn entries(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<Vec<String>>,
    ) -> Result<Vec<Entry>, HistoryError> {
        self.ask(question)?.iter().map(|text| self.parse(text)).collect()
    }

    fn parse(&self, text: &str) -> Result<Entry, HistoryError> {
        serde_json::from_str(text).map_err(|_| HistoryError::Stale(self.path.display().to_string()))
    }
}

fn insert(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let text = serde_json::to_string(entry).unwrap_or_default();
    connection
        .prepare_cached("INSERT OR REPLACE INTO drill VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            entry.name,
            entry.started_at,
            entry.run_id,
            entry.verdict.word(),
            entry.backup_sha256,
            text
        ])?;
    let attempt = entry.slot.as_ref().map_or(0, |slot| slot.attempt);
    let weight = entry.sequence.map_or(BESIDE, |_| RECORD.saturating_add(attempt));
    insert_slots(connection, ended_by(entry).as_slice(), weight)
}

/// Enters slots, unless something of more weight is known of them: a later attempt goes before an earlier one.
fn insert_slots(connection: &Connection, slots: &[EndedSlot], weight: u32) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO slot VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE
         SET weight = excluded.weight, slot = excluded.slot WHERE excluded.weight >= weight",
    )?;
    for slot in slots {
        let text = serde_json::to_string(slot).unwrap_or_default();
        insert.execute(params![slot.drill, slot.due_at, weight, text])?;
    }
    Ok(())
}

fn all(
    connection: &Connection,
    asked: &str,
    with: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<String>> {
    let mut asked = connection.prepare_cached(asked)?;
    asked.query_map(with, |row| row.get(0))?.collect()
}
