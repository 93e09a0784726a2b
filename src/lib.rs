//! Restore drills: a backup is verified, restored in isolation, compared, judged, and the evidence
//! sealed.
//!
//! The `dr-drill` binary is [`cli::main`] and nothing else. `ARCHITECTURE.md` shows how the modules
//! lie above each other; `tests/architecture.rs` holds them there. A whole drill is [`app::run`];
//! auditors start at [`evidence::verify`]; readers of files at [`wire`].

pub mod app;
pub mod backup;
pub mod check;
pub mod cli;
pub mod clock;
pub mod dashboard;
#[cfg(feature = "queue")]
pub mod database;
pub mod digest;
pub mod document;
pub mod drill;
pub mod engine;
pub mod event;
pub mod evidence;
pub mod exercise;
pub mod fs;
pub mod graph;
pub mod history;
pub mod instance;
pub mod manifest;
pub mod notify;
pub mod outcome;
pub mod payload;
pub mod plan;
pub mod policy;
pub mod process;
pub mod provenance;
pub mod report;
pub mod request;
pub mod restore;
pub mod sbom;
pub mod schedule;
pub mod secret;
pub mod signature;
#[cfg(feature = "storage")]
pub mod storage;
pub mod target;
pub mod wire;
