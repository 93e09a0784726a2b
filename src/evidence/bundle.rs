//! The files of one drill, in a directory or in a pack: their digests, and the bytes of those that are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::pack::{PackError, members};
use super::{ATTESTATION, EVENTS, OURS, SIGN_OFFS, SUMS, TEMPORARY};
use crate::digest::{Digest, Hasher, Observer, TreeKind, hash_tree};
use crate::fs::{open_for_reading, read_capped};

/// Largest file of evidence that is read into memory, and most bytes of a pack that are kept there.
const MAX_BYTES: u64 = 512 << 20;

/// What stands beside the list of digests, because it speaks of the list.
pub(super) const BESIDE: [&str; 3] = [SUMS, ATTESTATION, SIGN_OFFS];

/// Files by path, each with its digest.
pub(super) type Listed = Vec<(String, Digest)>;

/// The files of one drill.
pub(super) struct Bundle {
    /// Digests of every file that the list of digests is to name.
    pub(super) files: BTreeMap<String, Digest>,
    /// Symbolic links, which no drill leaves.
    pub(super) links: Vec<String>,
    place: Place,
}

enum Place {
    Directory(PathBuf),
    /// The files at the top, which alone are read.
    Pack(BTreeMap<String, Vec<u8>>),
}

impl Bundle {
    /// Hashes every file of a directory or of a pack.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub(super) fn open(path: &Path, observer: &dyn Observer) -> Result<Self, String> {
        let shown = path.display();
        let file = open_for_reading(path).map_err(|error| format!("{shown}: {error}"))?;
        let metadata = file.metadata().map_err(|error| format!("{shown}: {error}"))?;
        let bundle = if metadata.is_dir() {
            let tree = hash_tree(&file, observer).map_err(|error| format!("{shown}: {error}"))?;
            let name = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
            let links = tree.entries.iter().filter(|entry| entry.kind == TreeKind::Symlink);
            Self {
                links: links.map(|entry| name(&entry.path)).collect(),
                files: digests(&tree).into_iter().collect(),
                place: Place::Directory(path.to_owned()),
            }
        } else if metadata.is_file() {
            Self::unpacked(&file, observer).map_err(|error| format!("{shown} {error}"))?
        } else {
            return Err(format!("{shown} is neither a directory nor a pack"));
        };
        if !bundle.has(SUMS) && !bundle.has(EVENTS) {
            return Err(format!("{shown} is no evidence: neither {SUMS} nor {EVENTS} is in it"));
        }
        Ok(bundle)
    }

    fn unpacked(file: &File, observer: &dyn Observer) -> Result<Self, PackError> {
        let (mut files, mut kept) = (BTreeMap::new(), BTreeMap::new());
        let mut room = MAX_BYTES;
        members(file, &mut |name, reader| {
            let mut hashed = Hashed { reader, hasher: Hasher::default(), observer };
            if OURS.contains(&name) {
                let mut bytes = Vec::new();
                (&mut hashed).take(room + 1).read_to_end(&mut bytes)?;
                room = room.checked_sub(bytes.len() as u64).ok_or(PackError::TooLarge)?;
                kept.insert(name.to_owned(), bytes);
            } else {
                io::copy(&mut hashed, &mut io::sink())?;
            }
            if !BESIDE.contains(&name) {
                files.insert(name.to_owned(), hashed.hasher.finish());
            }
            Ok(true)
        })?;
        Ok(Self { files, links: Vec::new(), place: Place::Pack(kept) })
    }

    /// Whether there is a file of this name at the top.
    pub(super) fn has(&self, name: &str) -> bool {
        match &self.place {
            Place::Directory(path) => path.join(name).exists(),
            Place::Pack(kept) => kept.contains_key(name),
        }
    }

    /// The bytes of a file at the top.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        match &self.place {
            Place::Directory(path) => open_for_reading(&path.join(name))
                .map_err(Into::into)
                .and_then(|mut file| read_capped(&mut file, MAX_BYTES))
                .map_err(|error| error.to_string()),
            Place::Pack(kept) => {
                kept.get(name).cloned().ok_or_else(|| "is not in the pack".to_owned())
            }
        }
    }
}

/// Hashes what is read.
struct Hashed<'a> {
    reader: &'a mut dyn Read,
    hasher: Hasher,
    observer: &'a dyn Observer,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        if !self.observer.advance(count as u64) {
            return Err(io::Error::other("interrupted"));
        }
        Ok(count)
    }
}

/// Path and digest of every file that the list of digests names.
pub(super) fn digests(tree: &crate::digest::Tree) -> Listed {
    tree.entries
        .iter()
        .filter(|entry| entry.kind == TreeKind::File)
        .filter_map(|entry| {
            Some((String::from_utf8_lossy(&entry.path).into_owned(), entry.digest?))
        })
        .filter(|(path, _)| !BESIDE.contains(&path.as_str()) && !path.starts_with(TEMPORARY))
        .collect()
}

/// The canonical text of the list of digests, as `sha256sum` writes it.
pub(super) fn list(digests: &[(String, Digest)]) -> Vec<u8> {
    let lines = digests.iter().map(|(path, digest)| format!("{digest}  {path}\n"));
    lines.collect::<String>().into_bytes()
}

/// The list, if it is exactly as [`list`] writes it.
pub(super) fn parse_sums(bytes: &[u8]) -> Option<Listed> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut listed = Listed::new();
    for line in text.lines() {
        let (digest, path) = line.split_once("  ")?;
        listed.push((path.to_owned(), digest.parse().ok()?));
    }
    let sorted = listed.windows(2).all(|pair| pair[0].0 < pair[1].0);
    (sorted && list(&listed) == bytes).then_some(listed)
}
