//! A service that depends on the database: whether it works with what was restored.

use super::Answer;
use crate::target::TargetError;

/// What a request to a service came to. What it answered may hold rows, and is told nowhere.
pub(super) fn connection(service: &str, asked: &str, came: Result<(), String>) -> Answer {
    let (holds, observed, message) = match came {
        Ok(()) => (true, "it works".to_owned(), format!("{service} works: {asked}")),
        Err(error) => (false, "it does not work".to_owned(), format!("{service}: {error}")),
    };
    let expected = "it works".to_owned();
    Answer { holds, expected, observed, message, ..Answer::default() }
}

/// Where a drill cannot ask anybody outside.
pub(super) fn nobody() -> TargetError {
    TargetError("nobody can be asked here".to_owned())
}
