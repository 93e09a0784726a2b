//! Evidence in an object storage, version 1: the list of the parts that a large file was put in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Value of `schema` in a list of parts.
pub const PARTS: &str = "dr_drill.parts.v1";

/// The parts of a file, in their order: one after the other they are the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartList {
    /// `dr_drill.parts.v1`.
    pub schema: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// A part of a file, an object beside the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The name of the object: its number and the beginning of its digest.
    pub object: String,
    /// Its bytes.
    pub bytes: u64,
}
