//! What a drill has to do with the drills of the same name before it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The place of a drill among those of its name in a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainFacts {
    /// Its number, from 1, without gaps.
    pub sequence: u64,
    /// The drill before it; `null` for the first.
    pub previous: Option<PreviousFacts>,
}

/// A drill that another one follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviousFacts {
    /// Its run.
    pub run_id: String,
    /// SHA-256 of its `SHA256SUMS`, which pins every file of its evidence.
    pub seal_sha256: String,
}

/// What drills of the same name were like before this one, as the history told when it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PastFacts {
    /// How many of them passed and are looked at here: the newest 20 at most.
    pub passed: u64,
    /// The median of their RTO, in seconds; `null` where none passed.
    pub median_rto_seconds: Option<f64>,
    /// The run whose baseline the data is compared with, where the manifest wants the newest that passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_run_id: Option<String>,
}
