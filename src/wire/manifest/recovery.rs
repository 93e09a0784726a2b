//! How a backup is restored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Input, Provenance};

/// How the backup is restored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// What restores it; `script` where a script is given, else `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// The recall script: any executable (`docs/recall-script.md`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub script: Option<String>,
    /// SHA-256 of the script, if it is to be pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub script_sha256: Option<String>,
    /// What the script is made of: an SBOM that names its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_sbom: Option<Input>,
    /// Who made the script, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_provenance: Option<Provenance>,
    /// Names of the programs that the script uses, each to be identified in the report by its path,
    /// version and digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(regex(pattern = r"^[A-Za-z0-9._+-]{1,255}$")))]
    pub tools: Vec<String>,
    /// Where restores happen: each run in a new directory below it. Default: the system's
    /// temporary directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub output_dir: Option<String>,
    /// Whether the script gets a private copy of the verified bytes. Default: true. Without it the
    /// script gets the backup itself, which is looked at again afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_backup: Option<bool>,
    /// How long one attempt may run. Default: 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub timeout_seconds: Option<u64>,
    /// How often a script that fails is started again, each time in an empty directory. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub retries: Option<u32>,
    /// What the script recovers, relative to its output directory. Default: `recovered-backup*`,
    /// else the backup's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub recovered: Option<String>,
    /// Digest of what the script recovers, where that is not the backup byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub recovered_sha256: Option<String>,
    /// Names of environment variables that the script gets besides its own; their values are
    /// secrets and are redacted from its output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$")))]
    pub environment: Vec<String>,
    /// Whether the drill fails where the kernel refuses a protection. Default: best-effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// What the script may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// For `postgres` and `mysql`: the database to look at, where a dump holds several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub database: Option<String>,
    /// For `postgres` and an archive of `pg_dump`: a database that is there already, in place of a server
    /// of the tool's own. All that it holds is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing_target: Option<ExistingTarget>,
    /// For `postgres` and a base backup: the archive of write-ahead log that it is recovered with, a
    /// directory of segments. It must be pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal: Option<Input>,
    /// For `postgres` and a base backup: the time that it is recovered to, RFC 3339 with an offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub recovery_target_time: Option<String>,
    /// For `postgres` and a base backup: the server's superuser. Default: postgres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub superuser: Option<String>,
    /// For `postgres` and an archive: how many tables are restored at once. Default: the number of
    /// processors, at most 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub jobs: Option<u32>,
    /// For `files` and an archive: the tree digest that the unpacked archive must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(sha256:)?[0-9a-fA-F]{64}$"))]
    pub tree_sha256: Option<String>,
    /// For `files`: a list as `sha256sum` writes it, naming every file that must come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub digests: Option<String>,
}

/// A database that is there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExistingTarget {
    /// Where it is, without a password: `postgres://user@host/database`.
    #[schemars(length(min = 1, max = 4096))]
    pub database_url: String,
    /// Name of the environment variable that holds the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub password_env: Option<String>,
}

/// What restores a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// A recall script.
    Script,
    /// A directory tree or an archive, copied or unpacked by the tool itself.
    Files,
    /// A dump of PostgreSQL, into a server of its own.
    Postgres,
    /// A dump of MySQL or MariaDB, into a MariaDB server of its own.
    Mysql,
    /// A snapshot or logs of commands of Redis or Valkey, into a server of its own.
    Redis,
    /// A database file or a dump of SQLite.
    Sqlite,
}

impl Driver {
    /// Its name, as manifests write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Files => "files",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Redis => "redis",
            Self::Sqlite => "sqlite",
        }
    }
}

/// What happens where the kernel refuses a protection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// The restore fails.
    Required,
    /// The restore runs with what is to be had, and a finding says what was missing.
    #[default]
    BestEffort,
}

/// The throwaway server that a database is restored into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Whether it writes as a server in production does. Default: durable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Major version of the server. Default: the oldest that is installed and can read the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 9, max = 99))]
    pub version: Option<u32>,
}

/// How a throwaway server writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// With the server's defaults: the time that is measured is an honest one.
    #[default]
    Durable,
    /// Without waiting for the disk: for drills that ask whether the data is whole.
    Fast,
}

/// What a recall script may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// MiB of private memory of each process. Default: the machine's memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub memory_mib: Option<u64>,
    /// Processes and threads. Default: 4096.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub processes: Option<u64>,
    /// MiB of any one file that is written. Default: what is free on the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub file_mib: Option<u64>,
}
