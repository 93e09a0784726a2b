//! Databases that are in use: they are read and dumped by their own tools, and never changed.

mod client;
mod existing;
mod mariadb;
mod postgres;
mod redis;
mod sqlite;
mod url;

use std::path::Path;

use super::{InstanceError, Quarters};
use crate::target::Target;

pub use existing::ExistingPostgres;
pub use url::{DatabaseUrl, UrlError};

/// What kind of database a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
    /// Redis or Valkey.
    Redis,
    /// SQLite.
    Sqlite,
}

/// A database that is in use.
pub trait Source {
    /// What can be asked.
    fn target(&self) -> Target<'_>;

    /// Whether every question and the dump see one and the same moment.
    fn is_one_moment(&self) -> bool;

    /// The name of a dump, and whether it is compressed already.
    fn dump_name(&self) -> (&'static str, bool);

    /// Dumps it into a new file, and gives what the tool had to say without failing.
    ///
    /// # Errors
    /// When the tool fails, or says that something is wrong.
    fn dump(&self, file: &Path) -> Result<String, InstanceError>;
}

/// Opens a database that is in use.
///
/// # Errors
/// When its tools are not installed, or it does not answer.
pub fn open<'a>(
    kind: SourceKind,
    url: &DatabaseUrl,
    quarters: Quarters<'a>,
) -> Result<Box<dyn Source + 'a>, InstanceError> {
    Ok(match kind {
        SourceKind::Postgres => Box::new(postgres::PostgresSource::open(url, quarters)?),
        SourceKind::Mysql => Box::new(mariadb::MariaDbSource::open(url, quarters)?),
        SourceKind::Redis => Box::new(redis::RedisSource::open(url, quarters)?),
        SourceKind::Sqlite => Box::new(sqlite::SqliteSource::open(url, quarters)?),
    })
}

/// Refuses what a tool that ended well has said of things that went wrong.
fn refuse_errors(program: &str, said: &str, marks: &[&str]) -> Result<(), InstanceError> {
    let wrong = said.lines().find(|line| marks.iter().any(|mark| line.contains(mark)));
    wrong.map_or(Ok(()), |line| {
        Err(InstanceError::Failed {
            program: program.to_owned(),
            how: "ended as if all were well, but said otherwise".to_owned(),
            said: line.to_owned(),
        })
    })
}
