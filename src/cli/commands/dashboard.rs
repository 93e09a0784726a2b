//! `dr-drill dashboard`.

use std::path::PathBuf;

use clap::Args;

use super::current_time;
use super::history::Place;
use crate::app;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::Timestamp;

/// Make pages of a history: how each name stands, a calendar, trends, what has to follow, controls
///
/// The pages need no server and load nothing from elsewhere.
#[derive(Debug, Args)]
pub(super) struct DashboardArgs {
    #[command(flatten)]
    place: Place,
    /// The directory of the pages: new, empty, or one that this command made
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Take this as the time of the pages
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
}

pub(super) fn run(
    ui: &Ui,
    environment: &Environment,
    args: &DashboardArgs,
) -> Result<Exit, CliError> {
    let history = args.place.open(environment)?;
    let out = environment.working_directory.join(&args.out);
    let pages = app::site(&history, &out, current_time(args.current_time))?;
    ui.data(format!("{pages} pages: {}\n", args.out.join("index.html").display()).as_bytes());
    Ok(Exit::Passed)
}
