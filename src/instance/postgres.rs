//! PostgreSQL: whatever versions are installed, each started without a network and without a trace.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::installation::Installation;
use super::psql::{SPEAKING, ask};
use super::template::Template;
use super::{InstanceError, Quarters, READY, check_socket, plain, rows, wait_until};
use crate::clock::Stopwatch;
use crate::fs::chown_tree;
use crate::process::{End, Finished, ProcessError, Service, unprivileged};
use crate::target::{Engine, Row, SqlTarget, TargetError};
use crate::wire::manifest::Profile;

/// Who owns everything in it: a role that no dump makes, as those of whole clusters make `postgres`.
const SUPERUSER: &str = "dr_drill";
/// Where its files lie in its quarters, and the directory of its socket.
pub const DATA: &str = "data";
const SOCKET: &str = "s";
/// Tables and indexes that are searched for damage at once, at most.
const MAX_JOBS: usize = 4;
/// The database that every server has.
const FIRST_DATABASE: &str = "postgres";
/// How lines begin in which clients quote rows.
const ROWS: [&str; 4] = ["CONTEXT:", "DETAIL:", "Command was:", "LINE "];

/// Settings of every throwaway server: nothing that was restored reaches out, and nothing is
/// shared with other servers. Restored subscriptions, archiving and libraries are held back.
const QUIET: [&str; 12] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    // /dev/shm is not writable in the sandbox.
    "dynamic_shared_memory_type=mmap",
    "archive_mode=off",
    "restore_command=",
    "max_logical_replication_workers=0",
    "shared_preload_libraries=",
    "session_preload_libraries=",
    "local_preload_libraries=",
    "ssl=off",
    "log_statement=none",
    "log_min_error_statement=panic",
];

/// Settings of a server that need not survive a power failure.
const FAST: [&str; 10] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=8GB",
    "checkpoint_timeout=1d",
    "maintenance_work_mem=256MB",
    "shared_buffers=256MB",
    "autovacuum=off",
];

/// A server that runs until it is dropped.
pub struct Postgres<'a> {
    quarters: Quarters<'a>,
    installation: Installation,
    service: Service,
    socket: PathBuf,
    role: String,
    database: String,
    /// Seconds from its start until it answered.
    pub ready_seconds: f64,
}

impl<'a> Postgres<'a> {
    /// Starts an empty server. `cache` holds the files of new servers from one drill to the next.
    ///
    /// # Errors
    /// When it did not get ready.
    pub fn start(
        quarters: Quarters<'a>,
        installation: Installation,
        profile: Profile,
        cache: Option<&Path>,
    ) -> Result<Self, InstanceError> {
        check_socket(&socket_in(&quarters))?;
        new_files(&quarters, &installation, &quarters.folder.join(DATA), cache)?;
        Self::serve_data(quarters, installation, profile, SUPERUSER, &[], READY)
    }

    /// Starts a server on the files of another, which lie in [`DATA`], and lets it recover. Of its
    /// settings only those that are given are kept. `role` is its superuser.
    ///
    /// # Errors
    /// When it did not get ready, or cannot recover.
    pub fn recover(
        quarters: Quarters<'a>,
        installation: Installation,
        profile: Profile,
        role: &str,
        settings: &[String],
    ) -> Result<Self, InstanceError> {
        check_socket(&socket_in(&quarters))?;
        let data = quarters.folder.join(DATA);
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        for name in ["postgresql.conf", "postgresql.auto.conf"] {
            fs::write(data.join(name), "")?;
        }
        for name in ["postmaster.pid", "postmaster.opts", "standby.signal"] {
            let _ = fs::remove_file(data.join(name));
        }
        let limit = quarters.confinement.timeout;
        Self::serve_data(quarters, installation, profile, role, settings, limit)
    }

    fn serve_data(
        quarters: Quarters<'a>,
        installation: Installation,
        profile: Profile,
        role: &str,
        settings: &[String],
        limit: Duration,
    ) -> Result<Self, InstanceError> {
        let (data, socket) = (quarters.folder.join(DATA), quarters.folder.join(SOCKET));
        fs::DirBuilder::new().mode(0o700).create(&socket)?;
        let user = quarters.user.clone().or_else(unprivileged).ok_or(InstanceError::NoUser)?;
        // Whoever asks is known to the kernel by its user: there is no password to guess or to leak.
        fs::write(data.join("pg_hba.conf"), "local all all peer map=drill\n")?;
        let quoted = role.replace('"', "\"\"");
        fs::write(data.join("pg_ident.conf"), format!("drill {} \"{quoted}\"\n", user.name))?;
        if let Some(user) = &quarters.user {
            chown_tree(&quarters.folder, user.id, user.group)?;
        }
        let watch = Stopwatch::start();
        let service = Self::serve(&quarters, &installation, profile, settings);
        let (role, database) = (role.to_owned(), FIRST_DATABASE.to_owned());
        let mut server =
            Self { quarters, installation, service, socket, role, database, ready_seconds: 0.0 };
        // The eighth line of its own file says so: nothing is polled over the socket.
        let is_ready = || {
            let said = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            said.lines().nth(7).is_some_and(|status| status.trim() == "ready")
        };
        wait_until(is_ready, &server.service, &server.quarters, limit)?;
        server.ask_as(FIRST_DATABASE, &[], "SELECT 1")?;
        server.ready_seconds = watch.seconds();
        Ok(server)
    }

    fn serve(
        quarters: &Quarters<'_>,
        installation: &Installation,
        profile: Profile,
        settings: &[String],
    ) -> Service {
        let (data, socket) = (quarters.folder.join(DATA), quarters.folder.join(SOCKET));
        let socket = format!("unix_socket_directories={}", socket.display());
        let fast: &[&str] = if profile == Profile::Fast { &FAST } else { &[] };
        let data = data.display().to_string();
        let mut arguments = vec!["-D", &data, "-c", &socket];
        let given = settings.iter().map(String::as_str);
        for setting in QUIET.iter().chain(fast).copied().chain(given) {
            arguments.extend(["-c", setting]);
        }
        quarters.serve(&installation.program("postgres"), &arguments, &[])
    }

    /// Where its programs lie.
    #[must_use]
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Where clients run beside it.
    #[must_use]
    pub fn quarters(&self) -> &Quarters<'a> {
        &self.quarters
    }

    /// The database that questions go to from now on.
    pub fn look_at(&mut self, database: &str) {
        database.clone_into(&mut self.database);
    }

    /// The database that is looked at.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// What a client needs to reach it.
    #[must_use]
    pub fn address(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PGHOST", self.socket.display().to_string()),
            ("PGUSER", self.role.clone()),
            ("PGCONNECT_TIMEOUT", "10".to_owned()),
        ]
    }

    /// Runs a command as superuser, in whichever database.
    ///
    /// # Errors
    /// When it fails.
    pub fn command(&self, database: &str, sql: &str) -> Result<String, InstanceError> {
        self.ask_as(database, &[], sql)
    }

    fn ask_as(&self, database: &str, options: &[&str], sql: &str) -> Result<String, InstanceError> {
        let mut settings: Vec<String> =
            SPEAKING.iter().map(|(name, value)| format!("-c {name}={value}")).collect();
        settings.extend(options.iter().map(|&option| option.to_owned()));
        let settings = settings.join(" ");
        let address = self.address();
        let mut environment: Vec<(&str, &str)> =
            address.iter().map(|(name, value)| (*name, value.as_str())).collect();
        environment.push(("PGOPTIONS", &settings));
        ask(&self.quarters, &self.installation.program("psql"), &environment, database, &[sql])
    }

    /// Pages that were read and have another checksum, as the server has counted them.
    fn broken_pages(&self) -> Result<Vec<String>, TargetError> {
        let sql = "SELECT datname, checksum_failures FROM pg_stat_database \
                   WHERE checksum_failures > 0";
        let rows = self.query(sql)?;
        let named = rows.into_iter().map(|row| {
            let words: Vec<String> = row.into_iter().flatten().collect();
            format!("pages with a wrong checksum: {}", words.join(" "))
        });
        Ok(named.collect())
    }

    /// A line without rows and without the values of rows: those stand behind a colon, or the word value.
    #[must_use]
    pub fn without_values(line: &str) -> Option<String> {
        if ROWS.iter().any(|mark| line.trim_start().starts_with(mark)) {
            return None;
        }
        let quoted = [": \"", "value \"", "values \""].iter().filter_map(|mark| {
            let at = line.find(mark)? + mark.len();
            line.rfind('"').filter(|end| *end >= at).map(|end| (at, end))
        });
        let Some((at, end)) = quoted.min() else { return Some(line.to_owned()) };
        Some(format!("{}[value]{}", &line[..at], &line[end..]))
    }

    /// Ends it, with all that it started.
    ///
    /// # Errors
    /// When it had been lost.
    pub fn stop(self) -> Result<Finished, ProcessError> {
        self.service.stop()
    }
}

/// The path of its socket, as it names it.
fn socket_in(quarters: &Quarters<'_>) -> PathBuf {
    quarters.folder.join(SOCKET).join(".s.PGSQL.5432")
}

/// The files of a new server: made once for each version, then copied.
fn new_files(
    quarters: &Quarters<'_>,
    installation: &Installation,
    data: &Path,
    cache: Option<&Path>,
) -> Result<(), InstanceError> {
    let version = quarters.ask(&installation.program("postgres"), &["--version"], &[])?;
    let template = Template::of(cache, &format!("{version} of {SUPERUSER}"));
    if template.copy_to(data)? {
        return Ok(());
    }
    let place = data.display().to_string();
    let arguments = [
        "-D",
        &place,
        "-U",
        SUPERUSER,
        "-A",
        "peer",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
        "--no-instructions",
    ];
    quarters.ask(&installation.program("initdb"), &arguments, &[])?;
    template.keep(data);
    Ok(())
}

impl SqlTarget for Postgres<'_> {
    fn engine(&self) -> Engine {
        Engine::PostgreSql
    }

    fn query(&self, sql: &str) -> Result<Vec<Row>, TargetError> {
        let readonly = ["-c default_transaction_read_only=on"];
        let text = self
            .ask_as(&self.database, &readonly, sql)
            .map_err(|error| TargetError(plain(&error, Self::without_values)))?;
        Ok(if text.is_empty() { Vec::new() } else { rows(&text) })
    }

    /// Heap and indexes, the checksums of their pages where there are any, and whether each row that an index should hold is in it.
    fn damage(&self) -> Result<Vec<String>, TargetError> {
        let failed = |error: InstanceError| TargetError(error.to_string());
        let address = self.address();
        let environment: Vec<(&str, &str)> =
            address.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = format!("--jobs={}", cores.min(MAX_JOBS));
        let mut arguments = vec!["-d", &self.database, "--install-missing", "--heapallindexed"];
        arguments.extend(["--no-strict-names", &jobs]);
        let mut printed = Vec::new();
        let mut keep = |bytes: &[u8]| printed.extend_from_slice(bytes);
        let program = self.installation.program("pg_amcheck");
        let finished =
            self.quarters.run(&program, &arguments, &environment, &mut keep).map_err(failed)?;
        let text = String::from_utf8_lossy(&printed).into_owned();
        let lines = || text.lines().filter(|line| !line.starts_with(' ')).map(str::to_owned);
        match finished.end {
            End::Exited(0) => self.broken_pages(),
            // What it finds is said line by line; the rows themselves are indented.
            End::Exited(2) => Ok(lines().collect()),
            other => Err(TargetError(format!(
                "pg_amcheck {}: {}",
                super::how(&other),
                super::last_words(&text)
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_lose_what_may_be_values() {
        for (line, wanted) in [
            (
                "psql:f:1: ERROR:  invalid input syntax for type integer: \"a \"row\"\"",
                Some("psql:f:1: ERROR:  invalid input syntax for type integer: \"[value]\""),
            ),
            (
                "ERROR:  value \"99\" is out of range for type integer",
                Some("ERROR:  value \"[value]\" is out of range for type integer"),
            ),
            (
                "ERROR:  relation \"public.x\" does not exist",
                Some("ERROR:  relation \"public.x\" does not exist"),
            ),
            ("CONTEXT:  COPY x, line 1: \"a row\"", None),
            ("DETAIL:  Key (id)=(1) is not present", None),
        ] {
            assert_eq!(Postgres::without_values(line).as_deref(), wanted);
        }
    }
}
