//! Finds and reads the file of a rehearsal. Nothing is written.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::document::{Document, Problem, Syntax};
use crate::fs::{ReadError, open_for_reading, parent_of, read_capped};
use crate::manifest::MAX_BYTES;
use crate::manifest::exercise::Exercise;

/// The file of a rehearsal as it was read.
#[derive(Debug)]
pub struct Loaded {
    /// Its path as it was given.
    pub shown_path: PathBuf,
    /// The folder that it lies in: where its commands run.
    pub folder: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
    /// How it is written.
    pub syntax: Syntax,
    /// What it says.
    pub exercise: Exercise,
}

/// Why there is nothing to rehearse.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such file.
    #[error("{0} does not exist")]
    Missing(String),
    /// It cannot be read.
    #[error("{0} {1}")]
    Read(String, #[source] ReadError),
    /// It is not valid.
    #[error("{path} is not valid:\n{}", Problem::lines(problems))]
    Invalid {
        /// The file.
        path: String,
        /// Everything that is wrong.
        problems: Vec<Problem>,
    },
}

/// Reads the file at `path`, relative to `working_directory`.
///
/// # Errors
/// When it cannot be read, or anything is wrong with it.
pub fn load(path: &Path, working_directory: &Path) -> Result<Loaded, LoadError> {
    let name = path.display().to_string();
    let place = working_directory.join(path);
    let read = open_for_reading(&place).map_err(ReadError::from);
    let bytes = match read.and_then(|mut file| read_capped(&mut file, MAX_BYTES)) {
        Ok(bytes) => bytes,
        Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LoadError::Missing(name));
        }
        Err(error) => return Err(LoadError::Read(name, error)),
    };
    let syntax = Syntax::of(path);
    let exercise = Document::read(&bytes, syntax)
        .and_then(|document| Exercise::parse(&document))
        .map_err(|problems| LoadError::Invalid { path: name, problems })?;
    let (digest, folder) = (Digest::of(&bytes), parent_of(&place).to_owned());
    Ok(Loaded { shown_path: path.to_owned(), folder, bytes, digest, syntax, exercise })
}
