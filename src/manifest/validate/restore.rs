//! How the backup is restored; keys that would not be looked at are refused.

use std::path::{Component, Path};
use std::time::Duration;

use super::Reader;
use crate::manifest::{Driver, Files, Restore, Script};
use crate::wire::manifest as written;

/// Time limit of a restore script that names none.
const DEFAULT_TIMEOUT_SECONDS: u64 = 3600;
/// Process limit of a restore script that names none.
const DEFAULT_PROCESSES: u64 = 4096;

impl Reader<'_> {
    pub(super) fn restore(&mut self, restore: written::Restore, backup: &str) -> Restore {
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
        let driver = match driver {
            written::Driver::Script => Driver::Script(Box::new(self.script(restore))),
            written::Driver::Files => Driver::Files(self.files(&restore)),
        };
        Restore { driver, output_dir }
    }

    fn script(&mut self, restore: written::Restore) -> Script {
        if restore.script.is_none() {
            self.problem("/restore", "the driver `script` needs the key `script`", None);
        }
        for (key, given) in
            [("tree_sha256", restore.tree_sha256.is_some()), ("digests", restore.digests.is_some())]
        {
            if given {
                self.problem(
                    &format!("/restore/{key}"),
                    "is for the driver `files`, and would not be looked at",
                    Some("for a script, name what it recovers: `recovered`, `recovered_sha256`"),
                );
            }
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
        let path = restore.script.unwrap_or_default();
        self.path("/restore/script", &path);
        let limits = restore.limits.unwrap_or_default();
        let bytes = |mib: Option<u64>| mib.map(|mib| mib.saturating_mul(1 << 20));
        Script {
            path,
            sha256: self.read("/restore/script_sha256", restore.script_sha256.as_deref()),
            sbom: self.input("/restore/script_sbom", restore.script_sbom),
            provenance: self.provenance("/restore/script_provenance", restore.script_provenance),
            tools: restore.tools,
            copy_backup: restore.copy_backup.unwrap_or(true),
            timeout: Duration::from_secs(
                restore.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            ),
            retries: restore.retries.unwrap_or(0),
            recovered: restore.recovered,
            recovered_sha256: self
                .read("/restore/recovered_sha256", restore.recovered_sha256.as_deref()),
            environment: restore.environment,
            isolation: restore.isolation.unwrap_or_default(),
            memory_bytes: bytes(limits.memory_mib),
            processes: limits.processes.unwrap_or(DEFAULT_PROCESSES),
            file_bytes: bytes(limits.file_mib),
        }
    }

    fn files(&mut self, restore: &written::Restore) -> Files {
        for (key, given) in [
            ("script", restore.script.is_some()),
            ("script_sha256", restore.script_sha256.is_some()),
            ("script_sbom", restore.script_sbom.is_some()),
            ("script_provenance", restore.script_provenance.is_some()),
            ("tools", !restore.tools.is_empty()),
            ("copy_backup", restore.copy_backup.is_some()),
            ("retries", restore.retries.is_some()),
            ("timeout_seconds", restore.timeout_seconds.is_some()),
            ("recovered", restore.recovered.is_some()),
            ("recovered_sha256", restore.recovered_sha256.is_some()),
            ("environment", !restore.environment.is_empty()),
            ("isolation", restore.isolation.is_some()),
            ("limits", restore.limits.is_some()),
        ] {
            if given {
                self.problem(
                    &format!("/restore/{key}"),
                    "is for the driver `script`, and would not be looked at",
                    Some("remove it, or restore with a script"),
                );
            }
        }
        if let Some(digests) = &restore.digests {
            self.path("/restore/digests", digests);
        }
        Files {
            tree_sha256: self.read("/restore/tree_sha256", restore.tree_sha256.as_deref()),
            digests: restore.digests.clone(),
        }
    }
}

/// A relative path with `.` and `..` resolved by name.
fn normal(path: &str) -> String {
    crate::fs::absolute(Path::new("/"), Path::new(path)).to_string_lossy().into_owned()
}
