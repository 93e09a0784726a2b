//! Use cases: what the command line asks for, wired together from the modules below.

mod author;
mod calendar;
mod dump;
mod keys;
mod matrix;
mod records;
mod rehearsal;
mod run;
#[cfg(feature = "serve")]
mod serve;
mod site;
#[cfg(feature = "queue")]
mod team;
#[cfg(feature = "storage")]
mod transfer;
mod vouchers;

pub use author::{AuthorError, InitRequest, Pinned, init, pin};
pub use calendar::{Desk, FleetError, Grounds, keep, read_fleet};
pub use dump::{DumpError, DumpRequest, Made, dump};
pub use keys::{SignError, generate_key, read_private_key, sign};
pub use matrix::{AggregateError, MATRIX_JOBS, aggregate, matrix, write_plan};
pub use records::{
    RecordError, add, controls, coverage, pack_into, read_note, sealed, unpack_into,
};
pub use rehearsal::{
    CutOff, ExerciseRequest, SCENARIOS, check_tabletop, cut_off, run_failover, run_tabletop,
};
pub use run::{Past, RunError, RunRequest, past, run};
#[cfg(feature = "serve")]
pub use serve::{ServeError, Served, serve};
pub use site::site;
#[cfg(feature = "queue")]
pub use team::{Hand, keep_team};
#[cfg(feature = "storage")]
pub use transfer::{TransferError, Transferred, pull, push};
pub use vouchers::{
    BundleRequest, CheckError, ProvenanceRequest, SbomRequest, Subject, check_provenance,
    check_sbom, read_key, verify_bundle,
};
