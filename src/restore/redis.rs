//! The `redis` driver: a snapshot, compressed or not, or logs of commands, loaded by a server.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::client::logged;
use super::feed::redactor;
use super::printed::Printed;
use super::{Failed, RestoreError};
use crate::backup::VerifiedBackup;
use crate::fs::{chown_tree, copy_tree};
use crate::instance::{InstanceError, Redis, RedisFiles, how, isolation};
use crate::payload::{is_redis_log, unpacked};
use crate::process::End;
use crate::wire::event::{ProgramRole, RestoreFacts};
use crate::wire::manifest::Profile;

/// The name of a snapshot, unless a server is told another.
const SNAPSHOT: &str = "dump.rdb";
/// The name of a log of commands, unless a server is told another.
const LOG: &str = "appendonly.aof";
/// The directory of logs of commands, since version 7.
const LOGS: &str = "appendonlydir";
/// How the name of the list of logs ends.
const LIST: &str = ".manifest";
/// In the words of a server: it lacks what the data needs, which says nothing of the data.
const LACKING: [&str; 3] =
    ["Can't handle RDB format version", "no matching module", "FATAL CONFIG FILE ERROR"];
/// Lines of what was said that go into a message, at most.
const LAST: usize = 5;

/// Puts the files where a server loads them, has a snapshot checked, and starts the server.
///
/// # Errors
/// When anything went wrong, with what was said of it.
pub(super) fn restore(
    redis: &mut Redis<'_>,
    profile: Profile,
    backup: &VerifiedBackup,
    log: &mut File,
) -> Result<RestoreFacts, Failed> {
    logged("redis", log, |printed, facts| {
        let files = place(redis, backup)?;
        check(redis, &files, printed, facts)?;
        let (said, loaded) = redis.start(&files, profile);
        printed.add(said.as_bytes());
        printed.redact(&redactor(redis.quarters()));
        printed.change_lines(Redis::without_values);
        match loaded {
            Ok(loaded) => {
                facts.rows = loaded.keys;
                facts.expired_keys = (loaded.expired > 0).then_some(loaded.expired);
                Ok(())
            }
            Err(InstanceError::NotReady(..)) => Err(not_loaded(redis, printed)),
            Err(other) => Err(other.into()),
        }
    })
}

/// The programs that a restore of this backup uses.
pub(super) fn programs(
    redis: &Redis<'_>,
    backup: &VerifiedBackup,
) -> Result<Vec<(ProgramRole, PathBuf)>, InstanceError> {
    let files = if backup.facts().tree().is_some() {
        let log = name_of_logs(backup.path()).is_some() || backup.path().join(LOG).is_file();
        if log { RedisFiles::Commands(LOG.to_owned()) } else { RedisFiles::Snapshot }
    } else {
        let mut file = backup.facts().handle().try_clone()?;
        form(&head(&mut *unpacked(&mut file)?)?)
    };
    let [server, client, checker] = redis.programs(&files).map(Path::to_owned);
    Ok(vec![
        (ProgramRole::Server, server),
        (ProgramRole::Client, client),
        (ProgramRole::Client, checker),
    ])
}

/// The first bytes of a file.
fn head(source: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.take(4096).read_to_end(&mut head)?;
    Ok(head)
}

/// What a file is that begins so.
fn form(head: &[u8]) -> RedisFiles {
    if is_redis_log(head) { RedisFiles::Commands(LOG.to_owned()) } else { RedisFiles::Snapshot }
}

/// Puts the backup where the server looks for it.
fn place(redis: &Redis<'_>, backup: &VerifiedBackup) -> Result<RedisFiles, RestoreError> {
    let data = redis.data();
    let files = if backup.facts().tree().is_some() {
        place_directory(data, backup.path())?
    } else {
        place_file(data, backup).map_err(InstanceError::Files)?
    };
    if let Some(user) = &redis.quarters().user {
        chown_tree(data, user.id, user.group).map_err(InstanceError::Files)?;
    }
    Ok(files)
}

fn place_file(data: &Path, backup: &VerifiedBackup) -> io::Result<RedisFiles> {
    let mut file = backup.facts().handle().try_clone()?;
    let mut source = unpacked(&mut file)?;
    let head = head(&mut *source)?;
    let files = form(&head);
    let name = if files == RedisFiles::Snapshot { SNAPSHOT } else { LOG };
    let mut options = OpenOptions::new();
    let mut target = options.write(true).create_new(true).mode(0o600).open(data.join(name))?;
    io::copy(&mut head.chain(source), &mut target)?;
    Ok(files)
}

/// A copy of a server's directory, or of its directory of logs.
fn place_directory(data: &Path, backup: &Path) -> Result<RedisFiles, RestoreError> {
    if let Some((folder, name)) = name_of_logs(backup) {
        let target = data.join(LOGS);
        std::fs::create_dir(&target).map_err(InstanceError::Files)?;
        copy_tree(&folder, &target, u64::MAX)?;
        return Ok(RedisFiles::Commands(name));
    }
    for (name, files) in
        [(LOG, RedisFiles::Commands(LOG.to_owned())), (SNAPSHOT, RedisFiles::Snapshot)]
    {
        let found: PathBuf = backup.join(name);
        if found.is_file() {
            std::fs::copy(&found, data.join(name)).map_err(InstanceError::Files)?;
            return Ok(files);
        }
    }
    Err(RestoreError::NotADump(
        "a directory without `dump.rdb`, `appendonly.aof` or the list of logs (`*.manifest`)",
    ))
}

/// The directory of logs in a backup, and the name that all of them begin with.
fn name_of_logs(backup: &Path) -> Option<(PathBuf, String)> {
    [backup.to_owned(), backup.join(LOGS)].into_iter().find_map(|folder| {
        let names = std::fs::read_dir(&folder).ok()?.flatten();
        let mut names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let name = names.find_map(|name| name.strip_suffix(LIST).map(str::to_owned))?;
        Some((folder, name))
    })
}

/// The server's own checker looks at the whole file, and at the checksum of a snapshot.
fn check(
    redis: &Redis<'_>,
    files: &RedisFiles,
    printed: &mut Printed,
    facts: &mut RestoreFacts,
) -> Result<(), RestoreError> {
    let data = redis.data();
    let (file, name) = match files {
        RedisFiles::Snapshot => (data.join(SNAPSHOT), "redis-check-rdb"),
        RedisFiles::Commands(name) => {
            let list = data.join(LOGS).join(format!("{name}{LIST}"));
            let file = if list.is_file() { list } else { data.join(name) };
            (file, "redis-check-aof")
        }
    };
    let [_, _, checker] = redis.programs(files);
    let file = file.display().to_string();
    let finished = redis.quarters().run(checker, &[&file], &[], &mut |bytes| printed.add(bytes))?;
    facts.isolation = isolation(&finished);
    match &finished.end {
        End::Exited(0) => Ok(()),
        End::Interrupted => Err(RestoreError::Interrupted),
        end => {
            printed.redact(&redactor(redis.quarters()));
            printed.change_lines(Redis::without_values);
            Err(refused(name, how(end), printed))
        }
    }
}

fn not_loaded(redis: &Redis<'_>, printed: &Printed) -> RestoreError {
    if redis.quarters().interrupt.interrupted() {
        return RestoreError::Interrupted;
    }
    refused("redis-server", "did not load it".to_owned(), printed)
}

/// What is said of files that were not accepted: that they are damaged, or that this version cannot
/// read them.
fn refused(program: &'static str, how: String, printed: &Printed) -> RestoreError {
    let lacking = printed.lines_with(&LACKING);
    if let Some(line) = lacking.into_iter().next() {
        return RestoreError::Lacking(line);
    }
    let mut errors = printed.lines_with(&[""]);
    // What the checker of snapshots has to say stands behind this line, else at the end.
    match errors.iter().position(|line| line.contains("ERROR DETECTED")) {
        Some(at) => drop(errors.drain(..=at)),
        None => errors.reverse(),
    }
    errors.truncate(LAST);
    RestoreError::Client { program, how, errors }
}
