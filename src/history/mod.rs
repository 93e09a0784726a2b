//! The history of drills: their packs, each linked to the one of its name before it, and an index of them
//! that can be made anew at any time. It takes sealed evidence only.

mod actions;
mod asking;
mod chain;
mod checkpoint;
mod controls;
mod copy;
mod entry;
mod facts;
mod filed;
mod filing;
mod index;
mod origin;
mod prune;
mod rebuild;
mod rewrite;
mod shelf;
mod slots;
mod trend;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::evidence::PackError;
use crate::wire::history::Entry;

use shelf::place;

pub use chain::{Demands, audit};
pub use checkpoint::checkpoint;
pub use controls::{catalogue, matrix};
pub use copy::Taken;
pub use facts::all as facts;
pub use filing::Link;
pub use origin::{Claim, Origin};
pub use prune::{Retention, prune};
pub use rebuild::Rebuilt;
pub use slots::Unrun;
pub use trend::trend;

/// Name of the file whose lock keeps writers apart.
const LOCK: &str = "lock";
/// Folder of evidence that is not filed yet.
const WORK: &str = "work";

/// A directory with the history of drills.
#[derive(Debug)]
pub struct History {
    folder: PathBuf,
    origin: Option<Arc<dyn Origin>>,
}

/// Why something could not be done with a history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is none.
    #[error("{0} is no history: there is no such directory")]
    Absent(String),
    /// The system refused.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The index is damaged, or cannot be written.
    #[error("the index {path}: {cause}")]
    Index {
        /// Its file.
        path: String,
        /// What SQLite said.
        #[source]
        cause: rusqlite::Error,
    },
    /// The index was written by another version.
    #[error("the index {0} cannot be read")]
    Stale(String),
    /// A pack is not what its name says.
    #[error("the pack {file} {problem}")]
    Pack {
        /// The pack.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A pack could not be written.
    #[error("the pack of {run} cannot be written: it {cause}")]
    Write {
        /// The run.
        run: String,
        /// Why.
        #[source]
        cause: PackError,
    },
    /// It is shared, and what it is shared by cannot be used.
    #[error("{0}")]
    Origin(String),
    /// The evidence cannot be filed.
    #[error("{0}")]
    Refused(String),
}

impl HistoryError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Absent(_) => "name the directory that `dr-drill run --history` was given",
            Self::Io { .. } | Self::Write { .. } => "look at rights and room of the history",
            Self::Index { .. } | Self::Stale(_) => "make it anew: dr-drill history rebuild",
            Self::Pack { .. } => "look at the whole: dr-drill history verify",
            Self::Origin(_) => "look whether its database can be reached",
            Self::Refused(_) => "verify it first: dr-drill verify",
        }
    }

    fn io(path: &Path, cause: io::Error) -> Self {
        Self::Io { path: path.display().to_string(), cause }
    }
}

impl History {
    /// Opens a history, and makes it where there is none.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn create(folder: &Path) -> Result<Self, HistoryError> {
        fs::create_dir_all(folder).map_err(|cause| HistoryError::io(folder, cause))?;
        Self::open(folder)
    }

    /// Opens a history that is there.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(folder: &Path) -> Result<Self, HistoryError> {
        if !folder.is_dir() {
            return Err(HistoryError::Absent(folder.display().to_string()));
        }
        Ok(Self { folder: folder.to_owned(), origin: None })
    }

    /// The same as a copy of a history that several machines share: nothing is filed that is not filed there.
    #[must_use]
    pub fn shared(self, origin: Arc<dyn Origin>) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Waits until nobody else writes to it.
    fn lock(&self) -> Result<File, HistoryError> {
        let path = self.folder.join(LOCK);
        let fail = |cause| HistoryError::io(&path, cause);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(fail)?;
        file.lock().map_err(fail)?;
        Ok(file)
    }

    /// Its directory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where drills of a calendar leave their evidence until it is filed.
    #[must_use]
    pub fn works(&self) -> PathBuf {
        self.folder.join(WORK)
    }

    /// Where a file lies, by its name in the history.
    #[must_use]
    pub fn place_of_file(&self, file: &str) -> PathBuf {
        place(&self.folder, file)
    }

    /// Where the pack of an entry lies.
    #[must_use]
    pub fn place(&self, entry: &Entry) -> PathBuf {
        place(&self.folder, &entry.file)
    }
}
