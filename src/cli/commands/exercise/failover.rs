//! `dr-drill exercise failover`, `resume` and `rollback`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Places;
use crate::app::{self, CutOff, cut_off};
use crate::cli::commands::{Format, to_text};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::progress::{Progress, StepLines};
use crate::cli::ui::Ui;
use crate::exercise::{Loaded, Wanted, load, plan};
use crate::manifest::exercise::{Exercise, Failover};
use crate::request::Hands;
use crate::wire::answer::{self, PlannedStep};
use crate::wire::event::{Class, Resumption};

/// Fail over for real: switch each component, measure, validate, and go back if anything does not hold
///
/// Each move is on the disk before it is made. What fails is rolled back, in reverse order. Interrupted or killed at any
/// moment, `exercise resume` goes on, and `exercise rollback` goes back.
/// Exit codes: 0 passed, 1 failed (was it rolled back? the report says so), 2 usage or file error: nothing was begun,
/// 3 it worked, a limit was broken, 4 interrupted: nothing more was done, 5 evidence could not be written.
#[derive(Debug, Args)]
pub(super) struct FailoverArgs {
    /// The file, JSON or YAML
    file: PathBuf,
    /// Only this component, and others that are named so
    #[arg(long = "component", value_name = "NAME")]
    components: Vec<String>,
    /// Bring back the first state once all is validated
    #[arg(long)]
    then_roll_back: bool,
    /// The name of the exercise, where it is of production
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// Print everything that would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    places: Places,
}

/// Go on with a failover that was interrupted or killed
///
/// Exit codes: as of `exercise failover`.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The file that it began with
    file: PathBuf,
    #[command(flatten)]
    places: Places,
}

/// Bring back the first state: of a failover that was interrupted or killed, or of one that has ended
///
/// Of one that has ended the evidence is kept: what this leaves goes to the directory beside it, with `-rollback`.
/// Exit codes: as of `exercise failover`; 4 also where a failover that was cut off was rolled back.
#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// The file that it began with
    file: PathBuf,
    /// The name of the exercise, where it is of production and has ended
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    #[command(flatten)]
    places: Places,
}

/// What is to be done with a file.
struct Task<'a> {
    file: &'a Path,
    places: &'a Places,
    wanted: Wanted,
    resume: Option<Resumption>,
}

pub(super) fn run(
    ui: &Ui,
    environment: &Environment,
    args: &FailoverArgs,
) -> Result<Exit, CliError> {
    let loaded = read(environment, &args.file)?;
    let failover = failover(&loaded)?;
    for name in &args.components {
        if !failover.components.iter().any(|component| component.name == *name) {
            return Err(CliError::usage(format!(
                "nothing was done: there is no component `{name}`"
            )));
        }
    }
    let wanted = Wanted {
        only: args.components.clone(),
        then_roll_back: args.then_roll_back,
        roll_back_only: false,
    };
    if args.dry_run {
        return Ok(dry_run(ui, environment, &loaded, failover, &wanted, args.places.format));
    }
    confirmed(failover, args.confirm.as_deref())?;
    let task = Task { file: &args.file, places: &args.places, wanted, resume: None };
    carry_out(ui, environment, &loaded, failover, &task, &args.places.evidence_dir)
}

pub(super) fn resume(
    ui: &Ui,
    environment: &Environment,
    args: &ResumeArgs,
) -> Result<Exit, CliError> {
    let loaded = read(environment, &args.file)?;
    let (wanted, resume) = (Wanted::default(), Some(Resumption::Resume));
    let task = Task { file: &args.file, places: &args.places, wanted, resume };
    carry_out(ui, environment, &loaded, failover(&loaded)?, &task, &args.places.evidence_dir)
}

pub(super) fn rollback(
    ui: &Ui,
    environment: &Environment,
    args: &RollbackArgs,
) -> Result<Exit, CliError> {
    let loaded = read(environment, &args.file)?;
    let failover = failover(&loaded)?;
    let place = |folder: &Path| environment.working_directory.join(folder);
    let own = args.places.evidence_dir.clone();
    let mut beside = own.clone().into_os_string();
    beside.push("-rollback");
    let beside = PathBuf::from(beside);
    let mut task = Task {
        file: &args.file,
        places: &args.places,
        wanted: Wanted::default(),
        resume: Some(Resumption::RollBack),
    };
    // The way back may have been cut off itself.
    for folder in [&own, &beside] {
        if cut_off(&place(folder)) == CutOff::UnderWay {
            return carry_out(ui, environment, &loaded, failover, &task, folder);
        }
    }
    confirmed(failover, args.confirm.as_deref())?;
    if cut_off(&place(&own)) == CutOff::Ended {
        // It is to be told, too, before it is taken back.
        task.resume = Some(Resumption::Resume);
        carry_out(ui, environment, &loaded, failover, &task, &own)?;
    }
    task.resume = None;
    task.wanted.roll_back_only = true;
    carry_out(ui, environment, &loaded, failover, &task, &beside)
}

fn read(environment: &Environment, path: &Path) -> Result<Loaded, CliError> {
    Ok(load(path, &environment.working_directory)?)
}

fn failover(loaded: &Loaded) -> Result<&Failover, CliError> {
    match &loaded.exercise {
        Exercise::Failover(failover) => Ok(failover),
        Exercise::Tabletop(_) => {
            let path = loaded.shown_path.display();
            Err(CliError::usage(format!("{path} is the file of a tabletop, not of a failover")))
        }
    }
}

/// Production is only switched by who names it.
fn confirmed(failover: &Failover, confirm: Option<&str>) -> Result<(), CliError> {
    let name = &failover.written.name;
    if !failover.production || confirm == Some(name) {
        return Ok(());
    }
    let message = match confirm {
        None => "nothing was done: it is of production, and was not confirmed".to_owned(),
        Some(other) => format!("nothing was done: `{other}` was confirmed, and this is `{name}`"),
    };
    let hint = format!("look at it with --dry-run, then: --confirm '{name}'");
    Err(CliError { message, hint: Some(hint), exit: Exit::Usage })
}

fn hands<'a>(environment: &Environment, loaded: &Loaded) -> Hands<'a> {
    Hands {
        search_path: environment.search_path.clone(),
        folder: loaded.folder.clone(),
        variable: &Environment::variable,
    }
}

fn dry_run(
    ui: &Ui,
    environment: &Environment,
    loaded: &Loaded,
    failover: &Failover,
    wanted: &Wanted,
    format: Format,
) -> Exit {
    let lines = plan(failover, wanted, &hands(environment, loaded));
    let back = Wanted { roll_back_only: true, ..wanted.clone() };
    let back = plan(failover, &back, &hands(environment, loaded));
    let text = match format {
        Format::Text => {
            let back: String = back.iter().map(|line| format!("  {line}\n")).collect();
            let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
            format!("{lines}if anything of it fails, of what was begun:\n{back}")
        }
        Format::Json => {
            let step = |line: &String| {
                let (step, does) = line.split_once(' ').unwrap_or((line, ""));
                PlannedStep { step: step.to_owned(), does: does.trim().to_owned() }
            };
            let steps = lines.iter().chain(&back).map(step).collect();
            to_text(&answer::Plan { schema: answer::PLAN.to_owned(), steps })
        }
    };
    ui.data(text.as_bytes());
    Exit::Passed
}

fn carry_out(
    ui: &Ui,
    environment: &Environment,
    loaded: &Loaded,
    failover: &Failover,
    task: &Task<'_>,
    shown: &Path,
) -> Result<Exit, CliError> {
    let mut resolved = task.places.resolve(environment, None)?;
    resolved.evidence_directory = environment.working_directory.join(shown);
    let progress = Progress::start(false).map_err(|error| {
        CliError::usage(format!("nothing was done: signals cannot be caught: {error}"))
    })?;
    let request = resolved.request(task.resume);
    let (quiet, findings) = (false, RefCell::default());
    let mut lines = StepLines { ui, progress: &progress, quiet, findings };
    let hands = hands(environment, loaded);
    let report = app::run_failover(
        loaded,
        failover,
        (&task.wanted, &hands),
        &*resolved.clock,
        &progress,
        &request,
        &mut lines,
    )?;
    let Some(report) = report else {
        let (file, place) = (task.file.display(), shown.display());
        ui.talk(&format!(
            "interrupted: it stands where the last line says, and nothing more was done.\n\
             on: dr-drill exercise resume {file} --evidence-dir {place}\n\
             back: dr-drill exercise rollback {file} --evidence-dir {place}"
        ));
        return Ok(Exit::Inconclusive);
    };
    if let Some(reason) = report.reasons.iter().find(|reason| reason.class == Class::Rollback) {
        ui.alarm(&reason.message, reason.hint.as_deref().unwrap_or_default());
    }
    Ok(task.places.show(ui, &report, shown))
}
