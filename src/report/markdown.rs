//! Markdown: a job summary that a pipeline shows, and `dr-report.md` in the evidence.

use std::io::{self, Write};

use super::minutes::title;
use super::{Renderer, drill_name, measured, slot_told, to_be_done, verdict_word};
use crate::wire::event::{PolicyStatus, Status, Verdict};
use crate::wire::report::Report;

#[derive(Debug)]
pub(super) struct Markdown;

impl Renderer for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let sign = match report.status {
            Verdict::Passed => "✅",
            Verdict::Failed => "❌",
            Verdict::Inconclusive => "⚠️",
        };
        writeln!(
            out,
            "## {sign} {} {}: {}\n",
            title(report),
            verdict_word(report).to_lowercase(),
            cell(drill_name(report))
        )?;
        for reason in &report.reasons {
            write!(out, "- **{}**: {}", reason.step, cell(&reason.message))?;
            match &reason.hint {
                Some(hint) => writeln!(out, " *({})*", cell(hint))?,
                None => writeln!(out)?,
            }
        }
        if let Some(action) = &report.corrective_action {
            writeln!(out, "- **to be done**: {}", cell(&to_be_done(action)))?;
        }
        if !report.reasons.is_empty() {
            writeln!(out)?;
        }
        let metrics = &report.metrics;
        writeln!(out, "| measured | |\n|---|---|")?;
        let talk = report.exercise.as_ref().is_some_and(|exercise| exercise.tabletop.is_some());
        if !talk {
            let rto = measured(report, "max_rto_seconds", metrics.rto_seconds, "s");
            let rpo = measured(report, "max_rpo_minutes", metrics.rpo_minutes, "min");
            writeln!(out, "| RTO | {rto} |\n| RPO | {rpo} |")?;
        }
        if let Some(rate) = report.metrics.check_pass_rate {
            let held = report.checks.iter().filter(|check| check.status == Status::Passed).count();
            let (all, percent) = (report.checks.len(), rate * 100.0);
            writeln!(out, "| checks | {held} of {all} hold ({percent:.1} %) |")?;
        }
        if let Some(backup) = &report.backup {
            let from = backup.url.as_ref().map(|url| format!(", from {}", cell(url)));
            let from = from.unwrap_or_default();
            writeln!(out, "| backup | {} ({} bytes{from}) |", cell(&backup.path), backup.bytes)?;
            writeln!(out, "| SHA-256 | `{}` |", backup.sha256)?;
        }
        writeln!(out, "| started | {} |", report.started_at)?;
        writeln!(out, "| run | `{}` |", report.run_id)?;
        if let Some(slot) = &report.slot {
            writeln!(out, "| slot | {} |", slot_told(slot))?;
        }
        writeln!(out, "\n| step | status | seconds | |\n|---|---|---:|---|")?;
        for step in &report.steps {
            let status = match step.status {
                Some(Status::Passed) => "passed",
                Some(Status::Failed) => "**failed**",
                Some(Status::Inconclusive) => "**inconclusive**",
                Some(Status::Skipped) => "*skipped*",
                None => "**cut off**",
            };
            let seconds = step.duration_seconds.map(|s| format!("{s:.3}")).unwrap_or_default();
            writeln!(out, "| {} | {status} | {seconds} | {} |", step.step, cell(&step.notes))?;
        }
        if !report.checks.is_empty() {
            writeln!(out, "\n| check | status | |\n|---|---|---|")?;
        }
        for check in &report.checks {
            let status = match (check.status, check.critical) {
                (Status::Passed, _) => "holds",
                (Status::Failed, true) => "**does not hold**",
                (Status::Failed, false) => "**warning**",
                (Status::Inconclusive | Status::Skipped, _) => "*skipped*",
            };
            writeln!(out, "| {} | {status} | {} |", cell(&check.id), cell(&check.message))?;
        }
        if !report.policies.is_empty() {
            writeln!(out, "\n| policy | status | |\n|---|---|---|")?;
        }
        for policy in &report.policies {
            let status = match policy.status {
                PolicyStatus::Passed => "holds",
                PolicyStatus::Warned => "**warning**",
                PolicyStatus::Failed => "**broken**",
                PolicyStatus::Waived => "**waived**",
                PolicyStatus::NotMeasured => "**not measured**",
            };
            writeln!(out, "| {} | {status} | {} |", policy.policy, cell(&policy.message))?;
        }
        if let Some(exercise) = &report.exercise {
            super::minutes::markdown(exercise, out)?;
        }
        for finding in &report.findings {
            writeln!(out, "\n> **{}**: {}", finding.id, cell(&finding.message))?;
        }
        writeln!(out, "\nNot proven:\n")?;
        for what in &report.not_proven {
            writeln!(out, "- {}", cell(what))?;
        }
        Ok(())
    }
}

/// Text from elsewhere on one line, with what Markdown or HTML would act on taken away.
pub(super) fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => safe.push_str("; "),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '!' | '#' => {
                safe.push('\\');
                safe.push(character);
            }
            other if other.is_control() => {}
            other => safe.push(other),
        }
    }
    safe
}
