//! Versions of PostgreSQL that are installed, each in a place of its own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::{InstanceError, Quarters};

/// Where distributions put a version each.
const PLACES: [(&str, &str); 3] =
    [("/usr/lib/postgresql", "bin"), ("/usr/lib64/postgresql", "bin"), ("/usr/local/pgsql", "")];
/// A version that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Where its programs lie.
    pub programs: PathBuf,
    /// Major version.
    pub major: u32,
}

impl Installation {
    /// One of its programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

/// Every version that is installed with server and clients, the oldest first.
///
/// # Errors
/// When none is.
pub fn installations(quarters: &Quarters<'_>) -> Result<Vec<Installation>, InstanceError> {
    let versions = PLACES.iter().flat_map(|(place, below)| {
        let entries = fs::read_dir(place).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().join(below)).collect::<Vec<_>>()
    });
    let red_hat = fs::read_dir("/usr").into_iter().flatten().flatten();
    let red_hat = red_hat
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("pgsql-"))
        .map(|entry| entry.path().join("bin"));
    let on_path = std::env::split_paths(&quarters.search_path).filter(|path| path.is_absolute());
    let mut found: Vec<Installation> = Vec::new();
    for folder in versions.chain(red_hat).chain(on_path) {
        let whole = ["postgres", "initdb", "psql", "pg_restore"]
            .iter()
            .all(|name| folder.join(name).is_file());
        let Some(programs) = whole.then(|| folder.canonicalize().ok()).flatten() else { continue };
        if found.iter().any(|known| known.programs == programs) {
            continue;
        }
        let version = quarters.ask(&programs.join("postgres"), &["--version"], &[])?;
        if let Some(major) = major(&version) {
            found.push(Installation { programs, major });
        }
    }
    found.sort_by_key(|installation| installation.major);
    if found.is_empty() { Err(InstanceError::NotInstalled("PostgreSQL")) } else { Ok(found) }
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, or in `15.18`.
#[must_use]
pub fn major(text: &str) -> Option<u32> {
    let number = text
        .split_ascii_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Which servers a machine has, by the word of their driver; of PostgreSQL also which major versions.
#[must_use]
pub fn offered(search_path: &OsStr) -> Vec<String> {
    let mut offered = Vec::new();
    for (place, below) in PLACES {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            let version = entry.file_name().to_string_lossy().parse::<u32>().ok();
            let whole = entry.path().join(below).join("postgres").is_file();
            offered.extend(version.filter(|_| whole).map(|version| format!("postgres-{version}")));
        }
    }
    let on_path: Vec<PathBuf> = std::env::split_paths(search_path).collect();
    let servers = [
        ("postgres", &["postgres"][..]),
        ("mysql", &["mariadbd"]),
        ("redis", &["redis-server", "valkey-server"]),
        ("sqlite", &["sqlite3"]),
    ];
    let everywhere = || on_path.iter().map(PathBuf::as_path).chain([Path::new("/usr/sbin")]);
    for (word, programs) in servers {
        let there = everywhere().any(|folder| programs.iter().any(|p| folder.join(p).is_file()));
        if there || (word == "postgres" && !offered.is_empty()) {
            offered.push(word.to_owned());
        }
    }
    offered
}
