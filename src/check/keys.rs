//! Whether rows and numbers still fit together: foreign keys and sequences.

use super::Answer;
use super::catalog::number;
use super::rows::wrong;
use crate::target::{Engine, Row, Target, TargetError};

/// Foreign keys of PostgreSQL: name, child, parent, how they are joined, when a child refers at all.
const FOREIGN_KEYS: &str = "SELECT conname, conrelid::regclass::text, confrelid::regclass::text, \
    (SELECT string_agg(format('c.%I = p.%I', a.attname, b.attname), ' AND ') \
     FROM unnest(conkey, confkey) k(x, y) \
     JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.x \
     JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = k.y), \
    (SELECT string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ') \
     FROM unnest(conkey) k(x) JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.x), \
    (SELECT n.nspname || '.' || c.relname FROM pg_class c \
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = conrelid) \
    FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 ORDER BY 2, 1";

/// The same of MariaDB.
const FOREIGN_KEYS_OF_MARIADB: &str = "SELECT constraint_name, \
    concat('`', replace(table_name, '`', '``'), '`'), \
    concat('`', replace(referenced_table_name, '`', '``'), '`'), \
    group_concat(concat('c.`', column_name, '` = p.`', referenced_column_name, '`') \
      ORDER BY ordinal_position SEPARATOR ' AND '), \
    group_concat(concat('c.`', column_name, '` IS NOT NULL') SEPARATOR ' AND '), table_name \
    FROM information_schema.key_column_usage \
    WHERE table_schema = database() AND referenced_table_name IS NOT NULL GROUP BY 1, 2, 3, 6 \
    ORDER BY 2, 1";

/// Sequences of PostgreSQL that fill a column: table, column, both for a query, the next number and
/// the step.
const SEQUENCES: &str = "SELECT format('%I.%I', n.nspname, t.relname), a.attname, \
    format('%I', a.attname), format('%I.%I', sn.nspname, s.relname), q.seqincrement \
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' \
    JOIN pg_namespace sn ON sn.oid = s.relnamespace JOIN pg_sequence q ON q.seqrelid = s.oid \
    JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace n ON n.oid = t.relnamespace \
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid \
    WHERE d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass ORDER BY 1, 2";

fn texts<const N: usize>(row: &Row) -> Result<[String; N], TargetError> {
    let texts: Option<Vec<String>> = row.iter().cloned().collect();
    texts
        .and_then(|texts| texts.try_into().ok())
        .ok_or_else(|| TargetError("the catalogue cannot be read".to_owned()))
}

pub(super) fn foreign_keys(target: &dyn Target) -> Result<Answer, TargetError> {
    let (mut seen, mut orphans, mut tables) = (0, Vec::new(), Vec::new());
    match target.engine() {
        Engine::PostgreSql | Engine::MariaDb => {
            let of_mariadb = target.engine() == Engine::MariaDb;
            let keys = if of_mariadb { FOREIGN_KEYS_OF_MARIADB } else { FOREIGN_KEYS };
            for row in target.query(keys)? {
                let [name, child, parent, join, given, table] = texts(&row)?;
                let sql = format!(
                    "SELECT count(*) FROM {child} c WHERE {given} \
                     AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE {join})"
                );
                let count = number(target, &sql)?;
                seen += 1;
                if count > 0 {
                    orphans.push(format!("{name} on {child} ({count} orphan(s))"));
                }
                tables.push(table);
            }
        }
        Engine::Sqlite => {
            seen = usize::try_from(number(
                target,
                "SELECT count(*) FROM sqlite_master m, pragma_foreign_key_list(m.name) f \
                 WHERE m.type = 'table'",
            )?)
            .unwrap_or(usize::MAX);
            let sql = "SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY 1";
            for row in target.query(sql)? {
                let [child, count] = texts(&row)?;
                orphans.push(format!("{child} ({count} orphan(s))"));
            }
        }
    }
    Ok(wrong("foreign key", seen, &orphans, tables))
}

pub(super) fn sequences(target: &dyn Target) -> Result<Answer, TargetError> {
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
            let there = "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'";
            if number(target, there)? > 0 {
                for row in target.query("SELECT name, seq FROM sqlite_sequence ORDER BY 1")? {
                    let [table, last] = texts(&row)?;
                    let name = target.quoted(&table);
                    let sql = format!("SELECT count(*) FROM {name} WHERE rowid > {last}");
                    seen += 1;
                    if last.parse::<i64>().is_err() || number(target, &sql)? > 0 {
                        behind.push(format!("the sequence of {table}"));
                    }
                }
            }
        }
    }
    Ok(wrong("sequence", seen, &behind, Vec::new()))
}
