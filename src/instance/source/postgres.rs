//! PostgreSQL in use: one snapshot is held open, and the dump and every question see it.

use std::path::Path;

use super::super::installation::{Installation, installations, major};
use super::super::postgres::Postgres;
use super::super::psql::{SPEAKING, ask};
use super::super::{InstanceError, Quarters, READY, ROW, plain, rows, wait_until};
use super::{DatabaseUrl, Source, refuse_errors};
use crate::process::Service;
use crate::target::{Engine, Row, SqlTarget, Target, TargetError};

/// What a client runs to hold its transaction open until it is ended: an idle one costs a server
/// nothing, and ends with its client.
const HOLD: &str = "\\! exec sleep 604800";
/// The transaction that others see the same as.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A database in use.
pub(super) struct PostgresSource<'a> {
    quarters: Quarters<'a>,
    installation: Installation,
    url: String,
    password: Option<String>,
    settings: String,
    snapshot: String,
    /// Holds the snapshot as long as this is here.
    _holder: Service,
}

impl<'a> PostgresSource<'a> {
    pub(super) fn open(url: &DatabaseUrl, quarters: Quarters<'a>) -> Result<Self, InstanceError> {
        let mut installed = installations(&quarters)?;
        let newest = installed.last().ok_or(InstanceError::NotInstalled("PostgreSQL"))?;
        let environment = environment(url.password());
        let server = ask(
            &quarters,
            &newest.program("psql"),
            &environment,
            url.shown(),
            &["SHOW server_version"],
        )?;
        let server = server.trim_matches(['\n', ROW]);
        let wanted = major(server).unwrap_or_default();
        let there: Vec<String> = installed.iter().map(|one| one.major.to_string()).collect();
        // An older `pg_dump` refuses a newer server.
        installed.retain(|one| one.major >= wanted);
        let installation = installed.into_iter().next().ok_or(InstanceError::Version {
            wanted: format!("PostgreSQL {wanted} or later, as the server is,"),
            installed: there.join(", "),
        })?;
        let settings: Vec<String> =
            SPEAKING.iter().map(|(name, value)| format!("SET {name} = '{value}'")).collect();
        let program = installation.program("psql");
        let arguments = [
            "-X",
            "-A",
            "-t",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            url.shown(),
            "-c",
            "SET idle_in_transaction_session_timeout = 0",
            "-c",
            BEGIN,
            "-c",
            "SELECT 'snapshot ' || pg_export_snapshot()",
            "-c",
            HOLD,
        ];
        let holder = quarters.serve(&program, &arguments, &environment);
        let named = |said: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix("snapshot "));
            line.map(str::to_owned)
        };
        wait_until(|| named(&holder.printed()).is_some(), &holder, &quarters, READY)?;
        let snapshot = named(&holder.printed()).unwrap_or_default();
        Ok(Self {
            quarters,
            installation,
            url: url.shown().to_owned(),
            password: url.password().map(str::to_owned),
            settings: settings.join("; "),
            snapshot,
            _holder: holder,
        })
    }
}

fn environment(password: Option<&str>) -> Vec<(&str, &str)> {
    let mut environment = vec![("PGCONNECT_TIMEOUT", "10"), ("PGAPPNAME", "dr-drill")];
    environment.extend(password.map(|password| ("PGPASSWORD", password)));
    environment
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
        let (file, snapshot) =
            (file.display().to_string(), format!("--snapshot={}", self.snapshot));
        let arguments = ["-Fc", "-f", &file, &snapshot, "-d", &self.url];
        let environment = environment(self.password.as_deref());
        let said =
            self.quarters.ask(&self.installation.program("pg_dump"), &arguments, &environment)?;
        refuse_errors("pg_dump", &said, &["error:", "ERROR:"])?;
        Ok(said)
    }
}

impl SqlTarget for PostgresSource<'_> {
    fn engine(&self) -> Engine {
        Engine::PostgreSql
    }

    fn query(&self, sql: &str) -> Result<Vec<Row>, TargetError> {
        let seen = format!("SET TRANSACTION SNAPSHOT '{}'", self.snapshot);
        let text = ask(
            &self.quarters,
            &self.installation.program("psql"),
            &environment(self.password.as_deref()),
            &self.url,
            &[&self.settings, BEGIN, &seen, sql],
        )
        .map_err(|error| TargetError(plain(&error, Postgres::without_values)))?;
        Ok(if text.is_empty() { Vec::new() } else { rows(&text) })
    }
}
