//! `dr-drill exercise tabletop`.

use std::fmt::Write as _;
use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};

use super::{Places, new_file};
use crate::app::{self, SCENARIOS};
use crate::cli::commands::{Format, tell};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::Timestamp;
use crate::exercise::{Loaded, Room, load};
use crate::fs::write_whole;
use crate::manifest::exercise::{Exercise, Tabletop};
use crate::report::{agenda_html, agenda_markdown};
use crate::wire::answer::TabletopCheck;
use crate::wire::event::{PolicyStatus, Resumption, Severity};

/// Talk scenarios through: paths and times, what people miss, and what they say
#[derive(Debug, Args)]
pub(super) struct TabletopArgs {
    #[command(subcommand)]
    command: TabletopCommand,
}

#[derive(Debug, Subcommand)]
enum TabletopCommand {
    New(NewArgs),
    Check(CheckArgs),
    Agenda(AgendaArgs),
    Run(RunArgs),
}

/// Begin a file from a ready scenario
#[derive(Debug, Args)]
struct NewArgs {
    /// The scenario
    #[arg(long, value_parser = PossibleValuesParser::new(SCENARIOS.map(|(name, _)| name)))]
    scenario: String,
    /// The file to write, which must not be there
    #[arg(long, value_name = "FILE", default_value = "tabletop.yaml")]
    out: PathBuf,
}

/// Work a tabletop out: total and critical path, limits, what is needed twice at once, roles that nobody holds
///
/// Exit codes: 0 nothing stands against it, 1 a role is held by nobody, 2 the file is not valid, 3 it would take longer
/// or lose more than expected.
#[derive(Debug, Args)]
struct CheckArgs {
    /// The file, JSON or YAML
    file: PathBuf,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Write the agenda for the people in the room
#[derive(Debug, Args)]
struct AgendaArgs {
    /// The file, JSON or YAML
    file: PathBuf,
    /// In which form
    #[arg(long = "as", value_enum, default_value_t)]
    form: Form,
}

/// Forms of an agenda.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Markdown.
    #[default]
    Markdown,
    /// A page.
    Html,
}

/// Walk a group through it at the terminal, and seal what was said
///
/// Each step is put to the room; what is said is on the disk at once. It can be left at any time, by `p` or by the
/// machine, and goes on with `--resume`. The minutes are `dr-report.md` and `dr-report.html` in the evidence.
/// Exit codes: 0 passed, 1 a step would not work or a P1 gap was found, 2 usage or file error, 3 it would take longer or
/// lose more than expected, 4 paused, or steps were skipped, 5 evidence could not be written.
#[derive(Debug, Args)]
struct RunArgs {
    /// The file, JSON or YAML
    file: PathBuf,
    /// Go on where it was left
    #[arg(long)]
    resume: bool,
    /// Take this as the time, ISO 8601 with an offset; the evidence says so
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
    #[command(flatten)]
    places: Places,
}

pub(super) fn run(
    ui: &Ui,
    environment: &Environment,
    args: &TabletopArgs,
) -> Result<Exit, CliError> {
    match &args.command {
        TabletopCommand::New(args) => new(ui, environment, args),
        TabletopCommand::Check(args) => check(ui, environment, args),
        TabletopCommand::Agenda(args) => agenda(ui, environment, args),
        TabletopCommand::Run(args) => walk(ui, environment, args),
    }
}

fn new(ui: &Ui, environment: &Environment, args: &NewArgs) -> Result<Exit, CliError> {
    let text =
        SCENARIOS.iter().find(|(name, _)| *name == args.scenario).map_or("", |found| found.1);
    let place = new_file(environment, &args.out)?;
    let shown = args.out.display();
    write_whole(&place, text.as_bytes())
        .map_err(|error| CliError::usage(format!("{shown} was not written: {error}")))?;
    let next = "put in your people, systems and times";
    ui.data(
        format!("{shown}: {next}, then: dr-drill exercise tabletop check {shown}\n").as_bytes(),
    );
    Ok(Exit::Passed)
}

fn read(environment: &Environment, path: &Path) -> Result<Loaded, CliError> {
    Ok(load(path, &environment.working_directory)?)
}

fn tabletop(loaded: &Loaded) -> Result<&Tabletop, CliError> {
    match &loaded.exercise {
        Exercise::Tabletop(tabletop) => Ok(tabletop),
        Exercise::Failover(_) => {
            let path = loaded.shown_path.display();
            Err(CliError::usage(format!("{path} is the file of a failover, not of a tabletop")))
        }
    }
}

fn check(ui: &Ui, environment: &Environment, args: &CheckArgs) -> Result<Exit, CliError> {
    let loaded = read(environment, &args.file)?;
    let found = app::check_tabletop(&loaded.exercise, tabletop(&loaded)?);
    let wrong = found.findings.iter().any(|finding| finding.severity == Severity::Error);
    let late = found.policies.iter().any(|policy| policy.status == PolicyStatus::Failed);
    tell(ui, args.format, &found, || told(&found));
    Ok(match (wrong, late) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Policy,
        (false, false) => Exit::Passed,
    })
}

fn told(found: &TabletopCheck) -> String {
    let mut text = String::new();
    for scenario in &found.tabletop.scenarios {
        let _ = write!(
            text,
            "{}\n  critical path {} minutes, {} are expected; {} one after the other, {} with waiting for roles and tools\n  {}\n",
            scenario.name,
            scenario.critical_path_minutes,
            scenario.expected_rto_minutes,
            scenario.total_minutes,
            scenario.minutes_with_waiting,
            scenario.critical_path.join(" -> "),
        );
    }
    for policy in found.policies.iter().filter(|policy| policy.status == PolicyStatus::Failed) {
        let _ = writeln!(text, "too long: {}", policy.message);
    }
    for finding in &found.findings {
        let word = if finding.severity == Severity::Error { "error" } else { "warning" };
        let _ = writeln!(text, "{word}: {} ({})", finding.message, finding.id);
    }
    text
}

fn agenda(ui: &Ui, environment: &Environment, args: &AgendaArgs) -> Result<Exit, CliError> {
    let loaded = read(environment, &args.file)?;
    let found = app::check_tabletop(&loaded.exercise, tabletop(&loaded)?);
    let bytes = match args.form {
        Form::Markdown => agenda_markdown(&found.name, &found.tabletop),
        Form::Html => agenda_html(&found.name, &found.tabletop)
            .map_err(|error| CliError::usage(format!("no agenda was made: {error}")))?,
    };
    ui.data(&bytes);
    Ok(Exit::Passed)
}

fn walk(ui: &Ui, environment: &Environment, args: &RunArgs) -> Result<Exit, CliError> {
    let loaded = read(environment, &args.file)?;
    let places = args.places.resolve(environment, args.current_time)?;
    let request = places.request(args.resume.then_some(Resumption::Resume));
    let mut room = Terminal { ui: *ui, lines: io::stdin().lock().lines() };
    let report =
        app::run_tabletop(&loaded, tabletop(&loaded)?, &*places.clock, &request, &mut room)?;
    let Some(report) = report else {
        let (file, place) = (args.file.display(), args.places.evidence_dir.display());
        ui.talk(&format!(
            "\npaused; nothing is sealed yet. Go on with: dr-drill exercise tabletop run {file} --resume --evidence-dir {place}"
        ));
        return Ok(Exit::Inconclusive);
    };
    Ok(args.places.show(ui, &report, &args.places.evidence_dir))
}

/// People at a terminal.
struct Terminal {
    ui: Ui,
    lines: io::Lines<io::StdinLock<'static>>,
}

impl Room for Terminal {
    fn say(&mut self, text: &str) {
        self.ui.talk(text);
    }

    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        self.ui.prompt(question);
        self.lines.next().transpose()
    }
}
