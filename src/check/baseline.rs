//! What a database was, and whether it still is: structure and content against a baseline.

use std::collections::BTreeMap;

use super::catalog::{full_name, in_query, tables};
use super::{Answer, named};
use crate::digest::Digest;
use crate::target::{Engine, SqlTarget, TargetError};
use crate::wire::baseline::{Baseline, SCHEMA, Table};

/// Kind, name and definition of everything in PostgreSQL that is no table. Definitions that a newer
/// server may word in another way are left out: of these the name is all that is compared.
const OBJECTS: &str = "WITH own AS (SELECT oid, nspname FROM pg_namespace \
    WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\\_%'), \
    extended AS (SELECT objid FROM pg_depend WHERE deptype = 'e') \
    SELECT 'index ' || c.oid::regclass::text, pg_get_indexdef(c.oid) FROM pg_class c \
      JOIN own ON own.oid = c.relnamespace WHERE c.relkind IN ('i', 'I') \
    UNION ALL SELECT CASE contype WHEN 'f' THEN 'foreign key ' WHEN 'p' THEN 'primary key ' \
      WHEN 'c' THEN 'check ' WHEN 'u' THEN 'unique ' ELSE 'constraint ' END || \
      conrelid::regclass::text || ' ' || conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN own ON own.oid = k.connamespace \
      WHERE conrelid <> 0 \
    UNION ALL SELECT 'trigger ' || tgrelid::regclass::text || ' ' || tgname, \
      pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE NOT tgisinternal \
    UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' WHEN 'm' THEN 'materialized view ' \
      ELSE 'view ' END || c.oid::regclass::text, (SELECT 'of ' || d.refobjid::regclass::text || \
      '.' || a.attname FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid \
      AND a.attnum = d.refobjsubid WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass \
      AND d.deptype IN ('a', 'i') AND c.relkind = 'S') FROM pg_class c \
      JOIN own ON own.oid = c.relnamespace WHERE c.relkind IN ('S', 'm', 'v') \
      AND c.oid NOT IN (SELECT objid FROM extended) \
    UNION ALL SELECT 'function ' || p.oid::regprocedure::text, NULL FROM pg_proc p \
      JOIN own ON own.oid = p.pronamespace WHERE p.oid NOT IN (SELECT objid FROM extended) \
    UNION ALL SELECT 'type ' || t.oid::regtype::text, NULL FROM pg_type t \
      JOIN own ON own.oid = t.typnamespace WHERE t.typtype IN ('e', 'd') \
      AND t.oid NOT IN (SELECT objid FROM extended) \
    UNION ALL SELECT 'extension ' || extname, NULL FROM pg_extension";

/// The same of MariaDB.
const OBJECTS_OF_MARIADB: &str = "SELECT concat('index ', table_name, ' ', index_name), \
      concat(min(non_unique), ' ', group_concat(column_name ORDER BY seq_in_index)) \
      FROM information_schema.statistics WHERE table_schema = database() GROUP BY 1 \
    UNION ALL SELECT concat(lower(constraint_type), ' ', table_name, ' ', constraint_name), '' \
      FROM information_schema.table_constraints WHERE table_schema = database() \
    UNION ALL SELECT concat('trigger ', event_object_table, ' ', trigger_name), \
      concat(action_timing, ' ', event_manipulation, ' ', action_statement) \
      FROM information_schema.triggers WHERE trigger_schema = database() \
    UNION ALL SELECT concat('sequence ', table_name, '.', column_name), '' \
      FROM information_schema.columns WHERE table_schema = database() \
      AND extra LIKE '%auto_increment%' \
    UNION ALL SELECT concat('view ', table_name), NULL FROM information_schema.views \
      WHERE table_schema = database() \
    UNION ALL SELECT concat(lower(routine_type), ' ', routine_name), NULL \
      FROM information_schema.routines WHERE routine_schema = database() \
    UNION ALL SELECT concat('event ', event_name), NULL FROM information_schema.events \
      WHERE event_schema = database()";

/// The same of SQLite. Of a table with `AUTOINCREMENT` the server keeps the last number.
const OBJECTS_OF_SQLITE: &str = "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master \
      WHERE type <> 'table' \
    UNION ALL SELECT 'foreign key ' || m.name || ' ' || f.id || '.' || f.seq, \
      f.\"from\" || ' ' || f.\"table\" || ' ' || coalesce(f.\"to\", '') \
      FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' \
    UNION ALL SELECT 'primary key ' || m.name || ' ' || c.pk, c.name \
      FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.pk > 0 \
      AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND m.sql NOT LIKE 'CREATE VIRTUAL%' \
    UNION ALL SELECT 'sequence ' || name, '' FROM sqlite_master WHERE type = 'table' \
      AND sql LIKE '%AUTOINCREMENT%'";

/// Records what a database is.
pub(super) fn record(target: &dyn SqlTarget) -> Result<Baseline, TargetError> {
    let mut found = BTreeMap::new();
    for name in tables(target)? {
        let (rows, checksum) = content_of(target, &name)?;
        let columns = columns(target, &name)?;
        let checksum = Some(checksum);
        found.insert(name, Table { rows, checksum, changing: false, columns });
    }
    let engine = match target.engine() {
        Engine::PostgreSql => "postgresql",
        Engine::MariaDb => "mariadb",
        Engine::Sqlite => "sqlite",
    };
    let (schema, engine) = (SCHEMA.to_owned(), engine.to_owned());
    let (tables, newest_rows) = (found, BTreeMap::new());
    Ok(Baseline { schema, engine, tables, newest_rows, objects: objects(target)? })
}

/// Number of rows and checksum of a table: one pass within the server, in constant memory. The sum
/// over hashes of rows does not depend on their order, and counts each as often as it is there.
fn content_of(target: &dyn SqlTarget, table: &str) -> Result<(u64, String), TargetError> {
    let name = in_query(target, table);
    let sql = match target.engine() {
        Engine::PostgreSql => format!(
            "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) || '/' || \
             coalesce(sum(hashtextextended(t::text, 1)::numeric), 0) FROM {name} t"
        ),
        Engine::MariaDb => {
            // Quoted, so that NULL is no text; two halves of a hash, each summed up.
            let values: Vec<String> = column_names(target, table)?
                .iter()
                .map(|column| format!("quote({})", target.quoted(column)))
                .collect();
            let row = format!("md5(concat_ws(',', {}))", values.join(", "));
            let half = |start: u8| {
                format!(
                    "coalesce(sum(CAST(conv(substr({row}, {start}, 16), 16, 10) AS DECIMAL(30))), 0)"
                )
            };
            format!("SELECT count(*), concat({}, '/', {}) FROM {name}", half(1), half(17))
        }
        Engine::Sqlite => {
            let columns = columns(target, table)?.len();
            let order: Vec<String> = (1..=columns).map(|number| number.to_string()).collect();
            let all = format!("SELECT * FROM {name} ORDER BY {}", order.join(", "));
            let quoted = all.replace('\'', "''");
            format!("SELECT count(*), (SELECT hex(sha3_query('{quoted}', 256))) FROM {name}")
        }
    };
    let rows = target.query(&sql)?;
    let read = rows.first().and_then(|row| {
        let [count, checksum] = row.as_slice() else { return None };
        Some((count.as_deref()?.parse().ok()?, checksum.clone()?))
    });
    read.ok_or_else(|| TargetError(format!("the content of {table} cannot be read")))
}

fn columns(target: &dyn SqlTarget, table: &str) -> Result<Vec<String>, TargetError> {
    let literal = |text: &str| text.replace('\'', "''");
    let sql = match target.engine() {
        Engine::PostgreSql => format!(
            "SELECT attname || ' ' || format_type(atttypid, atttypmod) || \
             CASE WHEN attnotnull THEN ' not null' ELSE '' END FROM pg_attribute \
             WHERE attrelid = '{}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            literal(&in_query(target, table))
        ),
        Engine::MariaDb => format!(
            "SELECT concat(column_name, ' ', column_type, if(is_nullable = 'NO', ' not null', '')) \
             FROM information_schema.columns WHERE table_schema = database() AND table_name = '{}' \
             ORDER BY ordinal_position",
            literal(table)
        ),
        Engine::Sqlite => format!(
            "SELECT name || ' ' || type || CASE WHEN \"notnull\" THEN ' not null' ELSE '' END \
             FROM pragma_table_info('{}') ORDER BY cid",
            literal(table)
        ),
    };
    Ok(super::catalog::first_column(target.query(&sql)?))
}

fn column_names(target: &dyn SqlTarget, table: &str) -> Result<Vec<String>, TargetError> {
    let sql = format!(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = database() \
         AND table_name = '{}' ORDER BY ordinal_position",
        table.replace('\'', "''")
    );
    Ok(super::catalog::first_column(target.query(&sql)?))
}

fn objects(target: &dyn SqlTarget) -> Result<BTreeMap<String, Option<String>>, TargetError> {
    let sql = match target.engine() {
        Engine::PostgreSql => OBJECTS,
        Engine::MariaDb => OBJECTS_OF_MARIADB,
        Engine::Sqlite => OBJECTS_OF_SQLITE,
    };
    let rows = target.query(sql)?;
    let object = |mut row: Vec<Option<String>>| {
        let definition = row.pop()?.map(|text| Digest::of(text.as_bytes()).to_string());
        Some((row.pop()??, definition))
    };
    Ok(rows.into_iter().filter_map(object).collect())
}

/// Whether all that belongs to a baseline is there. What is new is no loss.
pub(super) fn structure(
    target: &dyn SqlTarget,
    baseline: &Baseline,
) -> Result<Answer, TargetError> {
    let (mut wrong, there) = (Vec::new(), tables(target)?);
    for (name, table) in &baseline.tables {
        if !there.contains(name) {
            wrong.push(format!("the table {name} is missing"));
            continue;
        }
        let columns = columns(target, name)?;
        let missing = table.columns.iter().filter(|column| !columns.contains(column));
        wrong.extend(missing.map(|column| format!("{name} has no column `{column}`")));
    }
    let objects = objects(target)?;
    for (name, definition) in &baseline.objects {
        match objects.get(name) {
            None => wrong.push(format!("the {name} is missing")),
            Some(found) if found != definition => wrong.push(format!("the {name} is another")),
            Some(_) => {}
        }
    }
    let all = baseline.tables.len() + baseline.objects.len();
    let message = match wrong.len() {
        0 => format!("{all} table(s) and other objects are as they were"),
        count => format!("{count} difference(s) to the baseline: {}", named(&wrong)),
    };
    Ok(Answer {
        holds: wrong.is_empty(),
        expected: format!("{all} object(s) of the baseline"),
        observed: format!("{} difference(s)", wrong.len()),
        message,
        ..Answer::default()
    })
}

/// Whether the rows of a baseline are there: exactly, or as many give or take some percent.
pub(super) fn content(
    target: &dyn SqlTarget,
    baseline: &Baseline,
    only: &[String],
    tolerance_percent: Option<f64>,
) -> Result<Answer, TargetError> {
    let only: Vec<String> = only.iter().map(|table| full_name(target, table)).collect();
    let there = tables(target)?;
    let (mut wrong, mut looked_at) = (Vec::new(), Vec::new());
    for name in &only {
        if !baseline.tables.contains_key(name) {
            wrong.push(format!("{name} is not in the baseline"));
        }
    }
    for (name, table) in &baseline.tables {
        if !only.is_empty() && !only.contains(name) {
            continue;
        }
        if !there.contains(name) {
            wrong.push(format!("the table {name} is missing"));
            continue;
        }
        if table.changing {
            continue;
        }
        let found = content_of(target, name)?;
        looked_at.push(name.clone());
        wrong.extend(difference(name, "row", table, &found, tolerance_percent));
    }
    Ok(compared("table(s)", looked_at, &wrong))
}

/// How the content of a table is not what it was: exactly, or in number give or take some percent.
pub(super) fn difference(
    name: &str,
    unit: &str,
    was: &Table,
    (rows, checksum): &(u64, String),
    tolerance_percent: Option<f64>,
) -> Option<String> {
    let as_many = match tolerance_percent {
        Some(percent) => {
            let (found, was) = (*rows as f64, was.rows as f64);
            (found - was).abs() <= was * percent / 100.0
        }
        None => *rows == was.rows,
    };
    if !as_many {
        return Some(format!("{name} has {rows} {unit}(s), it had {}", was.rows));
    }
    let same = was.checksum.as_ref().is_none_or(|was| was == checksum);
    (tolerance_percent.is_none() && !same)
        .then(|| format!("{name} has as many {unit}s as it had, but not the same"))
}

/// What is said of content that was compared.
pub(super) fn compared(what: &str, looked_at: Vec<String>, wrong: &[String]) -> Answer {
    let message = match wrong.len() {
        0 => format!("{} {what} hold what they held", looked_at.len()),
        count => format!("{count} difference(s) to the baseline: {}", named(wrong)),
    };
    Answer {
        holds: wrong.is_empty() && !looked_at.is_empty(),
        expected: "the content of the baseline".to_owned(),
        observed: format!("{} difference(s)", wrong.len()),
        message,
        tables: looked_at,
        newest_row_at: None,
    }
}
