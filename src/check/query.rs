//! A query of the manifest, and whether anything is answered at all.

use super::Answer;
use crate::digest::Digest;
use crate::target::{Target, TargetError};

/// What a query must give.
pub(super) struct Wanted<'a> {
    pub(super) value: Option<&'a str>,
    pub(super) sha256: Option<&'a str>,
    pub(super) tolerance: Option<f64>,
}

pub(super) fn connectivity(target: &dyn Target) -> Result<Answer, TargetError> {
    let rows = target.query("SELECT 1")?;
    let holds = rows == [[Some("1".to_owned())]];
    Ok(Answer {
        holds,
        expected: "an answer".to_owned(),
        observed: if holds { "an answer" } else { "another answer" }.to_owned(),
        message: if holds { "it answers" } else { "it answers, but not what was asked" }.to_owned(),
        ..Answer::default()
    })
}

/// A value may be a row's, so it stands nowhere: numbers are shown, of other values the digest.
pub(super) fn query(
    target: &dyn Target,
    sql: &str,
    wanted: &Wanted<'_>,
) -> Result<Answer, TargetError> {
    let rows = target.query(sql)?;
    let expected = match (wanted.value, wanted.sha256, wanted.tolerance) {
        (Some(value), _, Some(tolerance)) => format!("{}, give or take {tolerance}", shown(value)),
        (Some(value), _, None) => shown(value),
        (None, digest, _) => format!("SHA-256 {}", digest.unwrap_or_default()),
    };
    let found = match rows.as_slice() {
        [row] if row.len() == 1 => row[0].clone(),
        other => {
            let columns = other.first().map_or(0, Vec::len);
            let observed = format!("{} row(s) of {columns} column(s)", other.len());
            let message = format!("the query gives {observed}, one value is wanted");
            return Ok(Answer { expected, observed, message, ..Answer::default() });
        }
    };
    let holds = found.as_deref().is_some_and(|found| is_wanted(found, wanted));
    let observed = found.as_deref().map_or_else(|| "NULL".to_owned(), shown);
    Ok(Answer {
        holds,
        message: format!("the query gives {observed}, {expected} expected"),
        expected,
        observed,
        ..Answer::default()
    })
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
