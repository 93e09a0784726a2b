//! What a schema cannot say: digests and times are read, and what cannot fail is refused.

use std::path::{Component, Path};
use std::str::FromStr;
use std::time::Duration;

use super::{
    Backup, Driver, Expectations, Files, Input, Limit, Manifest, Policies, Problem, Provenance,
    Restore, Script, Waiver,
};
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::document::Document;
use crate::wire::manifest as written;

/// Time limit of a restore script that names none.
const DEFAULT_TIMEOUT_SECONDS: u64 = 3600;
/// Process limit of a restore script that names none.
const DEFAULT_PROCESSES: u64 = 4096;
/// Policies that a waiver can name.
pub(super) const WAIVABLE: [&str; 9] = [
    "max_rpo_minutes",
    "max_rto_seconds",
    "max_phase_seconds",
    "min_restore_bytes_per_second",
    "allow_clock_override",
    "sbom_profiles",
    "allowed_licenses",
    "denied_licenses",
    "max_sbom_age_days",
];

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
    reader.path("/backup/path", &manifest.backup.path);
    let sbom = reader.input("/sbom", manifest.sbom);
    let provenance = reader.provenance(manifest.provenance);
    let restore = reader.restore(manifest.restore, &manifest.backup.path);
    let policies = reader.policies(manifest.policies.as_ref());
    Some(Manifest {
        name: manifest.name,
        backup: Backup {
            path: manifest.backup.path,
            sha256: backup_sha256?,
            captured_at: captured_at?,
        },
        sbom,
        provenance,
        restore,
        policies,
        written_policies: manifest.policies,
    })
}

struct Reader<'a> {
    document: &'a Document,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, pointer: &str, message: &str, hint: Option<&str>) {
        self.problems.push(Problem {
            place: self.document.place(pointer),
            key: pointer.trim_start_matches('/').replace('/', "."),
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
        });
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

    fn input(&mut self, pointer: &str, input: Option<written::Input>) -> Option<Input> {
        let input = input?;
        self.path(&format!("{pointer}/path"), &input.path);
        let sha256 = self.read(&format!("{pointer}/sha256"), input.sha256.as_deref());
        Some(Input { path: input.path, sha256 })
    }

    fn provenance(&mut self, provenance: Option<written::Provenance>) -> Option<Provenance> {
        let written = provenance?;
        let file = written::Input { path: written.path, sha256: written.sha256 };
        let file = self.input("/provenance", Some(file))?;
        for (key, index) in written.keys.iter().zip(0..) {
            let pointer = format!("/provenance/keys/{index}");
            self.path(&pointer, key);
            if written.keys[..index].contains(key) {
                self.problem(&pointer, &format!("`{key}` stands twice: it counts once"), None);
            }
        }
        let threshold = written.threshold.unwrap_or(1) as usize;
        if threshold > written.keys.len() && written.threshold.is_some() {
            let message = format!("{threshold} of {} key(s) can never sign", written.keys.len());
            self.problem("/provenance/threshold", &message, Some("list as many under `keys`"));
        }
        let identity = match (written.identity, written.issuer) {
            (Some(name), Some(issuer)) => Some((name, issuer)),
            (None, None) => None,
            (given, _) => {
                let (key, other) =
                    if given.is_some() { ("identity", "issuer") } else { ("issuer", "identity") };
                let message = format!("proves nothing without `{other}`: give both");
                self.problem(&format!("/provenance/{key}"), &message, None);
                None
            }
        };
        if let Some(root) = &written.trusted_root {
            self.path("/provenance/trusted_root", root);
        }
        for (builder, index) in written.builder_ids.iter().zip(0..) {
            let Some(signer) = &builder.signer else { continue };
            let known = written.keys.contains(signer)
                || identity.as_ref().is_some_and(|(name, _)| name == signer);
            if !known {
                self.problem(
                    &format!("/provenance/builder_ids/{index}/signer"),
                    &format!("`{signer}` is neither one of `keys` nor the `identity`"),
                    None,
                );
            }
        }
        let expected = Expectations {
            builders: written.builder_ids,
            build_types: written.build_types,
            source_uri: written.source_uri,
            source_ref: written.source_ref,
            source_digest: written.source_digest,
            predicate_types: written.predicate_types,
            allowed_parameters: written.allow_parameters,
            max_age_hours: written.max_age_hours,
        };
        let (keys, trusted_root) = (written.keys, written.trusted_root);
        Some(Provenance { file, keys, threshold, identity, trusted_root, expected })
    }

    fn restore(&mut self, restore: written::Restore, backup: &str) -> Restore {
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
            written::Driver::Script => Driver::Script(self.script(restore)),
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

    fn policies(&mut self, policies: Option<&written::Policies>) -> Policies {
        let default = written::Policies::default();
        let policies = policies.unwrap_or(&default);
        for (key, max, warn) in [
            ("rpo_minutes", policies.max_rpo_minutes, policies.warn_rpo_minutes),
            ("rto_seconds", policies.max_rto_seconds, policies.warn_rto_seconds),
        ] {
            if let (Some(max), Some(warn)) = (max, warn)
                && warn >= max
            {
                self.problem(
                    &format!("/policies/warn_{key}"),
                    &format!("a warning at {warn} never comes before the limit of {max}"),
                    Some("set it below the limit"),
                );
            }
        }
        for (phase, seconds) in &policies.max_phase_seconds {
            if *seconds <= 0.0 {
                let phase = serde_json::to_value(phase).unwrap_or_default();
                let pointer =
                    format!("/policies/max_phase_seconds/{}", phase.as_str().unwrap_or(""));
                self.problem(&pointer, "is not greater than 0: it could never hold", None);
            }
        }
        Policies {
            rpo: Limit { max: policies.max_rpo_minutes, warn: policies.warn_rpo_minutes },
            rto: Limit { max: policies.max_rto_seconds, warn: policies.warn_rto_seconds },
            phases: policies.max_phase_seconds.iter().map(|(phase, max)| (*phase, *max)).collect(),
            min_restore_bytes_per_second: policies.min_restore_bytes_per_second,
            allow_clock_override: policies.allow_clock_override.unwrap_or(true),
            sbom_profiles: policies.sbom_profiles.clone(),
            allowed_licenses: policies.allowed_licenses.clone(),
            denied_licenses: policies.denied_licenses.clone(),
            max_sbom_age_days: policies.max_sbom_age_days,
            require_signature: policies.require_signature.unwrap_or(false),
            waiver: policies.waiver.as_ref().and_then(|waiver| self.waiver(waiver)),
        }
    }

    fn waiver(&mut self, waiver: &written::Waiver) -> Option<Waiver> {
        for (index, policy) in waiver.policies.iter().enumerate() {
            if !WAIVABLE.contains(&policy.as_str()) {
                let pointer = format!("/policies/waiver/policies/{index}");
                let hint = format!("policies that can be waived: {}", WAIVABLE.join(", "));
                self.problem(&pointer, &format!("`{policy}` is no policy"), Some(&hint));
            }
        }
        let until = self.read("/policies/waiver/until", Some(&waiver.until));
        let makeup = self.read("/policies/waiver/makeup_drill_at", Some(&waiver.makeup_drill_at));
        Some(Waiver {
            approved_by: waiver.approved_by.clone(),
            reason: waiver.reason.clone(),
            until: until?,
            makeup_drill_at: makeup?,
            policies: waiver.policies.clone(),
        })
    }
}

/// A relative path with `.` and `..` resolved by name.
fn normal(path: &str) -> String {
    crate::fs::absolute(Path::new("/"), Path::new(path)).to_string_lossy().into_owned()
}
