//! Unpacks tar and zip archives, compressed or not, into a tree that nothing can leave.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};

use crate::digest::Observer;
use crate::fs::{NewTree, TreeWriteError};
use crate::payload::{Compression, decoder};

/// Why an archive could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no archive.
    #[error("it is neither a tar nor a zip archive")]
    NotAnArchive,
    /// It could not be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// An entry was refused or could not be written.
    #[error(transparent)]
    Entry(#[from] TreeWriteError),
    /// A device, FIFO or the like.
    #[error("`{}` is neither file, directory nor link", .0.display())]
    Kind(PathBuf),
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Unpacks an archive below the empty directory `output`, at most `budget` bytes.
///
/// # Errors
/// When it is no archive, or an entry is refused or cannot be written.
pub fn unpack(
    file: &mut File,
    output: &Path,
    budget: u64,
    observer: &dyn Observer,
) -> Result<(), ArchiveError> {
    file.rewind()?;
    let mut head = [0; 512];
    let length = file.read(&mut head)?;
    file.rewind()?;
    let mut tree = NewTree::new(output, budget);
    if head.starts_with(b"PK") {
        unpack_zip(file, &mut tree, observer)?;
    } else {
        match Compression::of(&head[..length]) {
            Some(compression) => {
                unpack_tar(&mut decoder(compression, file)?, &mut tree, observer)?;
            }
            None => unpack_tar(file, &mut tree, observer)?,
        }
    }
    Ok(tree.finish()?)
}

fn unpack_tar(
    reader: &mut dyn Read,
    tree: &mut NewTree,
    observer: &dyn Observer,
) -> Result<(), ArchiveError> {
    let mut archive = tar::Archive::new(reader);
    let mut members = 0;
    for entry in archive.entries()? {
        let mut entry = entry.map_err(|error| {
            if members == 0 { ArchiveError::NotAnArchive } else { ArchiveError::Read(error) }
        })?;
        members += 1;
        let path = entry.path()?.into_owned();
        let mode = entry.header().mode()?;
        let link = entry.link_name()?.map(std::borrow::Cow::into_owned);
        let kind = entry.header().entry_type();
        match link {
            Some(target) if kind.is_symlink() => tree.symbolic_link(&path, &target)?,
            Some(target) if kind.is_hard_link() => tree.hard_link(&path, &target)?,
            _ if kind.is_dir() => tree.directory(&path, mode)?,
            _ if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() => {
                let written = tree.file(&path, mode, &mut entry)?;
                if !observer.advance(written) {
                    return Err(ArchiveError::Interrupted);
                }
            }
            _ if kind.is_pax_global_extensions() => {}
            _ => return Err(ArchiveError::Kind(path)),
        }
    }
    if members == 0 { Err(ArchiveError::NotAnArchive) } else { Ok(()) }
}

fn unpack_zip(
    file: &mut File,
    tree: &mut NewTree,
    observer: &dyn Observer,
) -> Result<(), ArchiveError> {
    /// Links in a zip are files that hold their target.
    const MAX_TARGET: u64 = 4096;
    let damaged = |error: zip::result::ZipError| ArchiveError::Read(io::Error::other(error));
    let mut archive = zip::ZipArchive::new(file).map_err(|_| ArchiveError::NotAnArchive)?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(damaged)?;
        let path = PathBuf::from(member.name().map_err(damaged)?.as_ref());
        if member.is_dir() {
            tree.directory(&path, member.unix_mode().unwrap_or(0o755))?;
        } else if member.is_symlink() {
            let mut target = String::new();
            member.take(MAX_TARGET).read_to_string(&mut target)?;
            tree.symbolic_link(&path, Path::new(&target))?;
        } else {
            let mode = member.unix_mode().unwrap_or(0o644);
            let written = tree.file(&path, mode, &mut member)?;
            if !observer.advance(written) {
                return Err(ArchiveError::Interrupted);
            }
        }
    }
    Ok(())
}
