//! Restores into a throwaway database, whichever it is: got ready, filled, asked, and ended.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::beside;
use super::postgres::base;
use super::program::Programs;
use super::{Failed, RestoreError, mysql, postgres, redis, sqlite};
use crate::backup::VerifiedBackup;
use crate::check::ProgramEnd;
use crate::digest::Observer;
use crate::fs::{Root, Workspace, free_bytes};
use crate::instance::{InstanceError, Postgres, Quarters, Redis, Sqlite};
use crate::manifest::{Database, DatabaseEngine};
use crate::process::{Interrupt, ProcessError, unprivileged};
use crate::target::{Target, TargetError};
use crate::wire::event::{InstanceFacts, ProgramFacts, ProgramRole, RestoreFacts};

/// What an instance is made with.
pub struct Provision<'a, 'w> {
    /// What the manifest asks for.
    pub database: &'a Database,
    /// The run's private directory.
    pub workspace: &'w Workspace,
    /// Where programs are looked for.
    pub search_path: OsString,
    /// Where files of new servers are kept from one drill to the next, if anywhere.
    pub cache: Option<PathBuf>,
    /// Watches hashing.
    pub observer: &'w dyn Observer,
    /// Whether the drill is to end.
    pub interrupt: &'a dyn Interrupt,
    /// Bytes that the restored data takes on the disk at least.
    pub least_bytes: u64,
}

/// A database that is there for one drill.
pub struct Throwaway<'a> {
    engine: Engine<'a>,
    facts: InstanceFacts,
    programs: Vec<ProgramFacts>,
    folder: PathBuf,
}

enum Engine<'a> {
    Postgres(Box<postgres::Prepared<'a>>),
    BaseBackup(Box<base::Prepared<'a>>),
    MariaDb(Box<mysql::Prepared<'a>>),
    Redis(Box<Redis<'a>>),
    Sqlite(Box<Sqlite<'a>>),
}

impl<'a> Throwaway<'a> {
    /// Gets a database ready that the backup can be restored into.
    ///
    /// # Errors
    /// When none can be had.
    pub fn provision(
        given: &Provision<'a, '_>,
        backup: &VerifiedBackup,
    ) -> Result<Self, RestoreError> {
        let quarters = quarters(given)?;
        check_room(given, &quarters)?;
        let folder = quarters.folder.clone();
        let programs = Programs {
            search_path: &given.search_path,
            workspace: given.workspace,
            observer: given.observer,
            interrupted: &|| given.interrupt.interrupted(),
        };
        let identify = |list: Vec<(ProgramRole, PathBuf)>| {
            let named = list
                .iter()
                .map(|(role, path)| programs.identify(*role, &path.display().to_string()));
            named.collect::<Result<Vec<_>, _>>()
        };
        match given.database.engine {
            DatabaseEngine::Postgres if base::is_base_backup(backup) => {
                let user = quarters.user.as_ref().map(|user| user.name.clone());
                let prepared = base::prepare(quarters, given.database)?;
                let programs = identify(prepared.programs())?;
                let facts = InstanceFacts {
                    engine: "postgresql".to_owned(),
                    version: prepared.versions(),
                    profile: given.database.profile,
                    // It recovers when it starts: that is the restore.
                    ready_seconds: None,
                    database: given.database.name.clone().unwrap_or_else(|| "postgres".to_owned()),
                    roles: Vec::new(),
                    user,
                };
                let engine = Engine::BaseBackup(Box::new(prepared));
                Ok(Self { engine, facts, programs, folder })
            }
            DatabaseEngine::Postgres => {
                let cache = given.cache.as_deref();
                let prepared = postgres::prepare(backup, quarters, given.database, cache)?;
                let programs = identify(postgres::programs(&prepared))?;
                let facts = prepared.facts.clone();
                Ok(Self { engine: Engine::Postgres(Box::new(prepared)), facts, programs, folder })
            }
            DatabaseEngine::MariaDb => {
                let cache = given.cache.as_deref();
                let prepared = mysql::prepare(backup, quarters, given.database, cache)?;
                let (server, client) = prepared.server.programs();
                let programs = identify(vec![
                    (ProgramRole::Server, server.to_owned()),
                    (ProgramRole::Client, client.to_owned()),
                ])?;
                let facts = prepared.facts.clone();
                Ok(Self { engine: Engine::MariaDb(Box::new(prepared)), facts, programs, folder })
            }
            DatabaseEngine::Redis => {
                let redis = Redis::find(quarters)?;
                let programs = identify(redis::programs(&redis, backup)?)?;
                let facts = InstanceFacts {
                    engine: redis.engine.to_owned(),
                    version: redis.version.clone(),
                    profile: given.database.profile,
                    // It loads its data when it starts: that is the restore.
                    ready_seconds: None,
                    database: "all".to_owned(),
                    roles: Vec::new(),
                    user: redis.quarters().user.as_ref().map(|user| user.name.clone()),
                };
                Ok(Self { engine: Engine::Redis(Box::new(redis)), facts, programs, folder })
            }
            DatabaseEngine::Sqlite => {
                let sqlite = Sqlite::find(quarters)?;
                let programs = identify(vec![(ProgramRole::Client, sqlite.program().to_owned())])?;
                let facts = InstanceFacts {
                    engine: "sqlite".to_owned(),
                    version: sqlite.version.clone(),
                    profile: given.database.profile,
                    ready_seconds: None,
                    database: "main".to_owned(),
                    roles: Vec::new(),
                    user: sqlite.quarters().user.as_ref().map(|user| user.name.clone()),
                };
                Ok(Self { engine: Engine::Sqlite(Box::new(sqlite)), facts, programs, folder })
            }
        }
    }

    /// What is known of it.
    #[must_use]
    pub fn facts(&self) -> &InstanceFacts {
        &self.facts
    }

    /// Restores the backup into it.
    ///
    /// # Errors
    /// When that did not work, or the backup did not stay as it was.
    pub fn restore(
        &mut self,
        backup: &mut VerifiedBackup,
        root: &Root,
        log: &mut File,
        observer: &dyn Observer,
    ) -> Result<RestoreFacts, Failed> {
        let result = match &mut self.engine {
            Engine::Postgres(prepared) => postgres::restore(prepared, backup, log),
            Engine::BaseBackup(prepared) => base::restore(prepared, backup, root, log, observer),
            Engine::MariaDb(prepared) => mysql::restore(prepared, backup, log),
            Engine::Redis(redis) => redis::restore(redis, self.facts.profile, backup, log),
            Engine::Sqlite(sqlite) => sqlite::restore(sqlite, backup, log),
        };
        let with_programs = |mut facts: RestoreFacts| {
            facts.programs.clone_from(&self.programs);
            facts
        };
        let mut facts = result.map(with_programs).map_err(|failed| Failed {
            facts: Box::new(with_programs(*failed.facts)),
            error: self.full_or(failed.error),
        })?;
        facts.rows = facts.rows.or_else(|| self.rows_taken());
        match backup.check_unchanged(root, observer) {
            Ok(()) => Ok(facts),
            Err(error) => Err(Failed { facts: Box::new(facts), error: error.into() }),
        }
    }

    /// The server of PostgreSQL, once it runs.
    fn postgres(&self) -> Option<&Postgres<'a>> {
        match &self.engine {
            Engine::Postgres(prepared) => Some(&prepared.server),
            Engine::BaseBackup(prepared) => prepared.server.as_ref(),
            Engine::MariaDb(_) | Engine::Redis(_) | Engine::Sqlite(_) => None,
        }
    }

    /// A client or a server that fails on a full disk may say anything, and nothing of the backup.
    fn full_or(&self, error: RestoreError) -> RestoreError {
        const FULL: [&str; 3] = ["No space left on device", "is full", "could not extend file"];
        const ROOM: u64 = 32 << 20;
        let RestoreError::Client { errors, .. } = &error else { return error };
        let said = errors.iter().any(|line| FULL.iter().any(|mark| line.contains(mark)));
        let full = free_bytes(&self.folder).is_ok_and(|free| free < ROOM);
        if said || full { RestoreError::DiskFull } else { error }
    }

    /// Rows that the server has counted while it took them.
    fn rows_taken(&self) -> Option<u64> {
        let sql = match &self.engine {
            Engine::Postgres(_) => "SELECT sum(n_tup_ins) FROM pg_stat_user_tables",
            Engine::MariaDb(_) => {
                "SELECT variable_value FROM information_schema.global_status \
                 WHERE variable_name = 'INNODB_ROWS_INSERTED'"
            }
            Engine::BaseBackup(_) | Engine::Redis(_) | Engine::Sqlite(_) => return None,
        };
        let Target::Sql(target) = self.target()? else { return None };
        let rows = target.query(sql).ok()?;
        rows.first()?.first()?.as_deref()?.parse().ok()
    }

    /// What can be asked.
    #[must_use]
    pub fn target(&self) -> Option<Target<'_>> {
        Some(match &self.engine {
            Engine::Postgres(_) | Engine::BaseBackup(_) => Target::Sql(self.postgres()?),
            Engine::MariaDb(prepared) => Target::Sql(&prepared.server),
            Engine::Redis(redis) => Target::Keys(&**redis),
            Engine::Sqlite(sqlite) => Target::Sql(&**sqlite),
        })
    }

    /// Starts a program of the user's beside it, which finds it by its environment: that of the
    /// database's own clients, or `REDIS_SOCKET` or `SQLITE_DATABASE`.
    ///
    /// # Errors
    /// When it is not the one that is pinned, or could not be run to its end.
    pub fn start(
        &self,
        root: &Root,
        path: &str,
        pinned: Option<&str>,
        observer: &dyn Observer,
    ) -> Result<ProgramEnd, TargetError> {
        let (quarters, own) = match &self.engine {
            Engine::Postgres(_) | Engine::BaseBackup(_) => {
                let server = self
                    .postgres()
                    .ok_or_else(|| TargetError("there is no server to ask".to_owned()))?;
                let programs = server.installation().programs.display().to_string();
                let mut own = server.address();
                own.extend([("PGDATABASE", server.database().to_owned()), ("PGBIN", programs)]);
                (server.quarters(), own)
            }
            Engine::MariaDb(prepared) => {
                let server = &prepared.server;
                let [socket, user] = server.socket_and_user().map(str::to_owned);
                let name = server.database().to_owned();
                let own =
                    vec![("MYSQL_UNIX_PORT", socket), ("USER", user), ("MYSQL_DATABASE", name)];
                (server.quarters(), own)
            }
            Engine::Redis(redis) => {
                (redis.quarters(), vec![("REDIS_SOCKET", redis.socket().to_owned())])
            }
            Engine::Sqlite(sqlite) => {
                let file = sqlite.file().display().to_string();
                (sqlite.quarters(), vec![("SQLITE_DATABASE", file)])
            }
        };
        let own: Vec<(&str, &str)> = own.iter().map(|(n, value)| (*n, value.as_str())).collect();
        beside::start(quarters, &own, root, path, pinned, observer)
    }

    /// Ends it, with all that it started. Its files are removed with the directory of the run.
    ///
    /// # Errors
    /// When it had been lost.
    pub fn stop(self) -> Result<(), ProcessError> {
        match self.engine {
            Engine::Postgres(prepared) => prepared.server.stop().map(drop),
            Engine::BaseBackup(prepared) => {
                prepared.server.map_or(Ok(()), |server| server.stop().map(drop))
            }
            Engine::MariaDb(prepared) => prepared.server.stop().map(drop),
            Engine::Redis(redis) => redis.stop().map(drop),
            Engine::Sqlite(_) => Ok(()),
        }
    }
}

/// Whether a driver needs the backup as a file of its own, by the bytes that it begins with: an
/// archive is read here and there, everything else from its beginning to its end.
#[must_use]
pub fn wants_copy(engine: DatabaseEngine, head: &[u8]) -> bool {
    engine == DatabaseEngine::Postgres && postgres::is_archive(head)
}

/// Refuses before anything is measured what could only end with a full disk.
fn check_room(given: &Provision<'_, '_>, quarters: &Quarters<'_>) -> Result<(), RestoreError> {
    let (needed, free) = (given.least_bytes, free_bytes(&quarters.folder).unwrap_or(u64::MAX));
    if needed <= free { Ok(()) } else { Err(RestoreError::NoRoom { needed, free }) }
}

fn quarters<'a>(given: &Provision<'a, '_>) -> Result<Quarters<'a>, InstanceError> {
    // Only root can, and must, run servers as somebody else.
    let user = rustix::process::geteuid().is_root().then(unprivileged);
    let user = match user {
        Some(None) => return Err(InstanceError::NoUser),
        other => other.flatten(),
    };
    let owner = user.as_ref().map(|user| (user.id, user.group));
    let folder = given.workspace.instance(owner)?;
    if let Some(user) = &user {
        let closed =
            |path: &&Path| path.metadata().is_ok_and(|m| m.permissions().mode() & 0o1 == 0);
        if let Some(closed) = folder.ancestors().skip(1).find(closed) {
            let (user, folder) = (user.name.clone(), closed.display().to_string());
            return Err(InstanceError::Unreachable { user, folder });
        }
    }
    Ok(Quarters {
        folder,
        user,
        search_path: given.search_path.clone(),
        confinement: &given.database.confinement,
        interrupt: given.interrupt,
        open: None,
    })
}
