//! The `files` driver: a directory tree or an archive, brought back by the tool itself and compared file by file.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::RestoreError;
use super::archive::unpack;
use super::recovered::RecoveredError;
use crate::backup::VerifiedBackup;
use crate::clock::Stopwatch;
use crate::digest::{Digest, Observer, Tree, TreeEntry, TreeKind, hash_tree};
use crate::fs::{Workspace, copy_tree, free_bytes};
use crate::wire::event::{RecoveredFacts, RestoreFacts};

/// Differences that are listed at most.
const SHOWN: usize = 5;
/// Largest list of digests that is read, in bytes.
pub const MAX_LIST_BYTES: u64 = 256 << 20;

/// What must come back.
#[derive(Clone, Debug)]
pub enum Expected {
    /// The very tree that the backup is.
    SameTree,
    /// A tree with this digest.
    TreeDigest(Digest),
    /// These files, and no others, by path.
    Files(BTreeMap<Vec<u8>, Digest>),
}

/// Copies or unpacks the backup into a fresh output directory.
///
/// # Errors
/// When it is no archive, or something is refused or cannot be written.
pub fn restore(
    backup: &mut VerifiedBackup,
    workspace: &Workspace,
    observer: &dyn Observer,
) -> Result<RestoreFacts, RestoreError> {
    let watch = Stopwatch::start();
    let output = workspace.fresh_output().map_err(RestoreError::Output)?;
    let budget = free_bytes(&output).unwrap_or(u64::MAX);
    if backup.facts().tree().is_some() {
        copy_tree(backup.path(), &output, budget)?;
    } else {
        unpack(backup.file(), &output, budget, observer)?;
    }
    Ok(RestoreFacts {
        driver: "files".to_owned(),
        attempts: 1,
        seconds: watch.seconds(),
        ..RestoreFacts::default()
    })
}

/// Hashes everything that came back and compares it.
///
/// # Errors
/// When it differs; the facts name the first files that do.
pub fn compare(
    output: &Path,
    expected: &Expected,
    backup: &VerifiedBackup,
    observer: &dyn Observer,
) -> Result<RecoveredFacts, RecoveredError> {
    let folder = File::open(output).map_err(|error| RecoveredError::Read(error.to_string()))?;
    let tree =
        hash_tree(&folder, observer).map_err(|error| RecoveredError::Read(error.to_string()))?;
    let (wanted, differences, differing) = match expected {
        Expected::SameTree => {
            let (list, count) = differences(backup.facts().tree(), &tree);
            (backup.facts().digest(), list, count)
        }
        Expected::TreeDigest(digest) => (*digest, Vec::new(), usize::from(*digest != tree.digest)),
        Expected::Files(files) => {
            let (list, count) = against_list(files, &tree);
            (list_digest(files), list, count)
        }
    };
    let found =
        if let Expected::Files(_) = expected { list_digest(&files_of(&tree)) } else { tree.digest };
    let facts = RecoveredFacts {
        path: ".".to_owned(),
        expected_sha256: wanted.to_string(),
        sha256: found.to_string(),
        bytes: tree.bytes,
        files: Some(tree.entries.iter().filter(|entry| entry.kind == TreeKind::File).count() as u64),
        differences,
    };
    if wanted == found && differing == 0 {
        return Ok(facts);
    }
    Err(RecoveredError::Different { facts: Box::new(facts), differing })
}

fn files_of(tree: &Tree) -> BTreeMap<Vec<u8>, Digest> {
    let files = tree.entries.iter().filter(|entry| entry.kind == TreeKind::File);
    files.filter_map(|entry| Some((entry.path.clone(), entry.digest?))).collect()
}

/// Digest over a list of files, as `sha256sum` would write it, sorted.
fn list_digest(files: &BTreeMap<Vec<u8>, Digest>) -> Digest {
    let mut text = Vec::new();
    for (path, digest) in files {
        text.extend_from_slice(format!("{digest}  ").as_bytes());
        text.extend_from_slice(path);
        text.push(b'\n');
    }
    Digest::of(&text)
}

fn against_list(files: &BTreeMap<Vec<u8>, Digest>, tree: &Tree) -> (Vec<String>, usize) {
    let found = files_of(tree);
    let mut all = Vec::new();
    for (path, digest) in files {
        match found.get(path) {
            None => all.push(format!("{}: missing", show(path))),
            Some(other) if other != digest => all.push(format!("{}: other content", show(path))),
            Some(_) => {}
        }
    }
    all.extend(
        found
            .keys()
            .filter(|path| !files.contains_key(*path))
            .map(|p| format!("{}: not in the list", show(p))),
    );
    let count = all.len();
    all.truncate(SHOWN);
    (all, count)
}

fn differences(wanted: Option<&Tree>, found: &Tree) -> (Vec<String>, usize) {
    let by_path = |tree: &Tree| -> BTreeMap<Vec<u8>, TreeEntry> {
        tree.entries.iter().map(|entry| (entry.path.clone(), entry.clone())).collect()
    };
    let (wanted, found) = (wanted.map(by_path).unwrap_or_default(), by_path(found));
    let mut all = Vec::new();
    for (path, entry) in &wanted {
        let difference = match found.get(path) {
            None => "missing",
            Some(other) if other.kind != entry.kind => "of another kind",
            Some(other) if other.digest != entry.digest => "other content",
            Some(other) if other.mode != entry.mode => "other permissions",
            Some(_) => continue,
        };
        all.push(format!("{}: {difference}", show(path)));
    }
    let added = found.keys().filter(|path| !wanted.contains_key(*path));
    all.extend(added.map(|path| format!("{}: not in the backup", show(path))));
    let count = all.len();
    all.truncate(SHOWN);
    (all, count)
}

fn show(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Reads a list as `sha256sum` writes it: digest, two characters, path.
///
/// # Errors
/// The number of the first line that is not of that form, and what is wrong with it.
pub fn parse_list(bytes: &[u8]) -> Result<BTreeMap<Vec<u8>, Digest>, String> {
    let mut files = BTreeMap::new();
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        if line.is_empty() {
            continue;
        }
        let fail = |what: &str| format!("line {number}: {what}");
        let (digest, path) = line.split_at_checked(66).ok_or_else(|| fail("too short"))?;
        let digest = std::str::from_utf8(&digest[..64])
            .ok()
            .and_then(|text| text.parse::<Digest>().ok())
            .ok_or_else(|| fail("does not begin with a SHA-256 digest"))?;
        let path = path.strip_prefix(b"./").unwrap_or(path);
        let plain = Path::new(std::ffi::OsStr::from_bytes(path))
            .components()
            .all(|component| matches!(component, std::path::Component::Normal(_)));
        if path.is_empty() || !plain {
            return Err(fail("names no path below the output directory"));
        }
        if files.insert(path.to_vec(), digest).is_some() {
            return Err(fail("names a path twice"));
        }
    }
    if files.is_empty() { Err("names no file".to_owned()) } else { Ok(files) }
}
