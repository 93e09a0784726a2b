//! Use cases: what the command line asks for, wired together from the modules below.

mod manifest;
mod run;

pub use manifest::{AuthorError, InitRequest, Pinned, init, pin};
pub use run::{RunError, RunRequest, run};
