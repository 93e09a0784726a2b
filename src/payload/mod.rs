//! What a backup is inside, by its format: is it whole, and what time does it hold?
//!
//! One file a format. Everything streams: the size of a backup does not matter.

mod decode;
mod json;
mod pg_custom;
mod rdb;
mod sql;
mod sqlite;
mod tar;
mod zip;

use std::fs::File;
use std::io::{self, Read, Seek as _};

use crate::digest::{Interrupted, Observer};
use crate::wire::event::{PayloadFacts, PayloadTime};

pub use decode::{Compression, decoder, unpacked};
pub use rdb::is_command_log as is_redis_log;

/// Bytes that are looked at to tell a format.
const HEAD: usize = 8192;
/// Compression inside compression: deeper is an attack.
const MAX_LAYERS: usize = 3;

/// What a format was found to hold.
#[derive(Debug, Default)]
struct Found {
    format: String,
    complete: bool,
    services: Option<u64>,
    unpacked: Option<u64>,
    time: Option<PayloadTime>,
}

/// Why a backup is not whole inside.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// It has no bytes.
    #[error("the backup is empty")]
    Empty,
    /// It could not be read.
    #[error("the backup cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It ends before its format says that it may.
    #[error("the {format} is cut off: {detail}")]
    Truncated {
        /// The format.
        format: &'static str,
        /// What is missing.
        detail: String,
    },
    /// Its bytes contradict its format.
    #[error("the {format} is damaged: {detail}")]
    Damaged {
        /// The format.
        format: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// Services were not ready when it was made.
    #[error("{} of {total} services not ready: {}", names.len(), names.join(", "))]
    NotReady {
        /// How many services there are.
        total: usize,
        /// Those that are not ready, with their state.
        names: Vec<String>,
    },
    /// A service status without services.
    #[error("the service status names no service: nothing was backed up")]
    NoServices,
    /// The observer asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Looks inside a backup, from its first byte on. `name` is the backup's file name.
///
/// # Errors
/// When it is not whole, or its format says that something is wrong.
pub fn inspect(
    file: &mut File,
    name: &str,
    observer: &dyn Observer,
) -> Result<PayloadFacts, PayloadError> {
    file.rewind()?;
    let mut head = vec![0; HEAD];
    let length = read_full(file, &mut head)?;
    head.truncate(length);
    file.rewind()?;
    if head.is_empty() {
        return Err(PayloadError::Empty);
    }
    let found = if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        zip::inspect(file, observer)?
    } else if head.starts_with(sqlite::MAGIC) {
        sqlite::inspect(&head, file.metadata()?.len())?
    } else {
        let mut reader = Watched { inner: file, observer, interrupted: false };
        let result = inspect_stream(&mut reader, name, 0);
        if reader.interrupted {
            return Err(Interrupted.into());
        }
        result?
    };
    Ok(PayloadFacts {
        format: found.format,
        complete: found.complete,
        services_checked: found.services,
        unpacked_bytes: found.unpacked,
        time: found.time,
    })
}

/// Looks inside a stream: what is compressed is looked at inside again.
fn inspect_stream(reader: &mut dyn Read, name: &str, layer: usize) -> Result<Found, PayloadError> {
    let mut head = vec![0; HEAD];
    let length = read_full(reader, &mut head)?;
    head.truncate(length);
    let compression = Compression::of(&head);
    let mut whole = io::Cursor::new(&head).chain(reader);
    if let Some(compression) = compression {
        if layer == MAX_LAYERS {
            let detail = format!("compressed more than {MAX_LAYERS} times over");
            return Err(PayloadError::Damaged { format: compression.name(), detail });
        }
        let mut counted = Counted { inner: decoder(compression, &mut whole)?, bytes: 0 };
        let inner = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let found = inspect_stream(&mut counted, inner, layer + 1).and_then(|found| {
            io::copy(&mut counted, &mut io::sink()).map(|_| found).map_err(Into::into)
        });
        let unpacked = counted.bytes;
        drop(counted);
        let found = found.map_err(|error| compression.explain(error))?;
        let mut rest = [0; 1];
        if whole.read(&mut rest)? > 0 {
            let detail = "bytes follow after its end".to_owned();
            return Err(PayloadError::Damaged { format: compression.name(), detail });
        }
        let format = match found.format.as_str() {
            "opaque" => compression.name().to_owned(),
            inside => format!("{} in {}", inside, compression.name()),
        };
        return Ok(Found {
            format,
            complete: true,
            unpacked: found.unpacked.or(Some(unpacked)),
            ..found
        });
    }
    if head.starts_with(pg_custom::MAGIC) {
        pg_custom::inspect(&mut whole)
    } else if tar::recognised(&head) {
        tar::inspect(&mut whole)
    } else if let Some(dialect) = sql::Dialect::of(&head) {
        sql::inspect(dialect, &mut whole)
    } else if rdb::is_command_log(&head) {
        Ok(Found { format: "Redis command log".to_owned(), ..Found::default() })
    } else if rdb::recognised(&head) {
        rdb::inspect(&head, &mut whole)
    } else if json::recognised(&head, name) {
        json::inspect(&mut whole)
    } else {
        Ok(Found { format: "opaque".to_owned(), ..Found::default() })
    }
}

/// Reads until the buffer is full or the source ends.
fn read_full(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Tells an observer of every byte, and ends the stream when it asks for that.
struct Watched<'a> {
    inner: &'a mut File,
    observer: &'a dyn Observer,
    interrupted: bool,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if self.observer.advance(read as u64) {
            return Ok(read);
        }
        self.interrupted = true;
        Err(io::Error::other("interrupted"))
    }
}

/// Counts what comes out of a decoder.
struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
