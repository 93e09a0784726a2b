//! The history that a team shares, in its database: every pack and every record of slots, filed one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postgres::types::ToSql;

use super::still_keeps;
use crate::database::{Connection, DatabaseError};
use crate::history::{Claim, Origin};

/// Largest file that goes into a database, in bytes.
const MAX_BYTES: usize = 256 << 20;

/// Who may file.
#[derive(Clone, Debug)]
pub(super) enum Right {
    /// Nobody: it is only read.
    Nobody,
    /// Who keeps the calendar by this number, as long as nobody else does.
    Keeper(i64),
    /// Who has the order of this number, and holds it by this fence: it was not handed to another since.
    Attempt {
        id: i64,
        fence: i64,
        /// Whether the order is to be let go of.
        over: Arc<AtomicBool>,
    },
}

/// The history of a team.
#[derive(Debug)]
pub struct Records {
    connection: Arc<Connection>,
    right: Right,
    /// Whether the database could not be used at some time.
    failed: Arc<AtomicBool>,
}

/// A place in it, held by a connection of its own: when that ends, the place is free.
#[derive(Debug)]
struct Place {
    connection: Connection,
    folder: String,
    right: Right,
    failed: Arc<AtomicBool>,
}

impl Records {
    pub(super) fn new(connection: Arc<Connection>, right: Right) -> Self {
        Self { connection, right, failed: Arc::new(AtomicBool::new(false)) }
    }

    /// Whether the database could not be used at some time: what could not be filed says then nothing of its drill.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

/// What is said of an error of the database, which is remembered.
fn told(failed: &AtomicBool, error: &DatabaseError) -> String {
    failed.store(true, Ordering::Relaxed);
    format!("the shared history: {error}")
}

impl Origin for Records {
    fn files(&self, folder: Option<&str>) -> Result<Vec<String>, String> {
        let question = "SELECT file FROM record WHERE $1::TEXT IS NULL OR folder = $1
            ORDER BY folder, sequence";
        let rows = self.connection.with(|client| client.query(question, &[&folder]));
        let rows = rows.map_err(|error| told(&self.failed, &error))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    fn content(&self, file: &str) -> Result<Vec<u8>, String> {
        let question = "SELECT content FROM record WHERE file = $1";
        let row = self.connection.with(|client| client.query_opt(question, &[&file]));
        let row = row.map_err(|error| told(&self.failed, &error))?;
        row.map(|row| row.get(0)).ok_or_else(|| format!("the shared history does not hold {file}"))
    }

    fn claim(&self, folder: &str) -> Result<Box<dyn Claim>, String> {
        let connection = Connection::new(self.connection.address().clone());
        let held = connection.with(|client| {
            client.batch_execute("BEGIN")?;
            client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", &[&folder])
        });
        held.map_err(|error| told(&self.failed, &error))?;
        Ok(Box::new(Place {
            connection,
            folder: folder.to_owned(),
            right: self.right.clone(),
            failed: Arc::clone(&self.failed),
        }))
    }
}

impl Claim for Place {
    fn publish(self: Box<Self>, file: &str, content: Vec<u8>) -> Result<(), String> {
        if content.len() > MAX_BYTES {
            return Err(format!(
                "{file} has more than the {MAX_BYTES} bytes that a shared history takes"
            ));
        }
        // The number and what it is of, as the name of the file says.
        let sequence = file.rsplit('/').next().unwrap_or(file);
        let sequence = sequence.split('-').next().unwrap_or(sequence);
        let published = self.connection.with(|client| {
            let may = match &self.right {
                Right::Nobody => false,
                Right::Keeper(keeper) => still_keeps(client, *keeper)?,
                Right::Attempt { over, .. } if over.load(Ordering::Relaxed) => false,
                Right::Attempt { id, fence, .. } => {
                    let take = "UPDATE attempt SET state = 'done', file = $3
                        WHERE id = $1 AND fence = $2 AND state = 'running'";
                    client.execute(take, &[id, fence, &file])? == 1
                }
            };
            if !may {
                client.batch_execute("ROLLBACK")?;
                return Ok(false);
            }
            let insert =
                "INSERT INTO record (file, folder, sequence, content) VALUES ($1, $2, $3, $4)";
            let values: [&(dyn ToSql + Sync); 4] = [&file, &self.folder, &sequence, &content];
            client.execute(insert, &values)?;
            client.batch_execute("COMMIT")?;
            Ok(true)
        });
        match published {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("{file} is not filed: another has taken over meanwhile")),
            Err(error) => Err(told(&self.failed, &error)),
        }
    }
}
