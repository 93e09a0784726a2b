//! An archive of `pg_dump` into a database that was there before: that is set aside under another name,
//! and brought back, and compared with what it was, where the drill fails.

use std::cell::Cell;
use std::fs::File;

use super::super::client::{judge, logged};
use super::super::feed::redactor;
use super::super::{Failed, RestoreError};
use crate::backup::VerifiedBackup;
use crate::check;
use crate::instance::source::{DatabaseUrl, ExistingPostgres};
use crate::instance::{Postgres, Quarters};
use crate::manifest::Database;
use crate::target::Target;
use crate::wire::baseline::Baseline;
use crate::wire::event::RestoreFacts;

/// What begins the words in which a client says what went wrong.
const MARKS: [&str; 4] = ["ERROR:", "FATAL:", "PANIC:", "error:"];

/// A database that waits for its dump, and what it was.
pub(in super::super) struct Prepared<'a> {
    /// The database.
    pub(in super::super) target: ExistingPostgres<'a>,
    before: Baseline,
    is_aside: Cell<bool>,
}

/// Opens the database, and describes it.
pub(in super::super) fn prepare<'a>(
    backup: &VerifiedBackup,
    quarters: Quarters<'a>,
    url: &DatabaseUrl,
) -> Result<Prepared<'a>, RestoreError> {
    if super::form(backup)? == super::Form::Plain {
        return Err(RestoreError::NotADump(
            "SQL, which names roles and databases of its own: an archive is needed here",
        ));
    }
    let target = ExistingPostgres::open(url, quarters)?;
    let before = describe(&target)?;
    Ok(Prepared { target, before, is_aside: Cell::new(false) })
}

fn describe(target: &ExistingPostgres<'_>) -> Result<Baseline, RestoreError> {
    check::record(Target::Sql(target)).map_err(|error| RestoreError::Asked(error.to_string()))
}

/// Sets the database aside, and restores the dump into a new one. Owners and rights are left out: roles
/// of a server that others use are not for a drill to make.
pub(in super::super) fn restore(
    prepared: &Prepared<'_>,
    backup: &VerifiedBackup,
    database: &Database,
    log: &mut File,
) -> Result<RestoreFacts, Failed> {
    logged("postgres", log, |printed, facts| {
        let target = &prepared.target;
        target.set_aside()?;
        prepared.is_aside.set(true);
        target.make_anew()?;
        let jobs = super::jobs(database).to_string();
        let mut options = vec!["--no-owner", "--no-privileges"];
        if super::form(backup)? == (super::Form::Archive { parallel: true }) {
            options.extend(["-j", &jobs]);
        }
        let finished = target.restore(backup.path(), &options, &mut |bytes| printed.add(bytes))?;
        printed.redact(&redactor(target.quarters()));
        printed.change_lines(Postgres::without_values);
        judge("pg_restore", &finished, printed, &MARKS, true, facts)
    })
}

impl Prepared<'_> {
    /// Ends the drill: removes what was set aside if it has passed, else brings it back and compares
    /// it with what it was. Whether it was brought back.
    ///
    /// # Errors
    /// When it is not what it was.
    pub(in super::super) fn finish(&self, passed: bool) -> Result<bool, RestoreError> {
        let target = &self.target;
        if !self.is_aside.get() {
            return Ok(false);
        }
        if passed {
            return target.forget().map(|()| false).map_err(RestoreError::from);
        }
        let now = target.bring_back().map_err(RestoreError::from).and_then(|()| describe(target));
        let why = match now {
            Ok(now) if now == self.before => return Ok(true),
            Ok(_) => "it is there, and not what it was".to_owned(),
            Err(error) => format!("it may still be aside, as {}: {error}", target.aside()),
        };
        Err(RestoreError::PutBack { database: target.name().to_owned(), why })
    }
}
