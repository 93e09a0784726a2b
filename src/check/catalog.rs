//! What is there: names of tables, in the words of each engine.

use crate::target::{Engine, Row, SqlTarget, TargetError};

/// Names of all tables that people made, with their schema where there are schemas.
pub(super) fn tables(target: &dyn SqlTarget) -> Result<Vec<String>, TargetError> {
    let sql = match target.engine() {
        Engine::PostgreSql => {
            "SELECT n.nspname || '.' || c.relname FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition \
             AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
             AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') \
             ORDER BY 1"
        }
        Engine::MariaDb => {
            "SELECT table_name FROM information_schema.tables WHERE table_schema = database() \
             AND table_type = 'BASE TABLE' ORDER BY 1"
        }
        Engine::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' \
             ESCAPE '\\' ORDER BY 1"
        }
    };
    Ok(first_column(target.query(sql)?))
}

/// The first column of an answer.
pub(super) fn first_column(rows: Vec<Row>) -> Vec<String> {
    rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
}

/// The one number that a query gives.
pub(super) fn number(target: &dyn SqlTarget, sql: &str) -> Result<u64, TargetError> {
    let rows = target.query(sql)?;
    let text = rows.first().and_then(|row| row.first()).cloned().flatten();
    let parsed = text.as_deref().and_then(|text| text.parse().ok());
    parsed
        .ok_or_else(|| TargetError(format!("`{}` is no number", text.as_deref().unwrap_or("NULL"))))
}

/// The name of a table with its schema: without one it stands in `public`.
pub(super) fn full_name(target: &dyn SqlTarget, table: &str) -> String {
    match target.engine() {
        Engine::PostgreSql if !table.contains('.') => format!("public.{table}"),
        _ => table.to_owned(),
    }
}

/// A table in a query.
pub(super) fn in_query(target: &dyn SqlTarget, table: &str) -> String {
    let full = full_name(target, table);
    match (target.engine(), full.split_once('.')) {
        (Engine::PostgreSql, Some((schema, name))) => {
            format!("{}.{}", target.quoted(schema), target.quoted(name))
        }
        _ => target.quoted(&full),
    }
}
