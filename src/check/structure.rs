//! Whether what belongs there is there, and whole.

use super::catalog::{full_name, tables};
use super::rows::wrong;
use super::{Answer, named};
use crate::target::{Engine, SqlTarget, TargetError};

pub(super) fn required_tables(
    target: &dyn SqlTarget,
    wanted: &[String],
) -> Result<Answer, TargetError> {
    let there = tables(target)?;
    let wanted: Vec<String> = wanted.iter().map(|table| full_name(target, table)).collect();
    let missing: Vec<String> =
        wanted.iter().filter(|table| !there.contains(table)).cloned().collect();
    let message = match missing.len() {
        0 => format!("all {} table(s) are there", wanted.len()),
        count => format!("{count} of {} table(s) are missing: {}", wanted.len(), named(&missing)),
    };
    Ok(Answer {
        holds: missing.is_empty(),
        expected: format!("{} table(s)", wanted.len()),
        observed: format!("{} of them", wanted.len() - missing.len()),
        message,
        ..Answer::default()
    })
}

pub(super) fn indexes(target: &dyn SqlTarget) -> Result<Answer, TargetError> {
    let sql = match target.engine() {
        Engine::PostgreSql => {
            "SELECT i.indexrelid::regclass::text, i.indisvalid AND i.indisready AND i.indislive \
             FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1"
        }
        Engine::MariaDb => {
            "SELECT DISTINCT concat(table_name, '.', index_name), if(ignored = 'NO', 't', 'f') \
             FROM information_schema.statistics WHERE table_schema = database() ORDER BY 1"
        }
        Engine::Sqlite => "SELECT name, 't' FROM sqlite_master WHERE type = 'index' ORDER BY 1",
    };
    let rows = target.query(sql)?;
    let broken: Vec<String> = rows
        .iter()
        .filter(|row| row.get(1).and_then(Option::as_deref) != Some("t"))
        .filter_map(|row| row.first()?.clone())
        .collect();
    Ok(wrong("index", rows.len(), &broken, Vec::new()))
}

pub(super) fn integrity(target: &dyn SqlTarget) -> Result<Answer, TargetError> {
    let damage = target.damage()?;
    let message = match damage.as_slice() {
        [] => "the database's own tool finds no damage".to_owned(),
        found => format!("the database's own tool finds damage: {}", named(found)),
    };
    Ok(Answer {
        holds: damage.is_empty(),
        expected: "no damage".to_owned(),
        observed: format!("{} report(s) of damage", damage.len()),
        message,
        ..Answer::default()
    })
}
