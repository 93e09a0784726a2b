//! An evidence directory while its drill runs: locked, emptied of the last run, events flushed as they happen.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{EVENTS, OURS, SUMS, TEMPORARY};
use crate::event::{Sink, Store};
use crate::fs::{open_for_reading, read_capped};
use crate::wire::event::Event;

/// Most bytes of events that a run goes on after.
const MAX_EVENTS: u64 = 256 << 20;

/// A directory that a drill writes to.
#[derive(Debug)]
pub struct Directory {
    pub(super) path: PathBuf,
    /// Itself, held open: the lock keeps a second run out.
    itself: File,
    events: Vec<File>,
}

/// Why evidence could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Another run is writing there.
    #[error("another drill is writing its evidence to {0}")]
    Busy(String),
    /// It holds files that no drill has written.
    #[error("{folder} holds files that no drill wrote, such as {example}")]
    NotOurs {
        /// The directory.
        folder: String,
        /// One of the files.
        example: String,
    },
    /// There is no run that was cut off.
    #[error("{folder} {problem}")]
    NothingToResume {
        /// The directory.
        folder: String,
        /// What is there instead.
        problem: String,
    },
    /// The system refused.
    #[error("{path}: {cause}")]
    Write {
        /// What could not be written.
        path: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

impl EvidenceError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Busy(_) => "wait for it, or give each run its own --evidence-dir",
            Self::NothingToResume { .. } => "name the --evidence-dir of the run that was cut off",
            Self::NotOurs { .. } => "give an empty directory with --evidence-dir",
            Self::Write { .. } => {
                "make room or choose another --evidence-dir, and run the drill again"
            }
        }
    }

    pub(super) fn write(path: &Path, cause: io::Error) -> Self {
        Self::Write { path: path.display().to_string(), cause }
    }
}

impl Directory {
    /// Opens `path` for a new run and removes what the last one left, so that no old report can be
    /// taken for that of this run. Events also go to `events`, if that lies elsewhere.
    ///
    /// # Errors
    /// When another run is writing there, other files lie there, or it cannot be written.
    pub fn open(path: &Path, events: &Path) -> Result<Self, EvidenceError> {
        fs::create_dir_all(path).map_err(|cause| EvidenceError::write(path, cause))?;
        let (path, lock) = locked(path)?;
        if let Some(example) = foreign(&path) {
            return Err(EvidenceError::NotOurs { folder: path.display().to_string(), example });
        }
        empty(&path).map_err(|cause| EvidenceError::write(&path, cause))?;
        let inside = path.join(EVENTS);
        let mut places = vec![inside.clone()];
        if !same_place(events, &inside) {
            places.push(events.to_owned());
        }
        let events = places
            .iter()
            .map(|place| create(place).map_err(|cause| EvidenceError::write(place, cause)))
            .collect::<Result<_, _>>()?;
        Ok(Self { path, itself: lock, events })
    }

    /// Opens the directory of a run that was cut off before its seal, and gives its events. What the last write
    /// left unfinished is taken away: it was never acted upon.
    ///
    /// # Errors
    /// When another run is writing there, there is no such run, or it cannot be written.
    pub fn reopen(path: &Path) -> Result<(Self, Vec<Event>), EvidenceError> {
        let nothing = |problem: &str| EvidenceError::NothingToResume {
            folder: path.display().to_string(),
            problem: problem.to_owned(),
        };
        if !path.join(EVENTS).is_file() {
            return Err(nothing("holds no run"));
        }
        let (path, lock) = locked(path)?;
        if path.join(SUMS).exists() {
            return Err(nothing("holds a run that has ended and is sealed"));
        }
        let place = path.join(EVENTS);
        let fail = |cause| EvidenceError::write(&place, cause);
        let bytes = open_for_reading(&place).map_err(fail).and_then(|mut file| {
            read_capped(&mut file, MAX_EVENTS).map_err(|e| fail(io::Error::other(e)))
        })?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n');
        let events: Vec<Event> = lines
            .map(|line| serde_json::from_slice(line).map_err(|error| fail(io::Error::other(error))))
            .collect::<Result<_, _>>()?;
        let file = OpenOptions::new().append(true).open(&place).map_err(fail)?;
        file.set_len(whole as u64).map_err(fail)?;
        Ok((Self { path, itself: lock, events: vec![file] }, events))
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn place(&self, name: &str) -> io::Result<PathBuf> {
        let place = self.path.join(name);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(place)
    }
}

/// The directory by its real path, and the lock that keeps others out.
fn locked(path: &Path) -> Result<(PathBuf, File), EvidenceError> {
    let path = path.canonicalize().map_err(|cause| EvidenceError::write(path, cause))?;
    let lock = File::open(&path).map_err(|cause| EvidenceError::write(&path, cause))?;
    match lock.try_lock() {
        Ok(()) => Ok((path, lock)),
        Err(TryLockError::WouldBlock) => Err(EvidenceError::Busy(path.display().to_string())),
        Err(TryLockError::Error(cause)) => Err(EvidenceError::write(&path, cause)),
    }
}

/// Whether two paths name the same file, which need not exist.
pub(super) fn same_place(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| {
        let folder = crate::fs::parent_of(path).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    real(one).is_some_and(|one| Some(one) == real(other))
}

fn create(path: &Path) -> io::Result<File> {
    fs::create_dir_all(crate::fs::parent_of(path))?;
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}

/// A file that no drill wrote. Directories in which runs were killed hold no such file.
fn foreign(path: &Path) -> Option<String> {
    let entries = walkdir::WalkDir::new(path).min_depth(1).into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        let ours = entry.depth() == 1 && (OURS.contains(&&*name) || name.starts_with(TEMPORARY));
        !ours && !name.starts_with("dr-drill-run-")
    });
    let mut files = entries.flatten().filter(|entry| !entry.file_type().is_dir());
    files
        .next()
        .map(|entry| entry.path().strip_prefix(path).unwrap_or(entry.path()).display().to_string())
}

fn empty(path: &Path) -> io::Result<()> {
    // The seal first: if this ends in the middle, what is left must not look sealed.
    match fs::remove_file(path.join(SUMS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !OURS.contains(&&*name) && !name.starts_with(TEMPORARY) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Sink for Directory {
    fn accept(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.events.iter_mut().try_for_each(|file| file.write_all(&line))?;
        if event.body.is_checkpoint() {
            // What follows must not be done unless it can be told, whatever happens to this machine.
            self.events.iter().try_for_each(File::sync_data)?;
            self.itself.sync_all()?;
        }
        Ok(())
    }
}

impl Store for Directory {
    fn keep(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::write(self.place(name)?, bytes)
    }

    fn keep_files(&mut self, name: &str, folder: &Path) -> io::Result<()> {
        for entry in walkdir::WalkDir::new(folder) {
            let entry = entry.map_err(io::Error::from)?;
            if entry.file_type().is_file() {
                let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
                let target = self.place(&format!("{name}/{}", relative.display()))?;
                fs::copy(entry.path(), target)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(self.place(name)?)
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        match open_for_reading(&self.place(name)?) {
            Ok(mut file) => read_capped(&mut file, MAX_EVENTS).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
