//! `dr-drill worker`, and the database of a team.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::listen;
use super::run::SigningKey;
use super::schedule::FleetFile;
use crate::app::Hand;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::{Clock as _, SystemClock};
use crate::database::Address;
use crate::schedule::team::Team;

/// The database of a team.
#[derive(Debug, Args)]
pub(super) struct Shared {
    /// The environment variable that holds the address of the database that a team shares, as postgres://USER@HOST/DATABASE:
    /// state, history and orders are kept there, the history here is a copy
    #[arg(long, value_name = "NAME")]
    database_url_env: Option<String>,
}

impl Shared {
    /// Opens it, if it is named.
    pub(super) fn open(&self) -> Result<Option<Team>, CliError> {
        let address = self.database_url_env.as_deref().map(address).transpose()?;
        Ok(address.map(Team::open).transpose()?)
    }

    /// Opens it to be read only, if it is named.
    pub(super) fn look(&self) -> Result<Option<Team>, CliError> {
        let address = self.database_url_env.as_deref().map(address).transpose()?;
        Ok(address.map(Team::look))
    }
}

/// The address of a database that a variable holds.
fn address(name: &str) -> Result<Address, CliError> {
    let unset = || CliError::usage(format!("the environment variable {name} is not set"));
    let address = Environment::variable(name).ok_or_else(unset)?;
    Ok(address.to_string_lossy().parse()?)
}

/// Carry out drills that `dr-drill schedule daemon --database-url-env` orders, until it is ended
///
/// It takes only drills that need nothing else than this machine has: servers, memory, disk, labels, and the same fleet
/// file. Evidence is filed in the shared history. When a worker is lost, others take over its drills. SIGTERM ends it in good
/// order: drills that run are handed back.
#[derive(Debug, Args)]
pub(super) struct WorkerArgs {
    #[command(flatten)]
    fleet: FleetFile,
    /// The environment variable that holds the address of the database that the team shares
    #[arg(long, value_name = "NAME")]
    database_url_env: String,
    /// Where this worker's copy of the shared history is kept
    #[arg(long, value_name = "DIR", default_value = "dr-history")]
    history: PathBuf,
    #[command(flatten)]
    key: SigningKey,
    /// The directory that no path of a manifest may leave [default: the enclosing repository]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How many drills it carries out side by side
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    places: u16,
    /// A word that drills can ask for with `needs.labels`; may be given several times
    #[arg(long, value_name = "WORD")]
    label: Vec<String>,
    /// Seconds without a sign of a worker after which its drills are taken over
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(3..=3600))]
    lost_after: u16,
}

pub(super) fn worker(
    ui: &Ui,
    environment: &Environment,
    args: &WorkerArgs,
) -> Result<Exit, CliError> {
    let ending = listen()?;
    let fleet = Arc::new(args.fleet.read(environment)?);
    let team = Team::open(address(&args.database_url_env)?)?;
    let hand = Hand {
        fleet,
        grounds: args.fleet.grounds(environment, args.root.clone()),
        history: environment.working_directory.join(&args.history),
        key: args.key.read()?,
        labels: args.label.clone(),
        places: args.places.into(),
        lost_after: Duration::from_secs(args.lost_after.into()),
        temporary_directory: environment.temporary_directory.clone(),
        cache_directory: environment.cache_directory.clone(),
        search_path: environment.search_path.clone(),
        variable: Environment::variable,
    };
    ui.talk(&format!(
        "carrying out {} drill(s) side by side; it has {}",
        args.places,
        hand.shown()
    ));
    let ui = *ui;
    let heard = move |said: &str| ui.talk(&format!("{}  {said}", SystemClock.now()));
    let heard: Arc<dyn Fn(&str) + Send + Sync> = Arc::new(heard);
    hand.work(team, &ending, &heard)?;
    Ok(Exit::Passed)
}
