//! `dr-drill init`.

use std::path::PathBuf;

use clap::Args;

use crate::app::{self, InitRequest, Pinned};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::ui::Ui;
use crate::clock::{SystemClock, Timestamp};
use crate::wire::manifest::Checks;

/// Write a manifest for a backup, with its pins
///
/// A directory or an archive is restored by the tool itself; anything else needs a script.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The backup: a file or a directory
    backup: PathBuf,
    /// Its SBOM
    #[arg(long, value_name = "FILE")]
    sbom: Option<PathBuf>,
    /// Its provenance
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    /// The script that restores it
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Where to write the manifest
    #[arg(long, value_name = "FILE", default_value = "dr-manifest.json")]
    manifest: PathBuf,
    /// Name of the drill
    #[arg(long)]
    name: Option<String>,
    /// When the data was captured [default: the time in the backup, else the date of the file]
    #[arg(long, value_name = "TIME")]
    captured_at: Option<Timestamp>,
    /// The directory that no path of the manifest may leave [default: the enclosing repository]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Replace a manifest that is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(ui: &Ui, environment: &Environment, args: &InitArgs) -> Result<Exit, CliError> {
    let here = &environment.working_directory;
    let absolute = |path: &Option<PathBuf>| path.as_ref().map(|path| here.join(path));
    let request = InitRequest {
        manifest: here.join(&args.manifest),
        backup: here.join(&args.backup),
        sbom: absolute(&args.sbom),
        provenance: absolute(&args.provenance),
        script: absolute(&args.script),
        driver: None,
        baseline: None,
        checks: Checks::default(),
        name: args.name.clone(),
        captured_at: args.captured_at,
        root: absolute(&args.root),
        working_directory: here.clone(),
        temporary_directory: environment.temporary_directory.clone(),
    };
    let progress = start_progress()?;
    let pinned = app::init(&request, &SystemClock, &progress, args.force)?;
    ui.data(pinned.text.as_bytes());
    say(ui, &args.manifest, &pinned);
    ui.talk(&format!("drill it with: dr-drill run --manifest {}", args.manifest.display()));
    Ok(Exit::Passed)
}

pub(super) fn start_progress() -> Result<Progress, CliError> {
    Progress::start(false)
        .map_err(|error| CliError::usage(format!("signals cannot be caught: {error}")))
}

pub(super) fn say(ui: &Ui, manifest: &std::path::Path, pinned: &Pinned) {
    ui.talk(&format!("{} pins {}", manifest.display(), pinned.sha256));
    ui.talk(&format!("captured at {} ({})", pinned.captured_at, pinned.captured_from));
}
