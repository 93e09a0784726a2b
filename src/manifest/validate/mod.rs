//! What a schema cannot say: digests and times are read, and what cannot fail is refused.

mod checks;
mod policies;
mod restore;
mod vouchers;

use std::path::Path;
use std::str::FromStr;

use super::{Address, Backup, Driver, Manifest, Remote};
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::document::{Document, Problem};
use crate::wire::manifest as written;

/// Most bytes of a backup that are fetched, where the manifest does not say.
const MAX_FETCHED: u64 = 100 << 30;

/// Turns what was written into what is meant; adds what is wrong to `problems`.
pub(super) fn validate(
    manifest: written::Manifest,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Option<Manifest> {
    let mut reader = Reader { document, problems };
    let backup_sha256 = reader.read::<Digest>("/backup/sha256", Some(&manifest.backup.sha256));
    let captured_at =
        reader.read::<Timestamp>("/backup/captured_at", Some(&manifest.backup.captured_at));
    let (path, remote) = reader.backup_place(&manifest.backup)?;
    let sbom = reader.input("/sbom", manifest.sbom);
    let provenance = reader.provenance("/provenance", manifest.provenance);
    let restore = reader.restore(manifest.restore, manifest.instance, &path);
    let engine = match &restore.driver {
        Driver::Database(database) => Some(database.engine),
        Driver::Files(_) | Driver::Script(_) => None,
    };
    let baseline = manifest.baseline.and_then(|baseline| reader.baseline(baseline));
    let derives_checks = matches!(manifest.checks, written::Checks::Derived(_));
    let existing = matches!(&restore.driver, Driver::Database(db) if db.existing.is_some());
    let checks = reader.checks(manifest.checks, engine, baseline.is_some(), existing);
    let policies = reader.policies(manifest.policies.as_ref(), engine.is_some());
    Some(Manifest {
        name: manifest.name,
        backup: Backup { path, remote, sha256: backup_sha256?, captured_at: captured_at? },
        sbom,
        provenance,
        restore,
        baseline,
        checks,
        derives_checks,
        policies,
        written_policies: manifest.policies,
        corrective_action: manifest.corrective_action.unwrap_or_default(),
    })
}

struct Reader<'a> {
    document: &'a Document,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, pointer: &str, message: &str, hint: Option<&str>) {
        self.problems.push(Problem::at(self.document, pointer, message, hint));
    }

    /// Reads a digest or a time. What the schema has complained about is not repeated.
    fn read<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        pointer: &str,
        text: Option<&str>,
    ) -> Option<T> {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let place = self.document.place(pointer);
                if !self.problems.iter().any(|problem| problem.place == place) {
                    self.problem(pointer, &error.to_string(), None);
                }
                None
            }
        }
    }

    /// Where the backup lies, or is fetched from.
    fn backup_place(&mut self, backup: &written::Backup) -> Option<(String, Option<Remote>)> {
        let url = match (&backup.path, &backup.url) {
            (Some(path), None) => {
                self.path("/backup/path", path);
                if backup.max_bytes.is_some() {
                    let message = "is a limit for what is fetched, and nothing is";
                    self.problem("/backup/max_bytes", message, Some("take it out"));
                }
                return Some((path.clone(), None));
            }
            (None, Some(url)) => url,
            (None, None) => {
                self.problem("/backup", "says not where the backup is", Some("give its `path`"));
                return None;
            }
            (Some(_), Some(_)) => {
                let message = "stands beside `path`: only one of them can be drilled";
                self.problem("/backup/url", message, Some("take one of them out"));
                return None;
            }
        };
        let parsed = Address::parse(url)
            .and_then(|address| Ok((address.file_name().ok_or("names no object")?, address)));
        match parsed {
            Ok((name, address)) => {
                let max_bytes = backup.max_bytes.unwrap_or(MAX_FETCHED);
                Some((name, Some(Remote { address, max_bytes })))
            }
            Err(why) => {
                self.problem("/backup/url", &why, Some("docs/storage.md lists the addresses"));
                None
            }
        }
    }

    fn path(&mut self, pointer: &str, path: &str) {
        if Path::new(path).is_absolute() {
            self.problem(
                pointer,
                &format!("`{path}` is an absolute path"),
                Some("give it relative to the manifest's folder"),
            );
        } else if path.contains('\0') {
            self.problem(pointer, "holds a NUL byte, which no path can", None);
        }
    }
}
