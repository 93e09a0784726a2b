//! `dr-drill completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;

/// Print the completions for a shell
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(ui: &Ui, args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dr-drill", &mut script);
    ui.data(&script);
    Exit::Passed
}
