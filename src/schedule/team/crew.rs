//! A worker: it takes orders for which it has what they need, says that it is there while it carries them out, and files what
//! came of them, unless another was given its order meanwhile. The queue is that of `graphile_worker`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext, WorkerOptions};
use tokio::runtime;

use super::records::{Records, Right};
use super::{JOB, POOL, QUEUE, Team};
use crate::clock::Stopwatch;
use crate::database::{Connection, DatabaseError};
use crate::wire::team::Job;

/// Longest pause before a queue that was lost is looked for again.
const AGAIN: Duration = Duration::from_secs(10);
/// How often a worker says that it is there, at most, as a part of the time after which it is given up.
const SIGNS: u32 = 6;
/// The least time between two questions whether there is work.
const ASKS: Duration = Duration::from_millis(50);
/// How often it looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);
/// Longest time that drills have to end in good order.
const GRACE: Duration = Duration::from_secs(30);
/// Until an order of a worker that was lost is handed out again.
const HANDED_ON: Duration = Duration::from_millis(100);

/// What a worker is given to do.
#[derive(Debug)]
pub struct Work {
    /// The drill.
    pub drill: String,
    /// When its slot was due.
    pub due: i64,
    /// For the how manieth time.
    pub attempt: u32,
    /// Whether it is late.
    pub late: bool,
    /// Where it is filed.
    pub records: Arc<Records>,
    /// Whether it is to be ended: another has the order, or the worker ends.
    pub over: Arc<AtomicBool>,
}

/// Carries out an order, and files it: why it left no evidence, if it left none.
type Run = dyn Fn(&Work) -> Result<(), String> + Send + Sync;

/// A worker of a team.
#[derive(Clone)]
pub struct Crew {
    team: Team,
    /// What it is called.
    name: String,
    run: Arc<Run>,
    ending: Arc<AtomicBool>,
    /// After so long without a sign a worker is given up, and its drills are taken over.
    lost_after: Duration,
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crew({})", self.name)
    }
}

impl Crew {
    /// A worker. No other may have its name.
    #[must_use]
    pub fn new(
        team: Team,
        name: String,
        run: Arc<Run>,
        ending: Arc<AtomicBool>,
        lost_after: Duration,
    ) -> Self {
        Self { team, name, run, ending, lost_after }
    }

    /// How often the library asks for work: each time once for every place, twenty times in a second at most.
    fn poll(places: usize) -> Duration {
        ASKS.saturating_mul(u32::try_from(places).unwrap_or(u32::MAX))
            .clamp(ASKS * 2, Duration::from_secs(1))
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Works until it is to end: so many drills side by side, and only those that need nothing else than it has. When the
    /// database is lost it is looked for again; `trouble` hears of it.
    pub fn work(&self, places: usize, has: &[String], trouble: &dyn Fn(&str)) {
        let mut pause = LOOK;
        while !self.is_ending() {
            let watch = Stopwatch::start();
            if let Err(error) = self.once(places, has) {
                trouble(&error);
            }
            if watch.elapsed() > AGAIN {
                pause = LOOK;
            }
            let waited = Stopwatch::start();
            while waited.elapsed() < pause && !self.is_ending() {
                thread::sleep(LOOK);
            }
            pause = (pause * 2).min(AGAIN);
        }
    }

    /// Works until it is to end or the database is lost. The library gives each such time a name of its own, so that orders
    /// of the last one are handed out again.
    fn once(&self, places: usize, has: &[String]) -> Result<(), String> {
        let pool = self.team.connection.address().pool(POOL).map_err(|error| error.to_string())?;
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let sign = self.lost_after / SIGNS;
        let ending = Arc::clone(&self.ending);
        let ended = async move {
            while !ending.load(Ordering::Relaxed) {
                tokio::time::sleep(LOOK).await;
            }
        };
        let options = WorkerOptions::default()
            .database(pool)
            .schema(QUEUE)
            .concurrency(places)
            .poll_interval(Self::poll(places))
            .use_notification_delivery(false)
            .heartbeat_interval(sign)
            .sweep_interval(sign)
            .sweep_threshold(self.lost_after)
            .recovery_delay(HANDED_ON)
            .job_flag_allowlist(has.iter().cloned())
            .listen_os_shutdown_signals(false)
            .shutdown_signal(ended)
            .shutdown_grace_period(GRACE)
            .shutdown_interrupted_job_retry_delay(HANDED_ON)
            .add_extension(self.clone())
            .define_job::<Job>();
        let worked = runtime.block_on(async {
            let worker = options.init().await.map_err(|error| error.to_string())?;
            worker.run().await.map_err(|error| error.to_string())
        });
        // Drills that still run end when their fence is gone.
        runtime.shutdown_background();
        worked
    }

    /// Takes an order, carries it out, and says what became of it if that is not filed.
    fn carry_out(&self, id: i64) -> Result<(), DatabaseError> {
        let connection = self.team.another();
        let take = "UPDATE attempt SET state = 'running', fence = fence + 1, worker = $2, seen_at = now()
            WHERE id = $1 AND state IN ('queued', 'running') RETURNING fence, drill, due, attempt, late";
        let taken = connection.with(|client| client.query_opt(take, &[&id, &self.name]))?;
        // It was withdrawn, or another has carried it out.
        let Some(row) = taken else { return Ok(()) };
        let fence: i64 = row.get(0);
        let over = Arc::new(AtomicBool::new(false));
        let right = Right::Attempt { id, fence, over: Arc::clone(&over) };
        let work = Work {
            drill: row.get(1),
            due: row.get(2),
            attempt: u32::try_from(row.get::<_, i64>(3)).unwrap_or(u32::MAX),
            late: row.get(4),
            records: Arc::new(Records::new(Arc::clone(&connection), right)),
            over: Arc::clone(&over),
        };
        let done = AtomicBool::new(false);
        let ran = thread::scope(|scope| {
            scope.spawn(|| self.say_so(id, fence, &over, &done));
            let ran = (self.run)(&work);
            done.store(true, Ordering::Relaxed);
            ran
        });
        let Err(reason) = ran else { return Ok(()) };
        if self.is_ending() || work.records.has_failed() {
            // Another takes it over: the library hands the job out again.
            let back = "UPDATE attempt SET state = 'queued'
                WHERE id = $1 AND fence = $2 AND state = 'running'";
            connection.with(|client| client.execute(back, &[&id, &fence]))?;
            return Err(DatabaseError::Refused(self.name.clone(), reason));
        }
        let end = "UPDATE attempt SET state = 'done', reason = $3
            WHERE id = $1 AND fence = $2 AND state = 'running'";
        connection.with(|client| client.execute(end, &[&id, &fence, &reason]))?;
        Ok(())
    }

    /// Says that the worker is there while a drill runs. The drill is over when its order was given to another, or when nobody
    /// could be told for so long that it may have been.
    fn say_so(&self, id: i64, fence: i64, over: &AtomicBool, done: &AtomicBool) {
        let connection = Connection::new(self.team.connection.address().clone());
        let mut heard = Stopwatch::start();
        let mut last = Stopwatch::start();
        while !done.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
            if self.is_ending() {
                over.store(true, Ordering::Relaxed);
            }
            if last.elapsed() < self.lost_after / SIGNS {
                continue;
            }
            last = Stopwatch::start();
            let sign = "UPDATE attempt SET seen_at = now() WHERE id = $1 AND fence = $2 AND state IN ('running', 'done')";
            match connection.with(|client| client.execute(sign, &[&id, &fence])) {
                Ok(1) => heard = Stopwatch::start(),
                Ok(_) => over.store(true, Ordering::Relaxed),
                Err(_) if heard.elapsed() > self.lost_after => over.store(true, Ordering::Relaxed),
                Err(_) => {}
            }
        }
    }
}

impl TaskHandler for Job {
    const IDENTIFIER: &'static str = JOB;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(crew) = context.get_ext::<Crew>().cloned() else {
            return Err("the worker has no crew".to_owned());
        };
        let done = tokio::task::spawn_blocking(move || crew.carry_out(self.attempt)).await;
        match done {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}
