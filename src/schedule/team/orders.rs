//! Orders of who keeps a calendar: each is written and put into the queue in one transaction, once, and what became of it is
//! asked for until it is known.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::{JOB, QUEUE, still_keeps};
use crate::clock::Stopwatch;
use crate::database::{Connection, DatabaseError};

/// How often it is asked what became of an order, at first and in the end.
const SOON: Duration = Duration::from_millis(50);
const LATER: Duration = Duration::from_secs(1);
/// Jobs are handed out again without end: what ends an order is its calendar.
const ATTEMPTS: i32 = i16::MAX as i32;

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// Its drill is filed in the shared history, in this file.
    Filed(String),
    /// Its drill could not be run: why.
    Unstarted(String),
    /// No worker took it in time.
    Untaken,
    /// The worker that took it is gone, and no other took it over.
    Gone,
    /// The calendar ends. The order stays.
    Left,
}

/// An order, as it is written.
#[derive(Clone, Debug)]
pub struct Ordered<'a> {
    /// The drill.
    pub drill: &'a str,
    /// When its slot was due.
    pub due: i64,
    /// For the how manieth time.
    pub attempt: u32,
    /// Whether it is late.
    pub late: bool,
    /// What a worker has to have, all of it.
    pub needs: &'a [String],
    /// The highest is taken first.
    pub priority: u8,
    /// Seconds in which a worker has to take it.
    pub take_within: f64,
    /// Seconds that its drill may take.
    pub timeout: f64,
}

/// Orders that go through a database.
#[derive(Debug)]
pub struct Orders {
    connection: Arc<Connection>,
    keeper: i64,
}

impl Orders {
    pub(super) fn new(connection: Arc<Connection>, keeper: i64) -> Self {
        Self { connection, keeper }
    }

    /// Gives an order and waits until it is known what became of it. One that was given before is not given again.
    /// While the database cannot be reached it waits, too: `trouble` hears of it.
    pub fn give(
        &self,
        order: &Ordered<'_>,
        ending: &dyn Fn() -> bool,
        trouble: &dyn Fn(&DatabaseError),
    ) -> Awaited {
        let given = Stopwatch::start();
        let mut pause = SOON;
        let (mut id, mut told) = (None, None);
        while !ending() {
            let asked = match id {
                None => self.write(order).map(|written| {
                    id = written;
                    written.is_none().then_some(Awaited::Left)
                }),
                Some(id) => self.ask(order, id, given.seconds()),
            };
            match asked {
                Ok(Some(awaited)) => return awaited,
                Ok(None) => {}
                Err(error) => {
                    let said = error.to_string();
                    if told.as_ref() != Some(&said) {
                        trouble(&error);
                        told = Some(said);
                    }
                    thread::sleep(LATER);
                }
            }
            thread::sleep(pause);
            // What takes long is known long enough if it is known a tenth later.
            pause = (given.elapsed() / 10).clamp(SOON, LATER);
        }
        Awaited::Left
    }

    /// Writes an order and its job in one transaction, unless it is written. Nothing is, if another keeps the calendar now.
    fn write(&self, order: &Ordered<'_>) -> Result<Option<i64>, DatabaseError> {
        let (due, attempt) = (order.due, i64::from(order.attempt));
        self.connection.with(|client| {
            let mut transaction = client.transaction()?;
            if !still_keeps(&mut transaction, self.keeper)? {
                return Ok(None);
            }
            let insert = "INSERT INTO attempt (drill, due, attempt, late, state)
                VALUES ($1, $2, $3, $4, 'queued') ON CONFLICT (drill, due, attempt) DO NOTHING RETURNING id";
            let values: [&(dyn postgres::types::ToSql + Sync); 4] =
                [&order.drill, &due, &attempt, &order.late];
            let id: i64 = match transaction.query_opt(insert, &values)? {
                Some(row) => {
                    let id: i64 = row.get(0);
                    // The library takes the lowest number first.
                    let priority = i32::from(u8::MAX - order.priority);
                    let add = format!(
                        "SELECT {QUEUE}.add_job($1, json_build_object('attempt', $2::BIGINT),
                           priority => $3, flags => $4, max_attempts => $5)"
                    );
                    transaction.query(&add, &[&JOB, &id, &priority, &order.needs, &ATTEMPTS])?;
                    id
                }
                None => {
                    let known = "SELECT id FROM attempt WHERE drill = $1 AND due = $2 AND attempt = $3";
                    transaction.query_one(known, &[&order.drill, &due, &attempt])?.get(0)
                }
            };
            transaction.commit()?;
            Ok(Some(id))
        })
    }

    /// What became of an order, if that is known. One that nobody took in time, and one whose worker is gone for as long as
    /// the whole drill may take, is withdrawn: nobody takes it any more.
    fn ask(
        &self,
        order: &Ordered<'_>,
        id: i64,
        waited: f64,
    ) -> Result<Option<Awaited>, DatabaseError> {
        self.connection.with(|client| {
            let question = "SELECT state, file, reason FROM attempt WHERE id = $1";
            let row = client.query_one(question, &[&id])?;
            let (state, file): (&str, Option<String>) = (row.get(0), row.get(1));
            let withdraw = "UPDATE attempt SET state = 'withdrawn', fence = fence + 1
                WHERE id = $1 AND state = $2
                  AND (seen_at IS NULL OR seen_at < now() - make_interval(secs => $3))";
            let patience = order.take_within;
            Ok(match (state, file) {
                ("done", Some(file)) => Some(Awaited::Filed(file)),
                ("done", None) => {
                    Some(Awaited::Unstarted(row.get::<_, Option<String>>(2).unwrap_or_default()))
                }
                ("withdrawn", _) => Some(Awaited::Untaken),
                ("queued", _) if waited > patience => {
                    let gone = client.execute(withdraw, &[&id, &"queued", &patience])?;
                    (gone == 1).then_some(Awaited::Untaken)
                }
                ("running", _) if waited > order.timeout + patience => {
                    let gone = client.execute(withdraw, &[&id, &"running", &patience])?;
                    (gone == 1).then_some(Awaited::Gone)
                }
                _ => None,
            })
        })
    }
}
