//! `dr-drill backup`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::init::start_progress;
use crate::app::{self, DumpRequest};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::SystemClock;
use crate::instance::source::{DatabaseUrl, SourceKind};

/// Make a backup of a database, with a manifest that drills it
///
/// Dumps the database with its own tools, compressed; describes what it is, in numbers, names and
/// checksums (a baseline); and writes a manifest that pins both, so that the next command is
/// `dr-drill run`. The database is read only. The files hold its data: the directory is closed to
/// others.
///
/// Exit codes: 0 a backup was made, 1 the database's own tools failed, 2 usage error.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// What kind of database it is
    #[arg(value_enum)]
    kind: Kind,
    /// Where it is, without a password: postgres://user@host/shop, mysql://user@host/shop,
    /// redis://host, or the path of a SQLite file
    #[arg(long, value_name = "URL", required_unless_present = "database_url_env")]
    database_url: Option<String>,
    /// The environment variable that holds the URL, which may then hold a password
    #[arg(long, value_name = "NAME", conflicts_with = "database_url")]
    database_url_env: Option<String>,
    /// The directory to write backup, baseline, manifest and SHA256SUMS to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A table and its column with a time, as `orders.placed_at`: its newest row is to be of the last
    /// day
    #[arg(long, value_name = "TABLE.COLUMN", value_parser = table_and_column)]
    newest: Vec<(String, String)>,
    /// Name of the drill
    #[arg(long)]
    name: Option<String>,
    /// Replace a backup that is there
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Postgres,
    Mysql,
    Redis,
    Sqlite,
}

impl Kind {
    fn source(self) -> (SourceKind, &'static [&'static str]) {
        match self {
            Self::Postgres => (SourceKind::Postgres, &["postgres", "postgresql"]),
            Self::Mysql => (SourceKind::Mysql, &["mysql", "mariadb"]),
            Self::Redis => (SourceKind::Redis, &["redis", "rediss"]),
            Self::Sqlite => (SourceKind::Sqlite, &["sqlite"]),
        }
    }
}

fn table_and_column(text: &str) -> Result<(String, String), &'static str> {
    match text.rsplit_once('.') {
        Some((table, column)) if !table.is_empty() && !column.is_empty() => {
            Ok((table.to_owned(), column.to_owned()))
        }
        _ => Err("a table and a column are wanted, as orders.placed_at"),
    }
}

pub(super) fn run(ui: &Ui, environment: &Environment, args: &BackupArgs) -> Result<Exit, CliError> {
    let (kind, schemes) = args.kind.source();
    let url = match (&args.database_url, &args.database_url_env) {
        (Some(url), _) => DatabaseUrl::parse_argument(url, schemes).map_err(|error| CliError {
            hint: error.hint().map(str::to_owned),
            ..CliError::usage(format!("--database-url: {error}"))
        })?,
        (None, name) => {
            let name = name.as_deref().unwrap_or_default();
            let value = Environment::variable(name).and_then(|value| value.into_string().ok());
            let value = value.ok_or_else(|| {
                CliError::usage(format!("the environment variable {name} is not set"))
            })?;
            DatabaseUrl::parse(&value, schemes)
                .map_err(|error| CliError::usage(format!("the URL in {name}: {error}")))?
        }
    };
    let request = DumpRequest {
        kind,
        url,
        folder: environment.working_directory.join(&args.out),
        name: args.name.clone(),
        newest: args.newest.clone(),
        overwrite: args.force,
        search_path: environment.search_path.clone(),
        working_directory: environment.working_directory.clone(),
        temporary_directory: environment.temporary_directory.clone(),
    };
    let progress = start_progress()?;
    let made = app::dump(&request, &SystemClock, &progress, &progress)?;
    let manifest = args.out.join(made.manifest.file_name().unwrap_or_default());
    let name = made.backup.file_name().unwrap_or_default();
    let (tables, changing) = made.tables;
    ui.data(made.pinned.text.as_bytes());
    for line in made.said.lines() {
        ui.talk(&format!("  {line}"));
    }
    ui.talk(&format!("{}: {} bytes", args.out.join(name).display(), made.bytes));
    ui.talk(&format!("the baseline holds {tables} table(s)"));
    if changing > 0 {
        ui.talk(&format!("  {changing} of them changed meanwhile: their content is not compared"));
    }
    ui.talk(&format!("drill it with: dr-drill run --manifest {}", manifest.display()));
    Ok(Exit::Passed)
}
