//! MySQL or MariaDB in use. A dump sees one moment, but no question besides can see the same.

use std::path::{Path, PathBuf};

use super::super::mariadb::{MariaDb, ask};
use super::super::{InstanceError, Quarters, find_program, plain};
use super::{DatabaseUrl, Source, refuse_errors};
use crate::target::{Engine, Row, SqlTarget, Target, TargetError};

/// The names of client and dump program, the first that are there are taken.
const NAMES: [[&str; 2]; 2] = [["mariadb", "mariadb-dump"], ["mysql", "mysqldump"]];

/// What makes a dump whole, and one of one moment.
const WHOLE: [&str; 7] = [
    "--single-transaction",
    "--routines",
    "--events",
    "--triggers",
    "--hex-blob",
    "--default-character-set=utf8mb4",
    "--max-allowed-packet=1G",
];

/// A database in use.
pub(super) struct MariaDbSource<'a> {
    quarters: Quarters<'a>,
    client: PathBuf,
    dumper: PathBuf,
    address: Vec<String>,
    password: Option<String>,
    database: String,
}

impl<'a> MariaDbSource<'a> {
    pub(super) fn open(url: &DatabaseUrl, quarters: Quarters<'a>) -> Result<Self, InstanceError> {
        let found = NAMES.iter().find_map(|names| {
            let [client, dumper] = names.map(|name| find_program(&quarters, name, &[]));
            Some((client?, dumper?))
        });
        let (client, dumper) =
            found.ok_or(InstanceError::NotInstalled("MariaDB's client (mariadb-client)"))?;
        let database = url.database().ok_or(InstanceError::NoDatabase)?;
        let mut address = vec!["--no-defaults".to_owned()];
        match (url.option("socket"), url.host()) {
            (Some(socket), _) => address.push(format!("--socket={socket}")),
            (None, host) => {
                address.push(format!("--host={}", host.unwrap_or("localhost")));
                address.extend(url.port().map(|port| format!("--port={port}")));
            }
        }
        address.extend(url.user().map(|user| format!("--user={user}")));
        let password = url.password().map(str::to_owned);
        let source = Self { quarters, client, dumper, address, password, database };
        source.rows("SELECT 1")?;
        Ok(source)
    }

    fn rows(&self, sql: &str) -> Result<Vec<Row>, InstanceError> {
        let address: Vec<&str> = self.address.iter().map(String::as_str).collect();
        ask(&self.quarters, &self.client, &address, &self.environment(), &self.database, sql)
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        self.password.iter().map(|password| ("MYSQL_PWD", password.as_str())).collect()
    }
}

impl Source for MariaDbSource<'_> {
    fn target(&self) -> Target<'_> {
        Target::Sql(self)
    }

    fn is_one_moment(&self) -> bool {
        false
    }

    fn dump_name(&self) -> (&'static str, bool) {
        ("backup.sql", false)
    }

    fn dump(&self, file: &Path) -> Result<String, InstanceError> {
        let result = format!("--result-file={}", file.display());
        let mut arguments: Vec<&str> = self.address.iter().map(String::as_str).collect();
        arguments.extend(WHOLE);
        arguments.extend([result.as_str(), &self.database]);
        let said = self.quarters.ask(&self.dumper, &arguments, &self.environment())?;
        refuse_errors("mariadb-dump", &said, &["Error", "error:"])?;
        Ok(said)
    }
}

impl SqlTarget for MariaDbSource<'_> {
    fn engine(&self) -> Engine {
        Engine::MariaDb
    }

    fn query(&self, sql: &str) -> Result<Vec<Row>, TargetError> {
        self.rows(sql).map_err(|error| TargetError(plain(&error, MariaDb::without_values)))
    }

    fn quoted(&self, name: &str) -> String {
        super::super::mariadb::quoted(name)
    }
}
