//! What a script recovered: found in its output, told apart from the tool's own copy, and compared.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::backup::VerifiedBackup;
use crate::digest::{Digest, Observer, hash, hash_tree};
use crate::fs::{PathError, Root};
use crate::manifest::Script;
use crate::wire::event::RecoveredFacts;

/// Prefix of what a script recovers when the manifest names nothing.
const DEFAULT_PREFIX: &str = "recovered-backup";
/// Names that are shown of what lies in the output.
const SHOWN: usize = 5;

/// Why what was recovered is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum RecoveredError {
    /// There is nothing in the output.
    #[error("the script wrote nothing into its output directory")]
    Nothing,
    /// There is something, but not what was looked for.
    #[error("no recovered artifact was found: looked for {wanted}, found {}", found.join(", "))]
    Missing {
        /// Names that were looked for.
        wanted: String,
        /// What lies there.
        found: Vec<String>,
    },
    /// More than one candidate.
    #[error("several artifacts could be the recovered one: {}", .0.join(", "))]
    Ambiguous(Vec<String>),
    /// It is a link out of the output, or to the tool's own copy.
    #[error("the recovered artifact {0} is no artifact of its own: it is a link to {1}")]
    OwnCopy(String, &'static str),
    /// It is a FIFO, device or socket.
    #[error("the recovered artifact {0}")]
    Path(PathError),
    /// It could not be read.
    #[error("the recovered artifact cannot be read: {0}")]
    Read(String),
    /// It is not what it should be.
    #[error("{}", difference(facts, *differing))]
    Different {
        /// What was found.
        facts: Box<RecoveredFacts>,
        /// How many files differ; 0 for a single file.
        differing: usize,
    },
}

fn difference(facts: &RecoveredFacts, differing: usize) -> String {
    let mut text = format!(
        "what was recovered ({}) has the digest {}, {} is wanted",
        facts.path, facts.sha256, facts.expected_sha256
    );
    if !facts.differences.is_empty() {
        text += &format!("; {differing} file(s) differ: {}", facts.differences.join(", "));
    }
    text
}

/// Finds what the script recovered and compares it.
///
/// # Errors
/// When there is none, it cannot be told which, it is the tool's own copy, or it differs.
pub fn compare(
    output: &Path,
    script: &Script,
    backup: &VerifiedBackup,
    observer: &dyn Observer,
) -> Result<RecoveredFacts, RecoveredError> {
    let name = find(output, script, &backup.name().to_string_lossy())?;
    let root = Root::open(output, output).map_err(RecoveredError::Path)?;
    let link = output.join(&name).symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    let (mut file, _) = root.open_any(&name).map_err(|error| match error {
        PathError::Escapes(..) if link => {
            RecoveredError::OwnCopy(name.clone(), "something outside its output directory")
        }
        other => RecoveredError::Path(other),
    })?;
    let inode = file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
    if inode.is_ok_and(|inode| backup.inodes().contains(&inode)) {
        return Err(RecoveredError::OwnCopy(name, "the backup that it was given"));
    }
    let expected = script.recovered_sha256.unwrap_or_else(|| backup.facts().digest());
    let (sha256, bytes, files) = digest(&mut file, observer)?;
    let facts = RecoveredFacts {
        path: name,
        expected_sha256: expected.to_string(),
        sha256: sha256.to_string(),
        bytes,
        files,
        differences: Vec::new(),
    };
    if sha256 == expected {
        Ok(facts)
    } else {
        Err(RecoveredError::Different { facts: Box::new(facts), differing: 0 })
    }
}

fn digest(
    file: &mut File,
    observer: &dyn Observer,
) -> Result<(Digest, u64, Option<u64>), RecoveredError> {
    let read = |error: String| RecoveredError::Read(error);
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        let tree = hash_tree(file, observer).map_err(|error| read(error.to_string()))?;
        return Ok((tree.digest, tree.bytes, Some(tree.entries.len() as u64)));
    }
    let (digest, bytes) = hash(file, observer).map_err(|error| read(error.to_string()))?;
    Ok((digest, bytes, None))
}

/// The name of what was recovered: as the manifest says, else `recovered-backup*`, else the
/// backup's own.
fn find(output: &Path, script: &Script, backup: &str) -> Result<String, RecoveredError> {
    let mut found: Vec<String> = std::fs::read_dir(output)
        .map_err(|error| RecoveredError::Read(error.to_string()))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(RecoveredError::Nothing);
    }
    if let Some(named) = &script.recovered {
        if output.join(named).symlink_metadata().is_ok() {
            return Ok(named.clone());
        }
        found.truncate(SHOWN);
        return Err(RecoveredError::Missing { wanted: named.clone(), found });
    }
    let mut candidates: Vec<String> =
        found.iter().filter(|name| name.starts_with(DEFAULT_PREFIX)).cloned().collect();
    match candidates.len() {
        1 => return Ok(candidates.remove(0)),
        0 => {}
        _ => return Err(RecoveredError::Ambiguous(candidates)),
    }
    if found.iter().any(|name| name == backup) {
        return Ok(backup.to_owned());
    }
    found.truncate(SHOWN);
    let wanted = format!("{DEFAULT_PREFIX}* and {backup}");
    Err(RecoveredError::Missing { wanted, found })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::backup::hash_backup;
    use crate::digest::Unobserved;
    use crate::manifest::Confinement;
    use crate::wire::manifest::Isolation;

    fn script() -> Script {
        Script {
            sbom: None,
            provenance: None,
            tools: Vec::new(),
            path: "r".to_owned(),
            sha256: None,
            copy_backup: false,
            retries: 0,
            recovered: None,
            recovered_sha256: None,
            environment: Vec::new(),
            confinement: Confinement {
                timeout: Duration::from_secs(1),
                isolation: Isolation::BestEffort,
                memory_bytes: None,
                processes: 1,
                file_bytes: None,
            },
        }
    }

    /// Landlock keeps a script from making such a link; where there is none, this does.
    #[test]
    fn a_hard_link_to_the_backup_is_no_artifact_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output");
        fs::create_dir(&output).unwrap();
        fs::write(folder.path().join("b"), b"backup").unwrap();
        let root = Root::open(folder.path(), folder.path()).unwrap();
        let hashed = hash_backup(&root, "b", None, &Unobserved).unwrap();
        let backup = hashed.accept(&Digest::of(b"backup")).unwrap();
        fs::hard_link(folder.path().join("b"), output.join("recovered-backup")).unwrap();
        let error = compare(&output, &script(), &backup, &Unobserved).unwrap_err();
        assert!(matches!(error, RecoveredError::OwnCopy(..)), "{error}");
        fs::remove_file(output.join("recovered-backup")).unwrap();
        fs::copy(folder.path().join("b"), output.join("recovered-backup")).unwrap();
        assert!(compare(&output, &script(), &backup, &Unobserved).is_ok());
    }
}
