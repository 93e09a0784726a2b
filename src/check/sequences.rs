//! Whether sequences lie beyond the numbers in use.

use super::Answer;
use super::catalog::number;
use super::keys::texts;
use super::rows::wrong;
use crate::target::{Engine, SqlTarget, TargetError};

/// Sequences of PostgreSQL that fill a column: table, column, both for a query, the next number and
/// the step.
const SEQUENCES: &str = "SELECT format('%I.%I', n.nspname, t.relname), a.attname, \
    format('%I', a.attname), format('%I.%I', sn.nspname, s.relname), q.seqincrement \
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' \
    JOIN pg_namespace sn ON sn.oid = s.relnamespace JOIN pg_sequence q ON q.seqrelid = s.oid \
    JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace n ON n.oid = t.relnamespace \
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid \
    WHERE d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass ORDER BY 1, 2";

pub(super) fn sequences(target: &dyn SqlTarget) -> Result<Answer, TargetError> {
    let (mut seen, mut behind) = (0, Vec::new());
    match target.engine() {
        Engine::PostgreSql => {
            for row in target.query(SEQUENCES)? {
                let [table, column, quoted, sequence, step] = texts(&row)?;
                // The next number must lie beyond every number in use, whichever way they run.
                let (newest, beyond) =
                    if step.starts_with('-') { ("min", ">=") } else { ("max", "<=") };
                let sql = format!(
                    "SELECT count(*) FROM {sequence} s, (SELECT {newest}({quoted}) used FROM {table}) t \
                     WHERE s.last_value + CASE WHEN s.is_called THEN {step} ELSE 0 END {beyond} t.used"
                );
                seen += 1;
                if number(target, &sql)? > 0 {
                    behind.push(format!("the sequence of {table}.{column}"));
                }
            }
        }
        Engine::MariaDb => {
            let sql = "SELECT c.table_name, c.column_name, t.auto_increment \
                       FROM information_schema.columns c JOIN information_schema.tables t \
                       ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
                       WHERE c.table_schema = database() AND c.extra LIKE '%auto_increment%'";
            for row in target.query(sql)? {
                let [table, column, next] = texts(&row)?;
                let (from, of) = (target.quoted(&table), target.quoted(&column));
                let used = format!("SELECT count(*) FROM {from} WHERE {of} >= {next}");
                seen += 1;
                if next.parse::<u64>().is_err() || number(target, &used)? > 0 {
                    behind.push(format!("the sequence of {table}.{column}"));
                }
            }
        }
        Engine::Sqlite => {
            // A table that never held a row has no last number yet.
            let all = "SELECT count(*) FROM sqlite_master WHERE type = 'table' \
                       AND sql LIKE '%AUTOINCREMENT%'";
            seen = usize::try_from(number(target, all)?).unwrap_or(usize::MAX);
            let there = "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'";
            if number(target, there)? > 0 {
                for row in target.query("SELECT name, seq FROM sqlite_sequence ORDER BY 1")? {
                    let [table, last] = texts(&row)?;
                    let name = target.quoted(&table);
                    let sql = format!("SELECT count(*) FROM {name} WHERE rowid > {last}");
                    if last.parse::<i64>().is_err() || number(target, &sql)? > 0 {
                        behind.push(format!("the sequence of {table}"));
                    }
                }
            }
        }
    }
    Ok(wrong("sequence", seen, &behind, Vec::new()))
}
