//! Where a calendar keeps what it has to know: tables in a file here, or in a PostgreSQL server that several machines share.
//! What is asked of both is the same text, in the part of SQL that they have in common.

#[cfg(feature = "queue")]
mod shared;
mod sqlite;

use std::fmt::Debug;

#[cfg(feature = "queue")]
pub(super) use shared::Shared;
pub(super) use sqlite::Local;

use super::ledger::LedgerError;

/// A value in a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

/// A row of an answer.
#[derive(Debug)]
pub(super) struct Row(pub(super) Vec<Value>);

/// What can be asked and told; values stand as `?1`, `?2` in the text.
pub(super) trait Statements {
    /// The rows of an answer.
    fn ask(&mut self, question: &str, values: &[Value]) -> Result<Vec<Row>, LedgerError>;

    /// Changes rows.
    fn tell(&mut self, statement: &str, values: &[Value]) -> Result<(), LedgerError>;
}

/// Work on tables that is done whole or not at all.
pub(super) type Work<'a> = dyn FnMut(&mut dyn Statements) -> Result<(), LedgerError> + 'a;

/// The tables of a calendar.
pub(super) trait Tables: Debug + Send {
    /// Does some work whole or not at all.
    fn together(&self, work: &mut Work<'_>) -> Result<(), LedgerError>;

    /// The rows of an answer to a single question.
    fn ask(&self, question: &str, values: &[Value]) -> Result<Vec<Row>, LedgerError> {
        let mut rows = Vec::new();
        self.together(&mut |tables| {
            rows = tables.ask(question, values)?;
            Ok(())
        })?;
        Ok(rows)
    }

    /// Changes rows with a single statement.
    fn tell(&self, statement: &str, values: &[Value]) -> Result<(), LedgerError> {
        self.together(&mut |tables| tables.tell(statement, values))
    }
}

impl Row {
    pub(super) fn integer(&self, at: usize) -> Option<i64> {
        match self.0.get(at)? {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn real(&self, at: usize) -> Option<f64> {
        match self.0.get(at)? {
            Value::Real(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn text(&self, at: usize) -> Option<&str> {
        match self.0.get(at)? {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
