//! The order of the steps, and what each does when an earlier one did not pass.

use std::io;

use super::work::Work;
use super::{Loaded, Run, shown};
use crate::engine::StepResult;
use crate::manifest::Manifest;
use crate::plan::Step;
use crate::policy::enforce;
use crate::process::Supervisor;
use crate::wire::event::{Class, Context, ManifestFacts, Status};

/// What must have passed before anything is restored; all but the last before a server is started.
const BEFORE_RESTORE: [Step; 5] = [
    Step::VerifyBackupDigest,
    Step::VerifyBackupPayload,
    Step::ValidateSbom,
    Step::ValidateProvenance,
    Step::ProvisionInstance,
];

/// Walks the plan up to the policies. The four verifications are independent: all are run, so that
/// all that is wrong is known at once. Nothing is restored unless all of them passed.
pub(super) fn walk<'a>(
    run: &mut Run<'a>,
    loaded: &'a Loaded,
    manifest: Option<&'a Manifest>,
    standby: Option<Supervisor>,
) -> io::Result<()> {
    run.step(Step::LoadManifest, |run| load_manifest(run, loaded))?;
    let (Some(manifest), Some(root)) = (manifest, &loaded.root) else { return Ok(()) };
    let mut work = Work::new(manifest, root, standby);
    run.step(Step::VerifyBackupDigest, |run| Ok(work.verify_digest(run)))?;
    run.step(Step::VerifyBackupPayload, |run| Ok(work.verify_payload(run)))?;
    run.step(Step::ValidateSbom, |run| work.validate_sbom(run))?;
    run.step(Step::ValidateProvenance, |run| work.validate_provenance(run))?;
    run.step(Step::ProvisionInstance, |run| match run.all_passed(&BEFORE_RESTORE[..4]) {
        Ok(()) => Ok(work.provision(run)),
        Err(step) => Ok(StepResult::skipped(format!("no server is started: {step} did not pass"))),
    })?;
    run.step(Step::RestoreArtifact, |run| match run.all_passed(&BEFORE_RESTORE) {
        Ok(()) => work.restore(run),
        Err(step) => Ok(StepResult::skipped(format!("nothing is restored: {step} did not pass"))),
    })?;
    run.step(Step::ValidateRestoredBackup, |run| match run.all_passed(&[Step::RestoreArtifact]) {
        Ok(()) => Ok(work.validate_restored(run)),
        Err(step) => {
            Ok(StepResult::skipped(format!("there is nothing to compare: {step} did not pass")))
        }
    })?;
    run.step(Step::RunChecks, |run| match run.all_passed(&[Step::RestoreArtifact]) {
        Ok(()) => work.run_checks(run),
        Err(step) => {
            Ok(StepResult::skipped(format!("there is no data to ask: {step} did not pass")))
        }
    })?;
    run.step(Step::TeardownInstance, |run| work.teardown(run))?;
    run.step(Step::EnforcePolicies, |run| {
        let (policies, findings) = enforce(&run.engine.outcome, manifest);
        Ok(StepResult::of_policies(policies, findings))
    })?;
    Ok(())
}

fn load_manifest(run: &mut Run<'_>, loaded: &Loaded) -> io::Result<StepResult> {
    let mut context = Context { past: run.setup.past.clone(), ..Context::default() };
    if let Some(digest) = loaded.digest {
        let bytes = loaded.bytes.len() as u64;
        let signed_by = loaded.signed_by.clone();
        context.manifest = Some(ManifestFacts { sha256: digest.to_string(), bytes, signed_by });
        run.engine.keep_manifest(&loaded.bytes, loaded.syntax, &loaded.signature)?;
    }
    Ok(match &loaded.manifest {
        Ok(_) => StepResult::passed(format!("{} is valid", shown(&loaded.shown_path)), context),
        Err(error) => {
            let hint = error.hint().map(str::to_owned);
            let mut result = StepResult::failed(Class::Manifest, error, hint, context);
            // It says nothing of the backup, neither good nor bad.
            result.status = Status::Inconclusive;
            result
        }
    })
}
