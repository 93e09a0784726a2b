//! `dr-drill notify`: whether people are told.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::history::Place;
use super::schedule::position;
use super::{Format, current_time, tell};
use crate::app::read_fleet;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::fs::parent_of;
use crate::notify::{self, Secrets, send};
use crate::schedule::{Outbox, Waiting, key_of, written};
use crate::wire::alerts::{Channel, NOTICE, Notice, Notices, Severity, Standing};

/// Try the channels of a fleet, acknowledge, and see what has not arrived
#[derive(Debug, Args)]
pub(super) struct NotifyArgs {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Debug, Subcommand)]
enum NotifyCommand {
    Test(TestArgs),
    Acknowledge(AcknowledgeArgs),
    Waiting(WaitingArgs),
}

/// Send a message to a channel, and say whether it took it
///
/// Where a channel keeps what is open, the message is closed again at once. Exit code 1 if it was not taken.
#[derive(Debug, Args)]
struct TestArgs {
    /// The channel
    channel: String,
    /// The fleet file, JSON or YAML
    #[arg(long, value_name = "FILE", default_value = "fleet.yaml")]
    fleet: PathBuf,
}

/// Say that somebody looks after a drill that did not pass: PagerDuty calls nobody else for it
///
/// What is open there is closed when the drill passes again. Exit code 1 if a channel did not take it, 2 if none has a word for
/// it.
#[derive(Debug, Args)]
struct AcknowledgeArgs {
    /// The drill
    drill: String,
    /// The fleet file, JSON or YAML
    #[arg(long, value_name = "FILE", default_value = "fleet.yaml")]
    fleet: PathBuf,
}

/// Print the messages that have not arrived yet, and why
#[derive(Debug, Args)]
struct WaitingArgs {
    #[command(flatten)]
    place: Place,
    #[cfg(feature = "queue")]
    #[command(flatten)]
    shared: super::team::Shared,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(ui: &Ui, environment: &Environment, args: &NotifyArgs) -> Result<Exit, CliError> {
    match &args.command {
        NotifyCommand::Test(args) => test(ui, environment, args),
        NotifyCommand::Acknowledge(args) => acknowledge(ui, environment, args),
        NotifyCommand::Waiting(args) => waiting(ui, environment, args),
    }
}

fn test(ui: &Ui, environment: &Environment, args: &TestArgs) -> Result<Exit, CliError> {
    let fleet = read_fleet(&args.fleet, &environment.working_directory)?;
    let channels = fleet.alerts.as_ref().map(|alerts| &alerts.channels);
    let Some(channel) = channels.and_then(|channels| channels.get(&args.channel)) else {
        let names: Vec<&str> =
            channels.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        return Err(CliError {
            message: format!("nothing was sent: no channel is called `{}`", args.channel),
            hint: Some(format!("these are: {}", names.join(", "))),
            exit: Exit::Usage,
        });
    };
    let file = environment.working_directory.join(&args.fleet);
    let secrets = Secrets { variable: Environment::variable, folder: parent_of(&file) };
    let now = current_time(None).to_string();
    let notice = Notice {
        key: format!("dr-drill/test/{}", args.channel),
        fleet: fleet.name.clone(),
        drill: "test".to_owned(),
        labels: Vec::new(),
        standing: Standing::Firing,
        severity: Severity::Info,
        summary: format!("dr-drill tries the channel {}: nothing is wrong", args.channel),
        reason: None,
        due_at: now.clone(),
        run_id: None,
        since: now.clone(),
        at: now.clone(),
        until: now,
    };
    let resolved = Notice { standing: Standing::Resolved, ..notice.clone() };
    let keeps = matches!(
        channel,
        Channel::GitHub { .. } | Channel::PagerDuty { .. } | Channel::Alertmanager { .. }
    );
    let sent = send(channel, &[notice], &secrets, None).and_then(|reference| {
        if keeps {
            send(channel, &[resolved], &secrets, reference.as_deref())?;
        }
        Ok(())
    });
    sent.map_err(|error| CliError {
        message: format!("the channel {} did not take it: {error}", args.channel),
        hint: None,
        exit: Exit::Failed,
    })?;
    ui.data(format!("{}: sent\n", args.channel).as_bytes());
    Ok(Exit::Passed)
}

fn acknowledge(
    ui: &Ui,
    environment: &Environment,
    args: &AcknowledgeArgs,
) -> Result<Exit, CliError> {
    let fleet = read_fleet(&args.fleet, &environment.working_directory)?;
    position(&fleet, &args.drill)?;
    let file = environment.working_directory.join(&args.fleet);
    let secrets = Secrets { variable: Environment::variable, folder: parent_of(&file) };
    let key = key_of(&fleet, &args.drill);
    let mut told = 0;
    for (name, channel) in fleet.alerts.iter().flat_map(|alerts| &alerts.channels) {
        let taken = notify::acknowledge(channel, &key, &secrets).map_err(|error| CliError {
            message: format!("the channel {name} did not take it: {error}"),
            hint: None,
            exit: Exit::Failed,
        })?;
        if taken {
            told += 1;
            ui.data(format!("{name}: acknowledged {}\n", args.drill).as_bytes());
        }
    }
    if told == 0 {
        return Err(CliError::usage(
            "nobody was told: no channel of the fleet is one of PagerDuty",
        ));
    }
    Ok(Exit::Passed)
}

/// The messages of a team's calendar, or of the one that a history here belongs to.
fn outbox(environment: &Environment, args: &WaitingArgs) -> Result<Outbox, CliError> {
    #[cfg(feature = "queue")]
    if let Some(team) = args.shared.look()? {
        return Ok(Outbox::shared(&team));
    }
    Ok(Outbox::open(args.place.open(environment)?.folder())?)
}

fn waiting(ui: &Ui, environment: &Environment, args: &WaitingArgs) -> Result<Exit, CliError> {
    let waiting = outbox(environment, args)?.waiting()?;
    let line = |one: &Waiting| {
        let error = one.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        let (next, attempts) = (written(one.ready_at), one.attempts);
        format!("{next}  {}  {}  ({attempts} attempts{error})\n", one.channel, one.notice.summary)
    };
    let notices = Notices {
        schema: NOTICE.to_owned(),
        notices: waiting.iter().map(|one| one.notice.clone()).collect(),
    };
    tell(ui, args.format, &notices, || waiting.iter().map(line).collect());
    Ok(Exit::Passed)
}
