//! Evidence on its way to a storage and back: what is there is never replaced, and what comes from there is verified
//! before it is taken.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::RecordError;
use crate::digest::{Unobserved, hash};
use crate::evidence::{Keys, SealedEvidence, pack, verify};
use crate::history::{History, HistoryError, Taken};
use crate::storage::{Put, Stock, StorageError, Store};

/// Largest file of evidence that is taken, in bytes.
const MAX_FILE: u64 = 1 << 40;

/// Why evidence was not put or fetched.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The evidence here.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<HistoryError> for TransferError {
    fn from(error: HistoryError) -> Self {
        Self::Record(error.into())
    }
}

/// What became of the files of a transfer.
#[derive(Debug, Default)]
pub struct Transferred {
    /// How many are there now that were not.
    pub new: u64,
    /// How many were there.
    pub known: u64,
    /// What was not taken, and why.
    pub refused: Vec<(String, String)>,
}

/// Puts evidence into a storage: everything of a history, or sealed directories and packs.
///
/// # Errors
/// When it cannot be read, is not as it was sealed, or the storage cannot be written. What was put before is there.
pub fn push(
    store: &Store,
    history: Option<&History>,
    places: &[PathBuf],
    temporary: &Path,
    ending: &(dyn Fn() -> bool + Sync),
) -> Result<Transferred, TransferError> {
    let mut transfer =
        Transfer { store, stock: store.stock()?, temporary, ending, done: Transferred::default() };
    for path in places {
        let shown = path.display().to_string();
        let found = verify(path, Keys::default(), &Unobserved)
            .map_err(|error| RecordError::Content(error, "and was not put".to_owned()))?;
        if let Some(problem) = found.problems.first() {
            let why = format!("was not put: {}: {}", problem.file, problem.message);
            return Err(RecordError::Content(shown, why).into());
        }
        let name = History::name_in_copy(&super::sealed(path)?);
        if path.is_dir() {
            let packed = temporary_in(temporary)?;
            pack(path, false, &mut packed.as_file())
                .map_err(|error| RecordError::Pack(shown, error))?;
            transfer.put(&name, packed.path())?;
        } else {
            transfer.put(&name, path)?;
        }
    }
    for (name, file) in history.map(History::files).transpose()?.into_iter().flatten() {
        transfer.put(&name, &file)?;
    }
    Ok(transfer.done)
}

/// Files on their way into a storage.
struct Transfer<'a> {
    store: &'a Store,
    stock: Stock,
    temporary: &'a Path,
    ending: &'a (dyn Fn() -> bool + Sync),
    done: Transferred,
}

impl Transfer<'_> {
    /// Puts a file. If one of its name is there, it has to be of the same drill.
    fn put(&mut self, name: &str, file: &Path) -> Result<(), TransferError> {
        if self.store.put(name, file, &self.stock, self.ending)? == Put::Created {
            self.done.new += 1;
            return Ok(());
        }
        self.done.known += 1;
        if !self.same(name, file)? {
            let why = "another file of this name is there, and nothing was changed";
            self.done.refused.push((name.to_owned(), why.to_owned()));
        }
        Ok(())
    }

    /// Whether the file in the storage is this one, by its size or by the digest in its list, or is of the same drill: a pack
    /// is another one once it was signed off or reduced, its seal is not.
    fn same(&mut self, name: &str, file: &Path) -> Result<bool, TransferError> {
        if self.stock.file(name).is_none() {
            // Someone else has put it just now.
            self.stock = self.store.stock()?;
        }
        let Some(there) = self.stock.file(name) else { return Ok(false) };
        let here = file.metadata().ok().map(|metadata| metadata.len());
        let same = match there.bytes {
            Some(_) => there.bytes == here,
            None => {
                let list = self.store.parts(&there, self.ending)?;
                let digest = File::open(file)
                    .and_then(|mut file| hash(&mut file, &Unobserved).map_err(io::Error::other));
                let local = |error| StorageError::Local(file.display().to_string(), error);
                digest.map_err(local)?.0.to_string() == list.sha256
            }
        };
        if same {
            return Ok(true);
        }
        let other = temporary_in(self.temporary)?;
        self.store.copy(&there, MAX_FILE, &mut other.as_file(), &Unobserved, self.ending)?;
        let seal = |path: &Path| SealedEvidence::read(path).map(|sealed| sealed.seal()).ok();
        let ours = seal(file);
        Ok(ours.is_some() && ours == seal(other.path()))
    }
}

/// Fetches evidence from a storage into a history: what is not there yet, each verified before it is taken.
///
/// # Errors
/// When the storage or the history cannot be read or written. What was taken before is there.
pub fn pull(
    store: &Store,
    history: &History,
    drill: Option<&str>,
    ending: &(dyn Fn() -> bool + Sync),
) -> Result<Transferred, TransferError> {
    let mut done = Transferred::default();
    for stored in store.stock()?.files() {
        let Some(place) = history.place_of_copy(&stored.name, drill) else { continue };
        if place.exists() {
            done.known += 1;
            continue;
        }
        let file = temporary_in(history.folder())?;
        let mut out = file.as_file();
        match store.copy(&stored, MAX_FILE, &mut out, &Unobserved, ending) {
            Ok(_) => {}
            Err(error @ StorageError::Changed(_)) => {
                done.refused.push((stored.name, error.to_string()));
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        match history.take(&stored.name, file.path())? {
            Taken::New => done.new += 1,
            Taken::Refused(why) => done.refused.push((stored.name, why)),
        }
    }
    Ok(done)
}

fn temporary_in(folder: &Path) -> Result<NamedTempFile, TransferError> {
    let file = tempfile::Builder::new().prefix(".dr-drill-").tempfile_in(folder);
    Ok(file.map_err(|error| RecordError::Write(folder.display().to_string(), error))?)
}
