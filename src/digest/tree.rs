//! The digest of a directory tree. `docs/tree-digest.md` specifies it, so that anyone can recompute it.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::stream::StreamError;
use super::{Digest, Hasher, Interrupted, Observer, stream};

/// Names handed to a worker at once: enough to keep the queue's lock out of the way.
const BATCH: usize = 128;
/// A file up to this size is read with one system call.
const SMALL: usize = 64 << 10;
/// Deeper nesting is refused: it has no use in a backup and every use in an attack.
const MAX_DEPTH: usize = 256;

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeKind {
    /// A regular file: its digest is that of its content.
    File,
    /// A directory: its content are its entries.
    Directory,
    /// A symbolic link: its digest is that of its target's text.
    Symlink,
}

/// One file, directory or symbolic link below the root of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// Path relative to the root, `/` between names, as the bytes that the file system holds.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: TreeKind,
    /// Permission bits (`0o0000` to `0o7777`); always `0o777` for a symbolic link.
    pub mode: u32,
    /// Digest of the content or of the link's target; `None` for a directory.
    pub digest: Option<Digest>,
    /// Bytes of content; 0 for what is not a file.
    pub size: u64,
}

/// A directory tree as it was hashed: entries sorted by path.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Digest over all entries.
    pub digest: Digest,
    /// Every entry, sorted bytewise by path.
    pub entries: Vec<TreeEntry>,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// Why a tree could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// An entry could not be opened or read.
    #[error("`{}` cannot be read: {cause}", path.display())]
    Read {
        /// The entry, relative to the root.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// An entry is a device, FIFO or socket: nothing that can be restored from bytes.
    #[error("`{}` is a {kind}: only files, directories and symbolic links can be backed up", path.display())]
    NotAFile {
        /// The entry, relative to the root.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Directories are nested deeper than anything real.
    #[error("`{}` is nested deeper than {MAX_DEPTH} directories", path.display())]
    TooDeep {
        /// The directory, relative to the root.
        path: PathBuf,
    },
    /// The observer asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Hashes every file below the directory `root` on all cores. Symbolic links are never followed.
///
/// # Errors
/// When an entry cannot be read, is a device, FIFO or socket, or the observer interrupts.
pub fn hash_tree(root: &File, observer: &dyn Observer) -> Result<Tree, TreeError> {
    let top = rustix::fs::openat(root, c".", DIRECTORY, Mode::empty())
        .map_err(|cause| read_error(Path::new("."), cause.into()))?;
    let pool =
        Pool::new(Job::List(Arc::new(Directory { handle: top, path: Vec::new(), depth: 0 })));
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(|| pool.work(observer));
        }
        pool.work(observer);
    });
    let done = pool.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = done.error {
        return Err(error);
    }
    let mut entries = done.entries;
    entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let bytes = entries.iter().map(|entry| entry.size).sum();
    Ok(Tree { digest: tree_digest(&entries), entries, bytes })
}

/// The digest of a tree with these entries, which must be sorted bytewise by path.
#[must_use]
pub fn tree_digest(entries: &[TreeEntry]) -> Digest {
    let mut hasher = Hasher::default();
    for entry in entries {
        let letter = match entry.kind {
            TreeKind::File => 'f',
            TreeKind::Directory => 'd',
            TreeKind::Symlink => 'l',
        };
        let digest = entry.digest.map_or_else(|| "-".to_owned(), |digest| digest.to_string());
        hasher.update(format!("{letter} {:04o} {digest} ", entry.mode).as_bytes());
        hasher.update(&entry.path);
        hasher.update(b"\0");
    }
    hasher.finish()
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A FIFO that took a file's place after it was listed must not hang the reader.
const REGULAR: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// An open directory; what lies in it is opened relative to it, never by a path looked up again.
struct Directory {
    handle: OwnedFd,
    path: Vec<u8>,
    depth: usize,
}

impl Directory {
    fn child(&self, name: &CStr) -> Vec<u8> {
        let mut path = self.path.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.to_bytes());
        path
    }
}

enum Job {
    List(Arc<Directory>),
    Hash(Arc<Directory>, Vec<CString>),
}

struct State {
    jobs: VecDeque<Job>,
    running: usize,
    entries: Vec<TreeEntry>,
    error: Option<TreeError>,
}

/// Workers that take jobs until none is left and none is running.
struct Pool {
    state: Mutex<State>,
    changed: Condvar,
}

impl Pool {
    fn new(first: Job) -> Self {
        let state =
            State { jobs: VecDeque::from([first]), running: 0, entries: Vec::new(), error: None };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn work(&self, observer: &dyn Observer) {
        let mut buffer = vec![0; SMALL];
        while let Some(job) = self.take() {
            let mut entries = Vec::new();
            let result = match job {
                Job::List(directory) => self.list(&directory, &mut entries),
                Job::Hash(directory, names) => names.iter().try_for_each(|name| {
                    let entry = hash_file(&directory, name, &mut buffer, observer)?;
                    entries.push(entry);
                    Ok(())
                }),
            };
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.running -= 1;
            state.entries.append(&mut entries);
            if let Err(error) = result {
                state.error.get_or_insert(error);
                state.jobs.clear();
            }
            self.changed.notify_all();
        }
    }

    fn take(&self) -> Option<Job> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // Files first: a directory's handle is closed once its files are hashed.
            if let Some(job) = state.jobs.pop_back() {
                state.running += 1;
                return Some(job);
            }
            if state.running == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn add(&self, job: Job) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.error.is_none() {
            state.jobs.push_back(job);
            self.changed.notify_one();
        }
    }

    fn list(
        &self,
        directory: &Arc<Directory>,
        entries: &mut Vec<TreeEntry>,
    ) -> Result<(), TreeError> {
        let at = |cause: rustix::io::Errno| read_error(&to_path(&directory.path), cause.into());
        if directory.depth > MAX_DEPTH {
            return Err(TreeError::TooDeep { path: to_path(&directory.path) });
        }
        let mut batch = Vec::with_capacity(BATCH);
        for item in Dir::read_from(&directory.handle).map_err(at)? {
            let item = item.map_err(at)?;
            let name = item.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let mut kind = item.file_type();
            if kind == FileType::Unknown {
                let stat = rustix::fs::statat(&directory.handle, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map_err(at)?;
                kind = FileType::from_raw_mode(stat.st_mode);
            }
            match kind {
                FileType::RegularFile => {
                    batch.push(name.to_owned());
                    if batch.len() == BATCH {
                        self.add(Job::Hash(Arc::clone(directory), std::mem::take(&mut batch)));
                    }
                }
                FileType::Directory => {
                    let (child, entry) = open_directory(directory, name)?;
                    entries.push(entry);
                    self.add(Job::List(Arc::new(child)));
                }
                FileType::Symlink => entries.push(read_link(directory, name)?),
                other => return Err(not_a_file(&directory.child(name), other)),
            }
        }
        if !batch.is_empty() {
            self.add(Job::Hash(Arc::clone(directory), batch));
        }
        Ok(())
    }
}

fn open_directory(parent: &Directory, name: &CStr) -> Result<(Directory, TreeEntry), TreeError> {
    let path = parent.child(name);
    let at = |cause: rustix::io::Errno| read_error(&to_path(&path), cause.into());
    let handle = rustix::fs::openat(&parent.handle, name, DIRECTORY, Mode::empty()).map_err(at)?;
    let mode = rustix::fs::fstat(&handle).map_err(at)?.st_mode & 0o7777;
    let entry =
        TreeEntry { path: path.clone(), kind: TreeKind::Directory, mode, digest: None, size: 0 };
    Ok((Directory { handle, path, depth: parent.depth + 1 }, entry))
}

fn read_link(parent: &Directory, name: &CStr) -> Result<TreeEntry, TreeError> {
    let path = parent.child(name);
    let target = rustix::fs::readlinkat(&parent.handle, name, Vec::new())
        .map_err(|cause| read_error(&to_path(&path), cause.into()))?;
    let digest = Some(Digest::of(target.to_bytes()));
    Ok(TreeEntry { path, kind: TreeKind::Symlink, mode: 0o777, digest, size: 0 })
}

fn hash_file(
    parent: &Directory,
    name: &CStr,
    buffer: &mut [u8],
    observer: &dyn Observer,
) -> Result<TreeEntry, TreeError> {
    let path = parent.child(name);
    let at = |cause: io::Error| read_error(&to_path(&path), cause);
    let handle = rustix::fs::openat(parent.handle.as_fd(), name, REGULAR, Mode::empty())
        .map_err(|cause| at(cause.into()))?;
    let stat = rustix::fs::fstat(&handle).map_err(|cause| at(cause.into()))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::RegularFile {
        return Err(not_a_file(&path, kind));
    }
    let expected = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
    let mut file = File::from(handle);
    let mut hasher = Hasher::default();
    let mut size = 0;
    if expected < buffer.len() {
        let read = file.read(buffer).map_err(at)?;
        hasher.update(&buffer[..read]);
        size = read as u64;
        if !observer.advance(size) {
            return Err(Interrupted.into());
        }
    }
    // A file that is large, or did not come whole in one read, is read to its end.
    let digest = if size == expected as u64 && expected < buffer.len() {
        hasher.finish()
    } else {
        hash_rest(hasher, &mut file, &mut size, observer).map_err(|error| match error {
            StreamError::Interrupted(interrupted) => interrupted.into(),
            StreamError::Read(cause) | StreamError::Write(cause) => at(cause),
        })?
    };
    let mode = stat.st_mode & 0o7777;
    Ok(TreeEntry { path, kind: TreeKind::File, mode, digest: Some(digest), size })
}

fn hash_rest(
    mut hasher: Hasher,
    file: &mut File,
    size: &mut u64,
    observer: &dyn Observer,
) -> Result<Digest, StreamError> {
    if *size == 0 {
        let (digest, length) = stream::hash(file, observer)?;
        *size = length;
        return Ok(digest);
    }
    let mut rest = vec![0; SMALL];
    loop {
        let read = file.read(&mut rest).map_err(StreamError::Read)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&rest[..read]);
        *size += read as u64;
    }
}

fn to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

fn read_error(path: &Path, cause: io::Error) -> TreeError {
    TreeError::Read { path: path.to_owned(), cause }
}

fn not_a_file(path: &[u8], kind: FileType) -> TreeError {
    let kind = match kind {
        FileType::Fifo => "FIFO",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        _ => "special file",
    };
    TreeError::NotAFile { path: to_path(path), kind }
}

#[cfg(test)]
mod tests;
