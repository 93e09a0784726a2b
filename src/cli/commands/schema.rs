//! `dr-drill schema`.

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::wire::{SCHEMAS, schema};

/// Print the JSON Schema of a format that is read or written
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Which format
    #[arg(value_parser = PossibleValuesParser::new(SCHEMAS.map(|(name, _, _)| name)))]
    name: String,
}

pub(super) fn run(ui: &Ui, args: &SchemaArgs) -> Exit {
    ui.data(schema(&args.name).unwrap_or_default().as_bytes());
    Exit::Passed
}
