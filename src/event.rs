//! Where events go: one emitter numbers them, sinks take them, a store keeps what goes with them.
//!
//! Events have no form but their wire form: they are facts that are written the moment they happen.

use std::io;

use crate::wire::event::{Body, ChainFacts, Event, SCHEMA};

/// Takes events as they happen.
pub trait Sink {
    /// Takes one event. An error means that the evidence of the run cannot be written, and ends it.
    ///
    /// # Errors
    /// When the event could not be kept.
    fn accept(&mut self, event: &Event) -> io::Result<()>;
}

/// Keeps files that belong to the evidence of a run.
pub trait Store {
    /// Keeps `bytes` under a name such as `inputs/sbom.json`.
    ///
    /// # Errors
    /// When the file could not be written.
    fn keep(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Keeps a copy of every regular file below `folder`, under `name`.
    ///
    /// # Errors
    /// When a file could not be copied.
    fn keep_files(&mut self, name: &str, folder: &std::path::Path) -> io::Result<()>;

    /// Opens a file that grows as the run goes on, at its end.
    ///
    /// # Errors
    /// When the file could not be made.
    fn open(&mut self, name: &str) -> io::Result<std::fs::File>;

    /// What a file holds that was opened or kept before; nothing where there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn read(&mut self, name: &str) -> io::Result<Vec<u8>>;

    /// Takes the next place among the drills of this name, where a history is kept.
    ///
    /// # Errors
    /// When the history could not be read.
    fn link(&mut self, _name: &str) -> io::Result<Option<ChainFacts>> {
        Ok(None)
    }
}

/// Takes everything that a run leaves.
pub trait Evidence: Sink + Store {}

impl<T: Sink + Store> Evidence for T {}

/// Numbers the events of one run.
#[derive(Debug)]
pub struct Emitter {
    run_id: String,
    next: u64,
}

impl Emitter {
    /// An emitter for the run with this id.
    #[must_use]
    pub fn new(run_id: String) -> Self {
        Self { run_id, next: 0 }
    }

    /// An emitter that goes on after so many events.
    #[must_use]
    pub fn after(run_id: String, events: u64) -> Self {
        Self { run_id, next: events }
    }

    /// Emits one event to `sink` and gives it back as it was written.
    ///
    /// # Errors
    /// When the sink could not keep it.
    pub fn emit(&mut self, sink: &mut dyn Sink, body: Body) -> io::Result<Event> {
        let event =
            Event { schema: SCHEMA.to_owned(), run_id: self.run_id.clone(), seq: self.next, body };
        sink.accept(&event)?;
        self.next += 1;
        Ok(event)
    }
}
