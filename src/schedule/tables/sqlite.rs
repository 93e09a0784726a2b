//! Tables in a file of SQLite.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, Transaction, params_from_iter};

use super::{Row, Statements, Tables, Value, Work};
use crate::schedule::ledger::LedgerError;

const VERSION: i64 = 1;
/// Longest time in which another process writes.
const BUSY: Duration = Duration::from_secs(30);

/// Tables in a file.
#[derive(Debug)]
pub(in crate::schedule) struct Local {
    connection: Mutex<Connection>,
    path: PathBuf,
}

struct Open<'a> {
    transaction: Transaction<'a>,
    path: &'a Path,
}

fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> LedgerError {
    let place = path.display().to_string();
    move |cause| LedgerError::State { place: place.clone(), cause: cause.to_string() }
}

impl Local {
    /// Opens the tables of a file, and makes them where there are none.
    pub(in crate::schedule) fn open(path: &Path, tables: &[&str]) -> Result<Self, LedgerError> {
        let failed = failed(path);
        let connection = Connection::open(path).map_err(&failed)?;
        let version: i64 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&failed)?;
        if version > VERSION {
            return Err(LedgerError::Newer(path.display().to_string()));
        }
        connection.busy_timeout(BUSY).map_err(&failed)?;
        for tables in tables {
            connection.execute_batch(tables).map_err(&failed)?;
        }
        connection.pragma_update(None, "user_version", VERSION).map_err(&failed)?;
        Ok(Self { connection: Mutex::new(connection), path: path.to_owned() })
    }
}

impl Tables for Local {
    fn together(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction().map_err(failed(&self.path))?;
        let mut open = Open { transaction, path: &self.path };
        work(&mut open)?;
        open.transaction.commit().map_err(failed(&self.path))
    }
}

impl Statements for Open<'_> {
    fn ask(&mut self, question: &str, values: &[Value]) -> Result<Vec<Row>, LedgerError> {
        let failed = failed(self.path);
        let mut asked = self.transaction.prepare_cached(question).map_err(&failed)?;
        let columns = asked.column_count();
        let rows = asked.query_map(params_from_iter(values), |row| {
            let value = |at| {
                Ok(match row.get_ref(at)? {
                    ValueRef::Integer(value) => Value::Integer(value),
                    ValueRef::Real(value) => Value::Real(value),
                    ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                    ValueRef::Null | ValueRef::Blob(_) => Value::Null,
                })
            };
            (0..columns).map(value).collect::<rusqlite::Result<_>>().map(Row)
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }

    fn tell(&mut self, statement: &str, values: &[Value]) -> Result<(), LedgerError> {
        self.transaction
            .prepare_cached(statement)
            .and_then(|mut told| told.execute(params_from_iter(values)))
            .map_err(failed(self.path))?;
        Ok(())
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Integer(value) => ToSqlOutput::Borrowed(ValueRef::Integer(*value)),
            Self::Real(value) => ToSqlOutput::Borrowed(ValueRef::Real(*value)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}
