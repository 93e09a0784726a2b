//! `dr-drill serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;

use super::history::Place;
use super::listen;
use crate::app::{self, Served};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::SystemClock;
use crate::fs::read_private;

/// Largest file of a token, in bytes.
const MAX_TOKEN: u64 = 4096;

/// Serve the pages of a history live, with metrics and probes, until it is ended
///
/// `/` shows what `dr-drill dashboard` makes, `/metrics` what `history export` and `schedule metrics` print; `/healthz`
/// and `/readyz` are for probes. Nothing can be changed through it. Without a token it listens on this machine only.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    place: Place,
    /// Measure the calendar of this fleet, too
    #[arg(long, value_name = "FILE")]
    fleet: Option<PathBuf>,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8420")]
    listen: SocketAddr,
    /// The file with the token that whoever asks has to show, which nobody else may be able to read
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The environment variable that holds the token
    #[arg(long, value_name = "NAME", conflicts_with = "token_file")]
    token_env: Option<String>,
}

pub(super) fn run(ui: &Ui, environment: &Environment, args: &ServeArgs) -> Result<Exit, CliError> {
    let ending = listen()?;
    let fleet = args.fleet.clone().map(|path| {
        let here = environment.working_directory.clone();
        move || app::read_fleet(&path, &here)
    });
    if let Some(read) = &fleet {
        read()?;
    }
    let talk = *ui;
    let served = Served {
        history: args.place.open(environment)?,
        fleet: fleet.map(|read| Box::new(read) as _),
        token: token(environment, args)?,
        clock: Arc::new(SystemClock),
        trouble: Box::new(move |error| talk.talk(error)),
    };
    let ready = |address| ui.talk(&format!("serving http://{address}"));
    app::serve(served, args.listen, &|| ending.load(Ordering::Relaxed), &ready)?;
    Ok(Exit::Passed)
}

fn token(environment: &Environment, args: &ServeArgs) -> Result<Option<Vec<u8>>, CliError> {
    let bytes = match (&args.token_file, &args.token_env) {
        (Some(path), _) => read_private(&environment.working_directory.join(path), MAX_TOKEN)
            .map_err(|error| CliError::usage(format!("the token {} {error}", path.display())))?,
        (None, Some(name)) => Environment::variable(name)
            .ok_or_else(|| CliError::usage(format!("the environment variable {name} is not set")))?
            .into_encoded_bytes(),
        (None, None) => return Ok(None),
    };
    Ok(Some(bytes.trim_ascii().to_vec()))
}
