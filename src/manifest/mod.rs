//! The manifest as it was understood: every path, digest, time and limit checked, every problem reported at once.

mod action;
mod address;
pub mod exercise;
mod read;
mod reference;
mod signed;
mod validate;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::wire;

use wire::manifest::{CertificateClaim, Isolation, Phase, Profile};

pub use action::{Request, RequestKind};
pub use address::Address;
pub use read::parse;
pub use reference::SourceRef;
pub use signed::{PAYLOAD_TYPE, signature_path, verify};

/// Largest manifest that is read, in bytes.
pub const MAX_BYTES: u64 = 4 << 20;

/// A manifest in which everything that can be checked without touching the world holds.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Name of the drill.
    pub name: Option<String>,
    /// The backup under test.
    pub backup: Backup,
    /// Its SBOM.
    pub sbom: Option<Input>,
    /// Its provenance.
    pub provenance: Option<Provenance>,
    /// How it is restored.
    pub restore: Restore,
    /// Where it is told what the database was.
    pub baseline: Option<BaselineSource>,
    /// What must hold of the restored data, with what every database is asked.
    pub checks: Vec<wire::manifest::Check>,
    /// Whether those follow that the baseline allows.
    pub derives_checks: bool,
    /// Limits on what is measured.
    pub policies: Policies,
    /// The limits as they were written.
    pub written_policies: Option<wire::manifest::Policies>,
    /// What has to follow a drill that does not pass.
    pub corrective_action: wire::manifest::CorrectiveAction,
}

impl Manifest {
    /// The recall script, if one restores the backup.
    #[must_use]
    pub fn script(&self) -> Option<&Script> {
        match &self.restore.driver {
            Driver::Script(script) => Some(script),
            Driver::Files(_) | Driver::Database(_) => None,
        }
    }

    /// The database that the backup is restored into, if it is one of a database.
    #[must_use]
    pub fn database(&self) -> Option<&Database> {
        match &self.restore.driver {
            Driver::Database(database) => Some(database),
            Driver::Files(_) | Driver::Script(_) => None,
        }
    }
}

/// The backup under test.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Path relative to the manifest's folder; what it is called, where it is fetched.
    pub path: String,
    /// The storage that it is fetched from, if it does not lie here.
    pub remote: Option<Remote>,
    /// Digest of the file, or tree digest of the directory.
    pub sha256: Digest,
    /// When the data was captured, as the manifest says.
    pub captured_at: Timestamp,
}

/// Where a backup is fetched from.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Its address.
    pub address: Address,
    /// Most bytes that are fetched.
    pub max_bytes: u64,
}

/// Where it is told what the database was: at least one of the two.
#[derive(Clone, Debug)]
pub struct BaselineSource {
    /// A file.
    pub file: Option<Input>,
    /// The newest drill of the name that passed; the file only where there is none.
    pub last_good_drill: bool,
}

/// A file that vouches for the backup.
#[derive(Clone, Debug)]
pub struct Input {
    /// Path relative to the manifest's folder.
    pub path: String,
    /// Its digest, where it is pinned.
    pub sha256: Option<Digest>,
}

/// Who says what of the backup, whom to believe, and what must be said.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// The file.
    pub file: Input,
    /// Paths of public keys, relative to the manifest's folder.
    pub keys: Vec<String>,
    /// How many of the keys must have signed.
    pub threshold: usize,
    /// Name and issuer of whom a certificate must have been issued to.
    pub identity: Option<(String, String)>,
    /// Path of a trusted root, relative to the manifest's folder.
    pub trusted_root: Option<String>,
    /// What must be said.
    pub expected: Expectations,
}

/// What provenance must say. Lists that are empty and options that are not given ask for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectations {
    /// Builders that are believed.
    pub builders: Vec<wire::manifest::Builder>,
    /// Build types that are accepted.
    pub build_types: Vec<String>,
    /// Repository that the build was started from, and used.
    pub source_uri: Option<String>,
    /// Which ref of the source.
    pub source_ref: Option<SourceRef>,
    /// Digest of the source.
    pub source_digest: Option<String>,
    /// Predicate types that are accepted.
    pub predicate_types: Vec<String>,
    /// Inputs that a build that was started by hand must have been given.
    pub build_inputs: BTreeMap<String, String>,
    /// What the certificate that signed must say.
    pub certificate: BTreeMap<CertificateClaim, String>,
    /// External parameters that are expected.
    pub allowed_parameters: Vec<String>,
    /// Oldest acceptable statement, in hours.
    pub max_age_hours: Option<f64>,
}

/// How the backup is restored.
#[derive(Clone, Debug)]
pub struct Restore {
    /// What restores it.
    pub driver: Driver,
    /// Where restores happen.
    pub output_dir: Option<String>,
}

/// What restores a backup.
#[derive(Clone, Debug)]
pub enum Driver {
    /// A recall script.
    Script(Box<Script>),
    /// The tool itself copies or unpacks files.
    Files(Files),
    /// A throwaway database takes it.
    Database(Box<Database>),
}

/// How what is started for a restore is confined.
#[derive(Clone, Debug)]
pub struct Confinement {
    /// How long one attempt may run.
    pub timeout: Duration,
    /// What happens where the kernel refuses a protection.
    pub isolation: Isolation,
    /// Bytes of private memory of each process.
    pub memory_bytes: Option<u64>,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes of any one file that is written.
    pub file_bytes: Option<u64>,
}

/// A throwaway database, and how a backup is restored into it.
#[derive(Clone, Debug)]
pub struct Database {
    /// What it is.
    pub engine: DatabaseEngine,
    /// The database to look at, where a dump holds several.
    pub name: Option<String>,
    /// Tables that are restored at once.
    pub jobs: Option<u32>,
    /// How its server writes.
    pub profile: Profile,
    /// Major version of its server.
    pub version: Option<u32>,
    /// Its superuser, of a base backup.
    pub role: String,
    /// A database that is there already, to restore into.
    pub existing: Option<wire::manifest::ExistingTarget>,
    /// How a base backup is recovered.
    pub recovery: Option<Recovery>,
    /// How it is confined.
    pub confinement: Confinement,
}

/// How a base backup is recovered further than its own log reaches.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The archive of write-ahead log.
    pub wal: Option<Log>,
    /// Until when.
    pub target_time: Option<Timestamp>,
}

/// An archive of write-ahead log.
#[derive(Clone, Debug)]
pub struct Log {
    /// Path relative to the manifest's folder.
    pub path: String,
    /// Tree digest of the directory.
    pub sha256: Digest,
}

/// What a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseEngine {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
    /// Redis or Valkey.
    Redis,
    /// SQLite.
    Sqlite,
}

/// A recall script and how it is run.
#[derive(Clone, Debug)]
pub struct Script {
    /// Path relative to the manifest's folder.
    pub path: String,
    /// Its digest, where it is pinned.
    pub sha256: Option<Digest>,
    /// Its SBOM.
    pub sbom: Option<Input>,
    /// Its provenance.
    pub provenance: Option<Provenance>,
    /// Names of programs that it uses.
    pub tools: Vec<String>,
    /// Whether it gets a private copy of the backup.
    pub copy_backup: bool,
    /// Further attempts after a failure.
    pub retries: u32,
    /// What it recovers, relative to its output directory.
    pub recovered: Option<String>,
    /// Digest of what it recovers, where that is not the backup byte for byte.
    pub recovered_sha256: Option<Digest>,
    /// Names of environment variables that are passed on.
    pub environment: Vec<String>,
    /// How it is confined.
    pub confinement: Confinement,
}

/// What files must come back.
#[derive(Clone, Debug)]
pub struct Files {
    /// Tree digest that an unpacked archive must have.
    pub tree_sha256: Option<Digest>,
    /// Path of a list of digests, relative to the manifest's folder.
    pub digests: Option<String>,
}

/// Limits on what is measured.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// Oldest acceptable data, in minutes.
    pub rpo: Limit,
    /// Longest acceptable time to verified data, in seconds.
    pub rto: Limit,
    /// How much slower than the median of the drills before it a drill may be, in percent.
    pub max_rto_regression_percent: Option<f64>,
    /// Longest acceptable time of phases, in seconds.
    pub phases: Vec<(Phase, f64)>,
    /// Slowest acceptable restore, in bytes per second.
    pub min_restore_bytes_per_second: Option<f64>,
    /// Share of the tables that checks must look into, above 0 and at most 1.
    pub min_coverage: Option<f64>,
    /// Share of the checks that has to hold, above 0 and at most 1.
    pub min_pass_rate: Option<f64>,
    /// Whether a drill with a fixed clock may pass.
    pub allow_clock_override: bool,
    /// Minimum elements that the SBOM must have.
    pub sbom_profiles: Vec<wire::manifest::SbomProfile>,
    /// The only licences that components may have.
    pub allowed_licenses: Vec<String>,
    /// Licences that no component may need.
    pub denied_licenses: Vec<String>,
    /// Oldest acceptable SBOM, in days.
    pub max_sbom_age_days: Option<f64>,
    /// Whether provenance must be signed by somebody who is trusted.
    pub require_signature: bool,
    /// An approved exception.
    pub waiver: Option<Waiver>,
}

/// An upper limit and the level from which on a warning is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limit {
    /// Above it the policy is broken.
    pub max: Option<f64>,
    /// Above it a warning is given.
    pub warn: Option<f64>,
}

/// An approved exception that expires.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// Who approved it.
    pub approved_by: String,
    /// Why.
    pub reason: String,
    /// Until when it holds.
    pub until: Timestamp,
    /// When the drill is made up for.
    pub makeup_drill_at: Timestamp,
    /// The policies it holds for; empty for all.
    pub policies: Vec<String>,
}
