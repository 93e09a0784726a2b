//! A program that runs beside others, until it is stopped with all that it started.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::{Finished, Launch, ProcessError, run};

/// Output that is kept, in bytes; servers can talk without an end.
const KEPT: usize = 256 << 10;

/// A program that was started to serve others. It ends when it is stopped or dropped, and with this
/// process, by whatever death.
#[derive(Debug)]
pub struct Service {
    thread: Option<JoinHandle<Result<Finished, ProcessError>>>,
    stop: Arc<AtomicBool>,
    printed: Arc<Mutex<Vec<u8>>>,
}

impl Service {
    /// Starts a program. Whether it works shows when it is used, or in what it prints.
    #[must_use]
    pub fn start(launch: Launch) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let printed = Arc::new(Mutex::new(Vec::new()));
        let (asked, kept) = (Arc::clone(&stop), Arc::clone(&printed));
        let thread = thread::spawn(move || {
            let mut keep = |bytes: &[u8]| {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT.saturating_sub(kept.len());
                kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
            };
            run(&launch, None, &mut keep, &|| asked.load(Ordering::Relaxed))
        });
        Self { thread: Some(thread), stop, printed }
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// What it has printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        let printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&printed).into_owned()
    }

    /// Ends it, and all that it started.
    ///
    /// # Errors
    /// When it was never started, or had been lost.
    pub fn stop(mut self) -> Result<Finished, ProcessError> {
        self.end().unwrap_or(Err(ProcessError::Lost))
    }

    fn end(&mut self) -> Option<Result<Finished, ProcessError>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take()?.join().ok()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
