//! A baseline, version 1 (`dr_drill.baseline.v1`): what a database was, in numbers, names and digests.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Value of `schema` in every baseline.
pub const SCHEMA: &str = "dr_drill.baseline.v1";

/// What a database was when it was last known to be good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dr-drill baseline, version 1")]
pub struct Baseline {
    /// Always `dr_drill.baseline.v1`.
    pub schema: String,
    /// `postgresql`, `mariadb`, `redis` or `sqlite`.
    pub engine: String,
    /// Its tables, by name.
    pub tables: BTreeMap<String, Table>,
    /// Time of the newest row, by `table.column`, of those that were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub newest_rows: BTreeMap<String, String>,
    /// Everything else that belongs to it, by kind and name: indexes, constraints, triggers, views,
    /// sequences, functions, types, extensions. Each with the SHA-256 of its definition, where that is
    /// the same in every version of the server.
    pub objects: BTreeMap<String, Option<String>>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// How many rows (of Redis: lasting keys) it has.
    pub rows: u64,
    /// A checksum of all its rows, whatever their order: a row that is missing, doubled or changed,
    /// also to NULL, gives another. Nothing where it would have kept a server in use too busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Whether it changed while the backup was made: its content is then compared with nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changing: bool,
    /// Its columns, each with its type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}
