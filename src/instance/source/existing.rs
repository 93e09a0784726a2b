//! A PostgreSQL database that a backup may be restored into: it says of itself that it is there for
//! drills, and is replaced as a whole.

use std::path::{Path, PathBuf};

use super::super::{InstanceError, Quarters};
use super::DatabaseUrl;
use super::client::PostgresClient;
use crate::process::Finished;
use crate::target::{Engine, Row, SqlTarget, TargetError};

/// The comment of a database that is there for drills.
const MARKER: &str = "dr-drill target";
/// How the name ends of a database that waits for the end of a drill.
const ASIDE: &str = "_before_drill";
/// The database that every server has: from within it others can be replaced.
const MAINTENANCE: &str = "postgres";

/// A database that is there for drills.
pub struct ExistingPostgres<'a> {
    client: PostgresClient<'a>,
    name: String,
    /// What it is made with, so that it can be made again.
    made_with: String,
    /// What the server says of its version.
    pub version: String,
}

impl<'a> ExistingPostgres<'a> {
    /// Opens a database.
    ///
    /// # Errors
    /// When it does not answer, or does not say that it is there for drills.
    pub fn open(url: &DatabaseUrl, quarters: Quarters<'a>) -> Result<Self, InstanceError> {
        let name = url.database().ok_or(InstanceError::NoDatabase)?;
        let client = PostgresClient::open(url, quarters)?;
        let sql = "SELECT shobj_description(oid, 'pg_database'), current_setting('server_version'), \
                   format('OWNER %I ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_get_userbyid(datdba), \
                   pg_encoding_to_char(encoding), datcollate, datctype) \
                   FROM pg_database WHERE datname = current_database()";
        let rows = client.rows(&[sql]).map_err(|error| InstanceError::Failed {
            program: "psql".to_owned(),
            how: "did not say what the database is".to_owned(),
            said: error.to_string(),
        })?;
        let row = rows.into_iter().next().unwrap_or_default();
        let [marker, version, made_with] = <[Option<String>; 3]>::try_from(row).unwrap_or_default();
        if marker.as_deref() != Some(MARKER) {
            return Err(InstanceError::NotMarked(name));
        }
        let (version, made_with) = (version.unwrap_or_default(), made_with.unwrap_or_default());
        Ok(Self { client, name, made_with, version })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The programs that are used.
    #[must_use]
    pub fn programs(&self) -> [PathBuf; 2] {
        ["psql", "pg_restore"].map(|name| self.client.program(name))
    }

    /// Where clients run.
    #[must_use]
    pub fn quarters(&self) -> &Quarters<'a> {
        &self.client.quarters
    }

    /// Ends all connections to it and gives it another name.
    ///
    /// # Errors
    /// When the user may not, or one of an earlier drill is still aside: then it is what it was.
    pub fn set_aside(&self) -> Result<(), InstanceError> {
        if self.is_aside()? {
            return Err(InstanceError::Aside(self.aside()));
        }
        let (name, aside) = (self.quoted(&self.name), self.quoted(&self.aside()));
        let renamed = self.maintain(&[
            // From here on nobody gets in, so that nobody can write to what is about to go.
            format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
            format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}",
                literal(&self.name)
            ),
            format!("ALTER DATABASE {name} RENAME TO {aside}"),
        ]);
        if renamed.is_err() {
            let _ = self.maintain(&[format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")]);
        }
        renamed.map(drop)
    }

    /// Makes an empty one in the place of what was set aside.
    ///
    /// # Errors
    /// When the user may not.
    pub fn make_anew(&self) -> Result<(), InstanceError> {
        let name = self.quoted(&self.name);
        let made = self.maintain(&[
            format!("CREATE DATABASE {name} TEMPLATE template0 {}", self.made_with),
            format!("COMMENT ON DATABASE {name} IS {}", literal(MARKER)),
        ]);
        made.map(drop)
    }

    /// Makes it what it was before it was set aside.
    ///
    /// # Errors
    /// When the user may not, or nothing is aside: nothing is dropped then.
    pub fn bring_back(&self) -> Result<(), InstanceError> {
        if !self.is_aside()? {
            return Err(InstanceError::NotAside(self.aside()));
        }
        let (name, aside) = (self.quoted(&self.name), self.quoted(&self.aside()));
        let back = self.maintain(&[
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("ALTER DATABASE {aside} RENAME TO {name}"),
            format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"),
        ]);
        back.map(drop)
    }

    /// Removes what was set aside.
    ///
    /// # Errors
    /// When the user may not.
    pub fn forget(&self) -> Result<(), InstanceError> {
        self.maintain(&[format!("DROP DATABASE {}", self.quoted(&self.aside()))]).map(drop)
    }

    /// The name of what was set aside; names have 63 bytes at most.
    #[must_use]
    pub fn aside(&self) -> String {
        let room = 63 - ASIDE.len();
        let end = (0..=room.min(self.name.len())).rev().find(|at| self.name.is_char_boundary(*at));
        format!("{}{ASIDE}", &self.name[..end.unwrap_or_default()])
    }

    fn is_aside(&self) -> Result<bool, InstanceError> {
        let sql = format!("SELECT 1 FROM pg_database WHERE datname = {}", literal(&self.aside()));
        Ok(!self.maintain(&[sql])?.is_empty())
    }

    fn maintain(&self, statements: &[String]) -> Result<String, InstanceError> {
        let url = self.client.url().in_database(MAINTENANCE);
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        self.client.ask(&url, &statements)
    }

    /// Restores an archive into it. All that is said goes to `output`.
    ///
    /// # Errors
    /// When that could not be run; that it failed is no error.
    pub fn restore(
        &self,
        archive: &Path,
        options: &[&str],
        output: &mut dyn FnMut(&[u8]),
    ) -> Result<Finished, InstanceError> {
        self.client.restore(archive, options, output)
    }
}

/// A text in a query.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl SqlTarget for ExistingPostgres<'_> {
    fn engine(&self) -> Engine {
        Engine::PostgreSql
    }

    fn query(&self, sql: &str) -> Result<Vec<Row>, TargetError> {
        self.client.rows(&["SET default_transaction_read_only = on", sql])
    }
}
