//! Use cases: what the command line asks for, wired together from the modules below.

mod author;
mod run;

pub use author::{AuthorError, InitRequest, Pinned, init, pin};
pub use run::{RunError, RunRequest, run};
