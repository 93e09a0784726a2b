//! Writing manifests: a new one for a backup, and new pins after a new backup.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::backup::{BackupError, HashedBackup, hash_backup};
use crate::clock::{Clock, Timestamp};
use crate::digest::{Digest, Observer, Tree, hash, hash_tree};
use crate::document::{Document, Problem, Syntax};
use crate::drill::find_root;
use crate::fs::{PathError, Root, Workspace, absolute, free_bytes, parent_of, write_whole};
use crate::payload::{PayloadError, inspect};
use crate::restore::archive::{ArchiveError, unpack};
use crate::wire::event::{PayloadFacts, TimeMeaning};
use crate::wire::manifest as wire;

/// Limits of a new manifest, to be changed by whoever knows better.
const DEFAULT_RPO_MINUTES: f64 = 1440.0;
const DEFAULT_RTO_SECONDS: f64 = 3600.0;

/// A manifest to be written.
#[derive(Clone, Debug)]
pub struct InitRequest {
    /// Where to write it, absolute.
    pub manifest: PathBuf,
    /// The backup, absolute.
    pub backup: PathBuf,
    /// Its SBOM, absolute.
    pub sbom: Option<PathBuf>,
    /// Its provenance, absolute.
    pub provenance: Option<PathBuf>,
    /// The script that restores it, absolute.
    pub script: Option<PathBuf>,
    /// What restores it, where the caller knows.
    pub driver: Option<wire::Driver>,
    /// What the database was, absolute.
    pub baseline: Option<PathBuf>,
    /// What must hold of the restored data.
    pub checks: wire::Checks,
    /// Name of the drill.
    pub name: Option<String>,
    /// When the data was captured, if the caller knows.
    pub captured_at: Option<Timestamp>,
    /// The root, as the caller gives it.
    pub root: Option<PathBuf>,
    /// Where the caller is.
    pub working_directory: PathBuf,
    /// Where an archive is unpacked to compute what must come back.
    pub temporary_directory: PathBuf,
}

/// Why a manifest was not written.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// There is one already.
    #[error("{0} exists already")]
    Exists(String),
    /// The root is not one for it, or a path leaves it.
    #[error("{0}")]
    Path(#[from] PathError),
    /// The backup cannot be read.
    #[error("{0}")]
    Backup(#[from] BackupError),
    /// The backup is not whole: pinning it would make a drill that cannot succeed.
    #[error("{0} was not pinned: {1}")]
    Payload(String, #[source] PayloadError),
    /// The tool does not know how to restore it.
    #[error("{0} is neither a directory nor an archive: only a script can restore it")]
    NeedsScript(String),
    /// The archive cannot be unpacked.
    #[error("{0} cannot be unpacked: {1}")]
    Archive(String, #[source] ArchiveError),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(String, #[source] io::Error),
    /// The manifest is not one.
    #[error("the manifest {path} is not valid:\n  {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
    Manifest {
        /// The manifest.
        path: String,
        /// What is wrong.
        problems: Vec<Problem>,
    },
}

impl AuthorError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Exists(_) => Some("renew its pins with `dr-drill pin`, or give --force"),
            Self::NeedsScript(_) => Some("give one with --script; docs/recall-script.md says how"),
            Self::Payload(..) => Some("make the backup again"),
            Self::Path(PathError::Escapes(..)) => {
                Some("write the manifest next to the backup, or give a wider --root")
            }
            _ => None,
        }
    }
}

/// What was pinned.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// Digest of the backup.
    pub sha256: Digest,
    /// When it was captured.
    pub captured_at: Timestamp,
    /// How that is known.
    pub captured_from: &'static str,
    /// The manifest's text.
    pub text: String,
}

/// Writes a valid manifest with pins.
///
/// # Errors
/// When the backup cannot be read, is not whole, or nobody knows how to restore it.
pub fn init(
    request: &InitRequest,
    clock: &dyn Clock,
    observer: &dyn Observer,
    overwrite: bool,
) -> Result<Pinned, AuthorError> {
    let shown = |path: &Path| path.display().to_string();
    if !overwrite && request.manifest.exists() {
        return Err(AuthorError::Exists(shown(&request.manifest)));
    }
    let folder = parent_of(&request.manifest);
    std::fs::create_dir_all(folder).map_err(|error| AuthorError::File(shown(folder), error))?;
    let root =
        Root::open(&find_root(folder, request.root.clone(), &request.working_directory), folder)?;
    let folder = folder.canonicalize().map_err(|error| AuthorError::File(shown(folder), error))?;
    let relative = |path: &Path| {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        relative_to(&real, &folder).to_string_lossy().into_owned()
    };
    let backup = relative(&request.backup);
    let mut looked_at = look_at(&root, &backup, observer)?;
    let (captured_at, captured_from) = capture_time(request.captured_at, &looked_at, clock);
    let (driver, tree_sha256) = match &request.script {
        Some(_) => (None, None),
        None if request.driver.is_some() => (request.driver, None),
        None if looked_at.hashed.tree().is_some() => {
            let driver = looked_at.hashed.tree().and_then(driver_of_directory);
            (Some(driver.unwrap_or(wire::Driver::Files)), None)
        }
        None if is_archive(&looked_at.payload) => {
            let digest =
                unpacked_digest(&mut looked_at.hashed, &request.temporary_directory, observer)
                    .map_err(|error| AuthorError::Archive(backup.clone(), error))?;
            (Some(wire::Driver::Files), Some(digest.to_string()))
        }
        None => match looked_at.payload.as_ref().and_then(|p| database_driver(&p.format)) {
            Some(driver) => (Some(driver), None),
            None => return Err(AuthorError::NeedsScript(backup)),
        },
    };
    let input = |path: &Option<PathBuf>| -> Result<Option<wire::Input>, AuthorError> {
        let Some(path) = path else { return Ok(None) };
        let path = relative(path);
        let sha256 = Some(file_digest(&root, &path, observer)?.to_string());
        Ok(Some(wire::Input { path, sha256 }))
    };
    let script = request.script.as_deref().map(relative);
    let script_sha256 = match &script {
        Some(path) => Some(file_digest(&root, path, observer)?.to_string()),
        None => None,
    };
    let written = wire::Manifest {
        name: request.name.clone(),
        backup: wire::Backup {
            path: Some(backup),
            url: None,
            max_bytes: None,
            sha256: looked_at.hashed.digest().to_string(),
            captured_at: captured_at.to_string(),
        },
        sbom: input(&request.sbom)?,
        provenance: input(&request.provenance)?.map(|file| wire::Provenance {
            path: file.path,
            sha256: file.sha256,
            ..wire::Provenance::default()
        }),
        restore: wire::Restore {
            driver,
            script,
            script_sha256,
            tree_sha256,
            ..wire::Restore::default()
        },
        instance: None,
        baseline: input(&request.baseline)?.map(wire::BaselineSource::from),
        checks: request.checks.clone(),
        policies: Some(wire::Policies {
            max_rpo_minutes: Some(DEFAULT_RPO_MINUTES),
            max_rto_seconds: Some(DEFAULT_RTO_SECONDS),
            ..wire::Policies::default()
        }),
        corrective_action: None,
    };
    let mut text = serde_json::to_string_pretty(&written).unwrap_or_default();
    text.push('\n');
    write_whole(&request.manifest, text.as_bytes())
        .map_err(|error| AuthorError::File(shown(&request.manifest), error))?;
    Ok(Pinned { sha256: looked_at.hashed.digest(), captured_at, captured_from, text })
}

/// Renews the pins of a manifest; every other byte of it stays.
///
/// # Errors
/// When the manifest is not one, or the backup cannot be read or is not whole.
pub fn pin(
    path: &Path,
    root: Option<PathBuf>,
    working_directory: &Path,
    temporary_directory: &Path,
    captured_at: Option<Timestamp>,
    clock: &dyn Clock,
    observer: &dyn Observer,
) -> Result<Pinned, AuthorError> {
    let shown = path.display().to_string();
    let place = working_directory.join(path);
    let bytes = std::fs::read(&place).map_err(|error| AuthorError::File(shown.clone(), error))?;
    let invalid = |problems| AuthorError::Manifest { path: shown.clone(), problems };
    let document = Document::read(&bytes, Syntax::of(path)).map_err(invalid)?;
    let text = |pointer: &str| {
        document.to_value().pointer(pointer).and_then(|value| value.as_str().map(str::to_owned))
    };
    let missing = |key: &str| {
        invalid(vec![Problem {
            place: document.place(""),
            key: key.to_owned(),
            message: "is missing".to_owned(),
            hint: None,
        }])
    };
    let folder = parent_of(&place);
    let root = Root::open(&find_root(folder, root, working_directory), folder)?;
    if text("/backup/url").is_some() {
        return Err(invalid(vec![Problem {
            place: document.place("/backup/url"),
            key: "backup.url".to_owned(),
            message: "is fetched by drills only".to_owned(),
            hint: Some("set backup.sha256 to what made the backup says of it".to_owned()),
        }]));
    }
    let backup = text("/backup/path").ok_or_else(|| missing("backup.path"))?;
    for pointer in ["/backup/sha256", "/backup/captured_at"] {
        text(pointer).ok_or_else(|| missing(&pointer[1..].replace('/', ".")))?;
    }
    let mut looked_at = look_at(&root, &backup, observer)?;
    let (captured_at, captured_from) = capture_time(captured_at, &looked_at, clock);
    let quoted = |text: &dyn ToString| format!("\"{}\"", text.to_string());
    let mut edits = vec![
        ("/backup/sha256", quoted(&looked_at.hashed.digest())),
        ("/backup/captured_at", quoted(&captured_at)),
    ];
    for (pin, path) in [
        ("/sbom/sha256", "/sbom/path"),
        ("/provenance/sha256", "/provenance/path"),
        ("/restore/script_sha256", "/restore/script"),
    ] {
        if let (Some(_), Some(path)) = (document.find(pin), text(path)) {
            edits.push((pin, quoted(&file_digest(&root, &path, observer)?)));
        }
    }
    let mut insert = None;
    let files = text("/restore/driver").is_none_or(|driver| driver == "files")
        && text("/restore/script").is_none()
        && text("/restore/digests").is_none();
    if files && is_archive(&looked_at.payload) {
        let digest = unpacked_digest(&mut looked_at.hashed, temporary_directory, observer)
            .map_err(|error| AuthorError::Archive(backup.clone(), error))?;
        if document.find("/restore/tree_sha256").is_some() {
            edits.push(("/restore/tree_sha256", quoted(&digest)));
        } else {
            insert = Some(digest);
        }
    }
    let mut text = document.replace(&edits);
    if let Some(digest) = insert {
        let again = Document::read(text.as_bytes(), Syntax::of(path)).map_err(invalid)?;
        text = again.insert("/restore", "tree_sha256", &quoted(&digest)).unwrap_or(text);
    }
    write_whole(&place, text.as_bytes()).map_err(|error| AuthorError::File(shown, error))?;
    Ok(Pinned { sha256: looked_at.hashed.digest(), captured_at, captured_from, text })
}

/// A backup that was hashed and found to be whole.
struct LookedAt {
    hashed: HashedBackup,
    payload: Option<PayloadFacts>,
}

fn look_at(root: &Root, path: &str, observer: &dyn Observer) -> Result<LookedAt, AuthorError> {
    let mut hashed = hash_backup(root, path, None, observer)?;
    if hashed.tree().is_some() {
        return Ok(LookedAt { hashed, payload: None });
    }
    let payload = inspect(hashed.file(), path, observer)
        .map_err(|error| AuthorError::Payload(path.to_owned(), error))?;
    Ok(LookedAt { hashed, payload: Some(payload) })
}

/// The driver of a database whose backup this directory is: what `pg_dump -Fd` or
/// `pg_basebackup` makes, or the directory of a Redis server.
fn driver_of_directory(tree: &Tree) -> Option<wire::Driver> {
    let has = |path: &[u8]| tree.entries.iter().any(|entry| entry.path == path);
    if has(b"toc.dat") || has(b"PG_VERSION") || has(b"base.tar") || has(b"base.tar.gz") {
        Some(wire::Driver::Postgres)
    } else if has(b"dump.rdb") || has(b"appendonlydir") || has(b"appendonly.aof.manifest") {
        Some(wire::Driver::Redis)
    } else {
        None
    }
}

/// The driver of a database whose backup this is.
fn database_driver(format: &str) -> Option<wire::Driver> {
    if format.starts_with("pg_dump") || format.starts_with("PostgreSQL") {
        Some(wire::Driver::Postgres)
    } else if format.starts_with("MySQL") {
        Some(wire::Driver::Mysql)
    } else if format.starts_with("Redis") {
        Some(wire::Driver::Redis)
    } else if format.to_ascii_lowercase().starts_with("sqlite") {
        Some(wire::Driver::Sqlite)
    } else {
        None
    }
}

fn is_archive(payload: &Option<PayloadFacts>) -> bool {
    payload.as_ref().is_some_and(|facts| facts.format.starts_with("tar") || facts.format == "zip")
}

/// When a backup was captured: as the caller says, else as the backup itself says, else as its file
/// is dated, but never later than now.
fn capture_time(
    given: Option<Timestamp>,
    looked_at: &LookedAt,
    clock: &dyn Clock,
) -> (Timestamp, &'static str) {
    if let Some(given) = given {
        return (given, "as given");
    }
    let time = looked_at.payload.as_ref().and_then(|payload| payload.time.as_ref());
    let inside = time.filter(|time| time.meaning == TimeMeaning::Captured);
    if let Some(at) = inside.and_then(|time| time.at.parse().ok()) {
        return (at, "the time in the backup itself");
    }
    let now = clock.now();
    let modified =
        std::fs::metadata(&looked_at.hashed.place().absolute).ok().and_then(|metadata| {
            Timestamp::from_unix(std::os::unix::fs::MetadataExt::mtime(&metadata))
        });
    (
        modified.map_or(now, |modified| modified.min(now)),
        "the date of the file; correct it with --captured-at",
    )
}

fn file_digest(root: &Root, path: &str, observer: &dyn Observer) -> Result<Digest, AuthorError> {
    let (mut file, _) = root.open_file(path)?;
    let (digest, _) = hash(&mut file, observer).map_err(BackupError::from)?;
    Ok(digest)
}

fn unpacked_digest(
    hashed: &mut HashedBackup,
    temporary_directory: &Path,
    observer: &dyn Observer,
) -> Result<Digest, ArchiveError> {
    let workspace = Workspace::create(temporary_directory)?;
    let output = workspace.fresh_output()?;
    let budget = free_bytes(&output).unwrap_or(u64::MAX);
    let digest = unpack(hashed.file(), &output, budget, observer).and_then(|()| {
        let folder = std::fs::File::open(&output)?;
        let tree = hash_tree(&folder, observer).map_err(io::Error::other)?;
        Ok(tree.digest)
    });
    let _ = workspace.remove();
    digest
}

/// `path` relative to `folder`; both are absolute and canonical.
fn relative_to(path: &Path, folder: &Path) -> PathBuf {
    let (path, folder) = (absolute(Path::new("/"), path), absolute(Path::new("/"), folder));
    let common =
        path.components().zip(folder.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    let relative: PathBuf = up.chain(path.components().skip(common)).collect();
    if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_go_up_as_far_as_needed() {
        for (path, folder, wanted) in
            [("/a/b/c", "/a/b", "c"), ("/a/x", "/a/b/c", "../../x"), ("/a/b", "/a/b", ".")]
        {
            assert_eq!(relative_to(Path::new(path), Path::new(folder)), Path::new(wanted));
        }
    }
}
