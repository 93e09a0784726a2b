//! The report: one model, computed from outcome and manifest, and one renderer a file.

mod annotations;
mod csv;
mod difference;
mod html;
mod junit;
mod markdown;
mod measures;
mod minutes;
mod model;
mod openmetrics;
mod rehearsal;
mod sarif;
mod terminal;

use std::io::{self, Write};

use crate::wire::report::{CorrectiveAction, Report};
use crate::wire::slot::SlotFacts;

pub use annotations::failure_annotation;
pub use difference::{Difference, difference};
pub use html::STYLE;
pub use measures::{Family, Measures, amount, csv, exposition, families};
pub use minutes::{agenda_html, agenda_markdown};
pub use model::{drill_name, limits, metrics, report};
pub use rehearsal::rehearsed;
pub use sarif::sarif;

/// Writes a report in one form.
pub trait Renderer: Sync {
    /// The name of the form.
    fn name(&self) -> &'static str;

    /// Writes the report.
    ///
    /// # Errors
    /// When `out` cannot be written.
    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()>;
}

/// Every form. Tests run each on the same reports.
pub const RENDERERS: [&dyn Renderer; 9] = [
    &terminal::Terminal,
    &markdown::Markdown,
    &html::Html,
    &junit::Junit,
    &sarif::Sarif,
    &openmetrics::OpenMetrics,
    &csv::Csv,
    &annotations::Annotations,
    &Json,
];

/// The closing block of a run, for a terminal.
pub const TERMINAL: &dyn Renderer = &terminal::Terminal;
/// A job summary.
pub const MARKDOWN: &dyn Renderer = &markdown::Markdown;
/// A page.
pub const HTML: &dyn Renderer = &html::Html;
/// Test cases for a pipeline.
pub const JUNIT: &dyn Renderer = &junit::Junit;
/// Workflow commands that annotate a run on GitHub.
pub const ANNOTATIONS: &dyn Renderer = &annotations::Annotations;
/// The report itself.
pub const JSON: &dyn Renderer = &Json;

/// The report as JSON, as it lies in the evidence.
#[derive(Debug)]
struct Json;

impl Renderer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, report)?;
        out.write_all(b"\n")
    }
}

/// The bytes of a report in one form.
#[must_use]
pub fn to_bytes(renderer: &dyn Renderer, report: &Report) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail, and a form that stopped in the middle would not be compared
    // equal by anyone.
    let _ = renderer.render(report, &mut bytes);
    bytes
}

/// What people read in place of the word of the wire.
fn verdict_word(report: &Report) -> &'static str {
    match report.status {
        crate::wire::event::Verdict::Passed => "PASSED",
        crate::wire::event::Verdict::Failed => "FAILED",
        crate::wire::event::Verdict::Inconclusive => "INCONCLUSIVE",
    }
}

/// What has to follow a drill that did not pass, in a sentence.
fn to_be_done(action: &CorrectiveAction) -> String {
    let due = action.due_at.as_ref().map(|at| format!(" by {at}")).unwrap_or_default();
    let owner = action.owner.as_deref().unwrap_or("nobody");
    format!("a drill of this name has to pass{due}; {owner} answers for it")
}

/// The slot that a drill ran for, for people.
fn slot_told(slot: &SlotFacts) -> String {
    let late = if slot.late { ", late" } else { "" };
    let chosen = slot.restore_point.as_ref().map(|point| {
        format!("; backup {} of {} by age, {}", point.chosen, point.among, point.choose.word())
    });
    format!("due at {}, attempt {}{late}{}", slot.due_at, slot.attempt, chosen.unwrap_or_default())
}

/// A measured value against its limit, for people: `1.203 s (limit 60)`.
fn measured(report: &Report, policy: &str, value: Option<f64>, unit: &str) -> String {
    let value =
        value.map_or_else(|| "not measured".to_owned(), |value| format!("{value:.3} {unit}"));
    match report.policies.iter().find(|result| result.policy == policy) {
        Some(result) => format!("{value} (limit {} {unit})", result.limit),
        None => format!("{value} (no limit)"),
    }
}

#[cfg(test)]
mod tests;
