//! How much of a disk a directory takes, at most, while it is filled and emptied.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clock::Stopwatch;

/// How often is looked, at the most.
const INTERVAL: Duration = Duration::from_millis(200);
/// Looking takes one part in so many of the time.
const SHARE: u32 = 50;
/// Bytes of a block in which the system counts (`st_blocks`).
const BLOCK: u64 = 512;

/// Watches a directory until it is read.
#[derive(Debug)]
pub struct DiskGauge {
    folder: PathBuf,
    peak: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl DiskGauge {
    /// Begins to watch.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        let (peak, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (watched, seen, ended) = (folder.to_owned(), Arc::clone(&peak), Arc::clone(&over));
        let thread = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let watch = Stopwatch::start();
                seen.fetch_max(used(&watched), Ordering::Relaxed);
                thread::park_timeout(INTERVAL.max(watch.elapsed() * SHARE));
            }
        });
        Self { folder: folder.to_owned(), peak, over, thread: Some(thread) }
    }

    /// Ends, and tells the most that was seen, in bytes.
    #[must_use]
    pub fn read(mut self) -> u64 {
        self.end();
        self.peak.fetch_max(used(&self.folder), Ordering::Relaxed);
        self.peak.load(Ordering::Relaxed)
    }

    fn end(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Drop for DiskGauge {
    fn drop(&mut self) {
        self.end();
    }
}

/// Bytes on the disk. Files that come and go meanwhile are counted or not.
fn used(folder: &Path) -> u64 {
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.blocks() * BLOCK).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_again_counts_and_what_is_only_named_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let gauge = DiskGauge::start(folder.path());
        let file = folder.path().join("f");
        std::fs::write(&file, vec![1; 3 << 20]).unwrap();
        let empty = std::fs::File::create(folder.path().join("sparse")).unwrap();
        empty.set_len(1 << 30).unwrap();
        while gauge.peak.load(Ordering::Relaxed) < 3 << 20 {
            gauge.thread.as_ref().unwrap().thread().unpark();
            thread::sleep(Duration::from_millis(1));
        }
        std::fs::remove_file(&file).unwrap();
        let peak = gauge.read();
        assert!((3 << 20..1 << 29).contains(&peak), "{peak}");
    }
}
