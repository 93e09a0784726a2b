//! What a program printed: kept up to a limit, redacted, and searched for what went wrong.

use std::fs::File;
use std::io::{self, Write as _};

use crate::secret::Redactor;

/// Output that is kept, in bytes; the rest is counted.
const KEPT_OUTPUT: usize = 1 << 20;
/// Last lines of what failed that go into the report.
const LAST_LINES: usize = 10;

/// What a program printed, as far as it is kept.
#[derive(Default)]
pub(super) struct Printed {
    kept: Vec<u8>,
    dropped: u64,
    pub(super) total: u64,
}

impl Printed {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = KEPT_OUTPUT.saturating_sub(self.kept.len());
        let kept = &bytes[..bytes.len().min(room)];
        self.dropped += (bytes.len() - kept.len()) as u64;
        self.kept.extend_from_slice(kept);
    }

    /// Redacted as a whole: a secret may come in pieces. One that was cut off at the end is
    /// recognised by nothing, so the last line goes if it is not whole.
    pub(super) fn redacted(&self, redactor: &Redactor) -> Vec<u8> {
        let mut kept = self.kept.as_slice();
        if self.dropped > 0 {
            let whole = kept.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            kept = &kept[..whole];
        }
        redactor.redact(kept)
    }

    /// Redacts what is kept, for good.
    pub(super) fn redact(&mut self, redactor: &Redactor) {
        self.kept = self.redacted(redactor);
    }

    /// Changes each line, or takes it away.
    pub(super) fn change_lines(&mut self, change: impl Fn(&str) -> Option<String>) {
        let text = String::from_utf8_lossy(&self.kept).into_owned();
        let lines = text.lines().filter_map(change).map(|line| format!("{line}\n"));
        self.kept = lines.collect::<String>().into_bytes();
    }

    /// Whether a line is this; it is taken away.
    pub(super) fn take_line(&mut self, wanted: &str) -> bool {
        let text = String::from_utf8_lossy(&self.kept).into_owned();
        let found = text.lines().any(|line| line == wanted);
        if found {
            self.change_lines(|line| (line != wanted).then(|| line.to_owned()));
            self.total = self.total.saturating_sub(wanted.len() as u64 + 1);
        }
        found
    }

    /// Lines that hold one of these marks.
    pub(super) fn lines_with(&self, marks: &[&str]) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.kept);
        let marked = |line: &&str| marks.iter().any(|mark| line.contains(mark));
        text.lines().filter(marked).map(|line| line.chars().take(500).collect()).collect()
    }
}

pub(super) fn write_log(
    log: &mut File,
    attempt: u32,
    kept: &[u8],
    printed: &Printed,
) -> io::Result<()> {
    if attempt > 1 {
        writeln!(log, "--- attempt {attempt}")?;
    }
    log.write_all(kept)?;
    if printed.dropped > 0 {
        writeln!(log, "--- {} more bytes were printed and not kept", printed.dropped)?;
    }
    Ok(())
}

pub(super) fn last_lines(kept: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(kept);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let start = lines.len().saturating_sub(LAST_LINES);
    lines[start..].iter().map(|line| line.chars().take(500).collect()).collect()
}
