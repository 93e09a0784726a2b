//! What a GitHub workflow hears of a run without being told: annotations, job summary, step outputs.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use super::environment::GitHub;
use crate::app::RunRequest;
use crate::report::{ANNOTATIONS, MARKDOWN, to_bytes};
use crate::wire::report::Report;

/// Appends to the files of the workflow, and gives the annotations to print.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn publish(
    github: &GitHub,
    report: &Report,
    places: &RunRequest<'_>,
) -> io::Result<Vec<u8>> {
    if let Some(summary) = &github.summary {
        append(summary, &to_bytes(MARKDOWN, report))?;
    }
    if let Some(output) = &github.output {
        append(output, outputs(report, places).as_bytes())?;
    }
    Ok(to_bytes(ANNOTATIONS, report))
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(bytes)
}

/// Outputs of the step, a line each; none of the values can hold a line break.
fn outputs(report: &Report, places: &RunRequest<'_>) -> String {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    [
        ("status", report.status.word().to_owned()),
        ("run-id", report.run_id.clone()),
        ("rto-seconds", number(report.metrics.rto_seconds)),
        ("rpo-minutes", number(report.metrics.rpo_minutes)),
        ("report", places.output.display().to_string()),
        ("evidence-dir", places.evidence_directory.display().to_string()),
    ]
    .iter()
    .map(|(name, value)| format!("{name}={}\n", value.replace(['\n', '\r'], " ")))
    .collect()
}
