//! The `sqlite` driver: a database file, compressed or not, or the SQL of `.dump`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, chown};

use super::client::{judge, logged};
use super::feed::{end_mark, feed, redactor};
use super::printed::Printed;
use super::{Failed, RestoreError};
use crate::backup::VerifiedBackup;
use crate::instance::{InstanceError, Sqlite};
use crate::payload::unpacked;
use crate::wire::event::RestoreFacts;

/// First bytes of every database file.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Restores a database file by copying it, a dump by running it.
///
/// # Errors
/// When anything went wrong, with what the program said of it.
pub(super) fn restore(
    sqlite: &Sqlite<'_>,
    backup: &VerifiedBackup,
    log: &mut File,
) -> Result<RestoreFacts, Failed> {
    logged("sqlite", log, |printed, facts| match copy_database(sqlite, backup)? {
        true => Ok(()),
        false => run_dump(sqlite, backup, printed, facts),
    })
}

/// Copies a database file; `false` if it is none.
fn copy_database(sqlite: &Sqlite<'_>, backup: &VerifiedBackup) -> Result<bool, InstanceError> {
    let mut file = backup.facts().handle().try_clone()?;
    let mut source = unpacked(&mut file)?;
    let mut start = Vec::new();
    source.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start)?;
    if start != MAGIC {
        return Ok(false);
    }
    let mut target =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(sqlite.file())?;
    io::copy(&mut start.chain(source), &mut target)?;
    if let Some(user) = &sqlite.quarters().user {
        chown(sqlite.file(), Some(user.id), Some(user.group))?;
    }
    Ok(true)
}

fn run_dump(
    sqlite: &Sqlite<'_>,
    backup: &VerifiedBackup,
    printed: &mut Printed,
    facts: &mut RestoreFacts,
) -> Result<(), RestoreError> {
    let quarters = sqlite.quarters();
    let database = sqlite.file().display().to_string();
    let mark = end_mark(quarters);
    let last = format!("\n.print {mark}\n");
    let finished = feed(backup.facts().handle(), &last, quarters, |pipe| {
        let read = format!(".read {}", pipe.display());
        let arguments = ["-batch", "-bail", "-init", "/dev/null", &database, &read];
        quarters.run(sqlite.program(), &arguments, &[], &mut |bytes| printed.add(bytes))
    })?;
    let whole = printed.take_line(&mark);
    printed.redact(&redactor(quarters));
    printed.change_lines(Sqlite::without_values);
    judge("sqlite3", &finished, printed, &["Error", "error"], whole, facts)
}
