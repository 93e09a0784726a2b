//! The ordered steps of a drill as a value that can be printed: planning touches nothing.

pub mod exercise;

use crate::manifest::{DatabaseEngine, Driver, Manifest, Provenance};

/// One stage of a drill. Its id is fixed: consumers know it by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Parse and validate the manifest.
    LoadManifest,
    /// Hash the backup and compare with the pin.
    VerifyBackupDigest,
    /// Look inside by format.
    VerifyBackupPayload,
    /// Structure, schema and subject of the SBOM.
    ValidateSbom,
    /// Statements about the backup's digest.
    ValidateProvenance,
    /// Start the throwaway instance.
    ProvisionInstance,
    /// Run the script or the driver.
    RestoreArtifact,
    /// Compare what was recovered.
    ValidateRestoredBackup,
    /// Ask the restored data.
    RunChecks,
    /// Remove what the restore left.
    TeardownInstance,
    /// Hold what was measured against the limits.
    EnforcePolicies,
    /// List digests.
    SealEvidence,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 12] = [
        Self::LoadManifest,
        Self::VerifyBackupDigest,
        Self::VerifyBackupPayload,
        Self::ValidateSbom,
        Self::ValidateProvenance,
        Self::ProvisionInstance,
        Self::RestoreArtifact,
        Self::ValidateRestoredBackup,
        Self::RunChecks,
        Self::TeardownInstance,
        Self::EnforcePolicies,
        Self::SealEvidence,
    ];

    /// The fixed id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::LoadManifest => "load_manifest",
            Self::VerifyBackupDigest => "verify_backup_digest",
            Self::VerifyBackupPayload => "verify_backup_payload",
            Self::ValidateSbom => "validate_sbom",
            Self::ValidateProvenance => "validate_provenance",
            Self::ProvisionInstance => "provision_instance",
            Self::RunChecks => "run_checks",
            Self::RestoreArtifact => "restore_artifact",
            Self::ValidateRestoredBackup => "validate_restored_backup",
            Self::TeardownInstance => "teardown_instance",
            Self::EnforcePolicies => "enforce_policies",
            Self::SealEvidence => "seal_evidence",
        }
    }

    /// The step with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.id() == id)
    }
}

/// What a drill will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The steps, in order, each with what it does to what.
    pub steps: Vec<(Step, String)>,
}

impl Plan {
    /// The plan for a manifest, or, without one, for saying that it could not be read.
    #[must_use]
    pub fn new(manifest: Option<&Manifest>) -> Self {
        let steps = Step::ALL
            .into_iter()
            .filter_map(|step| Some((step, describe(step, manifest)?)))
            .collect();
        Self { steps }
    }

    /// The ids of all steps, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.steps.iter().map(|(step, _)| step.id().to_owned()).collect()
    }
}

/// What a step does; `None` where it is not planned.
fn describe(step: Step, manifest: Option<&Manifest>) -> Option<String> {
    match step {
        Step::LoadManifest => return Some("read and validate the manifest".to_owned()),
        Step::SealEvidence => return Some("write the report, list all digests, sync".to_owned()),
        _ => {}
    }
    let manifest = manifest?;
    let backup = &manifest.backup;
    Some(match step {
        Step::LoadManifest | Step::SealEvidence => return None,
        Step::VerifyBackupDigest => {
            let fetch = backup.remote.as_ref();
            let fetch = fetch.map(|from| format!("fetch {}, ", from.address.text));
            let fetch = fetch.unwrap_or_default();
            format!("{fetch}hash {} and compare with {}", backup.path, backup.sha256)
        }
        Step::VerifyBackupPayload => {
            format!("read {} through to its end, by its format", backup.path)
        }
        Step::ValidateSbom => {
            let own = manifest.sbom.as_ref();
            let script = manifest.script().and_then(|script| script.sbom.as_ref());
            let paths: Vec<&str> = own.into_iter().chain(script).map(|i| i.path.as_str()).collect();
            return (!paths.is_empty()).then(|| format!("check {}", paths.join(" and ")));
        }
        Step::ValidateProvenance => return vouchers(manifest),
        Step::RestoreArtifact => match &manifest.restore.driver {
            Driver::Script(script) => {
                let (copy, timeout) = (script.copy_backup, script.confinement.timeout.as_secs());
                let what = if copy { "a private copy of the backup" } else { "the backup" };
                let attempts = script.retries + 1;
                format!("run {} on {what}, at most {timeout} s, {attempts} attempt(s)", script.path)
            }
            Driver::Files(_) => format!("copy or unpack {}", backup.path),
            Driver::Database(database) => {
                let timeout = database.confinement.timeout.as_secs();
                format!("restore {} into it, at most {timeout} s", backup.path)
            }
        },
        Step::ValidateRestoredBackup => match &manifest.restore.driver {
            Driver::Script(script) => {
                let wanted = script.recovered_sha256.unwrap_or(backup.sha256);
                let recovered = script.recovered.as_deref().unwrap_or("recovered-backup*");
                format!("compare {recovered} with {wanted}")
            }
            Driver::Files(_) => "compare every file that came back".to_owned(),
            Driver::Database(_) => return None,
        },
        Step::ProvisionInstance => match manifest.database()?.engine {
            DatabaseEngine::Postgres => "start a PostgreSQL server of its own".to_owned(),
            DatabaseEngine::MariaDb => "start a MariaDB server of its own".to_owned(),
            DatabaseEngine::Redis => "find Redis".to_owned(),
            DatabaseEngine::Sqlite => "find SQLite".to_owned(),
        },
        Step::RunChecks => {
            let _ = manifest.database()?;
            format!("ask the restored data {} question(s)", manifest.checks.len())
        }
        Step::TeardownInstance => "remove what the restore left".to_owned(),
        Step::EnforcePolicies => "hold what was measured against the limits".to_owned(),
    })
}

fn vouchers(manifest: &Manifest) -> Option<String> {
    let find = |provenance: &Provenance, what: &str| {
        let (path, wanted) = (&provenance.file.path, provenance.threshold);
        match (provenance.keys.len(), &provenance.identity) {
            (0, None) => format!("find the digest of {what} in {path}; verify no signature"),
            (0, Some((name, _))) => format!("find what {name} has signed of {what} in {path}"),
            (keys, _) => {
                format!("find what {wanted} of {keys} key(s) have signed of {what} in {path}")
            }
        }
    };
    let own = match &manifest.provenance {
        Some(provenance) => Some(find(provenance, "the backup")),
        None => manifest
            .policies
            .require_signature
            .then(|| "find the signed provenance that the policies require".to_owned()),
    };
    let script = manifest.script().and_then(|script| script.provenance.as_ref());
    let script = script.map(|provenance| find(provenance, "the script"));
    let all: Vec<String> = own.into_iter().chain(script).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
