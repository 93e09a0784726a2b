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
    /// No value of a primary key is there twice; and there is at least one primary key.
    PrimaryKeys {
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
    /// A query is answered in time.
    Latency {
        /// The query; it is run in a transaction that can only read.
        #[schemars(length(min = 1, max = 65_536))]
        sql: String,
        /// Longest acceptable time, in milliseconds, with the start of the client.
        #[schemars(extend("exclusiveMinimum" = 0))]
        max_milliseconds: f64,
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// Of Redis: so many keys have names that a pattern fits.
    KeyCount {
        /// The pattern, as `KEYS` takes it. Default: `*`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1, max = 1000))]
        pattern: Option<String>,
        /// Number of the database. Default: 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(max = 1023))]
        database: Option<u32>,
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
    /// Of Redis: a key has this value, which is a string.
    KeyValue {
        /// The key.
        #[schemars(length(min = 1, max = 65_536))]
        key: String,
        /// Number of the database. Default: 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(max = 1023))]
        database: Option<u32>,
        /// The value that is expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<String>,
        /// In its place: its SHA-256, where the value itself is to stand nowhere (a canary).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
        expected_sha256: Option<String>,
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// Of Redis: a new key can be written, read and removed.
    ReadWrite {
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// A program that asks for itself: it holds if it ends with 0 (`docs/checks.md`).
    Program {
        /// The program: any executable.
        #[schemars(length(min = 1, max = 4096))]
        path: String,
        /// SHA-256 of the program, if it is to be pinned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
        sha256: Option<String>,
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
    /// A service that depends on the database works with what was restored: a command that ends with 0, or an address that
    /// answers. Only of a target that is there already: nobody can reach a throwaway server.
    Connection {
        /// The service.
        #[schemars(length(min = 1, max = 200))]
        service: String,
        /// A program and its arguments, run where the manifest lies.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        command: Vec<String>,
        /// Environment variables that it is given, by name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        environment: Vec<String>,
        /// An address that is asked with GET.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        http: Option<String>,
        /// The status that it has to answer; default 200.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 100, max = 599))]
        expect_status: Option<u16>,
        /// What the answer has to contain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        contains: Option<String>,
        /// How long it may take, in seconds; default 30.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("exclusiveMinimum" = 0), range(max = 86_400))]
        timeout_seconds: Option<f64>,
        /// Default: true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        critical: Option<bool>,
    },
}

/// The checks of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Checks {
    /// Those that follow from the baseline.
    Derived(Derived),
    /// These.
    Listed(#[schemars(length(max = 1000))] Vec<Check>),
}

/// That the checks follow from the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Derived {
    /// Structure, content, keys, indexes and sequences, as far as the baseline holds any.
    Auto,
}

impl Default for Checks {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Checks {
    /// Whether nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Listed(list) if list.is_empty())
    }
}

/// What a kind of check asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A database with tables.
    Tables,
    /// A store of keys and values.
    Keys,
    /// Either.
    Both,
}

impl Check {
    /// What can be asked so.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::Connectivity { .. }
            | Self::NotEmpty { .. }
            | Self::Content { .. }
            | Self::Program { .. }
            | Self::Connection { .. } => Subject::Both,
            Self::KeyCount { .. } | Self::KeyValue { .. } | Self::ReadWrite { .. } => Subject::Keys,
            _ => Subject::Tables,
        }
    }

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
            Self::Latency { .. } => "latency",
            Self::PrimaryKeys { .. } => "primary_keys",
            Self::KeyCount { .. } => "key_count",
            Self::KeyValue { .. } => "key_value",
            Self::ReadWrite { .. } => "read_write",
            Self::Program { .. } => "program",
            Self::Connection { .. } => "connection",
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
            | Self::Query { critical, .. }
            | Self::Latency { critical, .. }
            | Self::PrimaryKeys { critical }
            | Self::KeyCount { critical, .. }
            | Self::KeyValue { critical, .. }
            | Self::ReadWrite { critical }
            | Self::Connection { critical, .. }
            | Self::Program { critical, .. } => critical.unwrap_or(true),
        }
    }
}
