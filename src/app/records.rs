//! What is done with sealed evidence after its drill: it is filed, packed, and held against controls.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Unobserved};
use crate::evidence::{Keys, PackError, SealedEvidence, pack, unpack, verify};
use crate::fs::{ReadError, open_for_reading, read_capped};
use crate::history::{History, HistoryError, catalogue, matrix};
use crate::signature::PublicKey;
use crate::wire::answer::Standing;
use crate::wire::controls::{DrillLine, EvidenceStanding, Matrix};
use crate::wire::history::Drilled;

/// Largest note, catalogue or list of digests that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Why nothing was done with evidence.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The history cannot be used.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A file cannot be read.
    #[error("{0} {1}")]
    Read(String, #[source] ReadError),
    /// It is not what it should be.
    #[error("{0} {1}")]
    Content(String, String),
    /// The evidence cannot be packed or unpacked.
    #[error("{0} {1}")]
    Pack(String, #[source] PackError),
    /// Something is there already.
    #[error("{0} exists")]
    Exists(String),
    /// The system refused.
    #[error("{0} cannot be written: {1}")]
    Write(String, #[source] io::Error),
}

impl RecordError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::History(error) => Some(error.hint()),
            Self::Exists(_) => Some("choose another place: nothing is replaced"),
            Self::Pack(..) => Some("verify it: dr-drill verify"),
            Self::Read(..) | Self::Content(..) | Self::Write(..) => None,
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, RecordError> {
    open_for_reading(path)
        .map_err(ReadError::from)
        .and_then(|mut file| read_capped(&mut file, MAX_BYTES))
        .map_err(|error| RecordError::Read(path.display().to_string(), error))
}

/// Reads a checkpoint.
///
/// # Errors
/// When it cannot be read.
pub fn read_note(path: &Path) -> Result<Vec<u8>, RecordError> {
    read(path)
}

/// Files sealed directories and packs in a history; whether each was new to it.
///
/// # Errors
/// When one does not verify, or cannot be filed. Those before it are.
pub fn add(
    history: &Path,
    places: &[PathBuf],
    temporary: &Path,
) -> Result<Vec<(PathBuf, bool)>, RecordError> {
    let history = History::create(history)?;
    let mut filed = Vec::new();
    for path in places {
        let shown = path.display().to_string();
        let found = verify(path, Keys::default(), &Unobserved)
            .map_err(|error| RecordError::Content(error, "and is not filed".to_owned()))?;
        if found.standing != Standing::IntactSignerUnknown {
            let first = found.problems.first();
            let pruned = || "only its seal and report are left".to_owned();
            let why = first.map_or_else(pruned, |p| format!("{}: {}", p.file, p.message));
            return Err(RecordError::Content(shown, format!("is not filed: {why}")));
        }
        let new = if path.is_dir() {
            history.file(path, None)?
        } else {
            let write = |error| RecordError::Write(temporary.display().to_string(), error);
            let folder = tempfile::Builder::new().prefix("dr-drill-").tempdir_in(temporary);
            let folder = folder.map_err(write)?;
            let pack = File::open(path).map_err(write)?;
            unpack(&pack, folder.path()).map_err(|error| RecordError::Pack(shown, error))?;
            history.file(folder.path(), None)?
        };
        filed.push((path.clone(), new));
    }
    Ok(filed)
}

/// Packs a sealed directory into a new file.
///
/// # Errors
/// When the file is there already, or the directory is not as it was sealed.
pub fn pack_into(directory: &Path, out: &Path) -> Result<(), RecordError> {
    let shown = out.display().to_string();
    if out.exists() {
        return Err(RecordError::Exists(shown));
    }
    let write = |error| RecordError::Write(shown.clone(), error);
    let mut file = tempfile::Builder::new()
        .prefix(".dr-drill-")
        .tempfile_in(crate::fs::parent_of(out))
        .map_err(write)?;
    pack(directory, false, file.as_file_mut())
        .map_err(|error| RecordError::Pack(directory.display().to_string(), error))?;
    file.persist_noclobber(out).map_err(|error| write(error.error))?;
    Ok(())
}

/// Unpacks a pack into a new directory.
///
/// # Errors
/// When the directory is there already, or it is no pack.
pub fn unpack_into(file: &Path, out: &Path) -> Result<(), RecordError> {
    let shown = out.display().to_string();
    let pack = open_for_reading(file)
        .map_err(|error| RecordError::Read(file.display().to_string(), error.into()))?;
    match fs::create_dir(out) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(RecordError::Exists(shown));
        }
        made => made.map_err(|error| RecordError::Write(shown, error))?,
    }
    unpack(&pack, out).map_err(|error| {
        let _ = fs::remove_dir_all(out);
        RecordError::Pack(file.display().to_string(), error)
    })
}

/// Which of the backups of a list ever came back.
///
/// # Errors
/// When the list or the history cannot be read.
pub fn coverage(history: &History, sums: &Path) -> Result<Vec<Drilled>, RecordError> {
    let bytes = read(sums)?;
    let mut backups = Vec::new();
    for line in String::from_utf8_lossy(&bytes).lines().filter(|line| !line.trim().is_empty()) {
        let parsed = line.split_once("  ").or_else(|| line.split_once(" *"));
        let parsed = parsed.and_then(|(digest, name)| Some((digest.parse::<Digest>().ok()?, name)));
        let Some((digest, name)) = parsed else {
            let shown: String = line.chars().take(80).collect();
            let problem = format!("holds a line that is not `DIGEST  NAME`: {shown}");
            return Err(RecordError::Content(sums.display().to_string(), problem));
        };
        let sha256 = digest.to_string();
        let passed = history.passed_with(&sha256)?;
        backups.push(Drilled {
            backup: name.to_owned(),
            sha256,
            run_id: passed.as_ref().map(|entry| entry.run_id.clone()),
            started_at: passed.map(|entry| entry.started_at),
        });
    }
    if backups.is_empty() {
        let problem = "names no backup: nothing can be told".to_owned();
        return Err(RecordError::Content(sums.display().to_string(), problem));
    }
    Ok(backups)
}

/// Holds the drills of a period against the controls of a catalogue. Every pack is verified; with keys, whether
/// one of them has signed it.
///
/// # Errors
/// When history or catalogue cannot be read.
pub fn controls(
    history: &History,
    from: &str,
    to: &str,
    catalog: Option<&Path>,
    keys: &[PublicKey],
) -> Result<Matrix, RecordError> {
    let text = match catalog {
        Some(path) => Some(String::from_utf8_lossy(&read(path)?).into_owned()),
        None => None,
    };
    let controls = catalogue(text.as_deref()).map_err(|error| {
        let path = catalog.map_or_else(String::new, |path| path.display().to_string());
        RecordError::Content(path, format!("is no catalogue of controls: {error}"))
    })?;
    let drills = history.within(from, to)?.into_iter().map(|entry| {
        let path = history.place(&entry);
        DrillLine {
            kind: entry.kind.into(),
            evidence: standing(&path, entry.signer.as_deref(), keys),
            name: entry.name,
            run_id: entry.run_id,
            started_at: entry.started_at,
            verdict: entry.verdict,
            facts: entry.facts,
        }
    });
    let drills = drills.collect();
    Ok(matrix(from, to, controls, drills))
}

fn standing(pack: &Path, signer: Option<&str>, keys: &[PublicKey]) -> EvidenceStanding {
    let key = keys.iter().find(|key| signer == Some(&key.to_string()));
    if key.is_none() && !keys.is_empty() {
        return EvidenceStanding::NotVerified;
    }
    let signers = key.map(std::slice::from_ref).unwrap_or_default();
    match verify(pack, Keys { signers, reviewers: &[] }, &Unobserved) {
        Ok(found) if !found.problems.is_empty() => EvidenceStanding::NotVerified,
        Ok(_) if key.is_some() => EvidenceStanding::Signed,
        Ok(_) => EvidenceStanding::SignerUnknown,
        Err(_) => EvidenceStanding::NotVerified,
    }
}

/// The report of sealed evidence.
///
/// # Errors
/// When it is none.
pub fn sealed(path: &Path) -> Result<SealedEvidence, RecordError> {
    SealedEvidence::read(path)
        .map_err(|problem| RecordError::Content(path.display().to_string(), problem))
}
