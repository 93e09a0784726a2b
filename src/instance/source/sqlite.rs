//! SQLite in use: copied by its own program, which waits for whoever writes.

use std::path::{Path, PathBuf};

use super::super::sqlite::{Sqlite, ask};
use super::super::{InstanceError, Quarters, find_program, plain};
use super::{DatabaseUrl, Source, refuse_errors};
use crate::target::{Engine, Row, SqlTarget, Target, TargetError};

/// A database file in use.
pub(super) struct SqliteSource<'a> {
    quarters: Quarters<'a>,
    program: PathBuf,
    file: PathBuf,
}

impl<'a> SqliteSource<'a> {
    pub(super) fn open(url: &DatabaseUrl, quarters: Quarters<'a>) -> Result<Self, InstanceError> {
        let program = find_program(&quarters, "sqlite3", &[])
            .ok_or(InstanceError::NotInstalled("sqlite3"))?;
        let file = url.path();
        let file = if file.is_absolute() {
            file
        } else {
            quarters.open.iter().map(|base| base.join(&file)).next().unwrap_or(file)
        };
        // The program would make a file that is not there.
        std::fs::metadata(&file)?;
        let source = Self { quarters, program, file };
        source.rows("PRAGMA schema_version")?;
        Ok(source)
    }

    fn rows(&self, sql: &str) -> Result<Vec<Row>, InstanceError> {
        ask(&self.quarters, &self.program, &self.file, sql)
    }
}

impl Source for SqliteSource<'_> {
    fn target(&self) -> Target<'_> {
        Target::Sql(self)
    }

    fn is_one_moment(&self) -> bool {
        false
    }

    fn dump_name(&self) -> (&'static str, bool) {
        ("backup.sqlite", false)
    }

    fn dump(&self, file: &Path) -> Result<String, InstanceError> {
        let database = self.file.display().to_string();
        let backup = format!(".backup '{}'", file.display());
        let arguments =
            ["-batch", "-bail", "-init", "/dev/null", "-readonly", "-cmd", ".timeout 60000"];
        let said = self.quarters.ask(
            &self.program,
            &[&arguments[..], &[&database, &backup]].concat(),
            &[],
        )?;
        refuse_errors("sqlite3", &said, &["rror"])?;
        Ok(said)
    }
}

impl SqlTarget for SqliteSource<'_> {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn query(&self, sql: &str) -> Result<Vec<Row>, TargetError> {
        self.rows(sql).map_err(|error| TargetError(plain(&error, Sqlite::without_values)))
    }
}
