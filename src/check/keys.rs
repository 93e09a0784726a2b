//! Whether rows still fit together: primary and foreign keys.

use super::Answer;
use super::catalog::number;
use super::rows::wrong;
use crate::target::{Engine, Row, SqlTarget, TargetError};

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

/// A row in which nothing is NULL.
pub(super) fn texts<const N: usize>(row: &Row) -> Result<[String; N], TargetError> {
    let texts: Option<Vec<String>> = row.iter().cloned().collect();
    texts
        .and_then(|texts| texts.try_into().ok())
        .ok_or_else(|| TargetError("the catalogue cannot be read".to_owned()))
}

pub(super) fn foreign_keys(target: &dyn SqlTarget) -> Result<Answer, TargetError> {
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

/// Primary keys of PostgreSQL and MariaDB: table as messages name it, table and columns in a query.
const PRIMARY_KEYS: &str = "SELECT n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname), \
    (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY k.place) \
     FROM unnest(conkey) WITH ORDINALITY k(x, place) \
     JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.x) \
    FROM pg_constraint p JOIN pg_class c ON c.oid = conrelid \
    JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE contype = 'p' AND conparentid = 0 \
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1";
const PRIMARY_KEYS_OF_MARIADB: &str = "SELECT table_name, \
    concat('`', replace(table_name, '`', '``'), '` IGNORE INDEX (PRIMARY)'), \
    group_concat(concat('`', replace(column_name, '`', '``'), '`') \
      ORDER BY seq_in_index SEPARATOR ', ') \
    FROM information_schema.statistics \
    WHERE table_schema = database() AND index_name = 'PRIMARY' GROUP BY 1, 2 ORDER BY 1";
const PRIMARY_KEYS_OF_SQLITE: &str = "SELECT m.name, \
    '\"' || replace(m.name, '\"', '\"\"') || '\" NOT INDEXED', \
    group_concat('\"' || replace(c.name, '\"', '\"\"') || '\"', ', ') \
    FROM sqlite_master m, pragma_table_info(m.name) c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND c.pk > 0 \
    AND m.sql NOT LIKE 'CREATE VIRTUAL%' GROUP BY 1 ORDER BY 1";

/// Rows are counted without their indexes, which could be what is wrong.
pub(super) fn primary_keys(target: &dyn SqlTarget) -> Result<Answer, TargetError> {
    let (keys, first) = match target.engine() {
        Engine::PostgreSql => (
            PRIMARY_KEYS,
            "SET enable_indexscan = off; SET enable_indexonlyscan = off; \
             SET enable_bitmapscan = off; ",
        ),
        Engine::MariaDb => (PRIMARY_KEYS_OF_MARIADB, ""),
        Engine::Sqlite => (PRIMARY_KEYS_OF_SQLITE, ""),
    };
    let (mut seen, mut doubled, mut tables) = (0, Vec::new(), Vec::new());
    for row in target.query(keys)? {
        let [table, from, columns] = texts(&row)?;
        let sql = format!(
            "{first}SELECT count(*) FROM (SELECT 1 FROM {from} GROUP BY {columns} \
             HAVING count(*) > 1) doubled"
        );
        let count = number(target, &sql)?;
        seen += 1;
        if count > 0 {
            doubled.push(format!("that of {table} ({count} value(s) more than once)"));
        }
        tables.push(table);
    }
    Ok(wrong("primary key", seen, &doubled, tables))
}
