//! The backup from an object storage: a private copy, hashed on the way.

use std::path::Path;

use super::super::Run;
use crate::backup::{BackupError, HashedBackup, hash_fetched};
use crate::clock::{Stopwatch, round_seconds};
use crate::engine::StepResult;
use crate::manifest::Remote;
use crate::storage::{StorageError, Store};
use crate::wire::event::{Class, Context};

/// Fetches the backup into a directory. Gives the seconds that it took, or what the step comes to.
pub(super) fn fetch(
    run: &Run<'_>,
    remote: &Remote,
    name: &str,
    folder: &Path,
) -> Result<(HashedBackup, f64), StepResult> {
    let took = Stopwatch::start();
    let watch = run.setup.watch;
    let ending = || watch.interrupted();
    let store = Store::object(&remote.address, run.setup.variable).map_err(|e| refused(&e))?;
    let mut source = store.fetch("", remote.max_bytes, &ending).map_err(|e| refused(&e))?;
    let bytes = source.bytes();
    watch.begin("backup", Some(bytes));
    let hashed = hash_fetched(&mut source, bytes, name, folder, watch);
    watch.end();
    let hashed = hashed.map_err(|error| broken_off(remote, &error))?;
    Ok((hashed, round_seconds(took.seconds())))
}

/// What a storage that gives no backup says of it: that it is not there, or nothing.
fn refused(error: &StorageError) -> StepResult {
    let hint = match error {
        StorageError::Absent(_) => "look whether it was removed; backup.url is where it should be",
        StorageError::TooLarge { .. } => "if it has grown: raise backup.max_bytes",
        StorageError::Denied(..) => "docs/storage.md lists the variables that hold credentials",
        StorageError::Address(..)
        | StorageError::Unreachable(..)
        | StorageError::Changed(_)
        | StorageError::ReadBack(_)
        | StorageError::Local(..)
        | StorageError::Ended => "run it again; nothing was proven either way",
    };
    let message = format!("the backup {error}");
    match error {
        StorageError::Absent(_) | StorageError::TooLarge { .. } => {
            let hint = Some(hint.to_owned());
            StepResult::failed(Class::Integrity, &message, hint, Context::default())
        }
        _ => StepResult::inconclusive(&message, hint),
    }
}

/// A transfer that did not come to its end says nothing of the backup.
fn broken_off(remote: &Remote, error: &BackupError) -> StepResult {
    let hint = match error {
        BackupError::NoRoom { .. } => "make room, or set restore.output_dir to where there is",
        _ => "run it again; nothing was proven either way",
    };
    let from = &remote.address.text;
    StepResult::inconclusive(&format!("{error} (it comes from {from})"), hint)
}
