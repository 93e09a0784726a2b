//! A program of the user's that asks what no other check can: its exit status is the answer.

use super::Answer;
use crate::target::TargetError;

/// How a program ended that was started beside the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramEnd {
    /// Its exit status.
    pub status: i32,
    /// The last line that it printed.
    pub said: String,
}

/// What its end says: 0 that it holds, 1 that it does not; everything else is no answer.
pub(super) fn program(path: &str, end: ProgramEnd) -> Result<Answer, TargetError> {
    let ProgramEnd { status, said } = end;
    if status > 1 {
        return Err(TargetError(format!("{path} ended with exit status {status}: {said}")));
    }
    let said = if said.is_empty() { "it said nothing".to_owned() } else { said };
    Ok(Answer {
        holds: status == 0,
        expected: "exit status 0".to_owned(),
        observed: format!("exit status {status}"),
        message: format!("{path}: {said}"),
        ..Answer::default()
    })
}
