//! Making a directory tree from entries that are not trusted: nothing is ever written through a link.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

/// A tree that grows entry by entry below a directory of its own.
///
/// Links and the permissions of directories are made last, by [`NewTree::finish`]: until then there
/// is no link through which an entry could leave, and no directory that cannot be written.
#[derive(Debug)]
pub struct NewTree {
    top: PathBuf,
    links: Vec<(PathBuf, PathBuf)>,
    link_paths: HashSet<PathBuf>,
    modes: Vec<(PathBuf, u32)>,
    budget: u64,
}

/// Why an entry was refused or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TreeWriteError {
    /// Its path is absolute, has `..` in it, or leads through a link.
    #[error("`{}` would leave the output directory", .0.display())]
    Escapes(PathBuf),
    /// The same path twice.
    #[error("`{}` is there twice", .0.display())]
    Twice(PathBuf),
    /// More bytes than are free on the disk.
    #[error("`{}` does not fit on the disk any more", .0.display())]
    TooLarge(PathBuf),
    /// The system refused.
    #[error("`{}` cannot be written: {cause}", path.display())]
    Write {
        /// The entry.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

impl NewTree {
    /// A tree below `top`, an empty directory, of at most `budget` bytes.
    #[must_use]
    pub fn new(top: &Path, budget: u64) -> Self {
        Self {
            top: top.to_owned(),
            links: Vec::new(),
            link_paths: HashSet::new(),
            modes: Vec::new(),
            budget,
        }
    }

    /// Adds a directory.
    ///
    /// # Errors
    /// When the path is refused or cannot be made.
    pub fn directory(&mut self, path: &Path, mode: u32) -> Result<(), TreeWriteError> {
        let relative = self.place(path)?;
        let absolute = self.top.join(&relative);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&absolute)
            .map_err(|cause| TreeWriteError::Write { path: path.to_owned(), cause })?;
        self.modes.push((absolute, mode));
        Ok(())
    }

    /// Adds a file with the bytes of `source`.
    ///
    /// # Errors
    /// When the path is refused, is there already, or cannot be written.
    pub fn file(
        &mut self,
        path: &Path,
        mode: u32,
        source: &mut dyn Read,
    ) -> Result<u64, TreeWriteError> {
        let mut file = self.create(path)?;
        let fail = |cause| TreeWriteError::Write { path: path.to_owned(), cause };
        let written =
            io::copy(&mut source.take(self.budget.saturating_add(1)), &mut file).map_err(fail)?;
        if written > self.budget {
            return Err(TreeWriteError::TooLarge(path.to_owned()));
        }
        self.budget -= written;
        file.set_permissions(Permissions::from_mode(mode & 0o7777)).map_err(fail)?;
        Ok(written)
    }

    /// Adds a second name for a file that was added before.
    ///
    /// # Errors
    /// When a path is refused or there is no such file.
    pub fn hard_link(&mut self, path: &Path, target: &Path) -> Result<(), TreeWriteError> {
        let target = self.top.join(self.place(target)?);
        let absolute = self.ready(path)?;
        fs::hard_link(&target, absolute)
            .map_err(|cause| TreeWriteError::Write { path: path.to_owned(), cause })
    }

    /// Adds a symbolic link; its target is kept as it is and never followed.
    ///
    /// # Errors
    /// When the path is refused.
    pub fn symbolic_link(&mut self, path: &Path, target: &Path) -> Result<(), TreeWriteError> {
        let absolute = self.ready(path)?;
        if !self.link_paths.insert(absolute.clone()) {
            return Err(TreeWriteError::Twice(path.to_owned()));
        }
        self.links.push((absolute, target.to_owned()));
        Ok(())
    }

    /// Makes the links, then gives directories their permissions.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn finish(self) -> Result<(), TreeWriteError> {
        for (path, target) in self.links {
            symlink(&target, &path).map_err(|cause| TreeWriteError::Write { path, cause })?;
        }
        for (path, mode) in self.modes.into_iter().rev() {
            fs::set_permissions(&path, Permissions::from_mode(mode & 0o7777))
                .map_err(|cause| TreeWriteError::Write { path, cause })?;
        }
        Ok(())
    }

    fn create(&self, path: &Path) -> Result<File, TreeWriteError> {
        let absolute = self.ready(path)?;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(absolute).map_err(
            |cause| {
                if cause.kind() == io::ErrorKind::AlreadyExists {
                    TreeWriteError::Twice(path.to_owned())
                } else {
                    TreeWriteError::Write { path: path.to_owned(), cause }
                }
            },
        )
    }

    /// The absolute place of an entry, with the directories that it lies in.
    fn ready(&self, path: &Path) -> Result<PathBuf, TreeWriteError> {
        let absolute = self.top.join(self.place(path)?);
        if let Some(parent) = absolute.parent() {
            fs::create_dir_all(parent)
                .map_err(|cause| TreeWriteError::Write { path: path.to_owned(), cause })?;
        }
        if self.link_paths.contains(&absolute) {
            return Err(TreeWriteError::Twice(path.to_owned()));
        }
        Ok(absolute)
    }

    /// The entry's path, plain, and through no link.
    fn place(&self, path: &Path) -> Result<PathBuf, TreeWriteError> {
        let mut relative = PathBuf::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => relative.push(name),
                Component::CurDir => {}
                _ => return Err(TreeWriteError::Escapes(path.to_owned())),
            }
            if self.link_paths.contains(&self.top.join(&relative)) && relative != path {
                return Err(TreeWriteError::Escapes(path.to_owned()));
            }
        }
        Ok(relative)
    }
}

/// Copies the tree below `source` to the empty directory `target`; links are copied, not followed.
///
/// # Errors
/// When something cannot be read or written, or is neither file, directory nor link.
pub fn copy_tree(source: &Path, target: &Path, budget: u64) -> Result<(), TreeWriteError> {
    let mut tree = NewTree::new(target, budget);
    for entry in walkdir::WalkDir::new(source).min_depth(1) {
        let entry = entry.map_err(|error| TreeWriteError::Write {
            path: error.path().unwrap_or(source).to_owned(),
            cause: error.into(),
        })?;
        let path = entry.path().strip_prefix(source).unwrap_or(entry.path());
        let fail = |cause| TreeWriteError::Write { path: path.to_owned(), cause };
        let metadata = entry.metadata().map_err(|error| fail(error.into()))?;
        let mode = metadata.permissions().mode();
        if metadata.is_dir() {
            tree.directory(path, mode)?;
        } else if metadata.is_symlink() {
            tree.symbolic_link(path, &fs::read_link(entry.path()).map_err(fail)?)?;
        } else if metadata.is_file() {
            let mut file = super::open_for_reading(entry.path()).map_err(fail)?;
            tree.file(path, mode, &mut file)?;
        } else {
            return Err(fail(io::Error::other("it is neither file, directory nor link")));
        }
    }
    tree.finish()
}

/// Gives a tree to another user; links themselves, never what they lead to.
///
/// # Errors
/// When this user may not.
pub fn chown_tree(tree: &Path, user: u32, group: u32) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(tree) {
        let entry = entry.map_err(io::Error::from)?;
        std::os::unix::fs::lchown(entry.path(), Some(user), Some(group))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_outside_or_through_a_link() {
        let outer = tempfile::tempdir().unwrap();
        let top = outer.path().join("top");
        fs::create_dir(&top).unwrap();
        let mut tree = NewTree::new(&top, 100);
        tree.file(Path::new("./a/f"), 0o640, &mut b"1".as_slice()).unwrap();
        tree.symbolic_link(Path::new("link"), Path::new("../..")).unwrap();
        tree.hard_link(Path::new("again"), Path::new("a/f")).unwrap();
        tree.directory(Path::new("closed"), 0o500).unwrap();
        for path in ["../x", "/x", "a/../../x", "link/x"] {
            let refused = tree.file(Path::new(path), 0o600, &mut b"1".as_slice());
            assert!(matches!(refused, Err(TreeWriteError::Escapes(_))), "{path}");
        }
        for path in ["a/f", "link"] {
            let refused = tree.file(Path::new(path), 0o600, &mut b"1".as_slice());
            assert!(matches!(refused, Err(TreeWriteError::Twice(_))), "{path}");
        }
        let refused = tree.hard_link(Path::new("h"), Path::new("../../etc/passwd"));
        assert!(matches!(refused, Err(TreeWriteError::Escapes(_))));
        let refused = tree.file(Path::new("big"), 0o600, &mut io::repeat(1));
        assert!(matches!(refused, Err(TreeWriteError::TooLarge(_))));
        tree.finish().unwrap();
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
        assert_eq!(fs::metadata(top.join("a/f")).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::metadata(top.join("closed")).unwrap().permissions().mode() & 0o777, 0o500);
    }
}
