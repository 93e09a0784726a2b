//! The `script` driver: any executable, run confined on the verified backup (`docs/recall-script.md`).

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::printed::{Printed, last_lines, write_log};
use super::program::{Programs, interpreter};
use super::{Failed, RestoreError};
use crate::backup::VerifiedBackup;
use crate::digest::{Digest, Observer, hash};
use crate::fs::{Contained, Root, Workspace, free_bytes};
use crate::instance::isolation;
use crate::manifest::Script;
use crate::process::{End, Finished, Launch, Limits, Reach, Supervisor, run};
use crate::secret::Redactor;
use crate::wire::event::{ProgramRole, RestoreFacts};
use crate::wire::manifest::Isolation;

/// What a script restore works with.
pub struct ScriptRestore<'a> {
    /// The script's section of the manifest.
    pub script: &'a Script,
    /// Where paths are resolved.
    pub root: &'a Root,
    /// The backup.
    pub backup: &'a VerifiedBackup,
    /// Digest of the script, if something vouches for it.
    pub vouched: Option<Digest>,
    /// Private copy of the provenance, if there is one.
    pub provenance: Option<&'a Path>,
    /// Private copy of the SBOM, if there is one.
    pub sbom: Option<&'a Path>,
    /// The run's private directory.
    pub workspace: &'a Workspace,
    /// Where programs are looked for.
    pub search_path: OsString,
    /// Value of an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Watches hashing.
    pub observer: &'a dyn Observer,
    /// Whether the drill is to end.
    pub interrupted: &'a dyn Fn() -> bool,
}

impl ScriptRestore<'_> {
    /// Runs the script, as often as it may fail, and keeps what it prints in `log`. The first attempt
    /// uses `standby`, if one is given.
    ///
    /// # Errors
    /// When it did not succeed; what is known is in the error.
    pub fn run(
        &self,
        mut standby: Option<Supervisor>,
        log: &mut File,
    ) -> Result<RestoreFacts, Failed> {
        let mut facts = RestoreFacts { driver: "script".to_owned(), ..RestoreFacts::default() };
        let fail = |facts: RestoreFacts, error| Failed { facts: Box::new(facts), error };
        let place = match self.identify(&mut facts) {
            Ok(place) => place,
            Err(error) => return Err(fail(facts, error)),
        };
        loop {
            facts.attempts += 1;
            match self.attempt(&place, standby.take(), &mut facts, log) {
                Ok(()) => break,
                Err(RestoreError::Exit(..) | RestoreError::Signal(..))
                    if facts.attempts <= self.script.retries => {}
                Err(error) => return Err(fail(facts, error)),
            }
        }
        match self.backup.check_unchanged(self.root, self.observer) {
            Ok(()) => Ok(facts),
            Err(error) => Err(fail(facts, error.into())),
        }
    }

    /// Opens and hashes the script: what runs is in the evidence.
    fn identify(&self, facts: &mut RestoreFacts) -> Result<Contained, RestoreError> {
        let (mut file, place) = self.root.open_file(&self.script.path)?;
        let path = place.relative.display().to_string();
        facts.script = Some(path.clone());
        let (digest, _) = hash(&mut file, self.observer)
            .map_err(|error| RestoreError::ScriptRead(path.clone(), error))?;
        facts.script_sha256 = Some(digest.to_string());
        if let Some(pinned) = self.script.sha256
            && pinned != digest
        {
            return Err(RestoreError::ScriptDigest { path, found: digest, pinned });
        }
        if self.vouched.is_some_and(|vouched| vouched != digest) {
            return Err(RestoreError::ScriptChanged(path));
        }
        let executable = file.metadata().is_ok_and(|m| m.permissions().mode() & 0o111 != 0);
        if !executable {
            return Err(RestoreError::NotExecutable(path));
        }
        self.identify_programs(&file, facts)?;
        Ok(place)
    }

    /// What runs the script, and what the manifest says that it uses.
    fn identify_programs(&self, file: &File, facts: &mut RestoreFacts) -> Result<(), RestoreError> {
        let programs = Programs {
            search_path: &self.search_path,
            workspace: self.workspace,
            observer: self.observer,
            interrupted: self.interrupted,
        };
        if let Some(name) = interpreter(file) {
            facts.programs.push(programs.identify(ProgramRole::Interpreter, &name)?);
        }
        for name in &self.script.tools {
            facts.programs.push(programs.identify(ProgramRole::Tool, name)?);
        }
        Ok(())
    }

    fn attempt(
        &self,
        place: &Contained,
        standby: Option<Supervisor>,
        facts: &mut RestoreFacts,
        log: &mut File,
    ) -> Result<(), RestoreError> {
        let output = self.workspace.fresh_output().map_err(RestoreError::Output)?;
        let temporary = self.workspace.temporary();
        let path = facts.script.clone().unwrap_or_default();
        let mut redactor = Redactor::default()
            .path(&output, "$RESTORE_DIR")
            .path(&temporary, "$TMPDIR")
            .path(self.backup.path(), "$BACKUP_PATH")
            .path(&self.workspace.inputs(), "$INPUTS")
            .path(self.root.path(), "$ROOT");
        let mut environment = self.environment(&output, &temporary);
        for name in &self.script.environment {
            let value =
                (self.variable)(name).ok_or_else(|| RestoreError::Environment(name.clone()))?;
            redactor = redactor.secret(value.as_encoded_bytes());
            environment.push((name.into(), value));
        }
        let launch = Launch {
            program: place.absolute.clone(),
            arguments: self.arguments(&output),
            environment,
            folder: output.clone(),
            writable: vec![output.clone(), temporary],
            limits: Limits {
                memory_bytes: self.script.confinement.memory_bytes.or_else(total_memory),
                processes: Some(self.script.confinement.processes),
                file_bytes: self.script.confinement.file_bytes.or_else(|| free_bytes(&output).ok()),
            },
            isolation_required: self.script.confinement.isolation == Isolation::Required,
            timeout: self.script.confinement.timeout,
            user: None,
            reach: Reach::Confined,
        };
        let mut printed = Printed::default();
        let finished = run(&launch, standby, &mut |bytes| printed.add(bytes), self.interrupted);
        let kept = printed.redacted(&redactor);
        facts.output_bytes += printed.total;
        write_log(log, facts.attempts, &kept, &printed).map_err(RestoreError::Output)?;
        let finished = finished.map_err(|error| RestoreError::Start(path.clone(), error))?;
        record(facts, &finished);
        let result = self.judge(&path, &finished);
        facts.last_lines = if result.is_err() { last_lines(&kept) } else { Vec::new() };
        result
    }

    fn environment(&self, output: &Path, temporary: &Path) -> Vec<(OsString, OsString)> {
        let given = |path: Option<&Path>| path.map_or_else(OsString::new, OsString::from);
        [
            ("PATH", self.search_path.clone()),
            ("HOME", temporary.into()),
            ("TMPDIR", temporary.into()),
            ("LANG", "C.UTF-8".into()),
            ("TZ", "UTC".into()),
            ("BACKUP_PATH", self.backup.path().into()),
            ("PROVENANCE_PATH", given(self.provenance)),
            ("SBOM_PATH", given(self.sbom)),
            ("RESTORE_DIR", output.into()),
        ]
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect()
    }

    fn arguments(&self, output: &Path) -> Vec<OsString> {
        let given = |path: Option<&Path>| path.map_or_else(OsString::new, OsString::from);
        vec![self.backup.path().into(), given(self.provenance), given(self.sbom), output.into()]
    }

    fn judge(&self, path: &str, finished: &Finished) -> Result<(), RestoreError> {
        let path = path.to_owned();
        match finished.end {
            End::Exited(0) if finished.left_behind.is_empty() => Ok(()),
            End::Exited(0) => Err(RestoreError::LeftBehind(path, finished.left_behind.join(", "))),
            End::Exited(status) => Err(RestoreError::Exit(path, status)),
            End::Signalled(signal) => Err(RestoreError::Signal(path, signal)),
            End::TimedOut => {
                Err(RestoreError::TimedOut(path, self.script.confinement.timeout.as_secs()))
            }
            End::Interrupted => Err(RestoreError::Interrupted),
            End::Refused => {
                let missing: Vec<String> = finished
                    .protections
                    .iter()
                    .filter(|protection| !protection.in_force)
                    .map(|protection| format!("{}: {}", protection.name, protection.detail))
                    .collect();
                Err(RestoreError::Isolation(path, missing.join("; ")))
            }
        }
    }
}

fn record(facts: &mut RestoreFacts, finished: &Finished) {
    facts.seconds = finished.seconds;
    facts.exit_status = match finished.end {
        End::Exited(status) => Some(status),
        _ => None,
    };
    facts.left_behind.clone_from(&finished.left_behind);
    facts.isolation = isolation(finished);
}

/// Memory of the machine: more than that no process can use, so it is no limit to notice.
fn total_memory() -> Option<u64> {
    let info = rustix::system::sysinfo();
    u64::from(info.mem_unit).checked_mul(info.totalram).filter(|bytes| *bytes > 0)
}
