//! The index made anew from the packs, read on all cores.

use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::entry::{ended, entry};
use super::filed::Filed;
use super::index::{Found, Index};
use super::shelf::{folders, shelved};
use super::{History, HistoryError};

/// What a new index was made of.
#[derive(Debug)]
pub struct Rebuilt {
    /// How many drills are in it.
    pub drills: u64,
    /// Packs that could not be read: the file, and why.
    pub problems: Vec<(String, String)>,
}

impl History {
    /// Makes the index anew from the packs.
    ///
    /// # Errors
    /// When the history cannot be read or the index cannot be written.
    pub fn rebuild(&self) -> Result<Rebuilt, HistoryError> {
        let _lock = self.lock()?;
        self.make_index()
    }

    pub(super) fn make_index(&self) -> Result<Rebuilt, HistoryError> {
        let mut files = Vec::new();
        for folder in folders(&self.folder)? {
            files.extend(shelved(&self.folder, &folder)?);
        }
        let next = Mutex::new(files.chunks(64));
        let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (sender, receiver) = sync_channel::<Vec<(String, Result<Found, HistoryError>)>>(64);
        thread::scope(|scope| {
            for _ in 0..workers {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || {
                    loop {
                        let batch = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                        let Some(batch) = batch else { break };
                        let read = batch.iter().map(|one| {
                            let found = self.filed(&one.file).map(|filed| match filed {
                                Filed::Drill(sealed) => {
                                    Found::Drill(Box::new(entry(&sealed, &one.file)))
                                }
                                Filed::Record(sealed) => Found::Slots(ended(&sealed.record)),
                            });
                            (one.file.clone(), found)
                        });
                        if sender.send(read.collect()).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut problems = Vec::new();
            let entries = receiver.into_iter().flatten().filter_map(|(file, read)| match read {
                Ok(found) => Some(found),
                Err(error) => {
                    problems.push((file, error.to_string()));
                    None
                }
            });
            let drills = Index::make(&self.folder, entries)?;
            problems.sort();
            Ok(Rebuilt { drills, problems })
        })
    }
}
