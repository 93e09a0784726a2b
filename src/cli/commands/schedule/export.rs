//! `dr-drill schedule export`.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::super::to_text;
use super::FleetFile;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::fs::{absolute, write_whole};
use crate::schedule::{Places, kubernetes, systemd};

/// Write a systemd timer or Kubernetes objects that look at the calendar every five minutes
#[derive(Debug, Args)]
#[group(id = "form", required = true, multiple = false, args = ["systemd", "kubernetes"])]
pub(super) struct ExportArgs {
    #[command(flatten)]
    fleet: FleetFile,
    /// Write `dr-drill.service` and `dr-drill.timer`
    #[arg(long)]
    systemd: bool,
    /// Write `dr-drill.json` with a CronJob and the volume of its history
    #[arg(long, requires = "image")]
    kubernetes: bool,
    /// The image that holds the tool
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// The tool, on the machine of the timer
    #[arg(long, value_name = "FILE", default_value = "/usr/local/bin/dr-drill")]
    program: String,
    /// The history, on the machine of the timer
    #[arg(long, value_name = "DIR", default_value = "/var/lib/dr-drill")]
    history: String,
    /// Where to write them
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn export(
    ui: &Ui,
    environment: &Environment,
    args: &ExportArgs,
) -> Result<Exit, CliError> {
    let fleet = args.fleet.read(environment)?;
    let here = &environment.working_directory;
    let files = match &args.image {
        Some(image) if args.kubernetes => {
            vec![("dr-drill.json", to_text(&kubernetes(&fleet, image)))]
        }
        _ => {
            let file = absolute(here, &args.fleet.fleet);
            let places = Places {
                program: args.program.clone(),
                fleet: file.display().to_string(),
                history: args.history.clone(),
            };
            let given = [&places.program, &places.fleet, &places.history];
            if let Some(path) = given.iter().find(|path| path.contains(char::is_control)) {
                let message = format!("nothing was written: {path:?} cannot stand in a unit");
                return Err(CliError::usage(message));
            }
            systemd(&fleet, &places)
        }
    };
    let out = here.join(&args.out);
    let fail = |error| CliError::usage(format!("{}: {error}", args.out.display()));
    fs::create_dir_all(&out).map_err(fail)?;
    for (name, text) in files {
        write_whole(&out.join(name), text.as_bytes()).map_err(fail)?;
        ui.data(format!("{}\n", args.out.join(name).display()).as_bytes());
    }
    Ok(Exit::Passed)
}
