//! What an agenda is told, and what it decides.

use crate::schedule::written;
use crate::wire::event::Verdict;
use crate::wire::schedule::EndedSlot;
use crate::wire::slot::Cause;

/// A slot: the drill by its place in the fleet, and when it is due, in seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The drill.
    pub drill: usize,
    /// When it is due.
    pub due: i64,
}

/// How a slot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its drill passed.
    Passed,
    /// Its drill failed.
    Failed,
    /// Its drill came to no verdict.
    Inconclusive,
    /// Its drill was begun and left nothing.
    Interrupted,
    /// Its drill could not be begun.
    Unstarted,
    /// No drill ran.
    Settled,
}

/// What is known of a drill before a moment.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Slots until then are settled, or are none of this fleet: in seconds since the Unix epoch.
    pub settled_until: i64,
    /// Later ones that have ended.
    pub ended: Vec<(i64, Ended)>,
    /// Later ones whose drill was begun and that have not ended.
    pub begun: Vec<Begun>,
    /// The newest slot until then, if there was one.
    pub last: Option<(i64, Ended)>,
    /// Seconds that it takes.
    pub expected: Option<f64>,
}

/// A slot whose drill was begun, and that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// When it was due.
    pub due: i64,
    /// How often its drill was begun.
    pub attempts: u32,
    /// What a drill of it came to that left evidence: no verdict.
    pub ran: Option<Ended>,
    /// Whether it may still run: on another machine, which goes on without this one.
    pub runs: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A drill is to be run.
    Start {
        /// For this slot.
        slot: Slot,
        /// For the how manieth time, from 1.
        attempt: u32,
        /// Whether it is late.
        late: bool,
    },
    /// Slots have ended without a drill.
    Settle(Settled),
}

/// Slots of a drill that end without a drill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The drill.
    pub drill: usize,
    /// When they were due, the oldest first.
    pub due: Vec<i64>,
    /// What kept it from running.
    pub cause: Cause,
    /// The same for people.
    pub reason: String,
    /// How often it was begun.
    pub attempts: u32,
}

/// What was used of the budgets of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// The day, counted from the Unix epoch.
    pub day: i64,
    /// Minutes of drills.
    pub minutes: f64,
    /// Bytes of backups.
    pub bytes: u64,
}

impl Ended {
    /// The verdict, where a drill left evidence.
    #[must_use]
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Passed => Some(Verdict::Passed),
            Self::Failed => Some(Verdict::Failed),
            Self::Inconclusive => Some(Verdict::Inconclusive),
            Self::Interrupted | Self::Unstarted | Self::Settled => None,
        }
    }
}

impl Settled {
    /// The slots, by the name of their drill, in the order of `due`.
    #[must_use]
    pub fn slots(&self, name: &str) -> Vec<EndedSlot> {
        let slot = |due: &i64| EndedSlot {
            drill: name.to_owned(),
            due_at: written(*due),
            verdict: None,
            cause: Some(self.cause),
            reason: Some(self.reason.clone()),
            run_id: None,
        };
        self.due.iter().map(slot).collect()
    }
}
