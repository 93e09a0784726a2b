//! Workflow commands that annotate a run on GitHub (`::error::` and the like).

use std::io::{self, Write};

use super::{Renderer, measured, verdict_word};
use crate::wire::event::{Severity, Verdict};
use crate::wire::report::Report;

#[derive(Debug)]
pub(super) struct Annotations;

impl Renderer for Annotations {
    fn name(&self) -> &'static str {
        "annotations"
    }

    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let file = property(&report.manifest);
        for reason in &report.reasons {
            let title = property(&format!("Restore drill: {}", reason.step));
            let hint =
                reason.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            let text = data(&format!("{}{hint}", reason.message));
            writeln!(out, "::error file={file},title={title}::{text}")?;
        }
        for finding in report.findings.iter().filter(|f| f.severity != Severity::Error) {
            let title = property(&format!("Restore drill: {}", finding.id));
            writeln!(out, "::warning file={file},title={title}::{}", data(&finding.message))?;
        }
        if report.status == Verdict::Passed {
            let rto = measured(report, "max_rto_seconds", report.metrics.rto_seconds, "s");
            let rpo = measured(report, "max_rpo_minutes", report.metrics.rpo_minutes, "min");
            let text = data(&format!("{}: RTO {rto}, RPO {rpo}", verdict_word(report)));
            writeln!(out, "::notice file={file},title=Restore drill::{text}")?;
        }
        Ok(())
    }
}

/// The annotation for a drill that has no report.
#[must_use]
pub fn failure_annotation(message: &str) -> String {
    format!("::error title=Restore drill::{}\n", data(message))
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
