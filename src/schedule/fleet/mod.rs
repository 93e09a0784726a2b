//! A fleet as it was understood: every drill with what holds for it.

mod layers;
mod read;
mod room;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::opening::Hours;
use super::times::Times;
use crate::digest::Digest;
use crate::wire::alerts::Alerts;
use crate::wire::fleet::{Budgets, CatchUp, RestorePoint, Success};

pub use read::read;
pub use room::Room;
pub(super) use room::Used;

/// Largest fleet file that is read, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;

/// Which drills are due when.
#[derive(Debug)]
pub struct Fleet {
    /// Its name.
    pub name: Option<String>,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// What drills may use at one time.
    pub machine: Room,
    /// How many drills run side by side.
    pub places: usize,
    /// What all drills may use in a day.
    pub budgets: Budgets,
    /// Who is told of slots that did not end well.
    pub alerts: Option<Alerts>,
    /// When only what is critical is told.
    pub(super) quiet: Option<Hours>,
    /// The drills, in the order of the file.
    pub drills: Vec<Drill>,
}

/// A drill of a fleet.
#[derive(Debug)]
pub struct Drill {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Option<String>,
    /// Where its manifest comes from.
    pub source: Source,
    /// Words to choose it by.
    pub labels: Vec<String>,
    /// The drills that have to pass before, by their place in the fleet.
    pub after: Vec<usize>,
    /// When it is due, and how it is run.
    pub rules: Rules,
}

/// Where the manifest of a drill comes from; paths are relative to the fleet file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, or several that a `*` stands for.
    Manifest(String),
    /// A file whose texts hold parameters, and their values.
    Template(String, BTreeMap<String, String>),
}

/// When a drill is due, and how it is run. Durations are in seconds.
#[derive(Debug)]
pub struct Rules {
    /// The pattern, as it was written.
    pub cron: String,
    /// The time zone of pattern and windows.
    pub zone: TimeZone,
    /// When it is due.
    pub(super) times: Arc<Times>,
    /// When it may start.
    pub(super) hours: Hours,
    /// After it was due, it has to start within so many.
    pub start_within: i64,
    /// It starts so many later at most.
    pub jitter: i64,
    /// Of drills that wait, the highest starts first.
    pub priority: u8,
    /// It is thought to take so long.
    pub expected: f64,
    /// After so many it is ended.
    pub timeout: f64,
    /// How often it is run again if it came to no verdict.
    pub retries: u32,
    /// Until the first time.
    pub backoff: f64,
    /// What it uses.
    pub needs: Room,
    /// Words that a worker of a team has to be started with.
    pub workers: Vec<String>,
    /// What to do about slots that nobody looked at.
    pub catch_up: CatchUp,
    /// Which of several manifests is drilled.
    pub restore_point: Option<RestorePoint>,
    /// Days within which one has to have passed.
    pub max_age_days: Option<f64>,
    /// How many of the newest slots have to have passed.
    pub success: Option<Success>,
}

impl Fleet {
    /// The place of the drill of a name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.drills.iter().position(|drill| drill.name == name)
    }
}

impl Drill {
    /// Slots are due after an instant at these, in seconds since the Unix epoch.
    pub fn slots_after(&self, instant: i64) -> impl Iterator<Item = i64> {
        std::iter::successors(self.rules.times.next_after(instant), |due| {
            self.rules.times.next_after(*due)
        })
    }

    /// When the drill of a slot is to start, if the machine is free: its own jitter after it was due.
    #[must_use]
    pub fn wanted_at(&self, due: i64) -> i64 {
        if self.rules.jitter == 0 {
            return due;
        }
        let seed = Digest::of(format!("{}\0{due}", self.name).as_bytes());
        due.saturating_add(seed.number_below(self.rules.jitter.unsigned_abs() + 1).cast_signed())
    }

    /// Until when it has to have started.
    #[must_use]
    pub fn deadline(&self, due: i64) -> i64 {
        due.saturating_add(self.rules.start_within)
    }
}
