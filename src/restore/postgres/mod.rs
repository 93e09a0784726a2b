//! The `postgres` driver: dumps of `pg_dump` in each of its formats, into a server of its own.

pub(super) mod base;
pub(super) mod existing;
mod needs;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use super::client::{judge, logged};
use super::feed::{end_mark, feed, redactor};
use super::printed::Printed;
use super::{Failed, RestoreError};
use crate::backup::VerifiedBackup;
use crate::instance::{Installation, InstanceError, Postgres, Quarters, installations};
use crate::manifest::Database;
use crate::payload::unpacked;
use crate::target::SqlTarget as _;
use crate::wire::event::{InstanceFacts, RestoreFacts};
use crate::wire::manifest::Profile;

use needs::Needs;

/// The database that a dump is restored into, if it does not make one.
const DATABASE: &str = "drill";
/// The role that owns most servers, and is on each.
const USUAL_SUPERUSER: &str = "postgres";
/// Tables that are restored at once, if the manifest does not say.
const MAX_JOBS: usize = 4;
/// First bytes of an archive of `pg_dump`.
const ARCHIVE: &[u8] = b"PGDMP";

/// How a dump is written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// SQL, which `psql` runs.
    Plain,
    /// An archive, which `pg_restore` reads: whether several tables can be restored at once.
    Archive { parallel: bool },
}

/// A server that waits for its dump.
pub(super) struct Prepared<'a> {
    /// The server.
    pub(super) server: Postgres<'a>,
    /// What is known of it.
    pub(super) facts: InstanceFacts,
    form: Form,
    databases: Vec<String>,
    jobs: usize,
    single_transaction: bool,
}

/// Reads what a dump needs, starts a server that fits, and makes the roles that are missing.
///
/// # Errors
/// When no server that is installed will do, or an extension is missing.
pub(super) fn prepare<'a>(
    backup: &VerifiedBackup,
    quarters: Quarters<'a>,
    database: &Database,
    cache: Option<&Path>,
) -> Result<Prepared<'a>, RestoreError> {
    let installed = installations(&quarters)?;
    let form = form(backup)?;
    let needs = match &form {
        Form::Plain => needs_of_plain(backup)?,
        Form::Archive { .. } => needs_of_archive(backup, &quarters, &installed)?,
    };
    let installation = fitting(installed, database.version, &needs)?;
    let version = quarters.ask(&installation.program("postgres"), &["--version"], &[])?;
    let user = quarters.user.as_ref().map(|user| user.name.clone());
    let mut server = Postgres::start(quarters, installation, database.profile, cache)?;
    check_extensions(&server, &needs)?;
    for role in &needs.roles {
        // What that role owns may need its rights: an event trigger, say.
        let rights = if role == USUAL_SUPERUSER { "SUPERUSER" } else { "NOSUPERUSER" };
        let role = server.quoted(role);
        server.command("postgres", &format!("CREATE ROLE {role} NOLOGIN {rights}"))?;
    }
    if needs.databases.is_empty() {
        server.command("postgres", &format!("CREATE DATABASE {DATABASE} TEMPLATE template0"))?;
    }
    let name = database.name.clone().or_else(|| needs.databases.last().cloned());
    server.look_at(name.as_deref().unwrap_or(DATABASE));
    let facts = InstanceFacts {
        engine: "postgresql".to_owned(),
        version: version.trim().trim_start_matches("postgres (PostgreSQL) ").to_owned(),
        profile: database.profile,
        ready_seconds: Some(server.ready_seconds),
        database: server.database().to_owned(),
        roles: needs.roles.iter().filter(|role| *role != USUAL_SUPERUSER).cloned().collect(),
        existing: false,
        user,
    };
    let jobs = jobs(database);
    let single_transaction = database.profile == Profile::Fast && needs.databases.is_empty();
    Ok(Prepared { server, facts, form, databases: needs.databases, jobs, single_transaction })
}

/// Tables that are restored at once.
fn jobs(database: &Database) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    database.jobs.map_or(cores.min(MAX_JOBS), |jobs| jobs as usize)
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
    logged("postgres", log, |printed, facts| run(prepared, backup, printed, facts))
}

fn run(
    prepared: &Prepared<'_>,
    backup: &VerifiedBackup,
    printed: &mut Printed,
    facts: &mut RestoreFacts,
) -> Result<(), RestoreError> {
    let quarters = prepared.server.quarters();
    let address = prepared.server.address();
    let mut environment: Vec<(&str, &str)> =
        address.iter().map(|(name, value)| (*name, value.as_str())).collect();
    environment.push(("PGOPTIONS", "-c client_min_messages=warning"));
    let database = if prepared.databases.is_empty() { DATABASE } else { "postgres" };
    let (program, finished, whole) = match &prepared.form {
        Form::Plain => {
            let program = prepared.server.installation().program("psql");
            let mark = end_mark(quarters);
            let last = format!("\n\\warn {mark}\n");
            let finished = feed(file_of(backup), &last, quarters, |pipe| {
                let pipe = pipe.display().to_string();
                let mut arguments = vec![
                    "-X",
                    "-q",
                    "-o",
                    "/dev/null",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-v",
                    "VERBOSITY=terse",
                    "-v",
                    "SHOW_CONTEXT=never",
                    "-d",
                    database,
                    "-f",
                    &pipe,
                ];
                if prepared.single_transaction {
                    arguments.push("-1");
                }
                quarters.run(&program, &arguments, &environment, &mut |bytes| printed.add(bytes))
            })?;
            ("psql", finished, printed.take_line(&mark))
        }
        Form::Archive { parallel } => {
            let program = prepared.server.installation().program("pg_restore");
            let (path, jobs) = (backup.path().display().to_string(), prepared.jobs.to_string());
            let mut arguments = vec!["--exit-on-error", "-d", database];
            if *parallel && prepared.jobs > 1 {
                arguments.extend(["-j", &jobs]);
            } else if prepared.single_transaction {
                arguments.push("-1");
            }
            arguments.push(&path);
            let finished = quarters
                .run(&program, &arguments, &environment, &mut |bytes| printed.add(bytes))?;
            ("pg_restore", finished, true)
        }
    };
    printed.redact(&redactor(quarters));
    printed.change_lines(Postgres::without_values);
    judge(program, &finished, printed, &["ERROR:", "FATAL:", "PANIC:", "error:"], whole, facts)
}

/// The handle of the bytes that were verified.
fn file_of(backup: &VerifiedBackup) -> &File {
    backup.facts().handle()
}

/// Whether a file that begins so is an archive.
pub(super) fn is_archive(head: &[u8]) -> bool {
    head.starts_with(ARCHIVE) || head.starts_with(b"toc.dat\0")
}

/// Tells the form by the first bytes, never by the name.
fn form(backup: &VerifiedBackup) -> Result<Form, RestoreError> {
    if backup.facts().tree().is_some() {
        if backup.path().join("toc.dat").is_file() {
            return Ok(Form::Archive { parallel: true });
        }
        return Err(RestoreError::NotADump("a directory without the `toc.dat` of pg_dump"));
    }
    let mut file = file_of(backup).try_clone().map_err(InstanceError::Files)?;
    let mut head = [0; 512];
    file.rewind().and_then(|()| file.read(&mut head)).map_err(InstanceError::Files)?;
    if head.starts_with(ARCHIVE) {
        Ok(Form::Archive { parallel: true })
    } else if head.starts_with(b"toc.dat\0") {
        Ok(Form::Archive { parallel: false })
    } else {
        Ok(Form::Plain)
    }
}

fn needs_of_plain(backup: &VerifiedBackup) -> Result<Needs, RestoreError> {
    let mut file = file_of(backup).try_clone().map_err(InstanceError::Files)?;
    let mut read = || {
        let mut source = BufReader::with_capacity(1 << 20, unpacked(&mut file)?);
        // Every plain dump begins with a comment.
        let plain = source.fill_buf()?.starts_with(b"--");
        Ok::<_, std::io::Error>((needs::read(&mut source)?, plain))
    };
    match read().map_err(InstanceError::Files)? {
        (needs, true) => Ok(needs),
        (_, false) => Err(RestoreError::NotADump(
            "neither SQL of pg_dump nor one of its archives; an archive is not compressed again",
        )),
    }
}

/// What the statements of an archive speak of, by the newest program that is installed: older ones
/// do not read what newer ones write.
fn needs_of_archive(
    backup: &VerifiedBackup,
    quarters: &Quarters<'_>,
    installed: &[Installation],
) -> Result<Needs, RestoreError> {
    let newest = installed.last().ok_or(InstanceError::NotInstalled("PostgreSQL"))?;
    let path = backup.path().display().to_string();
    let arguments = ["--schema-only", "-f", "-", &path];
    let text = match quarters.ask(&newest.program("pg_restore"), &arguments, &[]) {
        Err(InstanceError::Failed { said, .. }) if said.contains("unsupported version") => {
            let wanted = "a newer version of PostgreSQL, which wrote this archive,".to_owned();
            let installed = newest.major.to_string();
            return Err(InstanceError::Version { wanted, installed }.into());
        }
        Err(InstanceError::Failed { how, said, .. }) => {
            return Err(RestoreError::Client { program: "pg_restore", how, errors: vec![said] });
        }
        other => other?,
    };
    needs::read(&mut text.as_bytes()).map_err(|error| InstanceError::Files(error).into())
}

/// The oldest version that can read the dump: what is restored into the version that it comes from
/// says most of a recovery.
fn fitting(
    installed: Vec<Installation>,
    asked: Option<u32>,
    needs: &Needs,
) -> Result<Installation, InstanceError> {
    let major = |text: &Option<String>| text.as_deref()?.split('.').next()?.parse::<u32>().ok();
    let written = major(&needs.program).max(major(&needs.server));
    let there: Vec<String> = installed.iter().map(|one| one.major.to_string()).collect();
    let wanted = match (asked, written) {
        (Some(asked), _) => format!("PostgreSQL {asked} (instance.version)"),
        (None, written) => format!("PostgreSQL {} or later", written.unwrap_or_default()),
    };
    let fits = |one: &Installation| match asked {
        Some(asked) => one.major == asked,
        None => one.major >= written.unwrap_or(0),
    };
    let found = installed.into_iter().find(fits);
    found.ok_or(InstanceError::Version { wanted, installed: there.join(", ") })
}

fn check_extensions(server: &Postgres<'_>, needs: &Needs) -> Result<(), RestoreError> {
    let rows = server
        .query("SELECT name FROM pg_available_extensions")
        .map_err(|error| RestoreError::Asked(error.to_string()))?;
    let there: Vec<String> = rows.into_iter().filter_map(|row| row.into_iter().next()?).collect();
    let missing: Vec<String> =
        needs.extensions.iter().filter(|name| !there.contains(name)).cloned().collect();
    if missing.is_empty() { Ok(()) } else { Err(RestoreError::Extensions(missing)) }
}

/// The programs that a restore of this form uses.
pub(super) fn programs(prepared: &Prepared<'_>) -> Vec<(crate::wire::event::ProgramRole, PathBuf)> {
    use crate::wire::event::ProgramRole::{Client, Server};
    let installation = prepared.server.installation();
    let mut programs =
        vec![(Server, installation.program("postgres")), (Client, installation.program("psql"))];
    if prepared.form != Form::Plain {
        programs.push((Client, installation.program("pg_restore")));
    }
    programs
}
