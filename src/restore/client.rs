//! What a client that restores comes to: all that it says is read, its exit status alone proves nothing.

use std::fs::File;

use super::printed::{Printed, last_lines, write_log};
use super::{Failed, RestoreError};
use crate::clock::Stopwatch;
use crate::instance::{how, isolation};
use crate::process::{End, Finished};
use crate::secret::Redactor;
use crate::wire::event::RestoreFacts;

/// Restores, and keeps what was printed in the log. What `restore` leaves in `Printed` quotes no rows.
pub(super) fn logged(
    driver: &str,
    log: &mut File,
    restore: impl FnOnce(&mut Printed, &mut RestoreFacts) -> Result<(), RestoreError>,
) -> Result<RestoreFacts, Failed> {
    let watch = Stopwatch::start();
    let mut facts =
        RestoreFacts { driver: driver.to_owned(), attempts: 1, ..RestoreFacts::default() };
    let mut printed = Printed::default();
    let result = restore(&mut printed, &mut facts);
    facts.seconds = watch.seconds();
    facts.output_bytes = printed.total;
    let kept = printed.redacted(&Redactor::default());
    let logged = write_log(log, 1, &kept, &printed).map_err(RestoreError::Output);
    match result.and(logged) {
        Ok(()) => Ok(facts),
        Err(error) => {
            facts.last_lines = last_lines(&kept);
            Err(Failed { facts: Box::new(facts), error })
        }
    }
}

/// Judges a client. `marks` are in the lines in which it says what went wrong; `whole` says whether
/// it came to the end of the dump.
pub(super) fn judge(
    program: &'static str,
    finished: &Finished,
    printed: &Printed,
    marks: &[&str],
    whole: bool,
    facts: &mut RestoreFacts,
) -> Result<(), RestoreError> {
    facts.isolation = isolation(finished);
    facts.exit_status = match finished.end {
        End::Exited(status) => Some(status),
        _ => None,
    };
    let errors = printed.lines_with(marks);
    let how = match &finished.end {
        End::Exited(0) if errors.is_empty() && whole => return Ok(()),
        End::Exited(0) if errors.is_empty() => "stopped before the end of the dump".to_owned(),
        End::Exited(0) => "ended as if all were well, but said otherwise".to_owned(),
        End::Interrupted => return Err(RestoreError::Interrupted),
        other => how(other),
    };
    Err(RestoreError::Client { program, how, errors })
}
