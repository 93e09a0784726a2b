//! How a file is put: whole where it is small, else in parts that are objects of their own. A list, which comes last,
//! makes one file of them. So no object is ever replaced, and what was cut off goes on where it was.
//!
//! The multipart uploads of the services are not used: through `object_store` they cannot be completed on the condition
//! that nothing is there, and what they need to go on lies on the machine that was cut off.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::{Fetch, Object, StorageError, Store};
use crate::digest::{Digest, Hasher, Observer, StreamError, Unobserved, copy_and_hash};
use crate::document::parse_json;
use crate::wire::storage::{PARTS, Part, PartList};

/// Bytes of a part, and the most of a file that is put whole.
const PART: u64 = 32 << 20;
/// Ends the name of the folder of parts.
const FOLDER: &str = ".parts";
/// The name of the list in it.
const LIST: &str = "list.json";
/// Largest list that is read, in bytes.
const MAX_LIST: u64 = 16 << 20;

/// What became of a file that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there now, and came back as it was given.
    Created,
    /// A file of its name was there: nothing was changed.
    There,
}

/// What lies in a storage.
#[derive(Clone, Debug, Default)]
pub struct Stock {
    objects: BTreeSet<Object>,
}

/// A file in a storage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    /// What it is called.
    pub name: String,
    /// Its bytes, where it was put whole.
    pub bytes: Option<u64>,
}

impl Stock {
    fn size(&self, name: &str) -> Option<u64> {
        let least = Object { name: name.to_owned(), bytes: 0 };
        self.objects.range(least..).next().filter(|one| one.name == name).map(|one| one.bytes)
    }

    /// Every file that is complete, by name.
    #[must_use]
    pub fn files(&self) -> Vec<Stored> {
        let file = |object: &Object| match object.name.rsplit_once('/') {
            Some((folder, name)) if folder.ends_with(FOLDER) => {
                let file = folder.strip_suffix(FOLDER).filter(|_| name == LIST)?;
                Some(Stored { name: file.to_owned(), bytes: None })
            }
            _ => Some(Stored { name: object.name.clone(), bytes: Some(object.bytes) }),
        };
        self.objects.iter().filter_map(file).collect()
    }

    /// A file that is complete.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<Stored> {
        let bytes = self.size(name);
        let there = bytes.is_some() || self.size(&format!("{name}{FOLDER}/{LIST}")).is_some();
        there.then(|| Stored { name: name.to_owned(), bytes })
    }
}

impl Store {
    /// What lies below it.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn stock(&self) -> Result<Stock, StorageError> {
        Ok(Stock { objects: self.list()?.into_iter().collect() })
    }

    /// Puts a file under a name, unless there is one, and reads back what was put. `stock` tells what was there before:
    /// parts that are there already are not put again.
    ///
    /// # Errors
    /// When the file cannot be read, the storage cannot be written, or something else came back.
    pub fn put(
        &self,
        name: &str,
        file: &Path,
        stock: &Stock,
        ending: &(dyn Fn() -> bool + Sync),
    ) -> Result<Put, StorageError> {
        let local = |error| StorageError::Local(file.display().to_string(), error);
        let mut opened = File::open(file).map_err(local)?;
        let bytes = opened.metadata().map_err(local)?.len();
        if stock.file(name).is_some() {
            return Ok(Put::There);
        }
        let (made, digest) = if bytes <= PART {
            let mut content = Vec::new();
            opened.read_to_end(&mut content).map_err(local)?;
            let digest = Digest::of(&content);
            (self.create(name, content)?, digest)
        } else {
            let (digest, list) = self.put_parts(name, &mut opened, bytes, stock, ending)?;
            let list = serde_json::to_vec_pretty(&list).unwrap_or_default();
            (self.create(&format!("{name}{FOLDER}/{LIST}"), list)?, digest)
        };
        if !made {
            return Ok(Put::There);
        }
        let stored = Stored { name: name.to_owned(), bytes: (bytes <= PART).then_some(bytes) };
        let back = self.copy(&stored, bytes, &mut std::io::sink(), &Unobserved, ending)?;
        if back == digest {
            Ok(Put::Created)
        } else {
            Err(StorageError::ReadBack(self.shown(name)))
        }
    }

    fn put_parts(
        &self,
        name: &str,
        file: &mut File,
        bytes: u64,
        stock: &Stock,
        ending: &(dyn Fn() -> bool + Sync),
    ) -> Result<(Digest, PartList), StorageError> {
        let local = |error| StorageError::Local(name.to_owned(), error);
        let mut whole = Hasher::default();
        let mut parts = Vec::new();
        let mut put = 0;
        loop {
            if ending() {
                return Err(StorageError::Ended);
            }
            let mut content = Vec::new();
            file.take(PART).read_to_end(&mut content).map_err(local)?;
            if content.is_empty() {
                break;
            }
            whole.update(&content);
            let object = format!("{:05}-{}", parts.len() + 1, Digest::of(&content).short());
            let place = format!("{name}{FOLDER}/{object}");
            parts.push(Part { object, bytes: content.len() as u64 });
            put += content.len() as u64;
            if stock.size(&place) != Some(content.len() as u64) {
                self.create(&place, content)?;
            }
        }
        if put != bytes {
            return Err(local(std::io::Error::other("it changed while it was put")));
        }
        let digest = whole.finish();
        let sha256 = digest.to_string();
        Ok((digest, PartList { schema: PARTS.to_owned(), bytes, sha256, parts }))
    }

    /// Copies a file from the storage, at most `cap` bytes, and gives its digest. One in parts must have the digest that its
    /// list says.
    ///
    /// # Errors
    /// When it is not there, is larger, cannot be reached, is not what its list says, or cannot be written.
    pub fn copy(
        &self,
        file: &Stored,
        cap: u64,
        out: &mut dyn Write,
        observer: &dyn Observer,
        ending: &(dyn Fn() -> bool + Sync),
    ) -> Result<Digest, StorageError> {
        let failed = |error| self.broken_off(&file.name, error);
        if file.bytes.is_some() {
            let mut fetch = self.fetch(&file.name, cap, ending)?;
            let copied = copy_and_hash(&mut fetch, out, observer);
            return copied.map(|(digest, _)| digest).map_err(failed);
        }
        let list = self.parts(file, ending)?;
        if list.bytes > cap {
            let object = self.shown(&file.name);
            return Err(StorageError::TooLarge { object, bytes: list.bytes, cap });
        }
        let folder = format!("{}{FOLDER}", file.name);
        let mut chain =
            Chain { store: self, folder, parts: list.parts.into_iter(), now: None, ending };
        let copied = copy_and_hash(&mut (&mut chain).take(list.bytes + 1), out, observer);
        let (digest, _) = copied.map_err(failed)?;
        if digest.to_string() == list.sha256 {
            Ok(digest)
        } else {
            Err(StorageError::Changed(self.shown(&file.name)))
        }
    }

    /// Why a copy came to no end: by the storage, by this machine, or because a part is not what the list says.
    fn broken_off(&self, name: &str, error: StreamError) -> StorageError {
        let shown = self.shown(name);
        match error {
            StreamError::Write(error) => StorageError::Local(shown, error),
            StreamError::Interrupted(_) => StorageError::Ended,
            StreamError::Read(error) => {
                match error.get_ref().and_then(|cause| cause.downcast_ref::<StorageError>()) {
                    Some(StorageError::Ended) => StorageError::Ended,
                    Some(StorageError::Absent(_) | StorageError::TooLarge { .. }) => {
                        StorageError::Changed(shown)
                    }
                    _ => StorageError::Unreachable(shown, error.to_string()),
                }
            }
        }
    }

    /// The parts of a file that was put in parts.
    ///
    /// # Errors
    /// When the list is not there, cannot be reached, or is none.
    pub fn parts(
        &self,
        file: &Stored,
        ending: &(dyn Fn() -> bool + Sync),
    ) -> Result<PartList, StorageError> {
        let mut text = Vec::new();
        let place = format!("{}{FOLDER}/{LIST}", file.name);
        let mut list = self.fetch(&place, MAX_LIST, ending)?;
        list.read_to_end(&mut text)
            .map_err(|error| StorageError::Unreachable(self.shown(&place), error.to_string()))?;
        let list = parse_json(&text).ok();
        let list: Option<PartList> = list.and_then(|value| serde_json::from_value(value).ok());
        let plain =
            |part: &Part| part.object.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        list.filter(|list| list.schema == PARTS && list.parts.iter().all(plain))
            .ok_or_else(|| StorageError::Changed(self.shown(&file.name)))
    }
}

/// Parts of a file, read one after the other.
struct Chain<'a> {
    store: &'a Store,
    folder: String,
    parts: std::vec::IntoIter<Part>,
    now: Option<Fetch<'a>>,
    ending: &'a (dyn Fn() -> bool + Sync),
}

impl Read for Chain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            if let Some(fetch) = &mut self.now {
                let read = fetch.read(buffer)?;
                if read > 0 {
                    return Ok(read);
                }
            }
            let Some(part) = self.parts.next() else { return Ok(0) };
            let place = format!("{}/{}", self.folder, part.object);
            let fetch = self.store.fetch(&place, part.bytes, self.ending);
            self.now = Some(fetch.map_err(std::io::Error::other)?);
        }
    }
}
