//! The order of the steps, and what each does when an earlier one did not pass.

use std::io;

use super::work::Work;
use super::{Loaded, Run, StepResult, shown};
use crate::manifest::Manifest;
use crate::plan::Step;
use crate::policy::enforce;
use crate::process::Supervisor;
use crate::wire::event::{Class, Context, ManifestFacts, PolicyStatus, Status};

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
    run.step(Step::EnforcePolicies, |run| Ok(enforce_policies(run, manifest)))?;
    Ok(())
}

fn load_manifest(run: &mut Run<'_>, loaded: &Loaded) -> io::Result<StepResult> {
    let mut context = Context { past: run.setup.past.clone(), ..Context::default() };
    if let Some(digest) = loaded.digest {
        let bytes = loaded.bytes.len() as u64;
        let signed_by = loaded.signed_by.clone();
        context.manifest = Some(ManifestFacts { sha256: digest.to_string(), bytes, signed_by });
        super::work::keep_manifest(run, loaded, digest)?;
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

fn enforce_policies(run: &Run<'_>, manifest: &Manifest) -> StepResult {
    let (policies, findings) = enforce(&run.outcome, manifest);
    let count = |status| policies.iter().filter(|policy| policy.status == status).count();
    let (broken, unmeasured) = (count(PolicyStatus::Failed), count(PolicyStatus::NotMeasured));
    let status = if broken > 0 {
        Status::Failed
    } else if unmeasured > 0 {
        Status::Inconclusive
    } else {
        Status::Passed
    };
    let notes = match (policies.len(), broken, unmeasured) {
        (0, ..) => "no limits are set".to_owned(),
        (all, 0, 0) => format!("{all} limit(s) hold"),
        (all, 0, _) => format!("{unmeasured} of {all} limit(s) could not be measured"),
        (all, _, _) => format!("{broken} of {all} limit(s) broken"),
    };
    let context = Box::new(Context { policies, ..Context::default() });
    StepResult { status, notes, context, findings }
}
