//! How the backup is restored; keys that would not be looked at are refused.

use std::path::{Component, Path};
use std::time::Duration;

use super::Reader;
use crate::manifest::{
    Confinement, Database, DatabaseEngine, Driver, Files, Log, Recovery, Restore, Script,
};
use crate::wire::manifest as written;

/// Time limit of a restore script that names none.
const DEFAULT_TIMEOUT_SECONDS: u64 = 3600;
/// The superuser of most servers.
const DEFAULT_SUPERUSER: &str = "postgres";
/// Process limit of a restore script that names none.
const DEFAULT_PROCESSES: u64 = 4096;

impl Reader<'_> {
    pub(super) fn restore(
        &mut self,
        restore: written::Restore,
        instance: Option<written::Instance>,
        backup: &str,
    ) -> Restore {
        if let Some(output) = &restore.output_dir {
            self.path("/restore/output_dir", output);
            let (output, backup) = (normal(output), normal(backup));
            if output == backup || Path::new(&output).starts_with(&backup) {
                self.problem(
                    "/restore/output_dir",
                    "the output directory is the backup itself, or lies in it",
                    Some("name a directory of its own, such as `restored`"),
                );
            }
        }
        let driver = restore.driver.unwrap_or(if restore.script.is_some() {
            written::Driver::Script
        } else {
            written::Driver::Files
        });
        let output_dir = restore.output_dir.clone();
        self.refuse_others(driver, &restore, instance);
        let driver = match driver {
            written::Driver::Script => Driver::Script(Box::new(self.script(restore))),
            written::Driver::Files => Driver::Files(self.files(&restore)),
            written::Driver::Postgres => {
                self.database(DatabaseEngine::Postgres, &restore, instance.unwrap_or_default())
            }
            written::Driver::Mysql => {
                self.database(DatabaseEngine::MariaDb, &restore, instance.unwrap_or_default())
            }
            written::Driver::Redis => {
                self.database(DatabaseEngine::Redis, &restore, instance.unwrap_or_default())
            }
            written::Driver::Sqlite => {
                self.database(DatabaseEngine::Sqlite, &restore, instance.unwrap_or_default())
            }
        };
        Restore { driver, output_dir }
    }

    /// A key that a driver does not look at would be a promise that nobody keeps.
    fn refuse_others(
        &mut self,
        driver: written::Driver,
        restore: &written::Restore,
        instance: Option<written::Instance>,
    ) {
        use written::Driver::{Files, Mysql, Postgres, Redis, Script, Sqlite};
        const STARTED: &[written::Driver] = &[Script, Postgres, Mysql, Redis, Sqlite];
        let keys: [(&str, bool, &[written::Driver]); 23] = [
            ("script", restore.script.is_some(), &[Script]),
            ("script_sha256", restore.script_sha256.is_some(), &[Script]),
            ("script_sbom", restore.script_sbom.is_some(), &[Script]),
            ("script_provenance", restore.script_provenance.is_some(), &[Script]),
            ("tools", !restore.tools.is_empty(), &[Script]),
            ("copy_backup", restore.copy_backup.is_some(), &[Script]),
            ("retries", restore.retries.is_some(), &[Script]),
            ("recovered", restore.recovered.is_some(), &[Script]),
            ("recovered_sha256", restore.recovered_sha256.is_some(), &[Script]),
            ("environment", !restore.environment.is_empty(), &[Script]),
            ("timeout_seconds", restore.timeout_seconds.is_some(), STARTED),
            ("isolation", restore.isolation.is_some(), STARTED),
            ("limits", restore.limits.is_some(), STARTED),
            ("database", restore.database.is_some(), &[Postgres, Mysql]),
            ("jobs", restore.jobs.is_some(), &[Postgres]),
            ("existing_target", restore.existing_target.is_some(), &[Postgres]),
            ("wal", restore.wal.is_some(), &[Postgres]),
            ("recovery_target_time", restore.recovery_target_time.is_some(), &[Postgres]),
            ("superuser", restore.superuser.is_some(), &[Postgres]),
            ("tree_sha256", restore.tree_sha256.is_some(), &[Files]),
            ("digests", restore.digests.is_some(), &[Files]),
            ("/instance", instance.is_some(), &[Postgres, Mysql, Redis]),
            ("/instance/version", instance.is_some_and(|i| i.version.is_some()), &[Postgres]),
        ];
        for (key, given, drivers) in keys {
            if !given || drivers.contains(&driver) {
                continue;
            }
            let names: Vec<&str> = drivers.iter().map(|driver| driver.name()).collect();
            let message =
                format!("is for the driver `{}`, and would not be looked at", names.join("`, `"));
            let pointer =
                if key.starts_with('/') { key.to_owned() } else { format!("/restore/{key}") };
            let hint = format!("remove it: this manifest restores with `{}`", driver.name());
            self.problem(&pointer, &message, Some(&hint));
        }
    }

    fn script(&mut self, restore: written::Restore) -> Script {
        if restore.script.is_none() {
            self.problem("/restore", "the driver `script` needs the key `script`", None);
        }
        if let Some(recovered) = &restore.recovered {
            let plain = Path::new(recovered)
                .components()
                .all(|component| matches!(component, Component::Normal(_)));
            if !plain || recovered.contains('\0') {
                self.problem(
                    "/restore/recovered",
                    "must name something below the script's output directory",
                    Some("what the script recovers is compared, never the tool's own directories"),
                );
            }
        }
        let confinement = confinement(&restore);
        let path = restore.script.unwrap_or_default();
        self.path("/restore/script", &path);
        Script {
            path,
            sha256: self.read("/restore/script_sha256", restore.script_sha256.as_deref()),
            sbom: self.input("/restore/script_sbom", restore.script_sbom),
            provenance: self.provenance("/restore/script_provenance", restore.script_provenance),
            tools: restore.tools,
            copy_backup: restore.copy_backup.unwrap_or(true),
            retries: restore.retries.unwrap_or(0),
            recovered: restore.recovered,
            recovered_sha256: self
                .read("/restore/recovered_sha256", restore.recovered_sha256.as_deref()),
            environment: restore.environment,
            confinement,
        }
    }

    fn files(&mut self, restore: &written::Restore) -> Files {
        if let Some(digests) = &restore.digests {
            self.path("/restore/digests", digests);
        }
        Files {
            tree_sha256: self.read("/restore/tree_sha256", restore.tree_sha256.as_deref()),
            digests: restore.digests.clone(),
        }
    }

    fn database(
        &mut self,
        engine: DatabaseEngine,
        restore: &written::Restore,
        instance: written::Instance,
    ) -> Driver {
        Driver::Database(Box::new(Database {
            engine,
            name: restore.database.clone(),
            jobs: restore.jobs,
            profile: instance.profile.unwrap_or_default(),
            version: instance.version,
            role: restore.superuser.clone().unwrap_or_else(|| DEFAULT_SUPERUSER.to_owned()),
            existing: self.existing(restore, instance),
            recovery: self.recovery(restore),
            confinement: confinement(restore),
        }))
    }

    /// Nothing confines a server that the tool did not start, and nothing of it is the tool's to choose.
    fn existing(
        &mut self,
        restore: &written::Restore,
        instance: written::Instance,
    ) -> Option<written::ExistingTarget> {
        let existing = restore.existing_target.clone()?;
        let place = "/restore/existing_target";
        if restore.isolation == Some(written::Isolation::Required) {
            let message = "is not confined: the manifest requires isolation";
            self.problem(place, message, Some("remove it, or restore.isolation"));
        }
        if instance != written::Instance::default() {
            self.problem("/instance", "no server is started: there is an existing target", None);
        }
        if let Some(name) = &restore.database {
            let message = format!("`{name}` would not be looked at: the target's URL names it");
            self.problem("/restore/database", &message, Some("remove it"));
        }
        Some(existing)
    }

    fn recovery(&mut self, restore: &written::Restore) -> Option<Recovery> {
        let target_time =
            self.read("/restore/recovery_target_time", restore.recovery_target_time.as_deref());
        let wal = restore.wal.as_ref().and_then(|wal| {
            self.path("/restore/wal/path", &wal.path);
            if wal.sha256.is_none() {
                let message = "is not pinned: another log would bring other data";
                let hint = "give its tree digest as `sha256` (docs/tree-digest.md)";
                self.problem("/restore/wal", message, Some(hint));
            }
            let sha256 = self.read("/restore/wal/sha256", wal.sha256.as_deref())?;
            Some(Log { path: wal.path.clone(), sha256 })
        });
        (wal.is_some() || target_time.is_some()).then_some(Recovery { wal, target_time })
    }
}

fn confinement(restore: &written::Restore) -> Confinement {
    let limits = restore.limits.unwrap_or_default();
    let bytes = |mib: Option<u64>| mib.map(|mib| mib.saturating_mul(1 << 20));
    let timeout = restore.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS);
    Confinement {
        timeout: Duration::from_secs(timeout),
        isolation: restore.isolation.unwrap_or_default(),
        memory_bytes: bytes(limits.memory_mib),
        processes: limits.processes.unwrap_or(DEFAULT_PROCESSES),
        file_bytes: bytes(limits.file_mib),
    }
}

/// A relative path with `.` and `..` resolved by name.
fn normal(path: &str) -> String {
    crate::fs::absolute(Path::new("/"), Path::new(path)).to_string_lossy().into_owned()
}
