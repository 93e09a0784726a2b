//! Packs: a sealed directory as one file, a tar archive compressed with zstd, the same bytes each time.
//!
//! What speaks of the rest stands first (the list of digests, signatures, the report), so that a reader
//! that wants no more need not read on. Everything else follows in the order of the list. Owners, times
//! and permissions are not kept: none of them is evidence.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path};

use zstd::zstd_safe::{DCtx, ResetDirective};

use super::bundle::{BESIDE, parse_sums};
use super::{ATTESTATION, REPORT, SIGN_OFFS, SUMS};
use crate::digest::Hasher;
use crate::fs::{NewTree, TreeWriteError, free_bytes, open_for_reading, read_capped};

/// Compression level: what `zstd` itself takes.
const LEVEL: i32 = 3;
/// Longest path of a member, in bytes.
const MAX_PATH: u64 = 4096;
/// Most members that are looked at.
const MAX_MEMBERS: usize = 16 << 20;
/// Most bytes of the files that stand beside the list.
const MAX_BESIDE: u64 = 512 << 20;

/// Why nothing was packed or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// There is no list of digests in the directory.
    #[error("it was never sealed: {SUMS} is missing")]
    NotSealed,
    /// A file is not as it was sealed.
    #[error("`{0}` is not as it was sealed")]
    Altered(String),
    /// It is no pack.
    #[error("is no pack of evidence, or is damaged: {0}")]
    Read(#[from] io::Error),
    /// A path that no drill leaves.
    #[error("holds `{0}`, which no drill leaves")]
    Member(String),
    /// More than is ever read.
    #[error("holds more than any drill leaves")]
    TooLarge,
    /// A file of it cannot be written.
    #[error(transparent)]
    Write(#[from] TreeWriteError),
}

/// Writes the pack of a sealed directory, in which every file must be as it was sealed. With `seal_only` no
/// more than the seal, what speaks of it, and the report.
///
/// # Errors
/// When the directory is not sealed, a file of it was changed, or nothing can be written.
pub fn pack(directory: &Path, seal_only: bool, out: &mut dyn Write) -> Result<(), PackError> {
    let mut encoder = zstd::Encoder::new(out, LEVEL)?;
    encoder.include_checksum(true)?;
    let mut archive = tar::Builder::new(encoder);
    if !directory.join(SUMS).exists() {
        return Err(PackError::NotSealed);
    }
    let mut sums = Vec::new();
    for name in BESIDE {
        let path = directory.join(name);
        if path.exists() {
            let bytes = read_capped(&mut open_for_reading(&path)?, MAX_BESIDE)
                .map_err(|error| io::Error::other(format!("{name} {error}")))?;
            append(&mut archive, name, bytes.len() as u64, &mut bytes.as_slice())?;
            if name == SUMS {
                sums = bytes;
            }
        }
    }
    let mut listed = parse_sums(&sums).ok_or_else(|| PackError::Altered(SUMS.to_owned()))?;
    listed.sort_by_key(|(name, _)| name != REPORT);
    for (name, digest) in listed.iter().take(if seal_only { 1 } else { usize::MAX }) {
        let file = open_for_reading(&directory.join(name))?;
        let length = file.metadata()?.len();
        let mut reader = Sealed { reader: file.take(length), hasher: Hasher::default() };
        append(&mut archive, name, length, &mut reader)?;
        if reader.hasher.finish() != *digest {
            return Err(PackError::Altered(name.clone()));
        }
        if name == REPORT {
            // What follows is compressed apart: whoever reads no further decompresses no more.
            archive.get_mut().flush()?;
        }
    }
    archive.into_inner()?.finish()?;
    Ok(())
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    name: &str,
    length: u64,
    reader: &mut dyn Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o644);
    header.set_mtime(0);
    archive.append_data(&mut header, name, reader)
}

/// Hashes what is packed. A file that ends early is filled up, so that its digest is another one.
struct Sealed {
    reader: io::Take<File>,
    hasher: Hasher,
}

impl Read for Sealed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = self.reader.read(buffer)?;
        let missing = self.reader.limit();
        if count == 0 && missing > 0 {
            count = buffer.len().min(usize::try_from(missing).unwrap_or(usize::MAX));
            buffer[..count].fill(0);
            self.reader.set_limit(missing - count as u64);
        }
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// Unpacks a pack below the empty directory `output`. Whether it is as it was sealed is another question:
/// [`super::verify`] answers it.
///
/// # Errors
/// When it is no pack, or a file of it cannot be written.
pub fn unpack(file: &File, output: &Path) -> Result<(), PackError> {
    let mut tree = NewTree::new(output, free_bytes(output)?);
    members(file, &mut |name, reader| {
        tree.file(Path::new(name), 0o644, reader)?;
        Ok(true)
    })?;
    Ok(tree.finish()?)
}

/// The first files of a pack, as far as the report: what an index wants to know.
pub(super) fn head(file: &File) -> Result<BTreeMap<String, Vec<u8>>, PackError> {
    let mut found = BTreeMap::new();
    members(file, &mut |name, reader| {
        if ![SUMS, ATTESTATION, SIGN_OFFS, REPORT].contains(&name) {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        reader.take(MAX_BESIDE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BESIDE {
            return Err(PackError::TooLarge);
        }
        found.insert(name.to_owned(), bytes);
        Ok(name != REPORT)
    })?;
    Ok(found)
}

/// What is done with a member; `false` ends it.
type Each<'a> = dyn FnMut(&str, &mut dyn Read) -> Result<bool, PackError> + 'a;

thread_local! {
    /// Making one takes as long as all else that is done to read a small pack.
    static DECOMPRESSION: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// Hands on the members of a pack one after the other. Only what [`pack`] writes is taken: files, with
/// paths that stay inside, and nothing after the last.
pub(super) fn members(file: &File, take: &mut Each<'_>) -> Result<(), PackError> {
    DECOMPRESSION.with_borrow_mut(|context| {
        let unusable = |_| PackError::Read(io::Error::other("the decompression cannot be begun"));
        context.reset(ResetDirective::SessionOnly).map_err(unusable)?;
        each_member(zstd::Decoder::with_context(io::BufReader::new(file), context), take)
    })
}

fn each_member(mut decoder: impl Read, take: &mut Each<'_>) -> Result<(), PackError> {
    let mut archive = tar::Archive::new(&mut decoder);
    let (mut long_name, mut before) = (None, BTreeSet::new());
    // Raw: otherwise names of any length are read whole into memory.
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        if entry.header().entry_type().is_gnu_longname() {
            let mut name = Vec::new();
            (&mut entry).take(MAX_PATH).read_to_end(&mut name)?;
            name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
            long_name = Some(name);
            continue;
        }
        let bytes = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let name = String::from_utf8_lossy(&bytes).into_owned();
        let inside = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
        let plain = entry.header().entry_type().is_file() && inside && !name.ends_with('/');
        if !plain || name.is_empty() || before.len() >= MAX_MEMBERS || !before.insert(name.clone())
        {
            return Err(PackError::Member(name.chars().take(200).collect()));
        }
        let left = entry.header().entry_size()?;
        let mut counted = Counted { reader: &mut entry, left };
        if !take(&name, &mut counted)? {
            return Ok(());
        }
        // A pack that was cut off within a file ends like a whole one otherwise.
        if counted.left != 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    let mut rest = [0; 4096];
    loop {
        match decoder.read(&mut rest)? {
            0 => return Ok(()),
            count if rest[..count].iter().all(|byte| *byte == 0) => {}
            _ => return Err(PackError::Member("bytes after the last file".to_owned())),
        }
    }
}

/// Counts down what is still to be read of a member.
struct Counted<'a> {
    reader: &'a mut dyn Read,
    left: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
