//! What can be asked of a restored thing.

/// What a database with tables is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    PostgreSql,
    /// MariaDB.
    MariaDb,
    /// SQLite.
    Sqlite,
}

/// A row of an answer: the text of each column, nothing for NULL.
pub type Row = Vec<Option<String>>;

/// A question that was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(pub String);

/// A restored thing, by how it is asked.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// A database with tables.
    Sql(&'a dyn SqlTarget),
    /// A store of keys and values.
    Keys(&'a dyn KeyTarget),
}

/// A restored database with tables. What is asked of it never changes it.
pub trait SqlTarget {
    /// What it is.
    fn engine(&self) -> Engine;

    /// The rows that a query gives.
    ///
    /// # Errors
    /// When the database does not answer, or does not understand.
    fn query(&self, sql: &str) -> Result<Vec<Row>, TargetError>;

    /// What the database's own tool says of damage; nothing where all is well.
    ///
    /// # Errors
    /// When it could not be asked, or is not to be: a database in use is not kept busy with this.
    fn damage(&self) -> Result<Vec<String>, TargetError> {
        Err(TargetError("a database in use is not searched for damage".to_owned()))
    }

    /// A name in a query, whatever it holds.
    fn quoted(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A restored store of keys and values.
pub trait KeyTarget {
    /// What a command answers in one of its databases, without the line break at its end.
    ///
    /// # Errors
    /// When it does not answer, or does not understand.
    fn command(&self, database: u32, words: &[&str]) -> Result<String, TargetError>;

    /// Whether it serves others, whom reading all its keys would keep waiting.
    fn is_in_use(&self) -> bool {
        false
    }
}
