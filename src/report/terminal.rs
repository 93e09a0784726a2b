//! The closing block of a run: verdict first, then what was measured, then what to do.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{Renderer, drill_name, measured, to_be_done, verdict_word};
use crate::wire::event::{Severity, Verdict};
use crate::wire::report::{Exercise, Report};

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
        if let Some(exercise) = &report.exercise {
            rehearsal(exercise, out)?;
        }
        let talk = report.exercise.as_ref().is_some_and(|exercise| exercise.tabletop.is_some());
        if !talk {
            let metrics = &report.metrics;
            let rto = measured(report, "max_rto_seconds", metrics.rto_seconds, "s");
            let rpo = measured(report, "max_rpo_minutes", metrics.rpo_minutes, "min");
            writeln!(out, "  RTO  {rto}\n  RPO  {rpo}")?;
        }
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

/// What was seen of a rehearsal, and what follows from it.
fn rehearsal(exercise: &Exercise, out: &mut dyn Write) -> io::Result<()> {
    if let Some(seen) = &exercise.availability {
        let (requests, lost, away) = (seen.requests, seen.lost, seen.downtime_seconds);
        writeln!(out, "  service: {lost} of {requests} requests lost, away for {away:.3} s")?;
    }
    if let Some(markers) = &exercise.markers {
        let (promised, lost) = (markers.promised, markers.lost);
        writeln!(out, "  data: {lost} of {promised} promised transactions lost")?;
    }
    for found in &exercise.gaps {
        let gap = &found.gap;
        let (owner, due) = (gap.owner.as_deref(), gap.due.as_deref());
        writeln!(
            out,
            "  gap {}: {} ({}, {})",
            gap.priority.word(),
            gap.description,
            owner.unwrap_or("nobody answers for it"),
            due.map_or_else(|| "due at no time".to_owned(), |due| format!("due {due}")),
        )?;
    }
    for what in &exercise.recommendations {
        writeln!(out, "  recommended: {what}")?;
    }
    Ok(())
}
