//! SQLite: no server, but its own program in the sandbox, on a file of its own.

use std::path::{Path, PathBuf};

use super::{COLUMN, InstanceError, NULL, Quarters, ROW, find_program, plain, rows};
use crate::target::{Engine, Row, SqlTarget, TargetError};

/// A database in a file.
pub struct Sqlite<'a> {
    quarters: Quarters<'a>,
    program: PathBuf,
    file: PathBuf,
    /// What the program says of its version.
    pub version: String,
}

impl<'a> Sqlite<'a> {
    /// Finds the program, for a database that is not there yet.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn find(quarters: Quarters<'a>) -> Result<Self, InstanceError> {
        let program = find_program(&quarters, "sqlite3", &[])
            .ok_or(InstanceError::NotInstalled("sqlite3"))?;
        let said = quarters.ask(&program, &["--version"], &[])?;
        let version = said.split_ascii_whitespace().next().unwrap_or_default().to_owned();
        let file = quarters.folder.join("restored.db");
        Ok(Self { quarters, program, file, version })
    }

    /// Where clients run.
    #[must_use]
    pub fn quarters(&self) -> &Quarters<'a> {
        &self.quarters
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The file of the database.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Constraints are named by their columns; what stands in quotes may be a value.
    #[must_use]
    pub fn without_values(line: &str) -> Option<String> {
        Some(line.split('"').step_by(2).collect::<Vec<_>>().join("[value]"))
    }
}

/// What a query gives that can only read, and call no function that reaches outside.
pub(super) fn ask(
    quarters: &Quarters<'_>,
    program: &Path,
    file: &Path,
    sql: &str,
) -> Result<Vec<Row>, InstanceError> {
    let (column, row) = (COLUMN.to_string(), ROW.to_string());
    let file = file.display().to_string();
    let mut arguments = vec!["-batch", "-bail", "-init", "/dev/null", "-readonly", "-safe"];
    arguments.extend(["-noheader", "-separator", &column, "-newline", &row]);
    arguments.extend(["-nullvalue", NULL, &file, sql]);
    let text = quarters.ask(program, &arguments, &[])?;
    Ok(if text.is_empty() { Vec::new() } else { rows(&text) })
}

impl SqlTarget for Sqlite<'_> {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn query(&self, sql: &str) -> Result<Vec<Row>, TargetError> {
        ask(&self.quarters, &self.program, &self.file, sql)
            .map_err(|error| TargetError(plain(&error, Self::without_values)))
    }

    fn damage(&self) -> Result<Vec<String>, TargetError> {
        let found = self.query("PRAGMA integrity_check")?;
        let lines = found.into_iter().filter_map(|row| row.into_iter().next().flatten());
        Ok(lines.filter(|line| line != "ok").collect())
    }
}
