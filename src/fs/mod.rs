//! Files: paths that cannot leave their root, capped reads, and writes that are whole or absent.

mod gauge;
mod root;
mod tree;
mod workspace;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

pub use gauge::DiskGauge;
pub use root::{Contained, PathError, Root};
pub use tree::{NewTree, TreeWriteError, chown_tree, copy_tree};
pub use workspace::{Removed, Swept, Workspace, sweep};

/// Reads a file whole, but never more than `cap` bytes.
///
/// # Errors
/// When it cannot be read, is not a regular file, or is larger than `cap`.
pub fn read_capped(file: &mut File, cap: u64) -> Result<Vec<u8>, ReadError> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile(kind_of(&metadata)));
    }
    // The size is only a hint: a file that grows, or lies in /proc, is cut off by `take`.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(cap)).unwrap_or(0) + 1);
    file.take(cap + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > cap {
        return Err(ReadError::TooLarge { cap });
    }
    Ok(bytes)
}

/// Opens a file that a caller named, without hanging on a FIFO.
///
/// # Errors
/// When it cannot be opened.
pub fn open_for_reading(path: &Path) -> io::Result<File> {
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(nonblocking).open(path)
}

/// Reads a file that holds a secret.
///
/// # Errors
/// When it cannot be read, or others can read it, too.
pub fn read_private(path: &Path, cap: u64) -> Result<Vec<u8>, PrivateError> {
    let mut file = open_for_reading(path).map_err(ReadError::Io)?;
    let mode = file.metadata().map_err(ReadError::Io)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(PrivateError::Exposed(mode & 0o777));
    }
    Ok(read_capped(&mut file, cap)?)
}

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// It could not be read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// Others can read it: its mode.
    #[error(
        "can be read by others (mode {0:o}): chmod 600, and if it was ever shared, make a new one"
    )]
    Exposed(u32),
}

/// Why a file could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is a directory, FIFO, device or socket.
    #[error("is a {0}, not a file")]
    NotAFile(&'static str),
    /// It is larger than anything of its kind.
    #[error("is larger than {} MiB, the most that is read of such a file", cap >> 20)]
    TooLarge {
        /// The limit in bytes.
        cap: u64,
    },
}

/// What a directory entry is, in a word.
#[must_use]
pub fn kind_of(metadata: &fs::Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_dir() {
        "directory"
    } else if kind.is_fifo() {
        "FIFO"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "device"
    } else if kind.is_symlink() {
        "symbolic link"
    } else {
        "file"
    }
}

/// Writes a file so that it is there whole or not at all: beside it first, then renamed.
///
/// Nothing is synced to the disk; [`sync`] does that for many files at once.
///
/// # Errors
/// When the folder cannot be made or the file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = parent_of(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".dr-drill-")
        .permissions(readable_by_all())
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn readable_by_all() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

/// The folder a path lies in: `.` for a bare name.
#[must_use]
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Waits until everything written below `folder` is on the disk.
///
/// One call for the whole file system: a call for each file would wait for the disk as often as
/// there are files, because each has its own blocks to allocate and its own journal commit.
///
/// # Errors
/// When the folder cannot be opened or the disk reports an error.
pub fn sync(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

/// Bytes free for this user on the file system that holds `path`.
///
/// # Errors
/// When the file system cannot be asked.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The real place of an absolute path that need not exist: links on the way are resolved as far as
/// they go.
#[must_use]
pub fn real_place(path: &Path) -> PathBuf {
    let path = absolute(Path::new("/"), path);
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return real.join(path.strip_prefix(ancestor).unwrap_or(Path::new("")));
        }
    }
    path
}

/// `path` made absolute against `folder`, with `.` and `..` resolved by name only.
#[must_use]
pub fn absolute(folder: &Path, path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in folder.join(path).components() {
        match component {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                resolved.pop();
            }
            other => resolved.push(other),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_cut_off_at_its_cap() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read_capped(&mut File::open(&path).unwrap(), 5).unwrap(), b"12345");
        assert!(matches!(
            read_capped(&mut File::open(&path).unwrap(), 4),
            Err(ReadError::TooLarge { cap: 4 })
        ));
        assert!(matches!(
            read_capped(&mut File::open("/dev/zero").unwrap(), 4),
            Err(ReadError::NotAFile("device"))
        ));
    }

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/f");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path().join("sub")).unwrap().count(), 1);
        sync(folder.path()).unwrap();
    }

    #[test]
    fn the_real_place_of_what_does_not_exist_is_behind_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(&real, real.join("alias")).unwrap();
        assert_eq!(real_place(&real.join("alias/new/deep")), real.join("new/deep"));
    }

    #[test]
    fn absolute_paths_are_resolved_by_name() {
        let resolved = absolute(Path::new("/a/b"), Path::new("../c/./d"));
        assert_eq!(resolved, Path::new("/a/c/d"));
    }
}
