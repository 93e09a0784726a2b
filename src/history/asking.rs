//! What a history tells quickly, from its index.

use super::actions::actions;
use super::entry::{ended, entry};
use super::filed::Filed;
use super::index::Index;
use super::shelf::place;
use super::trend::median;
use super::{History, HistoryError};
use crate::clock::Timestamp;
use crate::evidence::SealedEvidence;
use crate::wire::event::{GapFacts, PastFacts, Verdict};
use crate::wire::history::{Action, Entry, Standing};
use crate::wire::report::ExerciseKind;

/// Where a drill leaves what it found a database to be.
const BASELINE: &str = "restore/baseline.json";
/// How many drills before a drill its past is made of.
const PAST: u64 = 20;

impl History {
    /// The index, after what was announced and never entered has been looked after.
    pub(super) fn index(&self) -> Result<Index, HistoryError> {
        if let Ok(Some(index)) = Index::open(&self.folder)
            && index.announced().is_ok_and(|announced| announced.is_empty())
        {
            return Ok(index);
        }
        let _lock = self.lock()?;
        self.index_locked()
    }

    pub(super) fn index_locked(&self) -> Result<Index, HistoryError> {
        // One that cannot be read is made anew, as if there were none.
        let mut index = match Index::open(&self.folder) {
            Ok(Some(index)) => index,
            Ok(None) | Err(_) => {
                self.make_index()?;
                Index::open(&self.folder)?
                    .ok_or_else(|| HistoryError::Stale(self.folder.display().to_string()))?
            }
        };
        for file in index.announced()? {
            if place(&self.folder, &file).exists() {
                match self.filed(&file)? {
                    Filed::Drill(sealed) => index.enter(&entry(&sealed, &file))?,
                    Filed::Record(sealed) => index.enter_slots(&ended(&sealed.record), &file)?,
                }
            } else {
                index.forget(&file)?;
            }
        }
        Ok(index)
    }

    /// The newest drills first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn newest(
        &self,
        name: Option<&str>,
        verdict: Option<Verdict>,
        limit: u64,
    ) -> Result<Vec<Entry>, HistoryError> {
        self.index()?.newest(name, verdict, limit)
    }

    /// How each name stands, with its newest drills, the oldest of them first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn each_newest(&self, limit: u64) -> Result<Vec<(Standing, Vec<Entry>)>, HistoryError> {
        let index = self.index()?;
        let with_drills = |standing: Standing| {
            let mut drills = index.newest(Some(&standing.name), None, limit)?;
            drills.reverse();
            Ok((standing, drills))
        };
        index.standings()?.into_iter().map(with_drills).collect()
    }

    /// Every drill that began in a period, the oldest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn within(&self, from: &str, to: &str) -> Result<Vec<Entry>, HistoryError> {
        self.index()?.within(from, to)
    }

    /// How each name stands.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn standings(&self) -> Result<Vec<Standing>, HistoryError> {
        self.index()?.standings()
    }

    /// Corrective actions: those that are open, or all that ever were.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn actions(&self, all: bool, now: Timestamp) -> Result<Vec<Action>, HistoryError> {
        let index = self.index()?;
        if all {
            return Ok(actions(&index.within("", "9999")?, now));
        }
        let mut since = Vec::new();
        for standing in index.standings()? {
            if standing.last.kind == Some(ExerciseKind::Tabletop) {
                // A gap stays open, whatever the verdict.
                since.extend(index.since(&standing.name, "")?);
            } else if standing.last.verdict != Verdict::Passed {
                let last = standing.last_passed_at.as_deref().unwrap_or_default();
                since.extend(index.since(&standing.name, last)?);
            }
        }
        let mut open = actions(&since, now);
        open.retain(|action| action.closed_by.is_none());
        Ok(open)
    }

    /// The gaps that exercises of a name have found and not closed.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn open_gaps(&self, name: &str, now: Timestamp) -> Result<Vec<GapFacts>, HistoryError> {
        let all = actions(&self.index()?.since(name, "")?, now);
        let open = all.into_iter().filter(|action| action.closed_by.is_none());
        Ok(open.filter_map(|action| action.gap).collect())
    }

    /// How many drills passed, failed, and could not be told on each day since a moment, by date.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn days(&self, since: &str) -> Result<Vec<(String, u64, u64, u64)>, HistoryError> {
        self.index()?.days(since)
    }

    /// The one drill whose run begins so.
    ///
    /// # Errors
    /// When there is none or more than one, or the index cannot be read.
    pub fn find(&self, run: &str) -> Result<Entry, HistoryError> {
        let mut found = self.index()?.runs(run)?;
        match (found.pop(), found.is_empty()) {
            (Some(entry), true) => Ok(entry),
            (None, _) => Err(HistoryError::Refused(format!("no run begins with {run}"))),
            (Some(_), false) => {
                Err(HistoryError::Refused(format!("several runs begin with {run}")))
            }
        }
    }

    /// The newest drill that passed with the backup of this digest.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn passed_with(&self, backup_sha256: &str) -> Result<Option<Entry>, HistoryError> {
        self.index()?.passed_with(backup_sha256)
    }

    /// What the drills of a name were like until now.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn past(&self, name: &str) -> Result<PastFacts, HistoryError> {
        let passed = self.newest(Some(name), Some(Verdict::Passed), PAST)?;
        let times: Vec<f64> = passed.iter().filter_map(|entry| entry.rto_seconds).collect();
        let median_rto_seconds = median(&times);
        Ok(PastFacts { passed: passed.len() as u64, median_rto_seconds, baseline_run_id: None })
    }

    /// What the newest drill of a name that passed found its database to be, if it recorded that, and its run.
    ///
    /// # Errors
    /// When index or pack cannot be read.
    pub fn last_baseline(&self, name: &str) -> Result<Option<(String, Vec<u8>)>, HistoryError> {
        let Some(drill) = self.newest(Some(name), Some(Verdict::Passed), 1)?.pop() else {
            return Ok(None);
        };
        let found = SealedEvidence::file(&self.place(&drill), BASELINE);
        let wrong = |problem| HistoryError::Pack { file: drill.file.clone(), problem };
        Ok(found.map_err(wrong)?.map(|bytes| (drill.run_id, bytes)))
    }
}
