//! PostgreSQL: whatever versions are installed, each started without a network and without a trace.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::psql::{SPEAKING, ask};
use super::template::Template;
use super::{InstanceError, Quarters, READY, check_socket, plain, rows, wait_until};
use crate::clock::Stopwatch;
use crate::fs::chown_tree;
use crate::process::{End, Finished, ProcessError, Service, unprivileged};
use crate::target::{Engine, Row, SqlTarget, TargetError};
use crate::wire::manifest::Profile;

/// Where distributions put a version each.
const PLACES: [(&str, &str); 3] =
    [("/usr/lib/postgresql", "bin"), ("/usr/lib64/postgresql", "bin"), ("/usr/local/pgsql", "")];
/// Who owns everything in it: a role that no dump makes, as those of whole clusters make `postgres`.
const SUPERUSER: &str = "dr_drill";
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

/// A version that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Where its programs lie.
    pub programs: PathBuf,
    /// Major version.
    pub major: u32,
}

impl Installation {
    /// One of its programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

/// Every version that is installed with server and clients, the oldest first.
///
/// # Errors
/// When none is.
pub fn installations(quarters: &Quarters<'_>) -> Result<Vec<Installation>, InstanceError> {
    let versions = PLACES.iter().flat_map(|(place, below)| {
        let entries = fs::read_dir(place).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().join(below)).collect::<Vec<_>>()
    });
    let red_hat = fs::read_dir("/usr").into_iter().flatten().flatten();
    let red_hat = red_hat
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("pgsql-"))
        .map(|entry| entry.path().join("bin"));
    let on_path = std::env::split_paths(&quarters.search_path).filter(|path| path.is_absolute());
    let mut found: Vec<Installation> = Vec::new();
    for folder in versions.chain(red_hat).chain(on_path) {
        let whole = ["postgres", "initdb", "psql", "pg_restore"]
            .iter()
            .all(|name| folder.join(name).is_file());
        let Some(programs) = whole.then(|| folder.canonicalize().ok()).flatten() else { continue };
        if found.iter().any(|known| known.programs == programs) {
            continue;
        }
        let version = quarters.ask(&programs.join("postgres"), &["--version"], &[])?;
        if let Some(major) = major(&version) {
            found.push(Installation { programs, major });
        }
    }
    found.sort_by_key(|installation| installation.major);
    if found.is_empty() { Err(InstanceError::NotInstalled("PostgreSQL")) } else { Ok(found) }
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, or in `15.18`.
pub(super) fn major(text: &str) -> Option<u32> {
    let number = text
        .split_ascii_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A server that runs until it is dropped.
pub struct Postgres<'a> {
    quarters: Quarters<'a>,
    installation: Installation,
    service: Service,
    socket: PathBuf,
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
        let data = quarters.folder.join("data");
        let socket = quarters.folder.join("s");
        check_socket(&socket.join(".s.PGSQL.5432"))?;
        new_files(&quarters, &installation, &data, cache)?;
        fs::DirBuilder::new().mode(0o700).create(&socket)?;
        let user = quarters.user.clone().or_else(unprivileged).ok_or(InstanceError::NoUser)?;
        // Whoever asks is known to the kernel by its user: there is no password to guess or to leak.
        fs::write(data.join("pg_hba.conf"), "local all all peer map=drill\n")?;
        fs::write(data.join("pg_ident.conf"), format!("drill {} {SUPERUSER}\n", user.name))?;
        if let Some(user) = &quarters.user {
            chown_tree(&quarters.folder, user.id, user.group)?;
        }
        let watch = Stopwatch::start();
        let service = Self::serve(&quarters, &installation, profile, &data, &socket);
        let database = FIRST_DATABASE.to_owned();
        let mut server =
            Self { quarters, installation, service, socket, database, ready_seconds: 0.0 };
        // The eighth line of its own file says so: nothing is polled over the socket.
        let is_ready = || {
            let said = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            said.lines().nth(7).is_some_and(|status| status.trim() == "ready")
        };
        wait_until(is_ready, &server.service, &server.quarters, READY)?;
        server.ask_as(FIRST_DATABASE, &[], "SELECT 1")?;
        server.ready_seconds = watch.seconds();
        Ok(server)
    }

    fn serve(
        quarters: &Quarters<'_>,
        installation: &Installation,
        profile: Profile,
        data: &Path,
        socket: &Path,
    ) -> Service {
        let socket = format!("unix_socket_directories={}", socket.display());
        let fast: &[&str] = if profile == Profile::Fast { &FAST } else { &[] };
        let data = data.display().to_string();
        let mut arguments = vec!["-D", &data, "-c", &socket];
        for setting in QUIET.iter().chain(fast) {
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
            ("PGUSER", SUPERUSER.to_owned()),
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

    /// Heap and indexes, and whether each row that an index should hold is in it.
    fn damage(&self) -> Result<Vec<String>, TargetError> {
        let failed = |error: InstanceError| TargetError(error.to_string());
        let address = self.address();
        let environment: Vec<(&str, &str)> =
            address.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let arguments =
            ["-d", &self.database, "--install-missing", "--heapallindexed", "--no-strict-names"];
        let mut printed = Vec::new();
        let mut keep = |bytes: &[u8]| printed.extend_from_slice(bytes);
        let program = self.installation.program("pg_amcheck");
        let finished =
            self.quarters.run(&program, &arguments, &environment, &mut keep).map_err(failed)?;
        let text = String::from_utf8_lossy(&printed).into_owned();
        let lines = || text.lines().filter(|line| !line.starts_with(' ')).map(str::to_owned);
        match finished.end {
            End::Exited(0) => Ok(Vec::new()),
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
