//! How many rows there are, and how old the newest is.

use super::catalog::{full_name, in_query, number, tables};
use super::{Answer, named};
use crate::clock::Timestamp;
use crate::target::{Engine, SqlTarget, TargetError};

/// Tables that one query asks about.
const AT_ONCE: usize = 200;

/// How many rows a table may have.
pub(super) struct Bounds {
    pub(super) exact: Option<u64>,
    pub(super) min: Option<u64>,
    pub(super) max: Option<u64>,
}

impl Bounds {
    /// What is wanted, in words.
    pub(super) fn named(&self, unit: &str) -> String {
        match (self.exact, self.min, self.max) {
            (Some(exact), ..) => format!("{exact} {unit}"),
            (None, Some(min), Some(max)) => format!("{min} to {max} {unit}"),
            (None, Some(min), None) => format!("at least {min} {unit}"),
            (None, None, max) => format!("at most {} {unit}", max.unwrap_or_default()),
        }
    }

    /// Whether there are as many as are wanted.
    pub(super) fn hold(&self, count: u64) -> bool {
        self.exact.is_none_or(|exact| count == exact)
            && self.min.is_none_or(|min| count >= min)
            && self.max.is_none_or(|max| count <= max)
    }
}

/// Whether any table holds a row: a dump of empty tables restores without a word.
pub(super) fn not_empty(target: &dyn SqlTarget) -> Result<Answer, TargetError> {
    let all = tables(target)?;
    let mut filled = 0;
    for some in all.chunks(AT_ONCE) {
        let parts: Vec<String> = some
            .iter()
            .map(|table| {
                let table = in_query(target, table);
                format!("(SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1) x)")
            })
            .collect();
        filled += number(target, &format!("SELECT {}", parts.join(" + ")))?;
    }
    let holds = filled > 0;
    let message = match (all.len(), holds) {
        (0, _) => "there is no table".to_owned(),
        (count, false) => format!("all of its {count} table(s) are empty"),
        (count, true) => format!("{filled} of {count} table(s) hold rows"),
    };
    Ok(Answer {
        holds,
        expected: "a row in at least one table".to_owned(),
        observed: format!("{filled} of {} table(s) with rows", all.len()),
        message,
        ..Answer::default()
    })
}

pub(super) fn row_count(
    target: &dyn SqlTarget,
    table: &str,
    bounds: &Bounds,
) -> Result<Answer, TargetError> {
    let name = full_name(target, table);
    let expected = bounds.named("row(s)");
    if !tables(target)?.contains(&name) {
        return Ok(Answer {
            expected,
            observed: "no such table".to_owned(),
            message: format!("the table {name} is missing"),
            ..Answer::default()
        });
    }
    let count = number(target, &format!("SELECT count(*) FROM {}", in_query(target, table)))?;
    Ok(Answer {
        holds: bounds.hold(count),
        message: format!("{name} has {count} row(s), {expected} expected"),
        expected,
        observed: format!("{count} row(s)"),
        tables: vec![name],
        ..Answer::default()
    })
}

/// Time of the newest row of a table; nothing where there is none.
pub(super) fn newest(
    target: &dyn SqlTarget,
    table: &str,
    column: &str,
) -> Result<Option<Timestamp>, TargetError> {
    let (from, of) = (in_query(target, table), target.quoted(column));
    let sql = match target.engine() {
        Engine::PostgreSql => {
            format!("SELECT floor(extract(epoch FROM max({of})))::bigint FROM {from}")
        }
        Engine::MariaDb => {
            format!("SELECT CAST(floor(unix_timestamp(max({of}))) AS SIGNED) FROM {from}")
        }
        Engine::Sqlite => format!(
            "SELECT CASE typeof(max({of})) WHEN 'integer' THEN max({of}) \
             ELSE CAST(strftime('%s', max({of})) AS INTEGER) END FROM {from}"
        ),
    };
    let rows = target.query(&sql)?;
    let text = rows.first().and_then(|row| row.first()).cloned().flatten();
    Ok(text.and_then(|text| Timestamp::from_unix(text.parse().ok()?)))
}

pub(super) fn newest_row(
    target: &dyn SqlTarget,
    table: &str,
    column: &str,
    max_age_minutes: f64,
    now: Timestamp,
) -> Result<Answer, TargetError> {
    let name = full_name(target, table);
    let time = newest(target, table, column)?;
    let expected = format!("a row of the last {max_age_minutes} minute(s)");
    let Some(time) = time else {
        return Ok(Answer {
            expected,
            observed: "none".to_owned(),
            message: format!("{name}.{column} holds no time"),
            tables: vec![name],
            ..Answer::default()
        });
    };
    let age = now.minutes_since(time);
    let message = if age < 0.0 {
        format!("the newest row of {name} is of {time}, which is in the future")
    } else {
        format!("the newest row of {name} is {age:.1} minutes old, {max_age_minutes} are allowed")
    };
    Ok(Answer {
        holds: (0.0..=max_age_minutes).contains(&age),
        expected,
        observed: time.to_string(),
        message,
        tables: vec![name],
        newest_row_at: Some(time),
    })
}

/// What is said of things that are wrong, or of there being none to look at.
pub(super) fn wrong(what: &str, seen: usize, wrong: &[String], tables: Vec<String>) -> Answer {
    let message = match (seen, wrong.len()) {
        (0, _) => format!("there is no {what} to look at"),
        (seen, 0) => format!("{seen} {what}(s), all as they should be"),
        (seen, count) => format!("{count} of {seen} {what}(s) are wrong: {}", named(wrong)),
    };
    Answer {
        holds: seen > 0 && wrong.is_empty(),
        expected: format!("at least one {what}, none wrong"),
        observed: format!("{seen} {what}(s), {} wrong", wrong.len()),
        message,
        tables,
        newest_row_at: None,
    }
}
