//! Restore drills: a backup is verified, restored in isolation, checked, judged and the result sealed.
pub mod clock;
pub mod digest;
pub mod document;
pub mod fs;
pub mod process;
pub mod secret;
pub mod wire;
pub mod event;
pub mod manifest;
pub mod plan;
pub mod outcome;
pub mod payload;
pub mod sbom;
pub mod provenance;
pub mod backup;
pub mod restore;
pub mod policy;
