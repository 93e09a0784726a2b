//! The backup under test, once hashed: only what was compared with its pin can be restored.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::digest::{
    Digest, Interrupted, Observer, StreamError, Tree, TreeError, copy_and_hash, hash, hash_tree,
};
use crate::fs::{Contained, PathError, Root, TreeWriteError, copy_tree, free_bytes};

/// A backup whose digest is known but has not been compared.
#[derive(Debug)]
pub struct HashedBackup {
    file: File,
    place: Contained,
    given: String,
    digest: Digest,
    bytes: u64,
    tree: Option<Tree>,
    copy: Option<PathBuf>,
    identity: Identity,
}

/// A backup whose digest equals its pin. Drivers take nothing else.
#[derive(Debug)]
pub struct VerifiedBackup(HashedBackup);

/// Why a backup could not be hashed, or is not the one that was hashed any more.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The path is refused or cannot be opened.
    #[error("the backup {0}")]
    Path(#[from] PathError),
    /// It could not be read or copied.
    #[error("the backup {0}")]
    Stream(StreamError),
    /// Its tree could not be read.
    #[error("the backup tree: {0}")]
    Tree(TreeError),
    /// The private copy of a tree could not be written.
    #[error("the private copy of the backup: {0}")]
    Copy(#[from] TreeWriteError),
    /// The private copy could not be made.
    #[error("the private copy of the backup cannot be made: {0}")]
    CopyFile(#[source] io::Error),
    /// There is no room for the private copy.
    #[error("the private copy of the backup needs {needed} bytes, {free} are free")]
    NoRoom {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// It was changed or replaced after it was hashed.
    #[error("the backup was changed or replaced while the drill ran")]
    Changed,
    /// The observer asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<StreamError> for BackupError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Interrupted(interrupted) => interrupted.into(),
            other => Self::Stream(other),
        }
    }
}

impl From<TreeError> for BackupError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Interrupted(interrupted) => interrupted.into(),
            other => Self::Tree(other),
        }
    }
}

/// What tells whether a file is still the same: no write and no rename leaves all of it as it was.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// Opens the backup once and hashes it; with `copy_to`, also copies it there in the same pass. From
/// then on the copy is what is used.
///
/// # Errors
/// When it cannot be opened, read or copied.
pub fn hash_backup(
    root: &Root,
    path: &str,
    copy_to: Option<&Path>,
    observer: &dyn Observer,
) -> Result<HashedBackup, BackupError> {
    let (file, place) = root.open_any(path)?;
    let metadata = file.metadata().map_err(StreamError::Read)?;
    let identity = Identity::of(&file).map_err(StreamError::Read)?;
    let target = copy_to.map(|folder| folder.join(file_name(&place)));
    let given = path.to_owned();
    if metadata.is_dir() {
        return hash_directory(file, place, given, target, identity, observer);
    }
    let mut source = file.try_clone().map_err(StreamError::Read)?;
    let (digest, bytes) = match &target {
        None => hash(&mut source, observer)?,
        Some(target) => {
            let mut copy = new_copy(target, metadata.len())?;
            copy_and_hash(&mut source, &mut copy, observer)?
        }
    };
    let file = match &target {
        Some(copy) => File::open(copy).map_err(BackupError::CopyFile)?,
        None => file,
    };
    Ok(HashedBackup { file, place, given, digest, bytes, tree: None, copy: target, identity })
}

/// Copies a backup that comes from elsewhere into a directory of its own, and hashes it on the way. `bytes` is how
/// many are said to come.
///
/// # Errors
/// When there is no room, it breaks off, or the copy cannot be written.
pub fn hash_fetched(
    source: &mut (dyn Read + Send),
    bytes: u64,
    name: &str,
    folder: &Path,
    observer: &dyn Observer,
) -> Result<HashedBackup, BackupError> {
    let target = folder.join(name);
    let mut copy = new_copy(&target, bytes)?;
    let (digest, bytes) = copy_and_hash(source, &mut copy, observer)?;
    let file = File::open(&target).map_err(BackupError::CopyFile)?;
    let identity = Identity::of(&file).map_err(StreamError::Read)?;
    let place = Contained { relative: name.into(), absolute: target.clone() };
    let (given, copy) = (name.to_owned(), Some(target));
    Ok(HashedBackup { file, place, given, digest, bytes, tree: None, copy, identity })
}

/// A new file for a private copy, if there is room for it.
fn new_copy(target: &Path, needed: u64) -> Result<File, BackupError> {
    let free = free_bytes(target.parent().unwrap_or(target)).unwrap_or(u64::MAX);
    if needed > free {
        return Err(BackupError::NoRoom { needed, free });
    }
    let made = File::options().write(true).create_new(true).mode(0o600).open(target);
    made.map_err(BackupError::CopyFile)
}

/// A tree is copied first; the copy is what is hashed, and what is used.
fn hash_directory(
    file: File,
    place: Contained,
    given: String,
    target: Option<PathBuf>,
    identity: Identity,
    observer: &dyn Observer,
) -> Result<HashedBackup, BackupError> {
    let file = match &target {
        Some(target) => {
            let made = std::fs::DirBuilder::new().mode(0o700).create(target);
            made.map_err(BackupError::CopyFile)?;
            copy_tree(&place.absolute, target, free_bytes(target).unwrap_or(u64::MAX))?;
            File::open(target).map_err(BackupError::CopyFile)?
        }
        None => file,
    };
    let tree = hash_tree(&file, observer)?;
    let (digest, bytes) = (tree.digest, tree.bytes);
    Ok(HashedBackup { file, place, given, digest, bytes, tree: Some(tree), copy: target, identity })
}

fn file_name(place: &Contained) -> PathBuf {
    place.relative.file_name().map_or_else(|| PathBuf::from("backup"), PathBuf::from)
}

impl HashedBackup {
    /// The digest that was computed.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Where it lies.
    #[must_use]
    pub fn place(&self) -> &Contained {
        &self.place
    }

    /// Bytes of content.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The tree, where it is a directory.
    #[must_use]
    pub fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// The open handle of the very bytes that were hashed.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// The open handle of what was hashed.
    #[must_use]
    pub fn handle(&self) -> &File {
        &self.file
    }

    /// The very bytes that were hashed; nothing where it is a directory.
    #[must_use]
    pub fn content(&self) -> Option<&File> {
        self.tree.is_none().then_some(&self.file)
    }

    /// Accepts it if its digest is the one that was pinned, else gives it back.
    ///
    /// # Errors
    /// The backup itself, unverified, when its digest is another.
    pub fn accept(self, pin: &Digest) -> Result<VerifiedBackup, Box<Self>> {
        if self.digest == *pin { Ok(VerifiedBackup(self)) } else { Err(Box::new(self)) }
    }
}

impl VerifiedBackup {
    /// What is known of it.
    #[must_use]
    pub fn facts(&self) -> &HashedBackup {
        &self.0
    }

    /// The open handle of the very bytes that were verified.
    pub fn file(&mut self) -> &mut File {
        &mut self.0.file
    }

    /// The path to give to a program: the private copy, else the backup itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.copy.as_deref().unwrap_or(&self.0.place.absolute)
    }

    /// The name it has among people.
    #[must_use]
    pub fn name(&self) -> PathBuf {
        file_name(&self.0.place)
    }

    /// Device and inode of the backup and of its private copy: a recovered artifact is neither.
    #[must_use]
    pub fn inodes(&self) -> Vec<(u64, u64)> {
        let mut inodes = vec![(self.0.identity.device, self.0.identity.inode)];
        inodes.extend(self.0.file.metadata().map(|metadata| (metadata.dev(), metadata.ino())));
        inodes
    }

    /// Looks again, after a restore that was given the backup itself: it must still be the same. A
    /// private copy was out of everyone's reach.
    ///
    /// # Errors
    /// [`BackupError::Changed`], or when it cannot be looked at.
    pub fn check_unchanged(&self, root: &Root, observer: &dyn Observer) -> Result<(), BackupError> {
        if self.0.copy.is_some() {
            return Ok(());
        }
        let (again, _) = root.open_any(&self.0.given)?;
        let same = match &self.0.tree {
            Some(tree) => hash_tree(&again, observer)?.digest == tree.digest,
            None => [&again, &self.0.file]
                .iter()
                .all(|file| Identity::of(file).is_ok_and(|identity| identity == self.0.identity)),
        };
        if same { Ok(()) } else { Err(BackupError::Changed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Unobserved;

    #[test]
    fn only_the_pinned_digest_makes_a_verified_backup() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b"), b"backup").unwrap();
        let root = Root::open(folder.path(), folder.path()).unwrap();
        let hash = || hash_backup(&root, "b", None, &Unobserved).unwrap();
        assert!(hash().accept(&Digest::of(b"backup")).is_ok());
        assert!(hash().accept(&Digest::of(b"other")).is_err());
    }

    #[test]
    fn a_change_of_the_content_or_of_the_file_behind_the_name_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        std::fs::write(&path, b"backup").unwrap();
        let root = Root::open(folder.path(), folder.path()).unwrap();
        let verified = || {
            hash_backup(&root, "b", None, &Unobserved)
                .unwrap()
                .accept(&Digest::of(b"backup"))
                .unwrap()
        };
        let backup = verified();
        assert!(backup.check_unchanged(&root, &Unobserved).is_ok());
        std::fs::write(&path, b"backuq").unwrap();
        assert!(matches!(backup.check_unchanged(&root, &Unobserved), Err(BackupError::Changed)));
        std::fs::write(&path, b"backup").unwrap();
        let backup = verified();
        std::fs::write(folder.path().join("other"), b"backup").unwrap();
        std::fs::rename(folder.path().join("other"), &path).unwrap();
        assert!(matches!(backup.check_unchanged(&root, &Unobserved), Err(BackupError::Changed)));
    }
}
