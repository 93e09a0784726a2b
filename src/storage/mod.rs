//! Object storage: what is fetched from it is a stream with a known length, and what is put there replaces nothing.

mod parts;
mod url;

use std::ffi::OsString;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use tokio::runtime::{self, Runtime};
use tokio::time::timeout;

pub use parts::{Put, Stock, Stored};
pub use url::VARIABLES;

use crate::manifest::Address;

/// How often a transfer looks whether it is to end.
const LOOK: Duration = Duration::from_millis(200);

/// Why something could not be fetched or put.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The address names no storage.
    #[error("{0} {1}")]
    Address(String, String),
    /// There is no such object.
    #[error("{0} is not there")]
    Absent(String),
    /// The storage does not let us.
    #[error("{0} is refused: {1}")]
    Denied(String, String),
    /// The storage does not answer, or not as it should.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, String),
    /// A file in parts is not what its list says.
    #[error("{0} is not what its list of parts says")]
    Changed(String),
    /// What came back is not what was put.
    #[error("{0} came back with other content than it was given")]
    ReadBack(String),
    /// An object is larger than it may be.
    #[error("{object} has {bytes} bytes, more than the {cap} that are taken")]
    TooLarge {
        /// The object.
        object: String,
        /// Its bytes.
        bytes: u64,
        /// How many are taken.
        cap: u64,
    },
    /// What is to be put cannot be read.
    #[error("{0}: {1}")]
    Local(String, #[source] io::Error),
    /// It was to end.
    #[error("it was ended")]
    Ended,
}

/// A place in a storage: a bucket, container or directory, and what all names there begin with.
pub struct Store {
    runtime: Arc<Runtime>,
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The address as messages show it.
    shown: String,
}

/// An object, as a listing tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    /// Its name, without what all names begin with.
    name: String,
    bytes: u64,
}

impl Store {
    /// Opens a place: `s3://bucket/prefix`, `gs://…`, `az://container/prefix`, `https://…`, or a directory of this machine.
    /// Credentials come from [`VARIABLES`], else from the role of the machine.
    ///
    /// # Errors
    /// When the address names no storage, or the variables do not suffice.
    pub fn open(
        text: &str,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, StorageError> {
        if !text.contains("://") {
            let objects = url::open_directory(std::path::Path::new(text))?;
            return Self::new(objects, Path::default(), text);
        }
        let address = Address::parse(text).map_err(|why| {
            let scheme = text.split("://").next().unwrap_or_default();
            StorageError::Address(format!("the address {scheme}://…"), why)
        })?;
        Self::object(&address, variable)
    }

    /// Opens the place of an object: what it is called is then nothing.
    ///
    /// # Errors
    /// When the address names no storage, or the variables do not suffice.
    pub fn object(
        address: &Address,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, StorageError> {
        let (objects, prefix) = url::open(address, variable)?;
        Self::new(objects, prefix, &address.text)
    }

    fn new(objects: Arc<dyn ObjectStore>, prefix: Path, text: &str) -> Result<Self, StorageError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StorageError::Local(text.to_owned(), error))?;
        let shown = text.trim_end_matches('/').to_owned();
        Ok(Self { runtime: Arc::new(runtime), objects, prefix, shown })
    }

    /// Every object below it, by name.
    fn list(&self) -> Result<Vec<Object>, StorageError> {
        let listed: Result<Vec<_>, _> =
            self.runtime.block_on(self.objects.list(Some(&self.prefix)).try_collect());
        let listed = listed.map_err(|error| self.failed("", &error))?;
        let mut objects: Vec<Object> = listed
            .into_iter()
            .filter_map(|object| {
                let parts = object.location.prefix_match(&self.prefix)?;
                let name: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
                Some(Object { name: name.join("/"), bytes: object.size })
            })
            .collect();
        objects.sort();
        Ok(objects)
    }

    /// Makes an object, unless there is one of its name: `false` then.
    fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool, StorageError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let path = self.path(name);
        let put = self.objects.put_opts(&path, PutPayload::from(bytes), options);
        match self.runtime.block_on(put) {
            Ok(_) => Ok(true),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => Ok(false),
            Err(error) => Err(self.failed(name, &error)),
        }
    }

    /// Begins to fetch an object. It ends when `ending` says so.
    ///
    /// # Errors
    /// When it is not there, cannot be reached, or has more bytes than the cap.
    pub fn fetch<'a>(
        &self,
        name: &str,
        cap: u64,
        ending: &'a (dyn Fn() -> bool + Sync),
    ) -> Result<Fetch<'a>, StorageError> {
        let path = self.path(name);
        let asked = async {
            let mut asked = std::pin::pin!(self.objects.get(&path));
            loop {
                if let Ok(found) = timeout(LOOK, &mut asked).await {
                    return found.map_err(|error| self.failed(name, &error));
                }
                if ending() {
                    return Err(StorageError::Ended);
                }
            }
        };
        let found = self.runtime.block_on(asked)?;
        let bytes = found.meta.size;
        if bytes > cap {
            return Err(StorageError::TooLarge { object: self.shown(name), bytes, cap });
        }
        Ok(Fetch {
            runtime: Arc::clone(&self.runtime),
            stream: Box::pin(found.into_stream().map_err(io::Error::other)),
            chunk: Default::default(),
            bytes,
            left: bytes,
            ending,
        })
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').filter(|part| !part.is_empty()).fold(self.prefix.clone(), Path::join)
    }

    fn shown(&self, name: &str) -> String {
        if name.is_empty() { self.shown.clone() } else { format!("{}/{name}", self.shown) }
    }

    fn failed(&self, name: &str, error: &object_store::Error) -> StorageError {
        use object_store::Error;

        let (object, said) = (self.shown(name), cause(error));
        let refusals = ["403 Forbidden", "401 Unauthorized"];
        match error {
            Error::NotFound { .. } => StorageError::Absent(object),
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                StorageError::Denied(object, said)
            }
            // Of a listing it is only said in words.
            _ if refusals.iter().any(|refusal| said.contains(refusal)) => {
                StorageError::Denied(object, said)
            }
            _ => StorageError::Unreachable(object, said),
        }
    }
}

/// The end of the first line of an error, where its cause stands, of a length for people: storages answer with whole
/// documents.
fn cause(error: &object_store::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.rsplit(" - ").next().unwrap_or_default().chars().take(300).collect()
}

/// An object on its way here.
pub struct Fetch<'a> {
    runtime: Arc<Runtime>,
    stream: Pin<Box<dyn Stream<Item = io::Result<bytes::Bytes>> + Send>>,
    chunk: bytes::Bytes,
    bytes: u64,
    left: u64,
    ending: &'a (dyn Fn() -> bool + Sync),
}

impl Fetch<'_> {
    /// The bytes of the whole object, as the storage says. Not one more is read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Read for Fetch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let next = async {
                loop {
                    if let Ok(next) = timeout(LOOK, self.stream.next()).await {
                        return next.transpose();
                    }
                    if (self.ending)() {
                        return Err(io::Error::other(StorageError::Ended));
                    }
                }
            };
            match self.runtime.block_on(next)? {
                Some(chunk) => self.chunk = chunk,
                None if self.left == 0 => return Ok(0),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
            if self.chunk.len() as u64 > self.left {
                return Err(io::Error::other("it is longer than the storage had said"));
            }
            self.left -= self.chunk.len() as u64;
        }
        let length = buffer.len().min(self.chunk.len());
        buffer[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}
