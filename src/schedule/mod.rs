//! The calendar of a fleet: which slots are due as a pure function of (fleet, history, now), and the loop around it.

mod agenda;
mod alerts;
mod ask;
mod books;
mod courier;
mod export;
mod fleet;
mod gate;
mod ledger;
mod matrix;
mod metrics;
mod opening;
mod outbox;
mod point;
mod simulate;
mod tables;
#[cfg(feature = "queue")]
pub mod team;
mod times;
mod work;

pub use agenda::{Agenda, Begun, Decision, Ended, Past, Settled, Slot, Spent};
pub use alerts::{Close, Outgoing, Told, key_of, note};
pub use ask::{coming, explain, told};
pub use books::Books;
pub use courier::courier;
pub use export::{Places, kubernetes, systemd};
pub use fleet::{Drill, Fleet, MAX_BYTES, Room, Rules, Source, read};
pub use gate::{Record, gate, has_limit, slots_wanted};
pub use ledger::{Known, Ledger, LedgerError};
pub use matrix::{Planned, PlannedStart, matrix};
pub use metrics::calendar_families;
pub use outbox::{Delivery, Noted, Outbox, Waiting};
pub use point::choose;
pub use simulate::{Play, simulate, workers_needed};
pub use work::{Calendar, Done, Happening, Order, only_limits, work};

use crate::clock::Timestamp;

/// A moment in seconds since the Unix epoch, as it is written.
#[must_use]
pub fn written(seconds: i64) -> String {
    Timestamp::from_unix(seconds).map(|at| at.to_string()).unwrap_or_default()
}
