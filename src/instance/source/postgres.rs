//! PostgreSQL in use: one snapshot is held open, and the dump and every question see it.

use std::path::Path;

use super::super::{InstanceError, Quarters, READY, wait_until};
use super::client::PostgresClient;
use super::{DatabaseUrl, Source};
use crate::process::Service;
use crate::target::{Engine, Row, SqlTarget, Target, TargetError};

/// What a client runs to hold its transaction open until it is ended: an idle one costs a server
/// nothing, and ends with its client.
const HOLD: &str = "\\! exec sleep 604800";
/// Statements until then: the transaction, and the name by which others see the same.
const STATEMENTS: [&str; 3] = [
    "SET idle_in_transaction_session_timeout = 0",
    BEGIN,
    "SELECT 'snapshot ' || pg_export_snapshot()",
];
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A database in use.
pub(super) struct PostgresSource<'a> {
    client: PostgresClient<'a>,
    snapshot: String,
    /// Holds the snapshot as long as this is here.
    _holder: Service,
}

impl<'a> PostgresSource<'a> {
    pub(super) fn open(url: &DatabaseUrl, quarters: Quarters<'a>) -> Result<Self, InstanceError> {
        let client = PostgresClient::open(url, quarters)?;
        let mut arguments =
            vec!["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", url.shown()];
        for statement in STATEMENTS.into_iter().chain([HOLD]) {
            arguments.extend(["-c", statement]);
        }
        let holder =
            client.quarters.serve(&client.program("psql"), &arguments, &client.environment());
        let named = |said: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix("snapshot "));
            line.map(str::to_owned)
        };
        wait_until(|| named(&holder.printed()).is_some(), &holder, &client.quarters, READY)?;
        let snapshot = named(&holder.printed()).unwrap_or_default();
        Ok(Self { client, snapshot, _holder: holder })
    }
}

impl Source for PostgresSource<'_> {
    fn target(&self) -> Target<'_> {
        Target::Sql(self)
    }

    fn is_one_moment(&self) -> bool {
        true
    }

    fn dump_name(&self) -> (&'static str, bool) {
        ("backup.pgdump", true)
    }

    fn dump(&self, file: &Path) -> Result<String, InstanceError> {
        self.client.dump(file, &[&format!("--snapshot={}", self.snapshot)])
    }
}

impl SqlTarget for PostgresSource<'_> {
    fn engine(&self) -> Engine {
        Engine::PostgreSql
    }

    fn query(&self, sql: &str) -> Result<Vec<Row>, TargetError> {
        let seen = format!("SET TRANSACTION SNAPSHOT '{}'", self.snapshot);
        self.client.rows(&[BEGIN, &seen, sql])
    }
}
