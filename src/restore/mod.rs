//! Restores: one file a driver, and the search for what was recovered.

pub mod archive;
mod beside;
mod client;
pub mod database;
mod feed;
pub mod files;
mod lines;
mod mysql;
mod postgres;
mod printed;
mod program;
pub mod provision;
pub mod recovered;
mod redis;
pub mod script;
mod sqlite;

use crate::process::ProcessError;
use crate::wire::event::RestoreFacts;

/// A restore that did not work, with what is known of it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failed {
    /// What was found out before it failed.
    pub facts: Box<RestoreFacts>,
    /// Why it failed.
    #[source]
    pub error: RestoreError,
}

/// Why a restore did not work.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The script's path is refused or cannot be opened.
    #[error("the script {0}")]
    Script(#[from] crate::fs::PathError),
    /// The script cannot be read.
    #[error("the script {0} cannot be read: {1}")]
    ScriptRead(String, #[source] crate::digest::StreamError),
    /// A program that the restore uses is not there.
    #[error("the program {0}, which the restore uses, was not found")]
    Program(String),
    /// A program that the restore uses cannot be read.
    #[error("the program {0} cannot be read: {1}")]
    ProgramRead(String, #[source] std::io::Error),
    /// The script is not the one that was vouched for a moment ago.
    #[error("the script {0} was changed after what vouches for it had been verified")]
    ScriptChanged(String),
    /// It has no permission to be executed.
    #[error("the script {0} is not executable")]
    NotExecutable(String),
    /// It is not the one that was pinned.
    #[error("the script {path} has the digest {found}, the manifest pins {pinned}")]
    ScriptDigest {
        /// Path relative to the root.
        path: String,
        /// What was computed.
        found: crate::digest::Digest,
        /// The pin.
        pinned: crate::digest::Digest,
    },
    /// A variable that it is to be given is not set.
    #[error("the environment variable {0}, which the manifest passes on to the script, is not set")]
    Environment(String),
    /// There is no server to restore into.
    #[error(transparent)]
    Instance(#[from] crate::instance::InstanceError),
    /// The backup is no dump that the driver knows.
    #[error("the backup is no dump that can be restored: it is {0}")]
    NotADump(&'static str),
    /// Extensions that the dump makes are not installed.
    #[error("the dump needs the extension(s) {}, which are not installed", .0.join(", "))]
    Extensions(Vec<String>),
    /// The server that is installed lacks what the data needs, in its own words.
    #[error("the server that is installed cannot read it: {0}")]
    Lacking(String),
    /// There is less room than the data takes at least.
    #[error("the data takes at least {} MB on the disk, and {} MB are free", needed / 1_000_000, free / 1_000_000)]
    NoRoom {
        /// Bytes that it takes at least.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The disk is full.
    #[error("the disk was full before everything was restored")]
    DiskFull,
    /// The manifest names a database that is there already, and the caller did not allow it.
    #[error(
        "the manifest restores into the database {0}, which is there already: nothing was done to it"
    )]
    NotAllowed(String),
    /// A password that is asked for is not there.
    #[error("the environment variable {0}, which holds the password of the target, is not set")]
    Password(String),
    /// A database that was there before is not what it was.
    #[error("the database {database} could not be put back: {why}")]
    PutBack {
        /// Its name.
        database: String,
        /// Why.
        why: String,
    },
    /// The new server did not answer.
    #[error("the new server did not answer: {0}")]
    Asked(String),
    /// The client that restores did not do it.
    #[error("the dump was not restored: {program} {how}{}", said(errors))]
    Client {
        /// The client.
        program: &'static str,
        /// How it ended.
        how: String,
        /// What it said of what went wrong.
        errors: Vec<String>,
    },
    /// The write-ahead log is not the one that was pinned.
    #[error("the write-ahead log {path} has the digest {found}, the manifest pins {pinned}")]
    Log {
        /// Its path.
        path: String,
        /// What was computed.
        found: crate::digest::Digest,
        /// The pin.
        pinned: crate::digest::Digest,
    },
    /// A directory could not be made.
    #[error("the output directory cannot be made: {0}")]
    Output(#[source] std::io::Error),
    /// It could not be started.
    #[error("the script {0} {1}")]
    Start(String, #[source] ProcessError),
    /// It ended with an error.
    #[error("the script {0} ended with exit status {1}")]
    Exit(String, i32),
    /// A signal ended it.
    #[error("the script {0} was ended by signal {1}")]
    Signal(String, i32),
    /// It ran too long.
    #[error("the script {0} did not end within {1} seconds; it and all it had started were killed")]
    TimedOut(String, u64),
    /// It left processes running.
    #[error("the script {0} ended but left processes running ({1}); they were killed")]
    LeftBehind(String, String),
    /// The kernel refuses protections that the manifest requires.
    #[error("the script {0} was not started: the manifest requires isolation, and {1}")]
    Isolation(String, String),
    /// The drill was interrupted.
    #[error("the restore was interrupted")]
    Interrupted,
    /// An archive could not be unpacked.
    #[error("the archive cannot be unpacked: {0}")]
    Archive(#[from] archive::ArchiveError),
    /// A tree could not be copied.
    #[error("the tree cannot be copied: {0}")]
    Copy(#[from] crate::fs::TreeWriteError),
    /// The backup did not stay as it was.
    #[error(transparent)]
    Backup(#[from] crate::backup::BackupError),
}

/// The first thing that a client has said of what went wrong.
fn said(errors: &[String]) -> String {
    errors.first().map(|error| format!(": {error}")).unwrap_or_default()
}

impl RestoreError {
    /// Whether something is wanting where the drill runs, which says nothing of the backup. A program
    /// that a script wants belongs to the recovery that is drilled.
    #[must_use]
    pub fn says_nothing(&self) -> bool {
        matches!(
            self,
            Self::Instance(_)
                | Self::Extensions(_)
                | Self::NoRoom { .. }
                | Self::DiskFull
                | Self::Lacking(_)
                | Self::NotAllowed(_)
                | Self::Password(_)
                | Self::Asked(_)
        )
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Log { .. } => {
                "if more of it was archived since, set restore.wal.sha256 anew".to_owned()
            }
            Self::NotExecutable(path) => format!("make it executable: chmod +x {path}"),
            Self::ScriptDigest { .. } => {
                "if the change is meant, renew the pins: dr-drill pin".to_owned()
            }
            Self::Program(name) => {
                format!("install {name}, or correct restore.tools or the script's first line")
            }
            Self::Environment(name) => {
                format!("set {name} where dr-drill runs, or remove it from restore.environment")
            }
            Self::Instance(error) => return error.hint(),
            Self::Extensions(names) => {
                format!("install the package(s) that hold {} for this version", names.join(", "))
            }
            Self::NoRoom { .. } | Self::DiskFull => {
                "make room, or set restore.output_dir to where there is some".to_owned()
            }
            Self::NotAllowed(_) => {
                "if that is meant: dr-drill run --allow-existing-target".to_owned()
            }
            Self::Password(name) => format!("set {name} where dr-drill runs"),
            Self::PutBack { .. } => {
                "look whether others wrote to it meanwhile; what is aside: ALTER DATABASE … RENAME TO …"
                    .to_owned()
            }
            Self::Lacking(_) => {
                "install a newer version of the server, or the modules that it names".to_owned()
            }
            Self::Client { .. } => {
                "all that was said, without rows, is in restore/restore.log".to_owned()
            }
            Self::Exit(..) | Self::Signal(..) => {
                "its last lines are below; all it printed is in restore/restore.log".to_owned()
            }
            Self::TimedOut(..) => {
                "raise restore.timeout_seconds if the restore is really that slow".to_owned()
            }
            Self::LeftBehind(..) => {
                "let the script wait for everything that it starts, or stop it".to_owned()
            }
            Self::Isolation(..) => "allow user namespaces or Landlock on this machine, or set \
                 restore.isolation to best-effort"
                .to_owned(),
            _ => return None,
        })
    }
}
