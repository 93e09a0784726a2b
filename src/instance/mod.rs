//! Databases: throwaway servers, started by this program, reached through a local socket, ended and
//! removed with it; and those in use, which are read by their own tools.

mod installation;
mod mariadb;
mod postgres;
mod psql;
mod redis;
pub mod source;
mod sqlite;
mod template;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::manifest::Confinement;
use crate::process::{
    End, Finished, Interrupt, Launch, Limits, ProcessError, Reach, Service, User, run,
};
use crate::target::Row;
use crate::wire::event::IsolationFact;
use crate::wire::manifest::Isolation;

pub use installation::{Installation, installations, major, offered};
pub use mariadb::MariaDb;
pub use postgres::{DATA, Postgres};
pub use redis::{Redis, RedisFiles};
pub use sqlite::Sqlite;

/// What separates columns and rows in the answers of clients, and stands for NULL: characters that
/// no name holds.
const COLUMN: char = '\u{1f}';
const ROW: char = '\u{1e}';
const NULL: &str = "\u{1d}";

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// Nothing of it is installed.
    #[error("{0} is not installed")]
    NotInstalled(&'static str),
    /// No version that is installed will do.
    #[error("{wanted} is needed, and {installed} is installed")]
    Version {
        /// What is needed.
        wanted: String,
        /// What is there.
        installed: String,
    },
    /// A database does not say that it is there for drills.
    #[error("the database {0} does not say that it is there for drills: nothing was done to it")]
    NotMarked(String),
    /// What an earlier drill had set aside is still there.
    #[error(
        "there is a database {0} already, as a drill that was killed leaves it: nothing was done"
    )]
    Aside(String),
    /// Nothing was set aside, so that nothing can be brought back.
    #[error("there is no database {0} to bring back: nothing was dropped")]
    NotAside(String),
    /// An address names no database.
    #[error("the address names no database")]
    NoDatabase,
    /// The system does not know whom it could run as.
    #[error("the server cannot be started: this system knows no user that it could run as")]
    NoUser,
    /// Its directory cannot be reached by the user that it runs as.
    #[error("the user {user}, as whom the server runs, cannot reach {folder}")]
    Unreachable {
        /// The user.
        user: String,
        /// The directory.
        folder: String,
    },
    /// The path of its socket is longer than a socket's may be.
    #[error("the path of its socket is too long: {0}")]
    SocketPath(String),
    /// Its files cannot be made.
    #[error("its files cannot be made: {0}")]
    Files(#[from] io::Error),
    /// A template of its files cannot be copied.
    #[error("its files cannot be copied: {0}")]
    Template(#[from] crate::fs::TreeWriteError),
    /// A program could not be run.
    #[error("{0} {1}")]
    Run(String, #[source] ProcessError),
    /// A program did not succeed.
    #[error("{program} {how}: {said}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        how: String,
        /// Its last words.
        said: String,
    },
    /// It did not get ready.
    #[error("the server did not get ready within {0} seconds: {1}")]
    NotReady(u64, String),
    /// The kernel refuses protections that the manifest requires.
    #[error("it was not started: the manifest requires isolation, and {0}")]
    Isolation(String),
}

impl InstanceError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotInstalled("PostgreSQL") => {
                "install the server's package, such as postgresql-15; nothing needs to be set up"
                    .to_owned()
            }
            Self::NotInstalled(what) => format!("install {what}; nothing needs to be set up"),
            Self::Version { .. } => {
                "install that version beside the others, or set instance.version".to_owned()
            }
            Self::Unreachable { .. } | Self::SocketPath(_) => {
                "set restore.output_dir to a short path that everybody can enter, or remove it: the \
                 temporary directory is then used"
                    .to_owned()
            }
            Self::NotMarked(name) => format!(
                "if all that it holds may be lost: COMMENT ON DATABASE \"{name}\" IS 'dr-drill target'"
            ),
            Self::Aside(name) => format!(
                "if it is what should be there, give \"{name}\" its name back; else drop it"
            ),
            Self::Isolation(_) => "allow user namespaces or Landlock on this machine, or set \
                 restore.isolation to best-effort"
                .to_owned(),
            _ => return None,
        })
    }
}

/// Where an instance lives, and what it is confined by.
pub struct Quarters<'a> {
    /// A directory of its own, of the user that it runs as.
    pub folder: PathBuf,
    /// Whom it runs as, where that is not the user of this process.
    pub user: Option<User>,
    /// Where programs are looked for.
    pub search_path: OsString,
    /// Limits, and whether protections are required.
    pub confinement: &'a Confinement,
    /// Whether the drill is to end.
    pub interrupt: &'a dyn Interrupt,
    /// Where programs may reach what the caller reaches, as those must that read a database in use:
    /// the directory that its path is relative to.
    pub open: Option<PathBuf>,
}

impl Quarters<'_> {
    fn launch(&self, program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Launch {
        let own = [
            ("PATH", self.search_path.clone()),
            ("HOME", self.folder.clone().into()),
            ("TMPDIR", self.folder.clone().into()),
            // Messages are read: they are to be in one language.
            ("LC_ALL", "C.UTF-8".into()),
            ("TZ", "UTC".into()),
        ];
        let given = environment.iter().map(|(name, value)| (*name, OsString::from(value)));
        Launch {
            program: program.to_owned(),
            arguments: arguments.iter().map(OsString::from).collect(),
            environment: own.into_iter().chain(given).map(|(n, v)| (n.into(), v)).collect(),
            folder: self.folder.clone(),
            writable: vec![self.folder.clone()],
            limits: Limits {
                memory_bytes: self.confinement.memory_bytes,
                processes: Some(self.confinement.processes),
                file_bytes: self.confinement.file_bytes,
            },
            isolation_required: self.confinement.isolation == Isolation::Required,
            timeout: self.confinement.timeout,
            user: self.user.clone(),
            reach: if self.open.is_some() { Reach::Open } else { Reach::Confined },
        }
    }

    /// Starts a server.
    #[must_use]
    pub fn serve(
        &self,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Service {
        Service::start(Launch {
            // It ends when it is stopped, and its clients are bounded in time.
            timeout: Duration::MAX,
            ..self.launch(program, arguments, environment)
        })
    }

    /// Runs a program beside the server. What it prints, errors and all, goes to `output`.
    ///
    /// # Errors
    /// When it could not be run; that it failed is no error.
    pub fn run(
        &self,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        output: &mut dyn FnMut(&[u8]),
    ) -> Result<Finished, InstanceError> {
        let launch = self.launch(program, arguments, environment);
        let finished = run(&launch, None, output, &|| self.interrupt.interrupted())
            .map_err(|error| InstanceError::Run(name_of(program), error))?;
        if finished.end == End::Refused {
            return Err(InstanceError::Isolation(missing(&finished)));
        }
        Ok(finished)
    }

    /// Runs a program that must succeed, and gives what it printed.
    ///
    /// # Errors
    /// When it did not succeed, with its last words.
    pub fn ask(
        &self,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<String, InstanceError> {
        let mut printed = Vec::new();
        let mut keep = |bytes: &[u8]| printed.extend_from_slice(bytes);
        let finished = self.run(program, arguments, environment, &mut keep)?;
        let text = String::from_utf8_lossy(&printed).into_owned();
        if finished.end == End::Exited(0) {
            return Ok(text);
        }
        Err(InstanceError::Failed {
            program: name_of(program),
            how: how(&finished.end),
            said: last_words(&text),
        })
    }
}

/// How long a server may take to get ready.
const READY: Duration = Duration::from_secs(120);
/// How often it is looked whether it is.
const LOOK: Duration = Duration::from_millis(2);
/// Longest path of a socket, in bytes (`sun_path`).
const SOCKET_PATH: usize = 107;

/// Refuses a path that no socket can have.
fn check_socket(path: &Path) -> Result<(), InstanceError> {
    if path.as_os_str().len() <= SOCKET_PATH {
        return Ok(());
    }
    Err(InstanceError::SocketPath(path.display().to_string()))
}

/// Waits until a server is ready; not longer than it runs.
fn wait_until(
    ready: impl Fn() -> bool,
    service: &Service,
    quarters: &Quarters<'_>,
    limit: Duration,
) -> Result<(), InstanceError> {
    let watch = Stopwatch::start();
    while !ready() {
        let over = watch.elapsed() > limit || quarters.interrupt.interrupted();
        if over || !service.is_running() {
            let said = complaints(&service.printed());
            return Err(InstanceError::NotReady(watch.elapsed().as_secs(), said));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// A program on the search path, or else in one of the folders besides.
fn find_program(quarters: &Quarters<'_>, name: &str, besides: &[&str]) -> Option<PathBuf> {
    let on_path = std::env::split_paths(&quarters.search_path).filter(|path| path.is_absolute());
    let folders = on_path.chain(besides.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// How a program ended, in words.
#[must_use]
pub fn how(end: &End) -> String {
    match end {
        End::Exited(status) => format!("ended with exit status {status}"),
        End::Signalled(signal) => format!("was ended by signal {signal}"),
        End::TimedOut => "ran too long and was killed".to_owned(),
        End::Interrupted => "was interrupted".to_owned(),
        End::Refused => "was not started".to_owned(),
    }
}

/// The protections of something that has run.
#[must_use]
pub fn isolation(finished: &Finished) -> Vec<IsolationFact> {
    finished
        .protections
        .iter()
        .map(|protection| IsolationFact {
            protection: protection.name.clone(),
            in_force: protection.in_force,
            detail: protection.detail.clone(),
        })
        .collect()
}

fn missing(finished: &Finished) -> String {
    let missing = finished.protections.iter().filter(|protection| !protection.in_force);
    missing.map(|one| format!("{}: {}", one.name, one.detail)).collect::<Vec<_>>().join("; ")
}

fn name_of(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What is said of a question that was not answered, without what may be values.
fn plain(error: &InstanceError, without_values: impl Fn(&str) -> Option<String>) -> String {
    match error {
        InstanceError::Failed { program, how, said } => {
            let lines = said.split("; ").filter_map(without_values);
            format!("{program} {how}: {}", lines.collect::<Vec<_>>().join("; "))
        }
        other => other.to_string(),
    }
}

/// The lines in which a server says why it ends, else its last.
fn complaints(text: &str) -> String {
    let grave = |line: &&str| ["FATAL:", "PANIC:", "[ERROR]"].iter().any(|m| line.contains(m));
    let lines: Vec<&str> = text.lines().filter(grave).map(str::trim).take(3).collect();
    if lines.is_empty() { last_words(text) } else { lines.join("; ") }
}

/// The last lines that say something.
fn last_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}

/// Reads the answer of a client.
fn rows(text: &str) -> Vec<Row> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix(ROW).unwrap_or(text);
    let column = |text: &str| (text != NULL).then(|| text.to_owned());
    text.split(ROW).map(|row| row.split(COLUMN).map(column).collect()).collect()
}
