//! A query of the manifest, how fast it is, and whether anything is answered at all.

use super::Answer;
use crate::clock::Stopwatch;
use crate::digest::Digest;
use crate::target::{SqlTarget, TargetError};

/// What a query must give.
pub(super) struct Wanted<'a> {
    pub(super) value: Option<&'a str>,
    pub(super) sha256: Option<&'a str>,
    pub(super) tolerance: Option<f64>,
}

pub(super) fn connectivity(target: &dyn SqlTarget) -> Result<Answer, TargetError> {
    let rows = target.query("SELECT 1")?;
    Ok(answered(rows == [[Some("1".to_owned())]]))
}

/// What is said of an answer to the least of all questions.
pub(super) fn answered(holds: bool) -> Answer {
    Answer {
        holds,
        expected: "an answer".to_owned(),
        observed: if holds { "an answer" } else { "another answer" }.to_owned(),
        message: if holds { "it answers" } else { "it answers, but not what was asked" }.to_owned(),
        ..Answer::default()
    }
}

/// How long a query takes, as a person waits for it: with the start of the client.
pub(super) fn latency(
    target: &dyn SqlTarget,
    sql: &str,
    max_milliseconds: f64,
) -> Result<Answer, TargetError> {
    let watch = Stopwatch::start();
    let rows = target.query(sql)?.len();
    let milliseconds = watch.seconds() * 1000.0;
    let observed = format!("{milliseconds:.1} ms");
    Ok(Answer {
        holds: milliseconds <= max_milliseconds,
        expected: format!("at most {max_milliseconds} ms"),
        message: format!("{rows} row(s) in {observed}, {max_milliseconds} ms are allowed"),
        observed,
        ..Answer::default()
    })
}

/// A value may be a row's, so it stands nowhere: numbers are shown, of other values the digest.
pub(super) fn query(
    target: &dyn SqlTarget,
    sql: &str,
    wanted: &Wanted<'_>,
) -> Result<Answer, TargetError> {
    let rows = target.query(sql)?;
    match rows.as_slice() {
        [row] if row.len() == 1 => Ok(compared("the query", row[0].as_deref(), wanted)),
        other => {
            let columns = other.first().map_or(0, Vec::len);
            let observed = format!("{} row(s) of {columns} column(s)", other.len());
            let message = format!("the query gives {observed}, one value is wanted");
            Ok(Answer { expected: wanted.named(), observed, message, ..Answer::default() })
        }
    }
}

/// Whether a value is the one that is wanted.
pub(super) fn compared(what: &str, found: Option<&str>, wanted: &Wanted<'_>) -> Answer {
    let (expected, observed) = (wanted.named(), found.map_or_else(|| "NULL".to_owned(), shown));
    Answer {
        holds: found.is_some_and(|found| is_wanted(found, wanted)),
        message: format!("{what} gives {observed}, {expected} expected"),
        expected,
        observed,
        ..Answer::default()
    }
}

impl Wanted<'_> {
    /// What is wanted, in words that hold no text of a row.
    pub(super) fn named(&self) -> String {
        match (self.value, self.sha256, self.tolerance) {
            (Some(value), _, Some(tolerance)) => {
                format!("{}, give or take {tolerance}", shown(value))
            }
            (Some(value), _, None) => shown(value),
            (None, digest, _) => format!("SHA-256 {}", digest.unwrap_or_default()),
        }
    }
}

fn is_wanted(found: &str, wanted: &Wanted<'_>) -> bool {
    match (wanted.value, wanted.sha256, wanted.tolerance) {
        (Some(value), _, Some(tolerance)) => {
            let numbers = found.trim().parse::<f64>().ok().zip(value.trim().parse::<f64>().ok());
            numbers.is_some_and(|(found, value)| (found - value).abs() <= tolerance)
        }
        (Some(value), _, None) => found == value,
        (None, Some(digest), _) => digest.parse().ok() == Some(Digest::of(found.as_bytes())),
        (None, None, _) => false,
    }
}

fn shown(value: &str) -> String {
    if value.trim().parse::<f64>().is_ok() {
        value.to_owned()
    } else {
        format!("a text of SHA-256 {}", Digest::of(value.as_bytes()).short())
    }
}
