//! The private directory of one run: made fresh, locked while in use, removed with all that lies in it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::tree::chown_tree;

/// How directories of runs are named; only such are ever removed.
const PREFIX: &str = "dr-drill-run-";

/// Holds the process id of the run. The lock alone decides: a number may be another process's by now.
const LEASE: &str = "lease";

/// A private directory with one sub-directory for each purpose.
#[derive(Debug)]
pub struct Workspace {
    path: PathBuf,
    /// Held open: the lock on it tells later runs that this one is alive.
    _lock: File,
}

/// What was removed with a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Files in it, without the tool's own.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether nothing is left.
    pub gone: bool,
}

impl Workspace {
    /// Makes a new directory below `base`, and removes those of runs that were killed.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn create(base: &Path) -> io::Result<Self> {
        fs::create_dir_all(base)?;
        let _ = sweep(base);
        let workspace = Self::locked(&base.canonicalize()?)?;
        fs::write(workspace.path.join(LEASE), std::process::id().to_string())?;
        for name in ["backup", "inputs", "tmp"] {
            fs::DirBuilder::new().mode(0o700).create(workspace.path.join(name))?;
        }
        Ok(workspace)
    }

    /// A new directory with a lock on it. Before it has one, another run may take it for that of a
    /// run that was killed, and remove it: then another is made.
    fn locked(base: &Path) -> io::Result<Self> {
        loop {
            let folder = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir_in(base)?;
            let locked = File::open(folder.path()).and_then(|lock| {
                // Whoever removes it holds the lock meanwhile.
                lock.lock()?;
                let there = fs::symlink_metadata(folder.path())?;
                Ok((there.ino() == lock.metadata()?.ino()).then_some(lock))
            });
            match locked {
                Ok(Some(lock)) => return Ok(Self { path: folder.keep(), _lock: lock }),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where the private copy of the backup lies.
    #[must_use]
    pub fn backup(&self) -> PathBuf {
        self.path.join("backup")
    }

    /// Where private copies of SBOM and provenance lie.
    #[must_use]
    pub fn inputs(&self) -> PathBuf {
        self.path.join("inputs")
    }

    /// The temporary directory of a script.
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// Where the restore writes.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.path.join("output")
    }

    /// Makes the directory of an instance, and gives it and the copy of the backup to the user that
    /// the instance runs as, if that is another.
    ///
    /// # Errors
    /// When it cannot be made, or not be given away.
    pub fn instance(&self, owner: Option<(u32, u32)>) -> io::Result<PathBuf> {
        let folder = self.path.join("instance");
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        if let Some((user, group)) = owner {
            // What lies below is still of one user each; its name is all that others can use.
            fs::set_permissions(&self.path, fs::Permissions::from_mode(0o711))?;
            chown_tree(&folder, user, group)?;
            chown_tree(&self.backup(), user, group)?;
        }
        Ok(folder)
    }

    /// Makes the output directory anew, empty.
    ///
    /// # Errors
    /// When what lay there cannot be removed.
    pub fn fresh_output(&self) -> io::Result<PathBuf> {
        let output = self.output();
        if output.symlink_metadata().is_ok() {
            remove_all(&output)?;
        }
        fs::DirBuilder::new().mode(0o700).create(&output)?;
        Ok(output)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at what is left in the output, and removes everything.
    #[must_use]
    pub fn remove(self) -> Removed {
        let (mut files, mut bytes) = (0, 0);
        let left = [self.output(), self.path.join("instance")];
        for entry in left.iter().flat_map(walkdir::WalkDir::new).flatten() {
            if entry.file_type().is_file() {
                files += 1;
                bytes += entry.metadata().map_or(0, |metadata| metadata.len());
            }
        }
        let gone = remove_all(&self.path).is_ok() && self.path.symlink_metadata().is_err();
        Removed { files, bytes, gone }
    }
}

/// What became of the directory of an earlier run.
#[derive(Debug)]
pub enum Swept {
    /// Its run was killed; it is gone.
    Removed,
    /// Its run goes on, or belongs to somebody else.
    InUse {
        /// Its process id, as it has written it.
        process: Option<u32>,
    },
    /// It could not be removed.
    Failed(io::Error),
}

/// Removes directories of runs below `base` that hold no lock any more: those that were killed. The
/// kernel holds the lock as long as the run lives, and not longer.
#[must_use]
pub fn sweep(base: &Path) -> Vec<(PathBuf, Swept)> {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    let runs = entries.filter(|entry| {
        entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    });
    let swept = |entry: fs::DirEntry| {
        let path = entry.path();
        // The lock is held until all is removed: a run that is only beginning waits for it.
        let lock = File::open(&path).ok().filter(|folder| folder.try_lock().is_ok());
        let swept = match lock.as_ref().map(|_| remove_all(&path)) {
            None => Swept::InUse { process: leased_to(&path) },
            Some(Ok(())) => Swept::Removed,
            Some(Err(error)) => Swept::Failed(error),
        };
        (path, swept)
    };
    runs.map(swept).collect()
}

fn leased_to(path: &Path) -> Option<u32> {
    fs::read_to_string(path.join(LEASE)).ok()?.trim().parse().ok()
}

/// Removes a tree, also where it has made its own directories unwritable.
fn remove_all(path: &Path) -> io::Result<()> {
    if fs::remove_dir_all(path).is_ok() {
        return Ok(());
    }
    for entry in walkdir::WalkDir::new(path).into_iter().flatten() {
        if entry.file_type().is_dir() {
            let _ = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o700));
        }
    }
    fs::remove_dir_all(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_begin_at_once_do_not_sweep_each_other_away() {
        let base = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let workspace = Workspace::create(base.path()).unwrap();
                        fs::write(workspace.temporary().join("f"), b"x").unwrap();
                        let _ = sweep(base.path());
                        assert!(workspace.temporary().join("f").exists());
                        assert!(workspace.remove().gone);
                    }
                });
            }
        });
    }

    #[test]
    fn is_removed_whole_and_only_dead_ones_are_swept() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("dr-drill-run-dead")).unwrap();
        fs::create_dir(base.path().join("not-ours")).unwrap();
        let one = Workspace::create(base.path()).unwrap();
        let two = Workspace::create(base.path()).unwrap();
        let output = one.fresh_output().unwrap();
        fs::create_dir(output.join("locked")).unwrap();
        fs::write(output.join("locked/f"), b"12345").unwrap();
        fs::set_permissions(output.join("locked"), fs::Permissions::from_mode(0o000)).unwrap();
        let left = || fs::read_dir(base.path()).unwrap().count();
        assert_eq!(left(), 3);
        let removed = one.remove();
        assert!(removed.gone);
        assert_eq!(left(), 2);
        drop(two);
        let _three = Workspace::create(base.path()).unwrap();
        assert_eq!(left(), 2);
        assert!(base.path().join("not-ours").exists());
    }
}
