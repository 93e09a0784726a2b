//! `dr-drill report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::app;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::report::{RENDERERS, to_bytes};

/// Write the report of sealed evidence in another form
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The evidence: a directory, or a pack
    #[arg(value_name = "DIR|FILE", default_value = "artifacts/dr")]
    evidence: PathBuf,
    /// In which form
    #[arg(long, value_enum, default_value_t)]
    form: Form,
}

/// Every form of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The closing block of a run.
    #[default]
    Terminal,
    /// The report itself.
    Json,
    /// A job summary.
    Markdown,
    /// One page that loads nothing.
    Html,
    /// Test cases.
    Junit,
    /// For code scanning.
    Sarif,
    /// For Prometheus.
    Openmetrics,
    /// A header and a line.
    Csv,
    /// Workflow commands of GitHub.
    Annotations,
}

pub(super) fn run(ui: &Ui, args: &ReportArgs) -> Result<Exit, CliError> {
    let sealed = app::sealed(&args.evidence)?;
    let name = args.form.to_possible_value();
    let renderer = RENDERERS
        .into_iter()
        .find(|renderer| name.as_ref().is_some_and(|name| name.get_name() == renderer.name()));
    if let Some(renderer) = renderer {
        ui.data(&to_bytes(renderer, sealed.report()));
    }
    Ok(Exit::Passed)
}
