//! The files of rehearsals, version 1: a tabletop, a failover. `exercise` says which of them a file is.

mod failover;
mod tabletop;

pub use failover::*;
pub use tabletop::*;
