//! Exit codes: each has one meaning, and every reason must choose one.

use std::process::ExitCode;

use crate::wire::event::{Class, Verdict};
use crate::wire::report::Report;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Passed = 0,
    Failed = 1,
    Usage = 2,
    Policy = 3,
    Inconclusive = 4,
    Evidence = 5,
}

/// Code and meaning, as the documentation lists them.
pub const EXIT_CODES: [(u8, &str); 6] = [
    (0, "passed"),
    (1, "failed: integrity, restore, a check, or a rehearsal"),
    (2, "usage or manifest error: nothing was run"),
    (3, "policy violated: all was restored and intact, a limit was broken"),
    (4, "inconclusive: could not be verified, or was interrupted"),
    (5, "evidence could not be written"),
];

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The code for a drill that has a report: its weightiest reason decides.
    pub(super) fn of(report: &Report) -> Self {
        let worst = report.reasons.iter().map(|reason| Self::of_class(reason.class));
        match report.status {
            Verdict::Passed => Self::Passed,
            Verdict::Failed => worst.min_by_key(|exit| exit.weight()).unwrap_or(Self::Failed),
            Verdict::Inconclusive => {
                worst.min_by_key(|exit| exit.weight()).unwrap_or(Self::Inconclusive)
            }
        }
    }

    fn of_class(class: Class) -> Self {
        match class {
            Class::Manifest => Self::Usage,
            Class::Integrity
            | Class::Restore
            | Class::Check
            | Class::Exercise
            | Class::Rollback
            | Class::CaptureTime => Self::Failed,
            Class::Policy => Self::Policy,
            Class::Incomplete => Self::Inconclusive,
        }
    }

    /// Which of several is reported: the least.
    fn weight(self) -> u8 {
        match self {
            Self::Evidence => 0,
            Self::Usage => 1,
            Self::Failed => 2,
            Self::Policy => 3,
            Self::Inconclusive => 4,
            Self::Passed => 5,
        }
    }
}
