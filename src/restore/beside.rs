//! A program of the user's, started beside the restored database to ask it what no check can.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt as _, chown};

use super::feed::redactor;
use crate::check::ProgramEnd;
use crate::digest::{Digest, Observer, hash};
use crate::fs::Root;
use crate::instance::{Quarters, how};
use crate::process::End;
use crate::target::TargetError;

/// Longest line of a program that is kept, in characters.
const LINE: usize = 200;
/// What a program may print of which the last line is looked for, in bytes.
const KEPT: usize = 64 << 10;

/// Runs a private copy of a program: it is the copy that is compared with the pin. It is
/// confined as the server is, and finds the database by its environment.
pub(super) fn start(
    quarters: &Quarters<'_>,
    environment: &[(&str, &str)],
    root: &Root,
    path: &str,
    pinned: Option<&str>,
    observer: &dyn Observer,
) -> Result<ProgramEnd, TargetError> {
    let failed = |why: &dyn std::fmt::Display| TargetError(format!("{path} {why}"));
    let (mut file, _) = root.open_file(path).map_err(|error| failed(&error))?;
    let copy = quarters.folder.join("program");
    let mut write = || {
        let _ = std::fs::remove_file(&copy);
        let mut target = OpenOptions::new().write(true).create_new(true).mode(0o700).open(&copy)?;
        std::io::copy(&mut file, &mut target)?;
        File::open(&copy)
    };
    let mut copied = write().map_err(|error| failed(&error))?;
    let (digest, _) = hash(&mut copied, observer).map_err(|error| failed(&error))?;
    drop(copied);
    let pin = pinned.and_then(|pin| pin.parse::<Digest>().ok());
    if let Some(pin) = pin.filter(|pin| *pin != digest) {
        return Err(failed(&format!("has the digest {digest}, the manifest pins {pin}")));
    }
    if let Some(user) = &quarters.user {
        chown(&copy, Some(user.id), Some(user.group)).map_err(|error| failed(&error))?;
    }
    let mut printed = Vec::new();
    let mut keep = |bytes: &[u8]| {
        printed.extend_from_slice(bytes);
        let surplus = printed.len().saturating_sub(KEPT);
        printed.drain(..surplus);
    };
    let finished =
        quarters.run(&copy, &[], environment, &mut keep).map_err(|error| failed(&error))?;
    match finished.end {
        End::Exited(status) => {
            let printed = redactor(quarters).redact(&printed);
            let text = String::from_utf8_lossy(&printed);
            let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
            let said = last.unwrap_or_default().chars().take(LINE).collect();
            Ok(ProgramEnd { status, said })
        }
        end => Err(failed(&how(&end))),
    }
}
