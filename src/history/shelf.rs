//! Where the packs of a history lie: a folder for each name, a file for each drill.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::HistoryError;
use crate::digest::Digest;

/// Folder of all packs.
pub(super) const DRILLS: &str = "drills";
const ENDING: &str = ".tar.zst";
/// Ends the name of the record of slots in which no drill ran.
pub(super) const SLOT: &str = ".slot.jsonl";
/// Begins the name of a pack that stands in no chain.
const UNLINKED: &str = "unlinked-";
/// Prefix of files that are being written.
pub(super) const TEMPORARY: &str = ".dr-drill-";
/// Longest part of a folder's name that is for people.
const READABLE: usize = 60;

/// A pack, by what its name says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shelved {
    /// The folder of its name.
    pub(super) folder: String,
    /// Its number; `None` where it stands in no chain.
    pub(super) sequence: Option<u64>,
    /// Where it lies, relative to the folder of all packs.
    pub(super) file: String,
}

/// The folder of the drills of a name: what people can read of it, and a digest that keeps names apart.
pub(super) fn folder_of(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let readable: String = name.chars().take(READABLE).map(safe).collect();
    format!("{readable}-{}", Digest::of(name.as_bytes()).short())
}

/// The name of the pack of a run.
pub(super) fn file_of(name: &str, sequence: Option<u64>, run_id: &str) -> String {
    let folder = folder_of(name);
    match sequence {
        Some(sequence) => format!("{folder}/{sequence:08}-{run_id}{ENDING}"),
        None => format!("{folder}/{UNLINKED}{run_id}{ENDING}"),
    }
}

/// The name of the record of slots.
pub(super) fn record_of(name: &str, sequence: u64, id: &str) -> String {
    format!("{}/{sequence:08}-{id}{SLOT}", folder_of(name))
}

/// Where a pack lies.
pub(super) fn place(history: &Path, file: &str) -> PathBuf {
    history.join(DRILLS).join(file)
}

/// The packs of one folder, by number.
pub(super) fn shelved(history: &Path, folder: &str) -> Result<Vec<Shelved>, HistoryError> {
    let path = history.join(DRILLS).join(folder);
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|cause| HistoryError::io(&path, cause))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(|cause| HistoryError::io(&path, cause))?.file_name();
        let name = name.to_string_lossy();
        let stem = name.strip_suffix(ENDING).or_else(|| name.strip_suffix(SLOT));
        let Some(stem) = stem.filter(|_| !name.starts_with(TEMPORARY)) else { continue };
        let sequence = stem.split_once('-').and_then(|(number, _)| number.parse().ok());
        let (folder, file) = (folder.to_owned(), format!("{folder}/{name}"));
        found.push(Shelved { folder, sequence, file });
    }
    found.sort();
    Ok(found)
}

/// The folders of all names.
pub(super) fn folders(history: &Path) -> Result<Vec<String>, HistoryError> {
    let path = history.join(DRILLS);
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|cause| HistoryError::io(&path, cause))?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|cause| HistoryError::io(&path, cause))?;
        folders.push(entry.file_name().to_string_lossy().into_owned());
    }
    folders.sort();
    Ok(folders)
}

/// Puts a pack in its place, whole or not at all: `write` fills it, `before` is called with where it lies when all
/// of it is on the disk, just before it appears. `false` if one of this name is there already, which stays as it is.
pub(super) fn shelve<E: From<HistoryError>>(
    history: &Path,
    file: &str,
    write: impl FnOnce(&mut File) -> Result<(), E>,
    before: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<bool, E> {
    let path = place(history, file);
    let fail = |cause| HistoryError::io(&path, cause);
    if path.exists() {
        return Ok(false);
    }
    let folder = crate::fs::parent_of(&path);
    fs::create_dir_all(folder).map_err(fail)?;
    sweep(folder);
    let mut temporary =
        tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder).map_err(fail)?;
    write(temporary.as_file_mut())?;
    temporary.as_file().sync_all().map_err(fail)?;
    before(temporary.path())?;
    temporary.persist(&path).map_err(|error| fail(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail)?;
    Ok(true)
}

/// Removes what a killed run left. Only who holds the history's lock writes here.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
        }
    }
}
