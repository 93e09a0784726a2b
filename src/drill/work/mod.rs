//! What the verifying steps do, and what they report; what the steps of one drill hand on to each other.

mod database;
#[cfg(feature = "storage")]
mod fetch;
mod restore;
mod vouchers;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Run, shown};
use crate::backup::{BackupError, HashedBackup, VerifiedBackup, hash_backup};
use crate::digest::Digest;
use crate::engine::StepResult;
use crate::fs::{DiskGauge, Root, Workspace, real_place};
use crate::manifest::{Driver, Manifest};
use crate::payload::inspect;
use crate::process::Supervisor;
use crate::restore::database::{Throwaway, wants_copy};
use crate::wire::event::{BackupFacts, Class, Context, PayloadFacts};

#[cfg(feature = "storage")]
use fetch::fetch;

/// What a build without object storage says.
#[cfg(not(feature = "storage"))]
fn fetch(
    _run: &Run<'_>,
    remote: &crate::manifest::Remote,
    _name: &str,
    _folder: &Path,
) -> Result<(HashedBackup, f64), StepResult> {
    let message = format!("{} cannot be fetched by this build", remote.address.text);
    Err(StepResult::inconclusive(&message, "use one with the feature `storage`"))
}

/// What the steps of one drill hand on to each other.
pub(super) struct Work<'a> {
    manifest: &'a Manifest,
    root: &'a Root,
    workspace: Option<Workspace>,
    gauge: Option<DiskGauge>,
    hashed: Option<HashedBackup>,
    verified: Option<VerifiedBackup>,
    instance: Option<Throwaway<'a>>,
    sbom: Option<PathBuf>,
    sbom_bytes: Option<Vec<u8>>,
    vouched_script: Option<Digest>,
    provenance: Option<PathBuf>,
    /// Got ready while the backup was verified. It is given nothing before that has passed.
    supervisor: Option<Supervisor>,
}

impl<'a> Work<'a> {
    pub(super) fn new(manifest: &'a Manifest, root: &'a Root, standby: Option<Supervisor>) -> Self {
        Self {
            manifest,
            root,
            workspace: None,
            gauge: None,
            hashed: None,
            verified: None,
            instance: None,
            sbom: None,
            sbom_bytes: None,
            vouched_script: None,
            provenance: None,
            supervisor: standby,
        }
    }

    /// Hashes the backup and, in the same pass, makes the private copy that a script is given.
    pub(super) fn verify_digest(&mut self, run: &Run<'_>) -> StepResult {
        let hashed = self.open_workspace(run).and_then(|copy| match &self.manifest.backup.remote {
            None => Ok((self.hash(&copy, run)?, None)),
            Some(remote) => {
                let (hashed, seconds) = fetch(run, remote, &self.manifest.backup.path, &copy)?;
                Ok((hashed, Some(seconds)))
            }
        });
        match hashed {
            Ok((hashed, fetch_seconds)) => self.compare(hashed, fetch_seconds),
            Err(result) => result,
        }
    }

    /// Makes the private directory of this run. Gives where copies of the backup go.
    fn open_workspace(&mut self, run: &Run<'_>) -> Result<PathBuf, StepResult> {
        let base = match &self.manifest.restore.output_dir {
            Some(output) => self.root.check_output(output).map(|place| place.absolute),
            None => Ok(run.setup.temporary_directory.clone()),
        };
        let workspace = base.map_err(|error| error.to_string()).and_then(|base| {
            let backup = &self.manifest.backup;
            let place = self.root.locate(&backup.path).ok().filter(|_| backup.remote.is_none());
            if place.is_some_and(|b| real_place(&base).starts_with(real_place(&b.absolute))) {
                return Err(format!("{} lies in the backup", base.display()));
            }
            Workspace::create(&base).map_err(|error| error.to_string())
        });
        let workspace = match workspace {
            Ok(workspace) => self.workspace.insert(workspace),
            Err(error) => {
                let message = format!("the private directory of this run cannot be made: {error}");
                return Err(StepResult::failed(Class::Restore, &message, None, Context::default()));
            }
        };
        self.gauge = Some(DiskGauge::start(workspace.path()));
        Ok(workspace.backup())
    }

    /// Hashes the backup that lies here.
    fn hash(&self, copy: &Path, run: &Run<'_>) -> Result<HashedBackup, StepResult> {
        let (path, watch) = (&self.manifest.backup.path, run.setup.watch);
        let place = self.root.locate(path).ok();
        let length = place.and_then(|place| place.absolute.metadata().ok());
        let length = length.filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
        watch.begin("backup", length);
        let hashed = hash_backup(self.root, path, self.copies_backup().then_some(copy), watch);
        watch.end();
        hashed.map_err(|error| match &error {
            BackupError::NoRoom { .. } => {
                let hint = "make room, or set restore.copy_backup to false";
                StepResult::inconclusive(&error.to_string(), hint)
            }
            BackupError::Path(_) => {
                let hint = Some("check backup.path in the manifest".to_owned());
                StepResult::failed(Class::Integrity, &error, hint, Context::default())
            }
            _ => StepResult::failed(Class::Integrity, &error, None, Context::default()),
        })
    }

    /// Compares the digest with the pin.
    fn compare(&mut self, hashed: HashedBackup, fetch_seconds: Option<f64>) -> StepResult {
        let backup = &self.manifest.backup;
        let files = hashed
            .tree()
            .map(|tree| tree.entries.iter().filter(|e| e.digest.is_some()).count() as u64);
        let facts = BackupFacts {
            path: shown(&hashed.place().relative),
            kind: if hashed.tree().is_some() { "directory" } else { "file" }.to_owned(),
            expected_sha256: backup.sha256.to_string(),
            sha256: hashed.digest().to_string(),
            bytes: hashed.bytes(),
            files,
            url: backup.remote.as_ref().map(|remote| remote.address.text.clone()),
            fetch_seconds,
        };
        let matches = hashed.digest() == backup.sha256;
        let message = format!(
            "the backup {} has the digest {}, the manifest pins {}",
            facts.path, facts.sha256, facts.expected_sha256
        );
        let notes = format!("{} bytes, {}", facts.bytes, facts.sha256);
        let context = Context { backup: Some(facts), ..Context::default() };
        self.hashed = Some(hashed);
        if matches {
            return StepResult::passed(notes, context);
        }
        let hint = match backup.remote {
            None => "the backup was changed after it was pinned; if it is a new one: dr-drill pin",
            Some(_) => {
                "another object is there now; if it is a newer backup, set backup.sha256 to what made it says"
            }
        };
        StepResult::failed(Class::Integrity, &message, Some(hint.to_owned()), context)
    }

    /// Whether the restore is given a private copy. Only the copy that is made is ever used, whatever
    /// the file turns out to be later.
    fn copies_backup(&self) -> bool {
        match &self.manifest.restore.driver {
            Driver::Script(script) => script.copy_backup,
            Driver::Files(_) => false,
            Driver::Database(database) => {
                let mut head = [0; 16];
                match self.root.open_any(&self.manifest.backup.path) {
                    Ok((file, _)) if file.metadata().is_ok_and(|m| m.is_dir()) => true,
                    Ok((mut file, _)) => {
                        let read = file.read(&mut head).unwrap_or_default();
                        wants_copy(database.engine, &head[..read])
                    }
                    Err(_) => false,
                }
            }
        }
    }

    /// Accepts the backup if its digest is the one that was pinned, once.
    fn accept(&mut self) -> bool {
        let accepted = self.hashed.take().map(|hashed| hashed.accept(&self.manifest.backup.sha256));
        if let Some(Ok(backup)) = accepted {
            self.verified = Some(backup);
        }
        self.verified.is_some()
    }

    pub(super) fn verify_payload(&mut self, run: &Run<'_>) -> StepResult {
        let Some(hashed) = &mut self.hashed else {
            return StepResult::skipped("the backup could not be read");
        };
        if let Some(tree) = hashed.tree() {
            return directory_payload(tree);
        }
        let name = hashed.place().relative.to_string_lossy().into_owned();
        let bytes = hashed.bytes();
        run.setup.watch.begin("payload", Some(bytes));
        let inspected = inspect(hashed.file(), &name, run.setup.watch);
        run.setup.watch.end();
        match inspected {
            Ok(facts) => {
                let notes = match (facts.format.as_str(), facts.services_checked) {
                    ("opaque", _) => {
                        "of no known format: nothing is claimed of its inside".to_owned()
                    }
                    (format, Some(services)) => format!("{format}, {services} service(s) ready"),
                    (format, None) if facts.complete => format!("{format}, complete"),
                    (format, None) => format!("{format}, recognised but not read through"),
                };
                StepResult::passed(notes, Context { payload: Some(facts), ..Context::default() })
            }
            Err(error) => StepResult::failed(Class::Integrity, &error, None, Context::default()),
        }
    }
}

fn directory_payload(tree: &crate::digest::Tree) -> StepResult {
    if !tree.entries.iter().any(|entry| entry.digest.is_some()) {
        let message = "the backup is empty: its directory holds no file";
        return StepResult::failed(Class::Integrity, &message, None, Context::default());
    }
    let facts = PayloadFacts {
        format: "directory".to_owned(),
        complete: true,
        services_checked: None,
        unpacked_bytes: Some(tree.bytes),
        time: None,
    };
    let notes = format!("directory, {} entries read", tree.entries.len());
    StepResult::passed(notes, Context { payload: Some(facts), ..Context::default() })
}
