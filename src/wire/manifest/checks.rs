//! Questions about the restored data, each with the answer that is expected.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A question about the restored data (`docs/checks.md`). One that is not critical gives a warning
/// where it does not hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "check", rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    /// The database answers.
    Connectivity {
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// At least one table holds a row.
    NotEmpty {
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// These tables are there.
    RequiredTables {
        /// Their names; without a schema, in `public`.
        #[schemars(length(min = 1, max = 10_000), inner(length(min = 1, max = 255)))]
        tables: Vec<String>,
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// A table has so many rows.
    RowCount {
        /// Its name.
        #[schemars(length(min = 1, max = 255))]
        table: String,
        /// Exactly so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exact: Option<u64>,
        /// At least so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1))]
        min: Option<u64>,
        /// At most so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u64>,
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// No row refers to a row that is not there; and there is at least one foreign key.
    ForeignKeys {
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// Every index can be used; and there is at least one.
    Indexes {
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// No sequence would give a number that is in use; and there is at least one.
    Sequences {
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// The database's own tool finds no damage: `pg_amcheck`, `PRAGMA integrity_check`.
    Integrity {
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// The newest row of a table is recent: its age counts as recovery point, too.
    NewestRow {
        /// The table.
        #[schemars(length(min = 1, max = 255))]
        table: String,
        /// The column with the time; one without a time zone is read as UTC.
        #[schemars(length(min = 1, max = 255))]
        column: String,
        /// Oldest acceptable, in minutes before the drill.
        #[schemars(extend("exclusiveMinimum" = 0))]
        max_age_minutes: f64,
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// Everything that belongs to the baseline is there: tables with their columns, indexes,
    /// constraints, triggers and the rest.
    Structure {
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// The tables hold the rows of the baseline.
    Content {
        /// Only these tables. Default: all of the baseline.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[schemars(inner(length(min = 1, max = 255)))]
        tables: Vec<String>,
        /// In place of the same rows: as many, give or take so many percent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 100))]
        tolerance_percent: Option<f64>,
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// A query gives one value: this one.
    Query {
        /// The query; it is run in a transaction that can only read.
        #[schemars(length(min = 1, max = 65_536))]
        sql: String,
        /// The value that is expected, as text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<String>,
        /// In its place: its SHA-256, where the value itself is to stand nowhere (a canary).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
        expected_sha256: Option<String>,
        /// How far a number may be from the one that is expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("exclusiveMinimum" = 0))]
        tolerance: Option<f64>,
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
}

impl Check {
    /// The kind of check, as manifests write it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Connectivity { .. } => "connectivity",
            Self::NotEmpty { .. } => "not_empty",
            Self::RequiredTables { .. } => "required_tables",
            Self::RowCount { .. } => "row_count",
            Self::ForeignKeys { .. } => "foreign_keys",
            Self::Indexes { .. } => "indexes",
            Self::Sequences { .. } => "sequences",
            Self::Integrity { .. } => "integrity",
            Self::NewestRow { .. } => "newest_row",
            Self::Structure { .. } => "structure",
            Self::Content { .. } => "content",
            Self::Query { .. } => "query",
        }
    }

    /// Whether the drill fails where it does not hold.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        match self {
            Self::Connectivity { critical }
            | Self::NotEmpty { critical }
            | Self::RequiredTables { critical, .. }
            | Self::RowCount { critical, .. }
            | Self::ForeignKeys { critical }
            | Self::Indexes { critical }
            | Self::Sequences { critical }
            | Self::Integrity { critical }
            | Self::NewestRow { critical, .. }
            | Self::Structure { critical }
            | Self::Content { critical, .. }
            | Self::Query { critical, .. } => critical.unwrap_or(true),
        }
    }
}
