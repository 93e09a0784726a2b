//! Hashing at the speed of the hash: one thread reads (and copies), another hashes.

use std::io::{self, Read, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::{Digest, Hasher, Interrupted, Observer};

/// Size of one read. Large reads cost few system calls; four in flight stay far below 64 MB.
const BLOCK: usize = 2 << 20;
/// Blocks in flight between the two threads.
const BLOCKS: usize = 4;
/// Up to this size starting a thread costs more than it saves.
const SMALL: usize = 256 << 10;

/// Why a stream could not be hashed or copied.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The source could not be read.
    #[error("cannot be read: {0}")]
    Read(#[source] io::Error),
    /// The copy could not be written.
    #[error("the copy cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The observer asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// The digest and the length in bytes of everything `source` yields.
///
/// # Errors
/// When reading fails or the observer interrupts.
pub fn hash(
    source: &mut (dyn Read + Send),
    observer: &dyn Observer,
) -> Result<(Digest, u64), StreamError> {
    copy_and_hash(source, &mut io::sink(), observer)
}

/// Copies `source` to `copy` and gives digest and length of the bytes copied, in one pass.
///
/// # Errors
/// When reading or writing fails or the observer interrupts; the copy is then incomplete.
pub fn copy_and_hash(
    source: &mut (dyn Read + Send),
    copy: &mut dyn Write,
    observer: &dyn Observer,
) -> Result<(Digest, u64), StreamError> {
    let mut first = vec![0; SMALL];
    let filled = fill(source, &mut first)?;
    copy.write_all(&first[..filled]).map_err(StreamError::Write)?;
    if !observer.advance(filled as u64) {
        return Err(Interrupted.into());
    }
    let mut hasher = Hasher::default();
    hasher.update(&first[..filled]);
    if filled < SMALL {
        return Ok((hasher.finish(), filled as u64));
    }
    drop(first);
    thread::scope(|scope| {
        let (full_sender, full) = mpsc::sync_channel::<(Vec<u8>, usize)>(BLOCKS);
        let (empty_sender, empty) = mpsc::channel();
        for _ in 0..BLOCKS {
            let _ = empty_sender.send(vec![0; BLOCK]);
        }
        let hashing = scope.spawn(move || hash_blocks(hasher, &full, &empty_sender));
        let copied = (|| {
            let mut length = filled as u64;
            while let Ok(mut block) = empty.recv() {
                let read = fill(source, &mut block)?;
                if read == 0 {
                    break;
                }
                copy.write_all(&block[..read]).map_err(StreamError::Write)?;
                length += read as u64;
                if !observer.advance(read as u64) {
                    return Err(Interrupted.into());
                }
                if full_sender.send((block, read)).is_err() {
                    break;
                }
            }
            Ok(length)
        })();
        drop(full_sender);
        let hasher = hashing
            .join()
            .map_err(|_| StreamError::Read(io::Error::other("the hashing thread ended")))?;
        copied.map(|length| (hasher.finish(), length))
    })
}

fn hash_blocks(
    mut hasher: Hasher,
    full: &Receiver<(Vec<u8>, usize)>,
    empty: &Sender<Vec<u8>>,
) -> Hasher {
    while let Ok((block, length)) = full.recv() {
        hasher.update(&block[..length]);
        // The reader is gone at the end of the stream; the block is then simply dropped.
        let _ = empty.send(block);
    }
    hasher
}

/// Reads until the buffer is full or the source ends; gives the number of bytes read.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, StreamError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StreamError::Read(error)),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::super::Unobserved;
    use super::*;

    struct StopAfter(std::sync::atomic::AtomicI64);

    impl Observer for StopAfter {
        fn advance(&self, bytes: u64) -> bool {
            let bytes = i64::try_from(bytes).unwrap();
            self.0.fetch_sub(bytes, std::sync::atomic::Ordering::Relaxed) > bytes
        }
    }

    #[test]
    fn every_length_around_the_block_borders_is_hashed_and_copied_whole() {
        for length in [0, 1, SMALL - 1, SMALL, SMALL + 1, SMALL + BLOCK, SMALL + 5 * BLOCK + 7] {
            let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let mut copy = Vec::new();
            let (digest, copied) =
                copy_and_hash(&mut bytes.as_slice(), &mut copy, &Unobserved).unwrap();
            assert_eq!((digest, copied), (Digest::of(&bytes), length as u64), "{length}");
            assert!(copy == bytes, "{length}");
        }
    }

    #[test]
    fn an_observer_ends_it() {
        let bytes = vec![1; SMALL + 3 * BLOCK];
        let stop = StopAfter((SMALL as i64 + 10).into());
        assert!(matches!(hash(&mut bytes.as_slice(), &stop), Err(StreamError::Interrupted(_))));
    }

    /// A disk that has room for so many bytes.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_fills_up_on_the_way_ends_it() {
        let bytes = vec![1; SMALL + 40 * BLOCK];
        for room in [SMALL, SMALL + BLOCK, SMALL + 7 * BLOCK, SMALL + 39 * BLOCK] {
            let copied = copy_and_hash(&mut bytes.as_slice(), &mut Disk(room), &Unobserved);
            assert!(matches!(copied, Err(StreamError::Write(_))), "{room}: {copied:?}");
        }
    }

    #[test]
    fn a_full_disk_is_an_error_of_the_copy() {
        let bytes = vec![1; SMALL + BLOCK];
        let mut disk = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = copy_and_hash(&mut bytes.as_slice(), &mut disk, &Unobserved).unwrap_err();
        assert!(matches!(error, StreamError::Write(_)));
    }
}
