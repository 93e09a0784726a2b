//! Questions about restored data, one file a kind. What is found is data; only a database that does
//! not answer is an error, and then the check fails.

mod baseline;
mod catalog;
mod keys;
mod query;
mod rows;
mod structure;

use crate::clock::{Stopwatch, Timestamp};
use crate::target::{Target, TargetError};
use crate::wire::baseline::Baseline;
use crate::wire::event::{CheckFacts, Status};
use crate::wire::manifest::Check;

pub use baseline::record;
pub use catalog::tables;

/// Every kind of check. Tests walk the list.
pub const KINDS: [&str; 12] = [
    "connectivity",
    "not_empty",
    "required_tables",
    "row_count",
    "foreign_keys",
    "indexes",
    "sequences",
    "integrity",
    "newest_row",
    "structure",
    "content",
    "query",
];

/// What a check found: numbers and names, never rows.
#[derive(Debug, Default)]
struct Answer {
    holds: bool,
    expected: String,
    observed: String,
    message: String,
    tables: Vec<String>,
    newest_row_at: Option<Timestamp>,
}

/// Asks one question. `number` is its place among the checks, from 1; `baseline` is what some compare
/// with.
#[must_use]
pub fn run(
    number: usize,
    check: &Check,
    target: &dyn Target,
    now: Timestamp,
    baseline: Option<&Baseline>,
) -> CheckFacts {
    let watch = Stopwatch::start();
    let asked = ask(check, target, now, baseline);
    let mut facts = unanswered(number, check);
    facts.duration_seconds = watch.seconds();
    match asked {
        Ok(answer) => {
            facts.status = if answer.holds { Status::Passed } else { Status::Failed };
            facts.expected = answer.expected;
            facts.observed = Some(answer.observed);
            facts.message = answer.message;
            facts.tables = answer.tables;
            facts.newest_row_at = answer.newest_row_at.map(|time| time.to_string());
        }
        Err(error) => {
            facts.status = Status::Failed;
            facts.message = format!("the database did not answer: {error}");
        }
    }
    facts
}

/// A check that is not made, because a critical one before it does not hold.
#[must_use]
pub fn skip(number: usize, check: &Check) -> CheckFacts {
    let message = "not asked: a critical check before it does not hold".to_owned();
    CheckFacts { message, ..unanswered(number, check) }
}

fn unanswered(number: usize, check: &Check) -> CheckFacts {
    CheckFacts {
        id: format!("{number}-{}", check.kind()),
        check: check.kind().to_owned(),
        critical: check.is_critical(),
        status: Status::Skipped,
        expected: String::new(),
        observed: None,
        message: String::new(),
        tables: Vec::new(),
        newest_row_at: None,
        duration_seconds: 0.0,
    }
}

fn ask(
    check: &Check,
    target: &dyn Target,
    now: Timestamp,
    baseline: Option<&Baseline>,
) -> Result<Answer, TargetError> {
    let baseline = || baseline.ok_or_else(|| TargetError("there is no baseline".to_owned()));
    match check {
        Check::Connectivity { .. } => query::connectivity(target),
        Check::NotEmpty { .. } => rows::not_empty(target),
        Check::RequiredTables { tables, .. } => structure::required_tables(target, tables),
        Check::RowCount { table, exact, min, max, .. } => {
            rows::row_count(target, table, &rows::Bounds { exact: *exact, min: *min, max: *max })
        }
        Check::ForeignKeys { .. } => keys::foreign_keys(target),
        Check::Indexes { .. } => structure::indexes(target),
        Check::Sequences { .. } => keys::sequences(target),
        Check::Integrity { .. } => structure::integrity(target),
        Check::NewestRow { table, column, max_age_minutes, .. } => {
            rows::newest_row(target, table, column, *max_age_minutes, now)
        }
        Check::Structure { .. } => baseline::structure(target, baseline()?),
        Check::Content { tables, tolerance_percent, .. } => {
            baseline::content(target, baseline()?, tables, *tolerance_percent)
        }
        Check::Query { sql, expected, expected_sha256, tolerance, .. } => {
            let wanted = query::Wanted {
                value: expected.as_deref(),
                sha256: expected_sha256.as_deref(),
                tolerance: *tolerance,
            };
            query::query(target, sql, &wanted)
        }
    }
}

/// Names for a message: the first few, and how many there are.
fn named(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

#[cfg(test)]
mod tests;
