//! What the restoring steps do: restore, compare, remove.

use std::collections::BTreeMap;
use std::io;

use super::super::Run;
use super::Work;
use crate::backup::VerifiedBackup;
use crate::digest::Digest;
use crate::engine::StepResult;
use crate::fs::{DiskGauge, Workspace, read_capped};
use crate::manifest::{Driver, Files, Script};
use crate::plan::Step;
use crate::restore::files::{self, Expected, MAX_LIST_BYTES};
use crate::restore::recovered::{self, RecoveredError};
use crate::restore::script::ScriptRestore;
use crate::restore::{Failed, RestoreError};
use crate::wire::event::{
    Class, Context, Finding, RecoveredFacts, RestoreFacts, Severity, Status, TeardownFacts,
};

impl Work<'_> {
    pub(in super::super) fn restore(&mut self, run: &mut Run<'_>) -> io::Result<StepResult> {
        self.accept();
        let (Some(backup), Some(workspace)) = (&mut self.verified, &self.workspace) else {
            return Ok(StepResult::skipped("the backup was not verified"));
        };
        match &self.manifest.restore.driver {
            Driver::Script(script) => {
                let mut log = run.engine.evidence.open("restore/restore.log")?;
                let setup = run.setup;
                let restore = ScriptRestore {
                    script,
                    root: self.root,
                    backup,
                    vouched: self.vouched_script,
                    provenance: self.provenance.as_deref(),
                    sbom: self.sbom.as_deref(),
                    workspace,
                    search_path: setup.search_path.clone(),
                    variable: setup.variable,
                    observer: setup.watch,
                    interrupted: &|| setup.watch.interrupted(),
                };
                Ok(match restore.run(self.supervisor.take(), &mut log) {
                    Ok(facts) => restored(facts),
                    Err(failed) => restore_failed(failed),
                })
            }
            Driver::Database(_) => {
                let Some(instance) = &mut self.instance else {
                    return Ok(StepResult::skipped("there is no server to restore into"));
                };
                let mut log = run.engine.evidence.open("restore/restore.log")?;
                Ok(match instance.restore(backup, self.root, &mut log, run.setup.watch) {
                    Ok(facts) => restored(facts),
                    Err(failed) => restore_failed(failed),
                })
            }
            Driver::Files(_) => {
                run.setup.watch.begin("restore", None);
                let result = files::restore(backup, workspace, run.setup.watch);
                run.setup.watch.end();
                Ok(match result {
                    Ok(facts) => restored(facts),
                    Err(error) => restore_failed(Failed { facts: Box::default(), error }),
                })
            }
        }
    }

    pub(in super::super) fn validate_restored(&self, run: &Run<'_>) -> StepResult {
        let (Some(backup), Some(workspace)) = (&self.verified, &self.workspace) else {
            return StepResult::skipped("nothing was restored");
        };
        run.setup.watch.begin("recovered", Some(backup.facts().bytes()));
        let result = match &self.manifest.restore.driver {
            Driver::Script(script) => self.compare_script(run, script, backup, workspace),
            Driver::Files(expected) => self.compare_files(run, expected, backup, workspace),
            Driver::Database(_) => StepResult::skipped("its data is asked, not compared"),
        };
        run.setup.watch.end();
        result
    }

    fn compare_script(
        &self,
        run: &Run<'_>,
        script: &Script,
        backup: &VerifiedBackup,
        workspace: &Workspace,
    ) -> StepResult {
        let compared = recovered::compare(&workspace.output(), script, backup, run.setup.watch);
        compared_result(compared, || {
            let at = script.recovered.as_deref().unwrap_or("recovered-backup*");
            format!("the script must write what it recovers to $RESTORE_DIR/{at}, byte for byte")
        })
    }

    fn compare_files(
        &self,
        run: &Run<'_>,
        expected: &Files,
        backup: &VerifiedBackup,
        workspace: &Workspace,
    ) -> StepResult {
        let expected = match (&expected.digests, expected.tree_sha256) {
            (Some(list), _) => match self.read_list(list) {
                Ok(files) => Expected::Files(files),
                Err(message) => {
                    return StepResult::failed(
                        Class::Integrity,
                        &message,
                        None,
                        Context::default(),
                    );
                }
            },
            (None, Some(digest)) => Expected::TreeDigest(digest),
            (None, None) => Expected::SameTree,
        };
        let compared = files::compare(&workspace.output(), &expected, backup, run.setup.watch);
        compared_result(compared, || "every file must come back as it was".to_owned())
    }

    fn read_list(&self, path: &str) -> Result<BTreeMap<Vec<u8>, Digest>, String> {
        let (mut file, _) =
            self.root.open_file(path).map_err(|error| format!("the list {error}"))?;
        let bytes = read_capped(&mut file, MAX_LIST_BYTES)
            .map_err(|error| format!("the list {path} {error}"))?;
        files::parse_list(&bytes).map_err(|error| format!("the list {path}: {error}"))
    }

    /// Removes everything, looks whether it is gone, and says so: before the evidence is sealed.
    pub(in super::super) fn teardown(&mut self, run: &mut Run<'_>) -> io::Result<StepResult> {
        let Some(workspace) = self.workspace.take() else {
            let facts = TeardownFacts {
                files_removed: 0,
                bytes_removed: 0,
                peak_disk_bytes: None,
                removed: true,
            };
            let context = Context { teardown: Some(facts), ..Context::default() };
            return Ok(StepResult::passed("nothing had been made", context));
        };
        if run.setup.keep_artifacts && workspace.output().is_dir() {
            run.engine.evidence.keep_files("restore/artifacts", &workspace.output())?;
        }
        self.supervisor = None;
        let put_back = self.put_back(run);
        let lost = self.instance.take().is_some_and(|instance| instance.stop().is_err());
        self.verified = None;
        self.hashed = None;
        let peak_disk_bytes = self.gauge.take().map(DiskGauge::read);
        let removed = workspace.remove();
        let facts = TeardownFacts {
            files_removed: removed.files,
            bytes_removed: removed.bytes,
            peak_disk_bytes,
            removed: removed.gone,
        };
        let context = Context { teardown: Some(facts), ..Context::default() };
        let findings = match put_back {
            Ok(findings) => findings,
            Err(error) => {
                let hint = error.hint();
                return Ok(StepResult::failed(Class::Restore, &error, hint, context));
            }
        };
        if lost {
            let message = "the server ended by itself before it was ended";
            return Ok(StepResult::failed(Class::Restore, &message, None, context));
        }
        if removed.gone {
            let notes = format!("{} file(s), {} bytes removed", removed.files, removed.bytes);
            return Ok(StepResult { findings, ..StepResult::passed(notes, context) });
        }
        let message = "what the restore left could not be removed whole";
        let hint = "remove what is named dr-drill-run-* in the output directory by hand";
        Ok(StepResult::failed(Class::Restore, &message, Some(hint.to_owned()), context))
    }

    /// A database that was there before is made what it was, unless the drill has passed so far.
    fn put_back(&self, run: &Run<'_>) -> Result<Vec<Finding>, RestoreError> {
        let Some(instance) = &self.instance else { return Ok(Vec::new()) };
        let passed = run.all_passed(&[Step::RestoreArtifact, Step::RunChecks]).is_ok();
        if !instance.put_back_unless(passed)? {
            return Ok(Vec::new());
        }
        Ok(vec![Finding {
            id: "target_put_back".to_owned(),
            severity: Severity::Info,
            message: format!(
                "the database {} is again what it was before, and was compared with that",
                instance.facts().database
            ),
            place: Step::TeardownInstance.id().to_owned(),
            class: None,
        }])
    }
}

fn restored(facts: RestoreFacts) -> StepResult {
    let notes = format!("{} in {:.3} s, attempt {}", facts.driver, facts.seconds, facts.attempts);
    let findings = isolation_findings(&facts);
    let context = Context { restore: Some(facts), ..Context::default() };
    StepResult { findings, ..StepResult::passed(notes, context) }
}

/// A restore that did not work. Where something is wanting on this machine, the backup may be as good
/// as ever: nothing was proven either way.
pub(super) fn restore_failed(failed: Failed) -> StepResult {
    let findings = isolation_findings(&failed.facts);
    let context = Context { restore: Some(*failed.facts), ..Context::default() };
    let (class, status) = match &failed.error {
        RestoreError::Backup(_) => (Class::Integrity, Status::Failed),
        error if error.says_nothing() => (Class::Incomplete, Status::Inconclusive),
        _ => (Class::Restore, Status::Failed),
    };
    let hint = failed.error.hint();
    StepResult { findings, status, ..StepResult::failed(class, &failed.error, hint, context) }
}

/// Protections that the kernel refused are said loudly; only `required` makes them fatal.
fn isolation_findings(facts: &RestoreFacts) -> Vec<Finding> {
    facts
        .isolation
        .iter()
        .filter(|protection| !protection.in_force)
        .map(|protection| Finding {
            id: "isolation_incomplete".to_owned(),
            severity: Severity::Warning,
            message: format!(
                "the restore ran without {}: {}",
                protection.protection, protection.detail
            ),
            place: "restore.isolation".to_owned(),
            class: None,
        })
        .collect()
}

fn compared_result(
    compared: Result<RecoveredFacts, RecoveredError>,
    hint: impl FnOnce() -> String,
) -> StepResult {
    match compared {
        Ok(facts) => {
            let notes = format!("{} equals {}", facts.path, facts.expected_sha256);
            StepResult::passed(notes, Context { recovered: Some(facts), ..Context::default() })
        }
        Err(error) => {
            let facts = match &error {
                RecoveredError::Different { facts, .. } => Some((**facts).clone()),
                _ => None,
            };
            let context = Context { recovered: facts, ..Context::default() };
            StepResult::failed(Class::Restore, &error, Some(hint()), context)
        }
    }
}
