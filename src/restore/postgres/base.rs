//! Base backups: the files of a server, verified by `pg_verifybackup`, started, and recovered with the
//! write-ahead log that comes with them or is given besides.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::super::archive::unpack;
use super::super::client::logged;
use super::super::feed::redactor;
use super::super::printed::Printed;
use super::super::{Failed, RestoreError};
use crate::backup::VerifiedBackup;
use crate::clock::Stopwatch;
use crate::digest::{Observer, hash_tree};
use crate::fs::{Root, copy_tree, free_bytes};
use crate::instance::{
    DATA, Installation, InstanceError, Postgres, Quarters, how, installations, isolation, major,
};
use crate::manifest::{Database, Recovery};
use crate::payload::unpacked;
use crate::process::End;
use crate::wire::event::{ProgramRole, RestoreFacts};

/// The file that names the version; it is in every directory of a server.
const VERSION: &str = "PG_VERSION";
/// What `pg_basebackup` says that it has written.
const MANIFEST: &str = "backup_manifest";
/// Archives that `pg_basebackup -Ft` writes, each in one of these forms.
const BASE: [&str; 4] = ["base.tar", "base.tar.gz", "base.tar.zst", "base.tar.xz"];
const LOG: [&str; 4] = ["pg_wal.tar", "pg_wal.tar.gz", "pg_wal.tar.zst", "pg_wal.tar.xz"];
/// Lines of what was said that go into a message, at most.
const LAST: usize = 5;

/// What a recovery needs, once the server was chosen.
pub(in super::super) struct Prepared<'a> {
    quarters: Option<Quarters<'a>>,
    installed: Vec<Installation>,
    /// The server, once it has recovered.
    pub(in super::super) server: Option<Postgres<'a>>,
    database: &'a Database,
}

/// Whether a backup is one of a server's files, and not a dump.
pub(in super::super) fn is_base_backup(backup: &VerifiedBackup) -> bool {
    let has = |name: &str| backup.path().join(name).is_file();
    if backup.facts().tree().is_some() {
        return has(VERSION) || BASE.iter().any(|name| has(name));
    }
    backup.facts().handle().try_clone().is_ok_and(|mut file| {
        let mut head = [0; 512];
        let Ok(mut unpacked) = unpacked(&mut file) else { return false };
        // What `pg_dump -Ft` writes is an archive, too, and begins with its contents.
        unpacked.read_exact(&mut head).is_ok()
            && &head[257..262] == b"ustar"
            && !head.starts_with(b"toc.dat\0")
    })
}

/// Looks which versions are installed: which one fits the files themselves say.
pub(in super::super) fn prepare<'a>(
    quarters: Quarters<'a>,
    database: &'a Database,
) -> Result<Prepared<'a>, RestoreError> {
    let installed = installations(&quarters)?;
    Ok(Prepared { quarters: Some(quarters), installed, server: None, database })
}

impl Prepared<'_> {
    /// The versions that are installed.
    pub(in super::super) fn versions(&self) -> String {
        let versions: Vec<String> = self.installed.iter().map(|i| i.major.to_string()).collect();
        versions.join(", ")
    }

    /// The programs that a recovery uses, of every version that it could be.
    pub(in super::super) fn programs(&self) -> Vec<(ProgramRole, PathBuf)> {
        let of = |one: &Installation| {
            [
                (ProgramRole::Server, one.program("postgres")),
                (ProgramRole::Client, one.program("psql")),
                (ProgramRole::Client, one.program("pg_verifybackup")),
            ]
        };
        self.installed.iter().flat_map(of).filter(|(_, path)| path.is_file()).collect()
    }
}

/// Puts the files in place, has them verified, starts a server on them and lets it recover.
pub(in super::super) fn restore(
    prepared: &mut Prepared<'_>,
    backup: &mut VerifiedBackup,
    root: &Root,
    log: &mut File,
    observer: &dyn Observer,
) -> Result<RestoreFacts, Failed> {
    logged("postgres", log, |printed, facts| {
        let quarters = prepared
            .quarters
            .take()
            .ok_or_else(|| RestoreError::Asked("it was restored before".to_owned()))?;
        let data = quarters.folder.join(DATA);
        place(&data, backup, observer)?;
        // Of archives it is always there, and empty.
        if data.join("tablespace_map").metadata().is_ok_and(|map| map.len() > 0) {
            return Err(RestoreError::NotADump("a base backup with tablespaces of its own"));
        }
        let installation = fitting(&data, &prepared.installed)?;
        facts.verified_files = verify(&quarters, &installation, &data, printed, facts)?;
        let mut settings = vec!["hot_standby=off".to_owned()];
        settings.extend(prepared_transactions(&quarters, &installation, &data)?);
        if let Some(recovery) = &prepared.database.recovery {
            settings.extend(recover_to(&quarters, &data, recovery, root, observer)?);
        }
        let (role, profile) = (&prepared.database.role, prepared.database.profile);
        let (watch, redactor) = (Stopwatch::start(), redactor(&quarters));
        let interrupt = quarters.interrupt;
        match Postgres::recover(quarters, installation, profile, role, &settings) {
            Ok(mut server) => {
                facts.recovery_seconds = Some(watch.seconds());
                if let Some(name) = &prepared.database.name {
                    server.look_at(name);
                }
                prepared.server = Some(server);
                Ok(())
            }
            Err(InstanceError::NotReady(_, said)) if !interrupt.interrupted() => {
                printed.add(format!("{}\n", said.replace("; ", "\n")).as_bytes());
                printed.redact(&redactor);
                printed.change_lines(Postgres::without_values);
                Err(failed("postgres", "did not recover it".to_owned(), printed))
            }
            Err(InstanceError::NotReady(..)) => Err(RestoreError::Interrupted),
            Err(other) => Err(other.into()),
        }
    })
}

/// Puts the files where the server finds them.
fn place(
    data: &Path,
    backup: &mut VerifiedBackup,
    observer: &dyn Observer,
) -> Result<(), RestoreError> {
    if backup.path().join(VERSION).is_file() {
        // The private copy itself: nobody else needs it any more.
        return fs::rename(backup.path(), data).map_err(|error| InstanceError::Files(error).into());
    }
    fs::create_dir(data).map_err(InstanceError::Files)?;
    let budget = free_bytes(data).unwrap_or(u64::MAX);
    if backup.facts().tree().is_none() {
        unpack(backup.file(), data, budget, observer)?;
    } else {
        let place = backup.path().to_owned();
        let archive =
            |names: &[&str]| names.iter().map(|name| place.join(name)).find(|path| path.is_file());
        let opened = |path: &Path| File::open(path).map_err(InstanceError::Files);
        if let Some(base) = archive(&BASE) {
            unpack(&mut opened(&base)?, data, budget, observer)?;
        }
        if let Some(log) = archive(&LOG) {
            unpack(&mut opened(&log)?, &data.join("pg_wal"), budget, observer)?;
        }
        if place.join(MANIFEST).is_file() {
            fs::copy(place.join(MANIFEST), data.join(MANIFEST)).map_err(InstanceError::Files)?;
        }
    }
    Ok(())
}

/// Files of a server are read by its own version and no other.
fn fitting(data: &Path, installed: &[Installation]) -> Result<Installation, RestoreError> {
    let version = fs::read_to_string(data.join(VERSION)).ok().and_then(|text| major(&text));
    let version = version.ok_or(RestoreError::NotADump("an archive without a server's files"))?;
    let found = installed.iter().find(|one| one.major == version).cloned();
    let there: Vec<String> = installed.iter().map(|one| one.major.to_string()).collect();
    found.ok_or_else(|| {
        let (wanted, installed) = (format!("PostgreSQL {version}, whose files these are,"), there);
        InstanceError::Version { wanted, installed: installed.join(", ") }.into()
    })
}

/// Holds every file against what `pg_basebackup` says that it has written, with its checksums, and
/// looks whether the write-ahead log that is needed is there; nothing where it has said nothing.
fn verify(
    quarters: &Quarters<'_>,
    installation: &Installation,
    data: &Path,
    printed: &mut Printed,
    facts: &mut RestoreFacts,
) -> Result<Option<bool>, RestoreError> {
    if !data.join(MANIFEST).is_file() {
        return Ok(Some(false));
    }
    if let Some(user) = &quarters.user {
        crate::fs::chown_tree(&quarters.folder, user.id, user.group)
            .map_err(InstanceError::Files)?;
    }
    let place = data.display().to_string();
    let program = installation.program("pg_verifybackup");
    let mut arguments = vec!["--exit-on-error"];
    // The log that is missing may be among that which is given besides.
    if !has_log(data) {
        arguments.push("--no-parse-wal");
    }
    arguments.push(&place);
    let finished = quarters.run(&program, &arguments, &[], &mut |bytes| printed.add(bytes))?;
    facts.isolation = isolation(&finished);
    match &finished.end {
        End::Exited(0) => Ok(Some(true)),
        End::Interrupted => Err(RestoreError::Interrupted),
        end => {
            printed.redact(&redactor(quarters));
            Err(failed("pg_verifybackup", how(end), printed))
        }
    }
}

fn has_log(data: &Path) -> bool {
    let entries = fs::read_dir(data.join("pg_wal")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| name.len() == 24)
}

/// A server can only recover as many prepared transactions as the one had that they come from.
fn prepared_transactions(
    quarters: &Quarters<'_>,
    installation: &Installation,
    data: &Path,
) -> Result<Option<String>, RestoreError> {
    let place = data.display().to_string();
    let said = quarters.ask(&installation.program("pg_controldata"), &["-D", &place], &[]);
    let said = match said {
        Err(InstanceError::Failed { how, said, .. }) => {
            return Err(RestoreError::Client {
                program: "pg_controldata",
                how,
                errors: vec![said],
            });
        }
        other => other?,
    };
    let line = said.lines().find_map(|line| line.strip_prefix("max_prepared_xacts setting:"));
    Ok(line.map(|number| format!("max_prepared_transactions={}", number.trim())))
}

/// Brings the log that is given besides, and says until when to recover.
fn recover_to(
    quarters: &Quarters<'_>,
    data: &Path,
    recovery: &Recovery,
    root: &Root,
    observer: &dyn Observer,
) -> Result<Vec<String>, RestoreError> {
    let mut settings = Vec::new();
    if let Some(wal) = &recovery.wal {
        let place = root.locate(&wal.path)?;
        let copy = quarters.folder.join("wal");
        fs::create_dir(&copy).map_err(InstanceError::Files)?;
        copy_tree(&place.absolute, &copy, u64::MAX)?;
        // The copy is hashed: it is what the server reads.
        let folder = File::open(&copy).map_err(InstanceError::Files)?;
        let found = hash_tree(&folder, observer)
            .map_err(|error| InstanceError::Files(io::Error::other(error)))?
            .digest;
        if found != wal.sha256 {
            let (path, pinned) = (wal.path.clone(), wal.sha256);
            return Err(RestoreError::Log { path, found, pinned });
        }
        settings.push(format!("restore_command=cp \"{}/%f\" \"%p\"", copy.display()));
    } else {
        settings.push("restore_command=false".to_owned());
    }
    if let Some(time) = &recovery.target_time {
        // When this is read no name of a zone is known yet, not even `Z`.
        let time = time.to_string().replace('T', " ").replace('Z', "+00");
        settings.push(format!("recovery_target_time={time}"));
        settings.push("recovery_target_action=promote".to_owned());
    }
    fs::write(data.join("recovery.signal"), "").map_err(InstanceError::Files)?;
    Ok(settings)
}

fn failed(program: &'static str, how: String, printed: &Printed) -> RestoreError {
    const MARKS: [&str; 4] = ["error:", "ERROR:", "FATAL:", "PANIC:"];
    let mut errors = printed.lines_with(&MARKS);
    errors.reverse();
    errors.truncate(LAST);
    RestoreError::Client { program, how, errors }
}
