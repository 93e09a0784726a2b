//! The programs that a restore uses, each identified by path, version and digest.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::RestoreError;
use crate::digest::{Observer, hash};
use crate::fs::Workspace;
use crate::process::{End, Launch, Limits, Reach, run};
use crate::wire::event::{ProgramFacts, ProgramRole};

/// How long a program may take to tell its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest version that is kept, in characters.
const VERSION_LENGTH: usize = 200;
/// Longest first line of a script that a kernel reads, in bytes.
const FIRST_LINE: usize = 256;
/// The one shell that cannot tell its version.
const WITHOUT_VERSION: &str = "dash";

/// Finds and identifies programs.
pub(super) struct Programs<'a> {
    pub(super) search_path: &'a OsStr,
    pub(super) workspace: &'a Workspace,
    pub(super) observer: &'a dyn Observer,
    pub(super) interrupted: &'a dyn Fn() -> bool,
}

impl Programs<'_> {
    /// Identifies a program by its name, or by a path.
    ///
    /// # Errors
    /// When it is not there, or cannot be read.
    pub(super) fn identify(
        &self,
        role: ProgramRole,
        name: &str,
    ) -> Result<ProgramFacts, RestoreError> {
        let missing = || RestoreError::Program(name.to_owned());
        let path = self.find(name).ok_or_else(missing)?;
        let unreadable = |error: io::Error| RestoreError::ProgramRead(name.to_owned(), error);
        let mut file = File::open(&path).map_err(unreadable)?;
        let (digest, _) = hash(&mut file, self.observer)
            .map_err(|error| RestoreError::ScriptRead(name.to_owned(), error))?;
        Ok(ProgramFacts {
            role,
            name: name.to_owned(),
            version: self.version(&path),
            path: path.display().to_string(),
            sha256: digest.to_string(),
        })
    }

    /// Where a name leads: every link followed, so that the path and the digest are of one file.
    fn find(&self, name: &str) -> Option<PathBuf> {
        let executable = |path: &PathBuf| {
            path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        };
        let folders = std::env::split_paths(self.search_path).filter(|path| path.is_absolute());
        let found = if name.contains('/') {
            Some(PathBuf::from(name)).filter(executable)
        } else {
            folders.map(|folder| folder.join(name)).find(executable)
        };
        found?.canonicalize().ok()
    }

    /// The first line that it prints of itself; nothing if it does not know how to.
    fn version(&self, path: &Path) -> Option<String> {
        if path.file_name() == Some(OsStr::new(WITHOUT_VERSION)) {
            return None;
        }
        let temporary = self.workspace.temporary();
        let launch = Launch {
            program: path.to_owned(),
            arguments: vec!["--version".into()],
            environment: vec![
                ("PATH".into(), self.search_path.into()),
                ("HOME".into(), temporary.clone().into()),
                ("LANG".into(), "C.UTF-8".into()),
            ],
            folder: temporary.clone(),
            writable: vec![temporary],
            limits: Limits::default(),
            isolation_required: false,
            timeout: VERSION_TIMEOUT,
            user: None,
            reach: Reach::Confined,
        };
        let mut printed = Vec::new();
        let mut keep = |bytes: &[u8]| {
            let room = 4096_usize.saturating_sub(printed.len());
            printed.extend_from_slice(&bytes[..bytes.len().min(room)]);
        };
        let finished = run(&launch, None, &mut keep, self.interrupted).ok()?;
        let text = String::from_utf8_lossy(&printed);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
        let told = finished.end == End::Exited(0) && line.contains(|c: char| c.is_ascii_digit());
        told.then(|| line.chars().take(VERSION_LENGTH).collect())
    }
}

/// What runs a script, as its first line says (`#!`); nothing for a program that needs nobody.
pub(super) fn interpreter(script: &File) -> Option<String> {
    let mut start = [0; FIRST_LINE];
    let read = script.read_at(&mut start, 0).ok()?;
    let line = start[..read].strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let first = words.next()?;
    if Path::new(first).file_name() != Some(OsStr::new("env")) {
        return Some(first.to_owned());
    }
    let named = words.find(|word| !word.starts_with('-') && !word.contains('='));
    Some(named.unwrap_or(first).to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_first_line_of_a_script_names_what_runs_it() {
        for (line, wanted) in [
            ("#!/bin/sh\necho", Some("/bin/sh")),
            ("#! /bin/sh -eu\n", Some("/bin/sh")),
            ("#!/usr/bin/env python3\n", Some("python3")),
            ("#!/usr/bin/env -S LANG=C python3 -I\n", Some("python3")),
            ("#!/usr/bin/env\n", Some("/usr/bin/env")),
            ("#!\n/bin/sh", None),
            ("\x7fELF", None),
            ("", None),
        ] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(line.as_bytes()).unwrap();
            assert_eq!(interpreter(&file).as_deref(), wanted, "{line}");
        }
    }
}
