//! How a drill gets into a history: it takes the next place of its name, and its pack is filed there.

use std::fs::File;
use std::path::Path;

use super::entry::entry;
use super::filed::Filed;
use super::origin::{Claim, publish};
use super::shelf::{file_of, folder_of, place, shelve, shelved};
use super::{History, HistoryError};
use crate::evidence::{SealedEvidence, pack};
use crate::report::drill_name;
use crate::wire::event::{ChainFacts, PreviousFacts};

/// The next place among the drills of a name. While it is held, nobody else can take it.
#[derive(Debug)]
pub struct Link {
    _lock: File,
    chain: ChainFacts,
    /// The same place where the history is shared.
    pub(super) claim: Option<Box<dyn Claim>>,
}

impl Link {
    /// The place.
    #[must_use]
    pub fn chain(&self) -> &ChainFacts {
        &self.chain
    }
}

impl History {
    /// Takes the next place among the drills of a name.
    ///
    /// # Errors
    /// When the newest drill of the name cannot be read.
    pub fn link(&self, name: &str) -> Result<Link, HistoryError> {
        // Before the lock here is taken, which fetching takes, too.
        let claim = self.claim(name)?;
        let lock = self.lock()?;
        let previous = self.newest_of(name)?;
        let sequence = previous.as_ref().map_or(1, |(sequence, _)| sequence.saturating_add(1));
        let previous = previous.map(|(_, filed)| PreviousFacts {
            run_id: filed.id(),
            seal_sha256: filed.seal().to_string(),
        });
        Ok(Link { _lock: lock, chain: ChainFacts { sequence, previous }, claim })
    }

    /// The newest in the chain of a name, read from its file: an index proves nothing.
    fn newest_of(&self, name: &str) -> Result<Option<(u64, Filed)>, HistoryError> {
        let shelved = shelved(&self.folder, &folder_of(name))?;
        let Some(newest) = shelved.iter().rfind(|shelved| shelved.sequence.is_some()) else {
            return Ok(None);
        };
        let filed = self.filed(&newest.file)?;
        let sequence = filed.chain().map(|chain| chain.sequence);
        match (sequence, newest.sequence) {
            (Some(sequence), Some(number)) if filed.name() == name && sequence == number => {
                Ok(Some((number, filed)))
            }
            _ => Err(HistoryError::Pack {
                file: newest.file.clone(),
                problem: "holds another drill than its name says".to_owned(),
            }),
        }
    }

    pub(super) fn read(&self, file: &str) -> Result<SealedEvidence, HistoryError> {
        SealedEvidence::read(&place(&self.folder, file))
            .map_err(|problem| HistoryError::Pack { file: file.to_owned(), problem })
    }

    /// Files a sealed directory: its pack appears whole or not at all, and is entered in the index. `link` is
    /// the place that it was sealed with; without one the evidence comes from elsewhere. `false` if it was
    /// filed before.
    ///
    /// # Errors
    /// When the directory is not sealed, its place is not the next, or nothing can be written.
    pub fn file(&self, directory: &Path, link: Option<Link>) -> Result<bool, HistoryError> {
        let sealed = SealedEvidence::read(directory).map_err(HistoryError::Refused)?;
        let report = sealed.report();
        let mut link = match link {
            Some(link) => link,
            None if self.origin.is_some() => {
                let why = "only its calendar files in a history that several machines share";
                return Err(HistoryError::Refused(why.to_owned()));
            }
            None => Link { _lock: self.lock()?, chain: self.place_of(&sealed)?, claim: None },
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if report.run_id.is_empty()
            || report.run_id.len() > 100
            || !report.run_id.chars().all(plain)
        {
            return Err(HistoryError::Refused("its run has an id that no drill has".to_owned()));
        }
        let sequence = report.chain.as_ref().map(|chain| chain.sequence);
        let file = file_of(drill_name(report), sequence, &report.run_id);
        let mut index = self.index_locked()?;
        let written = shelve(
            &self.folder,
            &file,
            |out| {
                pack(directory, false, out)
                    .map_err(|cause| HistoryError::Write { run: report.run_id.clone(), cause })
            },
            |written| {
                index.announce(&file)?;
                publish(link.claim.take(), &file, written)
            },
        )?;
        if !written && self.read(&file)?.seal() != sealed.seal() {
            let message = format!("another drill has its place: {file} is there already");
            return Err(HistoryError::Refused(message));
        }
        if written {
            index.enter(&entry(&sealed, &file))?;
        }
        Ok(written)
    }

    /// The place of evidence that was sealed before: what it says itself, if that is the next or was taken by
    /// itself.
    fn place_of(&self, sealed: &SealedEvidence) -> Result<ChainFacts, HistoryError> {
        let name = drill_name(sealed.report());
        let Some(chain) = sealed.report().chain.clone() else {
            return Ok(ChainFacts { sequence: 0, previous: None });
        };
        let file = file_of(name, Some(chain.sequence), &sealed.report().run_id);
        if place(&self.folder, &file).exists() {
            return Ok(chain);
        }
        let newest = self.newest_of(name)?;
        let next = match (&newest, &chain.previous) {
            (None, None) => chain.sequence == 1,
            (Some((number, newest)), Some(previous)) => {
                chain.sequence.checked_sub(1) == Some(*number)
                    && previous.seal_sha256 == newest.seal().to_string()
            }
            _ => false,
        };
        if next {
            return Ok(chain);
        }
        Err(HistoryError::Refused(format!(
            "it is drill {} of {name}, which does not follow drill {} of this history",
            chain.sequence,
            newest.map_or(0, |(number, _)| number)
        )))
    }
}
