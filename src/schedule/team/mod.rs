//! A calendar that several machines work: its state and its history in PostgreSQL, one process that keeps it, and workers on
//! any number of hosts that carry out what it orders.

mod crew;
mod orders;
mod records;

use std::sync::Arc;

use graphile_worker::WorkerOptions;
use postgres::GenericClient;
use tokio::runtime;

use super::ledger::{self, LedgerError};
use super::outbox;
use crate::database::{Address, Connection, DatabaseError};

pub use crew::{Crew, Work};
pub use orders::{Awaited, Ordered, Orders};
pub use records::Records;

/// Schema of the queue, which is a library's.
const QUEUE: &str = "dr_drill_queue";
/// What a job is called.
const JOB: &str = "drill";
/// Connections of a queue.
const POOL: usize = 4;

/// Locks that are held in the database: by who makes its tables, and by who keeps the calendar.
const MAKES: i64 = 0x6472_6472_0001;
const KEEPS: i64 = 0x6472_6472_0002;

/// What numbers messages.
const ID: &str = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY";

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS keeper (number BIGINT NOT NULL);
INSERT INTO keeper SELECT 0 WHERE NOT EXISTS (SELECT FROM keeper);
CREATE TABLE IF NOT EXISTS record (
  file TEXT PRIMARY KEY, folder TEXT NOT NULL, sequence TEXT NOT NULL, content BYTEA NOT NULL,
  UNIQUE (folder, sequence)
);
CREATE TABLE IF NOT EXISTS attempt (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, drill TEXT NOT NULL, due BIGINT NOT NULL,
  attempt BIGINT NOT NULL, late BOOLEAN NOT NULL, state TEXT NOT NULL, fence BIGINT NOT NULL DEFAULT 0,
  worker TEXT, seen_at TIMESTAMPTZ, file TEXT, reason TEXT, UNIQUE (drill, due, attempt)
);
";

/// A calendar in a database.
#[derive(Clone, Debug)]
pub struct Team {
    connection: Arc<Connection>,
}

impl Team {
    /// Opens the calendar of a database, and makes its tables where there are none.
    ///
    /// # Errors
    /// When the database cannot be reached, or does not let us.
    pub fn open(address: Address) -> Result<Self, DatabaseError> {
        prepare_queue(&address)?;
        let connection = Arc::new(Connection::new(address));
        connection.with(|client| {
            let mut transaction = client.transaction()?;
            transaction.query("SELECT pg_advisory_xact_lock($1)", &[&MAKES])?;
            transaction.batch_execute("CREATE SCHEMA IF NOT EXISTS dr_drill")?;
            transaction.batch_execute(TABLES)?;
            transaction.batch_execute(ledger::TABLES)?;
            transaction.batch_execute(&outbox::tables(ID))?;
            transaction.commit()
        })?;
        Ok(Self { connection })
    }

    /// The calendar of a database that is there, to be read only: nothing is made, and no right to write is needed.
    #[must_use]
    pub fn look(address: Address) -> Self {
        Self { connection: Arc::new(Connection::new(address)) }
    }

    /// A connection of its own to the same database.
    fn another(&self) -> Arc<Connection> {
        Arc::new(Connection::new(self.connection.address().clone()))
    }

    /// Its connection.
    pub(super) fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.connection)
    }

    /// Becomes the one that keeps the calendar, if nobody does. Gives the number by which its changes are known; from now
    /// on whoever has an older one changes nothing any more.
    pub(super) fn keep(&self) -> Result<Option<i64>, LedgerError> {
        Ok(self.connection.with(|client| {
            let free: bool = client.query_one("SELECT pg_try_advisory_lock($1)", &[&KEEPS])?.get(0);
            if !free {
                return Ok(None);
            }
            let next = "UPDATE keeper SET number = number + 1 RETURNING number";
            Ok(Some(client.query_one(next, &[])?.get(0)))
        })?)
    }

    /// The shared history. Who keeps the calendar files in it, by the number that says so; others only read.
    #[must_use]
    pub fn records(&self, keeper: Option<i64>) -> Records {
        let right = keeper.map_or(records::Right::Nobody, records::Right::Keeper);
        Records::new(self.another(), right)
    }

    /// Orders of who keeps the calendar, by the number that says so.
    #[must_use]
    pub fn orders(&self, keeper: i64) -> Orders {
        Orders::new(self.another(), keeper)
    }
}

/// Whether a number still is that of who keeps the calendar; it stays so until the transaction ends.
pub(super) fn still_keeps(
    client: &mut impl GenericClient,
    keeper: i64,
) -> Result<bool, postgres::Error> {
    let question = "SELECT 1 FROM keeper WHERE number = $1 FOR SHARE";
    Ok(client.query_opt(question, &[&keeper])?.is_some())
}

/// Makes the tables of the queue.
fn prepare_queue(address: &Address) -> Result<(), DatabaseError> {
    let failed = |error: String| DatabaseError::Unreachable(address.shown().to_owned(), error);
    let pool = address.pool(1)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    let options = WorkerOptions::default().database(pool).schema(QUEUE);
    let prepared = runtime.block_on(options.listen_os_shutdown_signals(false).init());
    prepared.map(drop).map_err(|error| failed(error.to_string()))
}
