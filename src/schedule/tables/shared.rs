//! Tables in a PostgreSQL server. Whoever keeps the calendar holds a number that grows each time that it changes hands: who
//! has an older one can change nothing any more, however late that one hears of it.

use std::error::Error;
use std::sync::Arc;

use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Row as Found, Transaction};

use super::{Row, Statements, Tables, Value, Work};
use crate::database::{Connection, DatabaseError};
use crate::schedule::ledger::LedgerError;
use crate::schedule::team::still_keeps;

/// Tables in a database.
#[derive(Debug)]
pub(in crate::schedule) struct Shared {
    connection: Arc<Connection>,
    /// The number of who keeps the calendar, where this does.
    keeper: Option<i64>,
}

struct Open<'a> {
    transaction: Transaction<'a>,
    /// What the server said.
    failed: Option<postgres::Error>,
}

/// Stands for what the server said, which is kept beside.
fn refused() -> LedgerError {
    LedgerError::State { place: String::new(), cause: String::new() }
}

impl Shared {
    pub(in crate::schedule) fn new(connection: Arc<Connection>, keeper: Option<i64>) -> Self {
        Self { connection, keeper }
    }
}

impl From<DatabaseError> for LedgerError {
    fn from(error: DatabaseError) -> Self {
        Self::State { place: "the calendar".to_owned(), cause: error.to_string() }
    }
}

impl Tables for Shared {
    fn together(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        let mut outcome = Ok(());
        let kept = self.connection.with(|client| {
            let mut open = Open { transaction: client.transaction()?, failed: None };
            if let Some(keeper) = self.keeper
                && !still_keeps(&mut open.transaction, keeper)?
            {
                return Ok(false);
            }
            outcome = work(&mut open);
            match (open.failed.take(), &outcome) {
                (Some(error), _) => return Err(error),
                (None, Ok(())) => open.transaction.commit()?,
                (None, Err(_)) => open.transaction.rollback()?,
            }
            Ok(true)
        })?;
        if !kept {
            return Err(LedgerError::Lost(self.connection.address().shown().to_owned()));
        }
        outcome
    }
}

impl Statements for Open<'_> {
    fn ask(&mut self, question: &str, values: &[Value]) -> Result<Vec<Row>, LedgerError> {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        match self.transaction.query(&question.replace('?', "$"), &values) {
            Ok(rows) => Ok(rows.iter().map(row).collect()),
            Err(error) => {
                self.failed = Some(error);
                Err(refused())
            }
        }
    }

    fn tell(&mut self, statement: &str, values: &[Value]) -> Result<(), LedgerError> {
        self.ask(statement, values).map(drop)
    }
}

fn row(found: &Found) -> Row {
    let value = |(at, column): (usize, &postgres::Column)| match *column.type_() {
        Type::INT8 => found.get::<_, Option<i64>>(at).into(),
        Type::FLOAT8 => found.get::<_, Option<f64>>(at).into(),
        Type::TEXT => found.get::<_, Option<&str>>(at).into(),
        _ => Value::Null,
    };
    Row(found.columns().iter().enumerate().map(value).collect())
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(value) => value.to_sql(kind, out),
            Self::Real(value) => value.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::FLOAT8, Type::TEXT].contains(kind)
    }

    to_sql_checked!();
}
