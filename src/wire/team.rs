//! What goes through the queue of a team, version 1.

use serde::{Deserialize, Serialize};

/// A job: the order that it is of. All else stands in the table of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub attempt: i64,
}
