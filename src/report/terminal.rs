//! The closing block of a run: verdict first, then what was measured, then what to do.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{Renderer, drill_name, measured, to_be_done, verdict_word};
use crate::wire::event::{Severity, Verdict};
use crate::wire::report::Report;

/// Text with ANSI styles; whoever writes to something else strips them.
#[derive(Debug)]
pub(super) struct Terminal;

impl Renderer for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let color = match report.status {
            Verdict::Passed => AnsiColor::Green,
            Verdict::Failed => AnsiColor::Red,
            Verdict::Inconclusive => AnsiColor::Yellow,
        };
        let (strong, dim) =
            (Style::new().bold().fg_color(Some(color.into())), Style::new().dimmed());
        writeln!(out, "{strong}{}{strong:#}  {}", verdict_word(report), drill_name(report))?;
        for reason in &report.reasons {
            writeln!(out, "  {}: {}", reason.step, reason.message)?;
            if let Some(hint) = &reason.hint {
                writeln!(out, "    hint: {hint}")?;
            }
        }
        if let Some(restore) = &report.restore {
            for line in &restore.last_lines {
                writeln!(out, "    {dim}| {line}{dim:#}")?;
            }
        }
        if let Some(action) = &report.corrective_action {
            writeln!(out, "  to be done: {}", to_be_done(action))?;
        }
        let metrics = &report.metrics;
        writeln!(out, "  RTO  {}", measured(report, "max_rto_seconds", metrics.rto_seconds, "s"))?;
        writeln!(
            out,
            "  RPO  {}",
            measured(report, "max_rpo_minutes", metrics.rpo_minutes, "min")
        )?;
        for finding in &report.findings {
            // Errors stand among the reasons.
            if finding.severity != Severity::Error {
                writeln!(out, "  note: {} ({})", finding.message, finding.id)?;
            }
        }
        for what in &report.not_proven {
            writeln!(out, "  {dim}not proven: {what}{dim:#}")?;
        }
        Ok(())
    }
}
