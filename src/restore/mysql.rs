//! The `mysql` driver: dumps of `mysqldump` and `mariadb-dump`, into a MariaDB server of its own.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use super::client::{judge, logged};
use super::feed::{end_mark, feed, redactor};
use super::lines::each_line;
use super::printed::Printed;
use super::{Failed, RestoreError};
use crate::backup::VerifiedBackup;
use crate::instance::{InstanceError, MariaDb, Quarters};
use crate::manifest::Database;
use crate::payload::unpacked;
use crate::target::SqlTarget as _;
use crate::wire::event::{InstanceFacts, RestoreFacts};

/// The database that a dump is restored into, if it neither makes nor names one.
const DATABASE: &str = "drill";

/// A server that waits for its dump.
pub(super) struct Prepared<'a> {
    pub(super) server: MariaDb<'a>,
    pub(super) facts: InstanceFacts,
    /// The database that the client starts in.
    into: String,
}

/// What must be there before a dump can be restored.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    /// The database that was dumped. Views name it, so that they only fit into one of that name.
    dumped: Option<String>,
    /// Databases that it changes to, in order.
    databases: Vec<String>,
    /// Accounts that views and triggers belong to, as `name`@`host`.
    accounts: BTreeSet<String>,
}

/// Starts a server, and makes the accounts that the dump speaks of.
///
/// # Errors
/// When there is none, or it did not get ready.
pub(super) fn prepare<'a>(
    backup: &VerifiedBackup,
    quarters: Quarters<'a>,
    database: &Database,
    cache: Option<&Path>,
) -> Result<Prepared<'a>, RestoreError> {
    let needs = needs(backup).map_err(InstanceError::Files)?;
    let user = quarters.user.as_ref().map(|user| user.name.clone());
    let mut server = MariaDb::start(quarters, database.profile, cache)?;
    for account in &needs.accounts {
        server.command("mysql", &format!("CREATE USER IF NOT EXISTS {account} ACCOUNT LOCK"))?;
    }
    let into = needs.dumped.clone().unwrap_or_else(|| DATABASE.to_owned());
    if needs.databases.is_empty() {
        let named = server.quoted(&into);
        server.command("mysql", &format!("CREATE DATABASE IF NOT EXISTS {named}"))?;
    }
    let name = database.name.clone().or_else(|| needs.databases.last().cloned());
    server.look_at(name.as_deref().unwrap_or(&into));
    let facts = InstanceFacts {
        engine: "mariadb".to_owned(),
        version: server.version.clone(),
        profile: database.profile,
        ready_seconds: Some(server.ready_seconds),
        database: server.database().to_owned(),
        roles: needs.accounts.iter().map(|account| account.replace('`', "")).collect(),
        existing: false,
        user,
    };
    let into = if needs.databases.is_empty() { into } else { "mysql".to_owned() };
    Ok(Prepared { server, facts, into })
}

fn needs(backup: &VerifiedBackup) -> io::Result<Needs> {
    let mut file = backup.facts().handle().try_clone()?;
    let mut needs = Needs::default();
    each_line(&mut BufReader::new(unpacked(&mut file)?), &mut |line| {
        needs.read_line(&String::from_utf8_lossy(line));
    })?;
    Ok(needs)
}

impl Needs {
    fn read_line(&mut self, line: &str) {
        if let Some((_, name)) =
            line.strip_prefix("-- Host: ").and_then(|l| l.split_once("Database: "))
        {
            let name = name.trim();
            self.dumped = self.dumped.take().or((!name.is_empty()).then(|| name.to_owned()));
        } else if let Some(rest) = line.strip_prefix("USE `") {
            if let Some((name, _)) = rest.rsplit_once("`;") {
                self.databases.push(name.replace("``", "`"));
            }
        } else if (line.starts_with("/*!") || line.starts_with("CREATE "))
            && let Some((_, rest)) = line.split_once("DEFINER=")
        {
            let end = rest.find([' ', '*']).unwrap_or(rest.len());
            let account = &rest[..end];
            let plain = account.starts_with('`') && account.ends_with('`');
            if plain && account.contains("`@`") && account.matches('`').count() == 4 {
                self.accounts.insert(account.to_owned());
            }
        }
    }
}

/// Restores the dump. All that the client says is read: its exit status alone proves nothing.
///
/// # Errors
/// When anything went wrong, with what the client said of it.
pub(super) fn restore(
    prepared: &Prepared<'_>,
    backup: &VerifiedBackup,
    log: &mut File,
) -> Result<RestoreFacts, Failed> {
    logged("mysql", log, |printed, facts| run(prepared, backup, printed, facts))
}

fn run(
    prepared: &Prepared<'_>,
    backup: &VerifiedBackup,
    printed: &mut Printed,
    facts: &mut RestoreFacts,
) -> Result<(), RestoreError> {
    let quarters = prepared.server.quarters();
    let mark = end_mark(quarters);
    let last = format!("\nSELECT '{mark}';\n");
    let finished = feed(backup.facts().handle(), &last, quarters, |pipe| {
        let source = format!("source {}", pipe.display());
        let mut arguments = prepared.server.address();
        arguments.extend(["--batch", "--skip-column-names", "--abort-source-on-error"]);
        arguments.extend([&prepared.into, "-e", &source]);
        let (_, client) = prepared.server.programs();
        quarters.run(client, &arguments, &[], &mut |bytes| printed.add(bytes))
    })?;
    let whole = printed.take_line(&mark);
    printed.redact(&redactor(quarters));
    printed.change_lines(MariaDb::without_values);
    judge("mariadb", &finished, printed, &["ERROR "], whole, facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_and_accounts_are_found_and_rows_are_not_read() {
        let mut needs = Needs::default();
        for line in [
            "-- Host: localhost    Database: store",
            "USE `shop`;",
            "CREATE DEFINER=`app`@`%` PROCEDURE `x`()",
            "/*!50013 DEFINER=`view``er`@`%` SQL SECURITY DEFINER */",
            "/*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER t",
            "INSERT INTO `a` VALUES ('DEFINER=`evil`@`%` ');",
        ] {
            needs.read_line(line);
        }
        assert_eq!(needs.databases, ["shop"]);
        assert_eq!(needs.dumped.as_deref(), Some("store"));
        let accounts: Vec<&str> = needs.accounts.iter().map(String::as_str).collect();
        assert_eq!(accounts, ["`app`@`%`", "`root`@`localhost`"]);
    }
}
