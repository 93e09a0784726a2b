//! What a store of keys and values is asked: how many keys it holds, which values, and whether it
//! takes new ones. Databases are named `db0`, `db1`, as the server names them.

use std::collections::BTreeMap;

use super::baseline::{compared, difference};
use super::rows::Bounds;
use super::{Answer, query};
use crate::digest::Digest;
use crate::target::{KeyTarget, TargetError};
use crate::wire::baseline::{Baseline, SCHEMA, Table};
use crate::wire::manifest::Check;

/// Counts and sums within the server.
const CONTENT: &str = include_str!("content.lua");
/// Counts the keys that a pattern fits.
const COUNT: &str = "local seen, cursor = 0, '0' \
    repeat local found = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000) \
    cursor = found[1] seen = seen + #found[2] until cursor == '0' return seen";

/// How many keys a database holds, and how many of them expire.
struct Keys {
    all: u64,
    expiring: u64,
}

/// The databases that hold keys.
fn databases(target: &dyn KeyTarget) -> Result<BTreeMap<u32, Keys>, TargetError> {
    let said = target.command(0, &["INFO", "keyspace"])?;
    // A line is `db0:keys=3,expires=1,avg_ttl=0`.
    let database = |line: &str| {
        let (number, rest) = line.trim().strip_prefix("db")?.split_once(':')?;
        let mut numbers = rest.split(',').filter_map(|part| part.split_once('='));
        let mut next = |wanted: &str| {
            let (_, value) = numbers.find(|(name, _)| *name == wanted)?;
            value.parse().ok()
        };
        let keys = Keys { all: next("keys")?, expiring: next("expires")? };
        Some((number.parse().ok()?, keys))
    };
    Ok(said.lines().filter_map(database).collect())
}

/// Names of the databases that hold keys.
pub(super) fn names(target: &dyn KeyTarget) -> Result<Vec<String>, TargetError> {
    Ok(databases(target)?.into_keys().map(|number| format!("db{number}")).collect())
}

/// Records which keys there are.
pub(super) fn record(target: &dyn KeyTarget) -> Result<Baseline, TargetError> {
    let mut tables = BTreeMap::new();
    for (number, keys) in databases(target)? {
        let (rows, checksum) = if target.is_in_use() {
            (keys.all.saturating_sub(keys.expiring), None)
        } else {
            let (rows, checksum) = content_of(target, number)?;
            (rows, Some(checksum))
        };
        let table = Table { rows, checksum, changing: false, columns: Vec::new() };
        tables.insert(format!("db{number}"), table);
    }
    let (schema, engine) = (SCHEMA.to_owned(), "redis".to_owned());
    Ok(Baseline { schema, engine, tables, newest_rows: BTreeMap::new(), objects: BTreeMap::new() })
}

fn content_of(target: &dyn KeyTarget, database: u32) -> Result<(u64, String), TargetError> {
    let said = target.command(database, &["EVAL", CONTENT, "0"])?;
    let read = said.split_once(' ').and_then(|(count, sum)| {
        let whole = sum.len() == 36 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some((count.parse().ok()?, whole.then(|| sum.to_owned())?))
    });
    read.ok_or_else(|| TargetError(format!("the content of db{database} cannot be read")))
}

/// Asks one question.
pub(super) fn ask(
    check: &Check,
    target: &dyn KeyTarget,
    baseline: Result<&Baseline, TargetError>,
) -> Result<Answer, TargetError> {
    match check {
        Check::Connectivity { .. } => connectivity(target),
        Check::NotEmpty { .. } => not_empty(target),
        Check::KeyCount { pattern, database, exact, min, max, .. } => {
            let bounds = Bounds { exact: *exact, min: *min, max: *max };
            let pattern = pattern.as_deref().unwrap_or("*");
            key_count(target, database.unwrap_or_default(), pattern, &bounds)
        }
        Check::KeyValue { key, database, expected, expected_sha256, .. } => {
            let wanted = query::Wanted {
                value: expected.as_deref(),
                sha256: expected_sha256.as_deref(),
                tolerance: None,
            };
            key_value(target, database.unwrap_or_default(), key, &wanted)
        }
        Check::ReadWrite { .. } => read_write(target),
        Check::Content { tolerance_percent, .. } => content(target, baseline?, *tolerance_percent),
        other => {
            Err(TargetError(format!("`{}` asks for tables, and there are none", other.kind())))
        }
    }
}

fn connectivity(target: &dyn KeyTarget) -> Result<Answer, TargetError> {
    let said = target.command(0, &["PING"])?;
    Ok(query::answered(said == "PONG"))
}

fn not_empty(target: &dyn KeyTarget) -> Result<Answer, TargetError> {
    let databases = databases(target)?;
    let keys: u64 = databases.values().map(|keys| keys.all).sum();
    let observed = format!("{keys} key(s) in {} database(s)", databases.len());
    Ok(Answer {
        holds: keys > 0,
        expected: "at least one key".to_owned(),
        message: if keys > 0 { observed.clone() } else { "there is no key".to_owned() },
        observed,
        ..Answer::default()
    })
}

fn key_count(
    target: &dyn KeyTarget,
    database: u32,
    pattern: &str,
    bounds: &Bounds,
) -> Result<Answer, TargetError> {
    let said = target.command(database, &["EVAL", COUNT, "0", pattern])?;
    let count = said
        .parse::<u64>()
        .map_err(|_| TargetError(format!("the keys of db{database} cannot be counted")))?;
    let (expected, observed) = (bounds.named("key(s)"), format!("{count} key(s)"));
    Ok(Answer {
        holds: bounds.hold(count),
        message: format!("db{database} has {observed} like `{pattern}`, {expected} expected"),
        expected,
        observed,
        tables: vec![format!("db{database}")],
        ..Answer::default()
    })
}

fn key_value(
    target: &dyn KeyTarget,
    database: u32,
    key: &str,
    wanted: &query::Wanted<'_>,
) -> Result<Answer, TargetError> {
    if target.command(database, &["EXISTS", key])? != "1" {
        return Ok(Answer {
            expected: wanted.named(),
            observed: "no such key".to_owned(),
            message: format!("db{database} has no key `{key}`"),
            ..Answer::default()
        });
    }
    let found = target.command(database, &["GET", key])?;
    Ok(query::compared(&format!("`{key}` of db{database}"), Some(&found), wanted))
}

/// Writes a key that no backup holds, reads it, and takes it away.
fn read_write(target: &dyn KeyTarget) -> Result<Answer, TargetError> {
    let key = format!("dr-drill:{}", Digest::of(b"read_write"));
    let written = target.command(0, &["SET", &key, "written", "NX"])?;
    let read = target.command(0, &["GET", &key])?;
    let removed = target.command(0, &["DEL", &key])?;
    let holds = (written.as_str(), read.as_str(), removed.as_str()) == ("OK", "written", "1");
    let observed = if holds { "a key written, read and removed" } else { "another answer" };
    Ok(Answer {
        holds,
        expected: "a key written, read and removed".to_owned(),
        observed: observed.to_owned(),
        message: if holds { "it takes new keys" } else { "it does not take new keys" }.to_owned(),
        ..Answer::default()
    })
}

fn content(
    target: &dyn KeyTarget,
    baseline: &Baseline,
    tolerance_percent: Option<f64>,
) -> Result<Answer, TargetError> {
    let there = names(target)?;
    let (mut wrong, mut looked_at) = (Vec::new(), Vec::new());
    for (name, table) in &baseline.tables {
        if table.changing {
            continue;
        }
        let number = name.strip_prefix("db").and_then(|number| number.parse().ok());
        let Some(number) = number else {
            wrong.push(format!("{name} is no name of a database"));
            continue;
        };
        if !there.contains(name) {
            if table.rows > 0 {
                wrong.push(format!("{name} is empty, it had {} lasting key(s)", table.rows));
            }
            continue;
        }
        let found = content_of(target, number)?;
        looked_at.push(name.clone());
        wrong.extend(difference(name, "lasting key", table, &found, tolerance_percent));
    }
    Ok(compared("database(s)", looked_at, &wrong))
}
