//! `dr-drill gc`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::fs::{Swept, sweep};

/// Remove what drills have left that were killed outright
///
/// Looks for the private directories of drills that do not run any more: in the temporary
/// directory, and where else drills restore (`restore.output_dir`). Nothing else is touched, and
/// nothing of a drill that still runs. Every drill does the same in its own directory before it
/// starts; servers and scripts end with their drill in any case.
///
/// Exit codes: 0 nothing is left, 1 something could not be removed.
#[derive(Debug, Args)]
pub(super) struct GcArgs {
    /// A directory in which drills restore, besides the temporary directory
    #[arg(long = "output-dir", value_name = "DIR")]
    directories: Vec<PathBuf>,
}

pub(super) fn run(ui: &Ui, environment: &Environment, args: &GcArgs) -> Exit {
    let given = args.directories.iter().map(|folder| environment.working_directory.join(folder));
    let mut text = String::new();
    let mut exit = Exit::Passed;
    for folder in given.chain([environment.temporary_directory.clone()]) {
        for (path, swept) in sweep(&folder) {
            let path = path.display();
            let _ = match swept {
                Swept::Removed => writeln!(text, "{path}: removed"),
                Swept::InUse { process } => {
                    let process = process.map(|id| format!(" (process {id})")).unwrap_or_default();
                    writeln!(text, "{path}: in use by a drill that runs{process}")
                }
                Swept::Failed(error) => {
                    exit = Exit::Failed;
                    writeln!(text, "{path}: could not be removed: {error}")
                }
            };
        }
    }
    if text.is_empty() {
        text.push_str("nothing is left of any drill\n");
    }
    ui.data(text.as_bytes());
    exit
}
