//! The tools of PostgreSQL on a database that is there already, of a version that fits its server.

use std::path::{Path, PathBuf};

use super::super::installation::{Installation, installations, major};
use super::super::postgres::Postgres;
use super::super::psql::{SPEAKING, ask};
use super::super::{InstanceError, Quarters, ROW, plain, rows};
use super::{DatabaseUrl, refuse_errors};
use crate::process::Finished;
use crate::target::{Row, TargetError};

/// A database, and the tools that can read it.
pub(super) struct PostgresClient<'a> {
    pub(super) quarters: Quarters<'a>,
    installation: Installation,
    url: DatabaseUrl,
    settings: String,
}

impl<'a> PostgresClient<'a> {
    /// Asks a server for its version, and chooses tools that are not older.
    pub(super) fn open(url: &DatabaseUrl, quarters: Quarters<'a>) -> Result<Self, InstanceError> {
        let mut installed = installations(&quarters)?;
        let newest = installed.last().ok_or(InstanceError::NotInstalled("PostgreSQL"))?.clone();
        let settings: Vec<String> =
            SPEAKING.iter().map(|(name, value)| format!("SET {name} = '{value}'")).collect();
        let (url, settings) = (url.clone(), settings.join("; "));
        let mut client = Self { quarters, installation: newest, url, settings };
        let server = client.ask(&client.url, &["SHOW server_version"])?;
        let wanted = major(server.trim_matches(['\n', ROW])).unwrap_or_default();
        let there: Vec<String> = installed.iter().map(|one| one.major.to_string()).collect();
        // An older `pg_dump` refuses a newer server.
        installed.retain(|one| one.major >= wanted);
        client.installation = installed.into_iter().next().ok_or(InstanceError::Version {
            wanted: format!("PostgreSQL {wanted} or later, as the server is,"),
            installed: there.join(", "),
        })?;
        Ok(client)
    }

    /// The address, without a password.
    pub(super) fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// One of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.installation.program(name)
    }

    /// What the programs find in their environment.
    pub(super) fn environment(&self) -> Vec<(&str, &str)> {
        let mut environment = vec![("PGCONNECT_TIMEOUT", "10"), ("PGAPPNAME", "dr-drill")];
        environment.extend(self.url.password().map(|password| ("PGPASSWORD", password)));
        environment
    }

    /// Runs statements one after the other in a database, and gives what they print.
    pub(super) fn ask(
        &self,
        url: &DatabaseUrl,
        statements: &[&str],
    ) -> Result<String, InstanceError> {
        let mut all = vec![self.settings.as_str()];
        all.extend(statements);
        ask(&self.quarters, &self.program("psql"), &self.environment(), url.shown(), &all)
    }

    /// The rows that the last of some statements gives.
    pub(super) fn rows(&self, statements: &[&str]) -> Result<Vec<Row>, TargetError> {
        let text = self
            .ask(&self.url, statements)
            .map_err(|error| TargetError(plain(&error, Postgres::without_values)))?;
        Ok(if text.is_empty() { Vec::new() } else { rows(&text) })
    }

    /// Dumps the database into a file, and gives what was said without failing.
    pub(super) fn dump(&self, file: &Path, options: &[&str]) -> Result<String, InstanceError> {
        let file = file.display().to_string();
        let mut arguments = vec!["-Fc", "-f", &file, "-d", self.url.shown()];
        arguments.extend(options);
        let said = self.quarters.ask(&self.program("pg_dump"), &arguments, &self.environment())?;
        refuse_errors("pg_dump", &said, &["error:", "ERROR:"])?;
        Ok(said)
    }

    /// Restores an archive into the database. All that is said goes to `output`.
    pub(super) fn restore(
        &self,
        archive: &Path,
        options: &[&str],
        output: &mut dyn FnMut(&[u8]),
    ) -> Result<Finished, InstanceError> {
        let archive = archive.display().to_string();
        let mut arguments = vec!["--exit-on-error", "-d", self.url.shown()];
        arguments.extend(options);
        arguments.push(&archive);
        self.quarters.run(&self.program("pg_restore"), &arguments, &self.environment(), output)
    }
}
