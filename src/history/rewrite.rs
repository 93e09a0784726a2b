//! Packs that change after they were filed, without what was sealed changing: signed off, or reduced.

use std::fs;

use super::entry::entry;
use super::shelf::{TEMPORARY, place};
use super::{History, HistoryError};
use crate::clock::Timestamp;
use crate::digest::Unobserved;
use crate::evidence::{Keys, SealedEvidence, pack, sign_off, unpack, verify};
use crate::signature::{PrivateKey, PublicKey};
use crate::wire::answer::Standing;
use crate::wire::history::Entry;

impl History {
    /// Reduces the pack of a drill to its seal, what speaks of it, and the report. Gives the bytes that are
    /// free now.
    ///
    /// # Errors
    /// When the pack is not as it was sealed, or cannot be written.
    pub fn reduce(&self, drill: &Entry) -> Result<u64, HistoryError> {
        let length = |path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let path = self.place(drill);
        let before = length(&path);
        self.rewrite(drill, true, |_| Ok(()))?;
        Ok(before.saturating_sub(length(&path)))
    }

    /// Adds the signature of a second person to a drill that was filed.
    ///
    /// # Errors
    /// When the pack is not as it was sealed, the key signed the drill itself, or nothing can be written.
    pub fn sign_off(
        &self,
        drill: &Entry,
        key: &PrivateKey,
        note: &str,
        now: Timestamp,
    ) -> Result<PublicKey, HistoryError> {
        self.rewrite(drill, false, |folder| {
            sign_off(folder, key, note, now)
                .map_err(|error| HistoryError::Refused(format!("{} {error}", drill.run_id)))
        })
    }

    /// Writes a pack anew, whole or not at all, after `change` has been at its files, and enters it again.
    fn rewrite<T>(
        &self,
        drill: &Entry,
        reduced: bool,
        change: impl FnOnce(&std::path::Path) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        let _lock = self.lock()?;
        let path = place(&self.folder, &drill.file);
        let fail = |cause| HistoryError::io(&path, cause);
        let written = |cause| HistoryError::Write { run: drill.run_id.clone(), cause };
        let wrong = |problem| HistoryError::Pack { file: drill.file.clone(), problem };
        let found = verify(&path, Keys::default(), &Unobserved).map_err(wrong)?;
        if let Some(problem) = found.problems.first() {
            return Err(wrong(format!("is left as it is: {}: {}", problem.file, problem.message)));
        }
        let beside = crate::fs::parent_of(&path);
        let folder = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(beside).map_err(fail)?;
        unpack(&fs::File::open(&path).map_err(fail)?, folder.path()).map_err(written)?;
        let changed = change(folder.path())?;
        let mut index = self.index_locked()?;
        let mut file =
            tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(beside).map_err(fail)?;
        let reduced = reduced || found.standing == Standing::Pruned;
        pack(folder.path(), reduced, file.as_file_mut()).map_err(written)?;
        file.as_file().sync_all().map_err(fail)?;
        index.announce(&drill.file)?;
        file.persist(&path).map_err(|error| fail(error.error))?;
        let sealed = SealedEvidence::read(&path).map_err(wrong)?;
        index.enter(&entry(&sealed, &drill.file))?;
        Ok(changed)
    }
}
