//! Restores into a throwaway database, whichever it is: got ready, filled, asked, and ended.

use std::fs::File;
use std::path::PathBuf;

use super::beside;
use super::postgres::{base, existing};
use super::program::Programs;
use super::provision::{Provision, check_room, existing_url, quarters};
use super::{Failed, RestoreError, mysql, postgres, redis, sqlite};
use crate::backup::VerifiedBackup;
use crate::check::ProgramEnd;
use crate::digest::Observer;
use crate::fs::{Root, free_bytes};
use crate::instance::{Postgres, Quarters, Redis, Sqlite};
use crate::manifest::{Database, DatabaseEngine};
use crate::process::ProcessError;
use crate::target::{Target, TargetError};
use crate::wire::event::{InstanceFacts, ProgramFacts, ProgramRole, RestoreFacts};

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
    Existing(Box<existing::Prepared<'a>>, &'a Database),
    MariaDb(Box<mysql::Prepared<'a>>),
    Redis(Box<Redis<'a>>),
    Sqlite(Box<Sqlite<'a>>),
}

/// Programs that a restore uses, each for what.
type Used = Vec<(ProgramRole, PathBuf)>;

impl<'a> Engine<'a> {
    /// Gets ready what fits the backup: what it is, what is known of it, and the programs it uses.
    fn provision(
        given: &Provision<'a, '_>,
        backup: &VerifiedBackup,
        quarters: Quarters<'a>,
    ) -> Result<(Self, InstanceFacts, Used), RestoreError> {
        let (cache, database) = (given.cache.as_deref(), given.database);
        let user = quarters.user.as_ref().map(|user| user.name.clone());
        // Of those that are not started before they have their data there is less to tell.
        let facts = |engine: &str, version: String, database: &str| InstanceFacts {
            engine: engine.to_owned(),
            version,
            profile: given.database.profile,
            ready_seconds: None,
            database: database.to_owned(),
            roles: Vec::new(),
            existing: false,
            user: user.clone(),
        };
        Ok(match (database.engine, &database.existing) {
            (DatabaseEngine::Postgres, Some(existing)) => {
                let url = existing_url(given, existing)?;
                let open = Some(quarters.folder.clone());
                let quarters = Quarters { user: None, open, ..quarters };
                let prepared = existing::prepare(backup, quarters, &url)?;
                let used = prepared.target.programs().map(|path| (ProgramRole::Client, path));
                let (version, name) = (prepared.target.version.clone(), prepared.target.name());
                let facts = facts("postgresql", version, name);
                let facts = InstanceFacts { existing: true, user: None, ..facts };
                (Self::Existing(Box::new(prepared), database), facts, used.into())
            }
            (DatabaseEngine::Postgres, None) if base::is_base_backup(backup) => {
                let prepared = base::prepare(quarters, database)?;
                let name = database.name.as_deref().unwrap_or("postgres");
                let facts = facts("postgresql", prepared.versions(), name);
                let used = prepared.programs();
                (Self::BaseBackup(Box::new(prepared)), facts, used)
            }
            (DatabaseEngine::Postgres, _) => {
                let prepared = postgres::prepare(backup, quarters, database, cache)?;
                let (facts, used) = (prepared.facts.clone(), postgres::programs(&prepared));
                (Self::Postgres(Box::new(prepared)), facts, used)
            }
            (DatabaseEngine::MariaDb, _) => {
                let prepared = mysql::prepare(backup, quarters, database, cache)?;
                let (server, client) = prepared.server.programs();
                let used = vec![
                    (ProgramRole::Server, server.to_owned()),
                    (ProgramRole::Client, client.to_owned()),
                ];
                let facts = prepared.facts.clone();
                (Self::MariaDb(Box::new(prepared)), facts, used)
            }
            (DatabaseEngine::Redis, _) => {
                let redis = Redis::find(quarters)?;
                let facts = facts(redis.engine, redis.version.clone(), "all");
                let used = redis::programs(&redis, backup)?;
                (Self::Redis(Box::new(redis)), facts, used)
            }
            (DatabaseEngine::Sqlite, _) => {
                let sqlite = Sqlite::find(quarters)?;
                let facts = facts("sqlite", sqlite.version.clone(), "main");
                let used = vec![(ProgramRole::Client, sqlite.program().to_owned())];
                (Self::Sqlite(Box::new(sqlite)), facts, used)
            }
        })
    }
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
        let (engine, facts, used) = Engine::provision(given, backup, quarters)?;
        let identified =
            used.iter().map(|(role, path)| programs.identify(*role, &path.display().to_string()));
        let programs = identified.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { engine, facts, programs, folder })
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
            Engine::Existing(prepared, database) => {
                existing::restore(prepared, backup, database, log)
            }
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
            _ => None,
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
            _ => return None,
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
            Engine::Existing(prepared, _) => Target::Sql(&prepared.target),
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
            Engine::Existing(..) => {
                let why = "no program is started beside a database that others use";
                return Err(TargetError(why.to_owned()));
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

    /// Makes a database that was there before what it was, unless the drill has passed. Whether there
    /// was anything to do.
    ///
    /// # Errors
    /// When it is not what it was.
    pub fn put_back_unless(&self, passed: bool) -> Result<bool, RestoreError> {
        match &self.engine {
            Engine::Existing(prepared, _) => prepared.finish(passed),
            _ => Ok(false),
        }
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
            Engine::Existing(..) | Engine::Sqlite(_) => Ok(()),
        }
    }
}

/// Whether a driver needs the backup as a file of its own, by the bytes that it begins with: an
/// archive is read here and there, everything else from its beginning to its end.
#[must_use]
pub fn wants_copy(engine: DatabaseEngine, head: &[u8]) -> bool {
    engine == DatabaseEngine::Postgres && postgres::is_archive(head)
}
