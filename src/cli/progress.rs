//! What a person sees while a drill runs: one line a step, and a bar while bytes are read.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ui::Ui;
use crate::digest::Observer;
use crate::drill::Watch;
use crate::event::Sink;
use crate::process::Interrupt;
use crate::wire::event::{Body, Event, Severity, Status};

/// Is set by SIGINT and SIGTERM. A second one ends the process.
///
/// # Errors
/// When signals cannot be listened for.
pub(super) fn stop_signals() -> io::Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let now = 128 + signal;
        signal_hook::flag::register_conditional_shutdown(signal, now, Arc::clone(&stopped))?;
        signal_hook::flag::register(signal, Arc::clone(&stopped))?;
    }
    Ok(stopped)
}

/// Shows long jobs, and ends them when the process is asked to end.
pub(super) struct Progress {
    bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
}

impl Progress {
    /// Starts listening for SIGINT and SIGTERM. The first ends the drill in good order; a second
    /// one ends the process.
    ///
    /// # Errors
    /// When signals cannot be listened for.
    pub(super) fn start(quiet: bool) -> io::Result<Self> {
        let interrupted = stop_signals()?;
        let visible = !quiet && io::stderr().is_terminal();
        let target =
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        Ok(Self { bar, interrupted })
    }

    fn line(&self, ui: &Ui, text: &str) {
        self.bar.suspend(|| ui.talk(text));
    }
}

impl Observer for Progress {
    fn advance(&self, bytes: u64) -> bool {
        self.bar.inc(bytes);
        !self.interrupted()
    }
}

impl Watch for Progress {
    fn begin(&self, what: &str, bytes: Option<u64>) {
        let template = match bytes {
            Some(_) => "  {msg:10} [{bar:30}] {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}",
            None => "  {msg:10} {spinner} {bytes} {binary_bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self.bar.reset();
        self.bar.set_message(what.to_owned());
        match bytes {
            Some(bytes) => self.bar.set_length(bytes),
            None => self.bar.unset_length(),
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Interrupt for Progress {
    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// Prints one line for each step that ends.
pub(super) struct StepLines<'a> {
    pub(super) ui: &'a Ui,
    pub(super) progress: &'a Progress,
    pub(super) quiet: bool,
    pub(super) findings: RefCell<Vec<String>>,
}

impl Sink for StepLines<'_> {
    fn accept(&mut self, event: &Event) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        match &event.body {
            // It has been shown as the check that it is of.
            Body::Finding(finding) if finding.id == "check_failed" => {}
            Body::Finding(finding) => {
                let word = match finding.severity {
                    Severity::Info => "info",
                    Severity::Warning => "warning",
                    Severity::Error => "error",
                };
                self.findings.borrow_mut().push(format!("          {word}: {}", finding.message));
            }
            Body::StepFinished { step, duration_seconds, status, notes, .. } => {
                let (word, color) = match status {
                    Status::Passed => ("ok", AnsiColor::Green),
                    Status::Failed => ("FAILED", AnsiColor::Red),
                    Status::Inconclusive => ("UNPROVEN", AnsiColor::Yellow),
                    Status::Skipped => ("skipped", AnsiColor::Yellow),
                };
                let style = Style::new().fg_color(Some(color.into()));
                let first = notes.lines().next().unwrap_or_default();
                let text = format!(
                    "{style}{word:8}{style:#}  {step:24} {duration_seconds:>9.3} s  {first}"
                );
                self.progress.line(self.ui, &text);
                for finding in self.findings.borrow_mut().drain(..) {
                    self.progress.line(self.ui, &finding);
                }
            }
            Body::CheckFinished(check) => {
                let word = match (check.status, check.critical) {
                    (Status::Passed, _) => "holds",
                    (Status::Failed, true) => "FAILED",
                    (Status::Failed, false) => "warning",
                    (Status::Inconclusive | Status::Skipped, _) => "skipped",
                };
                let message = check.message.lines().next().unwrap_or_default();
                let line = format!("          {word:8}{}: {message}", check.check);
                self.findings.borrow_mut().push(line);
            }
            Body::ActionFinished(action) => {
                let word = match action.status {
                    Status::Passed => "done",
                    Status::Failed => "FAILED",
                    Status::Inconclusive => "unproven",
                    Status::Skipped => "skipped",
                };
                let (of, what, seconds) = (&action.of, &action.action, action.duration_seconds);
                let message = action.message.lines().next().unwrap_or_default();
                let line = format!("          {word:8}{of}: {what}, {seconds:.3} s: {message}");
                self.progress.line(self.ui, &line);
            }
            Body::RunResumed(resumed) => {
                let line = format!("          goes on at {}", resumed.at);
                self.progress.line(self.ui, &line);
            }
            Body::RunStarted { .. }
            | Body::StepStarted { .. }
            | Body::ActionStarted(_)
            | Body::GapFound(_)
            | Body::GapClosed(_)
            | Body::Observed(_)
            | Body::RunFinished { .. } => {}
        }
        Ok(())
    }
}
