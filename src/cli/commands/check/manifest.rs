//! `dr-drill check manifest`.

use std::path::PathBuf;

use clap::Args;

use super::super::{Format, to_text};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::drill::{LoadError, LoadRequest, load};
use crate::wire::answer::{MANIFEST_CHECK, ManifestCheck, ManifestProblem};

/// Check a manifest and report every problem with its line and column
#[derive(Debug, Args)]
pub(super) struct ManifestArgs {
    /// The manifest
    #[arg(default_value = "data/dr/manifest.json")]
    file: PathBuf,
    /// The directory that no path of the manifest may leave [default: the enclosing repository]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How to write what was found
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    ui: &Ui,
    environment: &Environment,
    args: &ManifestArgs,
) -> Result<Exit, CliError> {
    let here = &environment.working_directory;
    let loaded = load(
        &args.file,
        here,
        LoadRequest { root: args.root.as_deref(), ..LoadRequest::default() },
    );
    let file = args.file.display();
    let problems = match loaded.manifest {
        Ok(_) => Vec::new(),
        Err(LoadError::Invalid { problems, .. }) => problems,
        Err(error) => return Err(error.into()),
    };
    let text = match args.format {
        Format::Json => {
            let problems: Vec<_> = problems
                .iter()
                .map(|problem| ManifestProblem {
                    line: problem.place.line,
                    column: problem.place.column,
                    key: problem.key.clone(),
                    message: problem.message.clone(),
                    hint: problem.hint.clone(),
                })
                .collect();
            let schema = MANIFEST_CHECK.to_owned();
            to_text(&ManifestCheck { schema, valid: problems.is_empty(), problems })
        }
        Format::Text if problems.is_empty() => format!("{file}: valid\n"),
        Format::Text => problems
            .iter()
            .map(|problem| match &problem.hint {
                Some(hint) => format!("{file}:{problem}\n  hint: {hint}\n"),
                None => format!("{file}:{problem}\n"),
            })
            .collect(),
    };
    ui.data(text.as_bytes());
    Ok(if problems.is_empty() { Exit::Passed } else { Exit::Usage })
}
