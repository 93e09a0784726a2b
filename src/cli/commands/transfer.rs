//! `dr-drill evidence push|pull`.

use std::path::PathBuf;
#[cfg(feature = "queue")]
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;

use super::listen;
use crate::app::{self, Transferred};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::history::History;
use crate::storage::Store;

/// Put evidence into a storage: nothing there is ever replaced, and all of it is read back
///
/// Of a history everything that is not there yet, so run it as often as you like; what was cut off goes on where it was. The
/// address is s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, or a directory; credentials come from the
/// environment (docs/storage.md).
///
/// Exit codes: 0 all is there, 1 the storage holds another file in place of one, 2 usage, or the storage refuses, 4 the storage
/// cannot be reached.
#[derive(Debug, Args)]
pub(super) struct PushArgs {
    /// Evidence directories and packs
    #[arg(required_unless_present = "history")]
    places: Vec<PathBuf>,
    /// Everything of this history
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// The storage
    #[arg(long, value_name = "ADDRESS")]
    to: String,
}

/// Fetch evidence from a storage into a history, each file verified before it is taken
///
/// What is in the history stays as it is. Hold the whole against keys and checkpoints afterwards: dr-drill history verify.
///
/// Exit codes: 0 all is there, 1 a file was refused, 2 usage, or the storage refuses, 4 the storage cannot be reached.
#[derive(Debug, Args)]
pub(super) struct PullArgs {
    /// The storage
    #[cfg_attr(
        feature = "queue",
        arg(
            long,
            value_name = "ADDRESS",
            required_unless_present = "database_url_env",
            conflicts_with = "database_url_env"
        )
    )]
    #[cfg_attr(not(feature = "queue"), arg(long, value_name = "ADDRESS", required = true))]
    from: Option<String>,
    #[cfg(feature = "queue")]
    #[command(flatten)]
    shared: super::team::Shared,
    /// The history, which is made where there is none
    #[arg(long, value_name = "DIR", default_value = "dr-history")]
    history: PathBuf,
    /// Only drills of this name
    #[arg(long)]
    name: Option<String>,
}

pub(super) fn push(ui: &Ui, environment: &Environment, args: &PushArgs) -> Result<Exit, CliError> {
    let here = &environment.working_directory;
    let history = args.history.as_ref().map(|folder| History::open(&here.join(folder)));
    let history = history.transpose()?;
    let places: Vec<PathBuf> = args.places.iter().map(|place| here.join(place)).collect();
    let store = Store::open(&args.to, &Environment::variable)?;
    let ended = listen()?;
    let ending = || ended.load(Ordering::Relaxed);
    let temporary = &environment.temporary_directory;
    let done = app::push(&store, history.as_ref(), &places, temporary, &ending)?;
    Ok(told(ui, &done, "put", &args.to))
}

pub(super) fn pull(ui: &Ui, environment: &Environment, args: &PullArgs) -> Result<Exit, CliError> {
    let history = History::create(&environment.working_directory.join(&args.history))?;
    #[cfg(feature = "queue")]
    if let Some(team) = args.shared.look()? {
        let taken = history.shared(Arc::new(team.records(None))).sync(args.name.as_deref())?;
        ui.data(format!("{taken} taken: {}\n", args.history.display()).as_bytes());
        return Ok(Exit::Passed);
    }
    let store = Store::open(args.from.as_deref().unwrap_or_default(), &Environment::variable)?;
    let ended = listen()?;
    let ending = || ended.load(Ordering::Relaxed);
    let done = app::pull(&store, &history, args.name.as_deref(), &ending)?;
    Ok(told(ui, &done, "taken", &args.history.display().to_string()))
}

/// Tells what became of the files of a transfer.
fn told(ui: &Ui, done: &Transferred, word: &str, place: &str) -> Exit {
    for (name, why) in &done.refused {
        ui.talk(&format!("not {word}: {name}: {why}"));
    }
    let Transferred { new, known, refused } = done;
    ui.data(format!("{new} {word}, {known} there before: {place}\n").as_bytes());
    if refused.is_empty() { Exit::Passed } else { Exit::Failed }
}
