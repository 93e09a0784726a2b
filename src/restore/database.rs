//! Restores into a throwaway database, whichever it is: got ready, filled, asked, and ended.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::beside;
use super::program::Programs;
use super::{Failed, RestoreError, mysql, postgres, redis, sqlite};
use crate::backup::VerifiedBackup;
use crate::check::ProgramEnd;
use crate::digest::Observer;
use crate::fs::{Root, Workspace};
use crate::instance::{InstanceError, Quarters, Redis, Sqlite};
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
}

/// A database that is there for one drill.
pub struct Throwaway<'a> {
    engine: Engine<'a>,
    facts: InstanceFacts,
    programs: Vec<ProgramFacts>,
}

enum Engine<'a> {
    Postgres(Box<postgres::Prepared<'a>>),
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
            DatabaseEngine::Postgres => {
                let cache = given.cache.as_deref();
                let prepared = postgres::prepare(backup, quarters, given.database, cache)?;
                let programs = identify(postgres::programs(&prepared))?;
                let facts = prepared.facts.clone();
                Ok(Self { engine: Engine::Postgres(Box::new(prepared)), facts, programs })
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
                Ok(Self { engine: Engine::MariaDb(Box::new(prepared)), facts, programs })
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
                Ok(Self { engine: Engine::Redis(Box::new(redis)), facts, programs })
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
                Ok(Self { engine: Engine::Sqlite(Box::new(sqlite)), facts, programs })
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
        backup: &VerifiedBackup,
        root: &Root,
        log: &mut File,
        observer: &dyn Observer,
    ) -> Result<RestoreFacts, Failed> {
        let result = match &mut self.engine {
            Engine::Postgres(prepared) => postgres::restore(prepared, backup, log),
            Engine::MariaDb(prepared) => mysql::restore(prepared, backup, log),
            Engine::Redis(redis) => redis::restore(redis, self.facts.profile, backup, log),
            Engine::Sqlite(sqlite) => sqlite::restore(sqlite, backup, log),
        };
        let with_programs = |mut facts: RestoreFacts| {
            facts.programs.clone_from(&self.programs);
            facts
        };
        let facts = result.map(with_programs).map_err(|failed| Failed {
            facts: Box::new(with_programs(*failed.facts)),
            error: failed.error,
        })?;
        match backup.check_unchanged(root, observer) {
            Ok(()) => Ok(facts),
            Err(error) => Err(Failed { facts: Box::new(facts), error: error.into() }),
        }
    }

    /// What can be asked.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        match &self.engine {
            Engine::Postgres(prepared) => Target::Sql(&prepared.server),
            Engine::MariaDb(prepared) => Target::Sql(&prepared.server),
            Engine::Redis(redis) => Target::Keys(&**redis),
            Engine::Sqlite(sqlite) => Target::Sql(&**sqlite),
        }
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
            Engine::Postgres(prepared) => {
                let server = &prepared.server;
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
