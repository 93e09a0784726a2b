//! Questions about restored data, one file a kind. What is found is data; only a database that does
//! not answer is an error, and then the check fails.

mod baseline;
mod catalog;
mod connection;
mod derived;
mod keys;
mod keyspace;
mod program;
mod query;
mod rows;
mod sequences;
mod structure;

use crate::clock::{Stopwatch, Timestamp};
use crate::target::{SqlTarget, Target, TargetError};
use crate::wire::baseline::Baseline;
use crate::wire::event::{CheckFacts, Status};
use crate::wire::manifest::Check;

pub use derived::derived;
pub use program::ProgramEnd;

/// Every kind of check. Tests walk the list.
pub const KINDS: [&str; 19] = [
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
    "latency",
    "primary_keys",
    "key_count",
    "key_value",
    "read_write",
    "program",
    "connection",
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

/// Starts a program of the manifest beside what is asked, by its path and pinned digest.
pub type Start<'a> = dyn Fn(&str, Option<&str>) -> Result<ProgramEnd, TargetError> + 'a;

/// Asks a service: what was asked, for people, and whether it works.
pub type Connect<'a> = dyn Fn(&Check) -> Option<(String, Result<(), String>)> + 'a;

/// What questions are put to, and what they need besides.
pub struct Asked<'a> {
    /// What is asked.
    pub target: Target<'a>,
    /// The time of the drill.
    pub now: Timestamp,
    /// What some compare with.
    pub baseline: Option<&'a Baseline>,
    /// Starts programs.
    pub start: &'a Start<'a>,
    /// Asks services.
    pub connect: &'a Connect<'a>,
}

/// Asks one question. `number` is its place among the checks, from 1.
#[must_use]
pub fn run(number: usize, check: &Check, asked: &Asked<'_>) -> CheckFacts {
    let watch = Stopwatch::start();
    let answer = asked.ask(check);
    let mut facts = unanswered(number, check);
    facts.duration_seconds = watch.seconds();
    match answer {
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
            facts.message = format!("it was not answered: {error}");
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

impl Asked<'_> {
    fn ask(&self, check: &Check) -> Result<Answer, TargetError> {
        match (check, self.target) {
            (Check::Program { path, sha256, .. }, _) => {
                program::program(path, (self.start)(path, sha256.as_deref())?)
            }
            (Check::Connection { service, .. }, _) => {
                let (asked, came) = (self.connect)(check).ok_or_else(connection::nobody)?;
                Ok(connection::connection(service, &asked, came))
            }
            (_, Target::Keys(target)) => keyspace::ask(check, target, self.baseline()),
            (_, Target::Sql(target)) => self.ask_sql(check, target),
        }
    }

    fn baseline(&self) -> Result<&Baseline, TargetError> {
        self.baseline.ok_or_else(|| TargetError("there is no baseline".to_owned()))
    }

    fn ask_sql(&self, check: &Check, target: &dyn SqlTarget) -> Result<Answer, TargetError> {
        match check {
            Check::Connectivity { .. } => query::connectivity(target),
            Check::NotEmpty { .. } => rows::not_empty(target),
            Check::RequiredTables { tables, .. } => structure::required_tables(target, tables),
            Check::RowCount { table, exact, min, max, .. } => {
                let bounds = rows::Bounds { exact: *exact, min: *min, max: *max };
                rows::row_count(target, table, &bounds)
            }
            Check::ForeignKeys { .. } => keys::foreign_keys(target),
            Check::PrimaryKeys { .. } => keys::primary_keys(target),
            Check::Indexes { .. } => structure::indexes(target),
            Check::Sequences { .. } => sequences::sequences(target),
            Check::Integrity { .. } => structure::integrity(target),
            Check::NewestRow { table, column, max_age_minutes, .. } => {
                rows::newest_row(target, table, column, *max_age_minutes, self.now)
            }
            Check::Structure { .. } => baseline::structure(target, self.baseline()?),
            Check::Content { tables, tolerance_percent, .. } => {
                baseline::content(target, self.baseline()?, tables, *tolerance_percent)
            }
            Check::Query { sql, expected, expected_sha256, tolerance, .. } => {
                let wanted = query::Wanted {
                    value: expected.as_deref(),
                    sha256: expected_sha256.as_deref(),
                    tolerance: *tolerance,
                };
                query::query(target, sql, &wanted)
            }
            Check::Latency { sql, max_milliseconds, .. } => {
                query::latency(target, sql, *max_milliseconds)
            }
            other => Err(TargetError(format!("`{}` asks for keys, not for tables", other.kind()))),
        }
    }
}

/// Time of the newest row of a table; nothing where there is none, or no such table.
///
/// # Errors
/// When the database does not answer.
pub fn newest_row(
    target: Target<'_>,
    table: &str,
    column: &str,
) -> Result<Option<Timestamp>, TargetError> {
    match target {
        Target::Sql(target) => rows::newest(target, table, column),
        Target::Keys(_) => Ok(None),
    }
}

/// Names of the tables that people made, or of the databases of a store of keys.
///
/// # Errors
/// When the database does not answer.
pub fn tables(target: Target<'_>) -> Result<Vec<String>, TargetError> {
    match target {
        Target::Sql(target) => catalog::tables(target),
        Target::Keys(target) => keyspace::names(target),
    }
}

/// Records what a database is.
///
/// # Errors
/// When it does not answer.
pub fn record(target: Target<'_>) -> Result<Baseline, TargetError> {
    match target {
        Target::Sql(target) => baseline::record(target),
        Target::Keys(target) => keyspace::record(target),
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
