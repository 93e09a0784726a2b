//! `dr-drill run`.

use std::cell::RefCell;
use std::path::PathBuf;

use clap::Args;

use super::{Format, to_text};
use crate::app::{self, RunRequest};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::github;
use crate::cli::progress::{Progress, StepLines};
use crate::cli::ui::Ui;
use crate::clock::{Clock, FixedClock, SystemClock, Timestamp};
use crate::drill::{LoadRequest, Loaded, Setup, load};
use crate::history::History;
use crate::plan::Plan;
use crate::process::Supervisor;
use crate::report::{JSON, TERMINAL, failure_annotation, to_bytes};
use crate::signature::PrivateKey;
use crate::wire::answer::{self, PlannedStep};
use crate::wire::event::Verdict;
use crate::wire::report::Report;

/// Drill a backup: verify, restore, compare, measure, judge, seal the evidence
///
/// Reads the manifest, verifies the backup and what vouches for it, restores it in a private
/// directory, compares what came back, holds RTO and RPO against the limits, and leaves a report,
/// an event stream and a sealed evidence directory, whatever happened.
///
/// Exit codes: 0 passed, 1 failed, 2 usage or manifest error, 3 policy violated, 4 inconclusive,
/// 5 evidence could not be written.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The manifest, JSON or YAML
    #[arg(long, value_name = "FILE", default_value = "data/dr/manifest.json")]
    manifest: PathBuf,
    /// The public key (PEM) that must have signed the manifest
    #[arg(long, value_name = "FILE")]
    manifest_key: Option<PathBuf>,
    #[command(flatten)]
    key: SigningKey,
    /// Where to write the report
    #[arg(long, value_name = "FILE", default_value = "artifacts/dr/dr-report.json")]
    output: PathBuf,
    /// Where to write the events, one JSON object a line
    #[arg(long, value_name = "FILE", default_value = "artifacts/dr/dr-events.ndjson")]
    ndjson: PathBuf,
    /// Where to leave the sealed evidence
    #[arg(long, value_name = "DIR", default_value = "artifacts/dr")]
    evidence_dir: PathBuf,
    /// The history to file the evidence in, linked to the drill of the same name before it
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// The directory that no path of the manifest may leave [default: the enclosing repository]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Take this as the time of the drill, ISO 8601 with an offset; the evidence says so
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
    /// Print the plan and do nothing
    #[arg(long)]
    dry_run: bool,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print nothing but a verdict that is not `passed`
    #[arg(long, short)]
    quiet: bool,
    /// Allow a manifest that names one to replace a database that is there already
    #[arg(long)]
    allow_existing_target: bool,
    /// Keep what was recovered in the evidence
    #[arg(long)]
    keep_artifacts: bool,
    /// Record in the evidence what the database is, as a baseline for later drills
    #[arg(long)]
    record_baseline: bool,
}

/// The key to sign with.
#[derive(Debug, Args)]
pub(super) struct SigningKey {
    /// The private key (PKCS#8 in PEM) to sign the evidence with, which nobody else may be able to read
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// The environment variable that holds the private key to sign the evidence with
    #[arg(long, value_name = "NAME", conflicts_with = "signing_key")]
    signing_key_env: Option<String>,
}

impl SigningKey {
    /// Reads it, from a file or from the environment.
    pub(super) fn read(&self) -> Result<Option<PrivateKey>, CliError> {
        if let Some(path) = &self.signing_key {
            return Ok(Some(app::read_private_key(path)?));
        }
        let Some(name) = &self.signing_key_env else { return Ok(None) };
        let unset = || CliError::usage(format!("the environment variable {name} is not set"));
        let value = Environment::variable(name).ok_or_else(unset)?;
        let key = PrivateKey::from_pem(value.as_encoded_bytes())
            .map_err(|error| CliError::usage(format!("the key in {name} {error}")))?;
        Ok(Some(key))
    }
}

/// The arguments as they are meant, with every path absolute.
struct Resolved {
    output: PathBuf,
    ndjson: PathBuf,
    evidence_directory: PathBuf,
    signing_key: Option<PrivateKey>,
    history: Option<History>,
    /// Gets ready while the manifest is read. Where it cannot be started, the restore tries again,
    /// and says why.
    standby: Option<Supervisor>,
    clock: Box<dyn Clock>,
    loaded: Loaded,
}

impl Resolved {
    fn new(args: &RunArgs, environment: &Environment) -> Result<Self, CliError> {
        let here = &environment.working_directory;
        let key = args.manifest_key.as_deref().map(app::read_key).transpose()?;
        let standby = if args.dry_run { None } else { Supervisor::start().ok() };
        let history = match &args.history {
            Some(folder) if !args.dry_run => {
                Some(History::create(&here.join(folder)).map_err(app::RunError::History)?)
            }
            _ => None,
        };
        let evidence_directory = here.join(&args.evidence_dir);
        let clock: Box<dyn Clock> = match args.current_time {
            Some(time) => Box::new(FixedClock(time)),
            None => Box::new(SystemClock),
        };
        let request = LoadRequest {
            root: args.root.as_deref(),
            evidence: Some(evidence_directory.as_path()),
            key: key.as_ref(),
            parameters: None,
        };
        let loaded = load(&args.manifest, here, request);
        Ok(Self {
            output: here.join(&args.output),
            ndjson: here.join(&args.ndjson),
            evidence_directory,
            signing_key: args.key.read()?,
            history,
            standby,
            clock,
            loaded,
        })
    }

    fn places(&self) -> RunRequest<'_> {
        RunRequest {
            output: self.output.clone(),
            ndjson: self.ndjson.clone(),
            evidence_directory: self.evidence_directory.clone(),
            signing_key: self.signing_key.as_ref(),
            history: self.history.as_ref(),
        }
    }
}

pub(super) fn run(ui: &Ui, environment: &Environment, args: &RunArgs) -> Result<Exit, CliError> {
    let mut resolved = Resolved::new(args, environment)?;
    if args.dry_run {
        return dry_run(ui, args, resolved.loaded);
    }
    let progress = Progress::start(args.quiet).map_err(|error| {
        CliError::usage(format!("nothing was run: signals cannot be caught: {error}"))
    })?;
    let standby = resolved.standby.take();
    let places = resolved.places();
    let signer = match places.signing_key {
        Some(key) => Some(key.public_key().map_err(|error| {
            CliError::usage(format!("nothing was run: the signing key {error}"))
        })?),
        None => None,
    };
    let past = app::past(places.history, &resolved.loaded, None)?;
    let setup = Setup {
        clock: &*resolved.clock,
        watch: &progress,
        temporary_directory: environment.temporary_directory.clone(),
        cache_directory: environment.cache_directory.clone(),
        search_path: environment.search_path.clone(),
        variable: &Environment::variable,
        slot: None,
        past: past.facts,
        last_baseline: past.baseline,
        signer: signer.map(|key| key.to_string()),
        allow_existing_target: args.allow_existing_target,
        keep_artifacts: args.keep_artifacts,
        record_baseline: args.record_baseline,
    };
    let mut lines =
        StepLines { ui, progress: &progress, quiet: args.quiet, findings: RefCell::default() };
    let report = app::run(&resolved.loaded, &setup, standby, &places, &mut lines)
        .map_err(CliError::from)
        .inspect_err(|error| {
            if environment.github.is_some() {
                ui.data(failure_annotation(&error.message).as_bytes());
            }
        })?;
    show(ui, args, environment, &places, &report)?;
    Ok(Exit::of(&report))
}

fn show(
    ui: &Ui,
    args: &RunArgs,
    environment: &Environment,
    places: &RunRequest<'_>,
    report: &Report,
) -> Result<(), CliError> {
    if let Some(github) = &environment.github {
        let annotations = github::publish(github, report, places).map_err(|error| CliError {
            message: format!(
                "the drill was run and sealed, but the workflow was not told: {error}"
            ),
            hint: None,
            exit: Exit::Evidence,
        })?;
        match args.format {
            Format::Text => ui.data(&annotations),
            Format::Json => ui.talk(&String::from_utf8_lossy(&annotations)),
        }
    }
    match args.format {
        Format::Json => ui.data(&to_bytes(JSON, report)),
        Format::Text if args.quiet && report.status == Verdict::Passed => {}
        Format::Text => {
            let mut text = to_bytes(TERMINAL, report);
            let place = args.evidence_dir.display();
            text.extend_from_slice(
                format!("  evidence: {place} (check it: dr-drill verify {place})\n").as_bytes(),
            );
            ui.data(&text);
        }
    }
    Ok(())
}

fn dry_run(ui: &Ui, args: &RunArgs, loaded: Loaded) -> Result<Exit, CliError> {
    let manifest = loaded.manifest?;
    let plan = Plan::new(Some(&manifest));
    let text = match args.format {
        Format::Text => plan
            .steps
            .iter()
            .map(|(step, what)| format!("{:24}  {what}\n", step.id()))
            .collect::<String>(),
        Format::Json => {
            let steps = plan
                .steps
                .iter()
                .map(|(step, what)| PlannedStep { step: step.id().to_owned(), does: what.clone() });
            to_text(&answer::Plan { schema: answer::PLAN.to_owned(), steps: steps.collect() })
        }
    };
    ui.data(text.as_bytes());
    Ok(Exit::Passed)
}
