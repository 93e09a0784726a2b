//! A history elsewhere: which files a copy of it needs, and how those of a copy are taken. What is taken is verified, and is
//! what its name says.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::filed::{Filed, read_record};
use super::shelf::{DRILLS, SLOT, file_of, folder_of, folders, place, shelve, shelved};
use super::{History, HistoryError, checkpoint};
use crate::digest::{Unobserved, hash};
use crate::evidence::{Keys, SealedEvidence, verify};
use crate::fs::{open_for_reading, write_whole};
use crate::report::drill_name;
use crate::wire::answer::Standing;

/// What is between folders in the names of a copy.
const BETWEEN: char = '/';

/// What became of a file of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the history now.
    New,
    /// It is not what its name says: why.
    Refused(String),
}

impl History {
    /// Every file that a copy needs, by the name it has there, and where it lies here. The index can be made anew.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn files(&self) -> Result<Vec<(String, PathBuf)>, HistoryError> {
        let mut files = Vec::new();
        for folder in folders(&self.folder)? {
            for one in shelved(&self.folder, &folder)? {
                let path = place(&self.folder, &one.file);
                files.push((format!("{DRILLS}{BETWEEN}{}", one.file), path));
            }
        }
        let lists = self.folder.join(checkpoint::CHECKPOINTS);
        let entries = match fs::read_dir(&lists) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
            entries => entries.map_err(|cause| HistoryError::io(&lists, cause))?,
        };
        for entry in entries {
            let path = entry.map_err(|cause| HistoryError::io(&lists, cause))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((format!("{}{BETWEEN}{name}", checkpoint::CHECKPOINTS), path));
        }
        Ok(files)
    }

    /// What sealed evidence is called in a copy.
    #[must_use]
    pub fn name_in_copy(sealed: &SealedEvidence) -> String {
        let report = sealed.report();
        let sequence = report.chain.as_ref().map(|chain| chain.sequence);
        format!("{DRILLS}{BETWEEN}{}", file_of(drill_name(report), sequence, &report.run_id))
    }

    /// Where a file of a copy belongs, by its name there; nothing if it belongs to no history, or to drills of another
    /// name than this one.
    #[must_use]
    pub fn place_of_copy(&self, name: &str, drill: Option<&str>) -> Option<PathBuf> {
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let parts: Vec<&str> = name.split(BETWEEN).collect();
        if !parts.iter().all(|part| plain(part)) {
            return None;
        }
        match parts.as_slice() {
            [DRILLS, folder, _] if drill.is_none_or(|drill| folder_of(drill) == *folder) => {}
            [checkpoint::CHECKPOINTS, _] => {}
            _ => return None,
        }
        Some(self.folder.join(name))
    }

    /// Takes a file of a copy, by its name there.
    ///
    /// # Errors
    /// When it cannot be read, or the history cannot be written.
    pub fn take(&self, name: &str, from: &Path) -> Result<Taken, HistoryError> {
        let Some(path) = self.place_of_copy(name, None) else {
            return Ok(Taken::Refused("no file of a history is called so".to_owned()));
        };
        let read = |cause| HistoryError::io(from, cause);
        let Some(file) = name.strip_prefix(DRILLS).and_then(|name| name.strip_prefix(BETWEEN))
        else {
            let mut list = open_for_reading(from).map_err(read)?;
            let hashed =
                hash(&mut list, &Unobserved).map_err(|error| read(io::Error::other(error)))?;
            if path.file_stem().is_none_or(|stem| stem.to_string_lossy() != hashed.0.to_string()) {
                return Ok(Taken::Refused("it is not the list that its name says".to_owned()));
            }
            let bytes = fs::read(from).map_err(read)?;
            write_whole(&path, &bytes).map_err(|cause| HistoryError::io(&path, cause))?;
            return Ok(Taken::New);
        };
        let found = if file.ends_with(SLOT) {
            read_record(from).map(|record| Filed::Record(Box::new(record)))
        } else {
            intact(from).map(|sealed| Filed::Drill(Box::new(sealed)))
        };
        let found = match found {
            Ok(found) => found,
            Err(why) => return Ok(Taken::Refused(why)),
        };
        if found.file() != file {
            return Ok(Taken::Refused("it holds another drill than its name says".to_owned()));
        }
        let _lock = self.lock()?;
        let index = self.index_locked()?;
        let copy = |out: &mut File| -> Result<(), HistoryError> {
            let mut source = File::open(from).map_err(read)?;
            io::copy(&mut source, out).map_err(|cause| HistoryError::io(&path, cause))?;
            Ok(())
        };
        shelve(&self.folder, file, copy, |_| index.announce(file))?;
        Ok(Taken::New)
    }
}

/// A pack that is as it was sealed, whole or reduced.
fn intact(pack: &Path) -> Result<SealedEvidence, String> {
    let found = verify(pack, Keys::default(), &Unobserved)?;
    match (found.problems.first(), found.standing) {
        (None, Standing::IntactSignerUnknown | Standing::Pruned) => SealedEvidence::read(pack),
        (Some(problem), _) => Err(format!("{}: {}", problem.file, problem.message)),
        (None, _) => Err("it is not as it was sealed".to_owned()),
    }
}
