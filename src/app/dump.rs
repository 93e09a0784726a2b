//! Making a backup of a database in use, with a baseline of it and a manifest that drills it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::author::{AuthorError, InitRequest, Pinned, init};
use crate::check;
use crate::clock::{Clock, Timestamp};
use crate::digest::{Observer, Unobserved, hash};
use crate::fs::{Workspace, write_whole};
use crate::instance::source::{DatabaseUrl, Source, SourceKind, open};
use crate::instance::{InstanceError, Quarters};
use crate::manifest::Confinement;
use crate::process::Interrupt;
use crate::target::{Target, TargetError};
use crate::wire::baseline::Baseline;
use crate::wire::manifest::{Check, Checks, Derived, Driver};

/// The files that are made.
const BASELINE: &str = "baseline.json";
const MANIFEST: &str = "manifest.json";
const LIST: &str = "SHA256SUMS";
/// How long a dump may take.
const TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Processes of the tools that dump, at most.
const PROCESSES: u64 = 4096;
/// How hard is compressed: what `zstd` itself does unless told.
const LEVEL: i32 = 3;
/// Oldest acceptable newest row, in minutes, to be changed by whoever knows better.
const NEWEST_MINUTES: f64 = 1440.0;

/// A backup to be made.
pub struct DumpRequest {
    /// What kind of database it is.
    pub kind: SourceKind,
    /// Where it is.
    pub url: DatabaseUrl,
    /// Where the backup goes, absolute.
    pub folder: PathBuf,
    /// Name of the drill.
    pub name: Option<String>,
    /// Tables and columns whose newest row is to be recent.
    pub newest: Vec<(String, String)>,
    /// Whether a backup that is there is replaced.
    pub overwrite: bool,
    /// Where programs are looked for.
    pub search_path: OsString,
    /// Where the caller is.
    pub working_directory: PathBuf,
    /// Where the tools put what is theirs.
    pub temporary_directory: PathBuf,
}

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// Its path.
    pub backup: PathBuf,
    /// Bytes of it.
    pub bytes: u64,
    /// The manifest's path.
    pub manifest: PathBuf,
    /// What was pinned.
    pub pinned: Pinned,
    /// Tables of the baseline, and how many of them changed meanwhile.
    pub tables: (usize, usize),
    /// What the tool had to say besides.
    pub said: String,
}

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// There is one already.
    #[error("{0} exists already")]
    Exists(String),
    /// The database's own tools do not do it.
    #[error(transparent)]
    Source(#[from] InstanceError),
    /// A question was not answered.
    #[error("the database cannot be described: {0}")]
    Asked(#[from] TargetError),
    /// A column was to hold a time.
    #[error("{0} holds no time")]
    NoTime(String),
    /// It did not stay as it was.
    #[error("tables or indexes were made, changed or removed while the backup was made")]
    Structure,
    /// A file cannot be written.
    #[error("{0}: {1}")]
    File(String, #[source] io::Error),
    /// The manifest cannot be written.
    #[error(transparent)]
    Manifest(#[from] AuthorError),
}

impl DumpError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists(_) => Some("choose another --out, or give --force".to_owned()),
            Self::Source(error) => error.hint(),
            Self::Structure => Some("make it again when nobody changes them".to_owned()),
            Self::Manifest(error) => error.hint().map(str::to_owned),
            Self::Asked(_) | Self::NoTime(_) | Self::File(..) => None,
        }
    }
}

/// Makes a backup by the database's own tools, with a baseline of the database, a manifest that pins
/// both, and a list of checksums.
///
/// # Errors
/// When any of them cannot be made. A dump that is not whole replaces nothing; a manifest that does not
/// fit a newer backup any more says so by its pin.
pub fn dump(
    request: &DumpRequest,
    clock: &dyn Clock,
    observer: &dyn Observer,
    interrupt: &dyn Interrupt,
) -> Result<Made, DumpError> {
    let manifest = request.folder.join(MANIFEST);
    if !request.overwrite && manifest.exists() {
        return Err(DumpError::Exists(manifest.display().to_string()));
    }
    let folder = &request.folder;
    let private = || fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    private().map_err(at(folder))?;
    // Of a dump that is not whole nothing is left: it lies in here until it is.
    let workspace = Workspace::create(folder).map_err(at(folder))?;
    let made = make(request, &workspace, clock, observer, interrupt);
    let _ = workspace.remove();
    if made.is_err() {
        // Only where nothing else is in it.
        let _ = fs::remove_dir(folder);
    }
    made
}

fn make(
    request: &DumpRequest,
    workspace: &Workspace,
    clock: &dyn Clock,
    observer: &dyn Observer,
    interrupt: &dyn Interrupt,
) -> Result<Made, DumpError> {
    let (folder, manifest) = (&request.folder, request.folder.join(MANIFEST));
    let quarters = workspace.instance(None).map_err(at(folder))?;
    let confinement = Confinement {
        timeout: TIMEOUT,
        isolation: crate::wire::manifest::Isolation::BestEffort,
        memory_bytes: None,
        processes: PROCESSES,
        file_bytes: None,
    };
    let source = open(
        request.kind,
        &request.url,
        Quarters {
            folder: quarters.clone(),
            user: None,
            search_path: request.search_path.clone(),
            confinement: &confinement,
            interrupt,
            open: Some(request.working_directory.clone()),
        },
    )?;
    let captured_at = clock.now();
    let (name, compressed) = source.dump_name();
    let dumped = quarters.join(name);
    let (mut baseline, said) = describe_and_dump(&*source, &dumped)?;
    for (table, column) in &request.newest {
        let time = check::newest_row(source.target(), table, column)?;
        let name = format!("{table}.{column}");
        let time = time.ok_or_else(|| DumpError::NoTime(name.clone()))?;
        baseline.newest_rows.insert(name, time.to_string());
    }
    let checks = checks(request, source.target(), &baseline);
    drop(source);
    let name = if compressed { name.to_owned() } else { format!("{name}.zst") };
    let place = folder.join(&name);
    let bytes = if compressed {
        fs::rename(&dumped, &place)
            .and_then(|()| Ok(place.metadata()?.len()))
            .map_err(at(&place))?
    } else {
        compress(&dumped, &quarters.join(&name), &place).map_err(at(&place))?
    };
    let mut text = serde_json::to_vec_pretty(&baseline).unwrap_or_default();
    text.push(b'\n');
    write_whole(&folder.join(BASELINE), &text).map_err(at(folder))?;
    let pinned = write_manifest(request, &manifest, &place, checks, captured_at, clock, observer)?;
    write_list(folder, &[&name, BASELINE, MANIFEST]).map_err(at(folder))?;
    let changing = baseline.tables.values().filter(|table| table.changing).count();
    let tables = (baseline.tables.len(), changing);
    Ok(Made { backup: place, bytes, manifest, pinned, tables, said })
}

/// What could not be written, and why.
fn at(path: &Path) -> impl FnOnce(io::Error) -> DumpError + use<> {
    let shown = path.display().to_string();
    move |error| DumpError::File(shown, error)
}

/// Describes a database and dumps it. Where both cannot see one and the same moment it is described
/// again afterwards: what is the same then was the same in the dump.
fn describe_and_dump(source: &dyn Source, file: &Path) -> Result<(Baseline, String), DumpError> {
    let mut baseline = check::record(source.target())?;
    let said = source.dump(file)?;
    if !source.is_one_moment() {
        let after = check::record(source.target())?;
        let named = |baseline: &Baseline| baseline.tables.keys().cloned().collect::<Vec<_>>();
        if after.objects != baseline.objects || named(&after) != named(&baseline) {
            return Err(DumpError::Structure);
        }
        for (table, after) in baseline.tables.values_mut().zip(after.tables.values()) {
            if table.columns != after.columns {
                return Err(DumpError::Structure);
            }
            table.changing = table != after;
        }
    }
    Ok((baseline, said))
}

fn checks(request: &DumpRequest, target: Target<'_>, baseline: &Baseline) -> Checks {
    if request.newest.is_empty() {
        return Checks::Derived(Derived::Auto);
    }
    let mut checks = check::derived(target, baseline);
    checks.extend(request.newest.iter().map(|(table, column)| Check::NewestRow {
        table: table.clone(),
        column: column.clone(),
        max_age_minutes: NEWEST_MINUTES,
        critical: None,
    }));
    Checks::Listed(checks)
}

/// Compresses a file, with a checksum, and gives it its name once it is whole.
fn compress(file: &Path, new: &Path, place: &Path) -> io::Result<u64> {
    let mut encoder = zstd::Encoder::new(File::create_new(new)?, LEVEL)?;
    encoder.include_checksum(true)?;
    io::copy(&mut File::open(file)?, &mut encoder)?;
    let compressed = encoder.finish()?;
    compressed.sync_all()?;
    fs::remove_file(file)?;
    fs::rename(new, place)?;
    Ok(compressed.metadata()?.len())
}

fn write_manifest(
    request: &DumpRequest,
    manifest: &Path,
    backup: &Path,
    checks: Checks,
    captured_at: Timestamp,
    clock: &dyn Clock,
    observer: &dyn Observer,
) -> Result<Pinned, AuthorError> {
    let init_request = InitRequest {
        manifest: manifest.to_owned(),
        backup: backup.to_owned(),
        sbom: None,
        provenance: None,
        script: None,
        driver: Some(match request.kind {
            SourceKind::Postgres => Driver::Postgres,
            SourceKind::Mysql => Driver::Mysql,
            SourceKind::Redis => Driver::Redis,
            SourceKind::Sqlite => Driver::Sqlite,
        }),
        baseline: Some(request.folder.join(BASELINE)),
        checks,
        name: request.name.clone(),
        captured_at: Some(captured_at),
        root: Some(request.folder.clone()),
        working_directory: request.working_directory.clone(),
        temporary_directory: request.temporary_directory.clone(),
    };
    init(&init_request, clock, observer, request.overwrite)
}

/// Writes a list of checksums, as `sha256sum -c` reads it.
fn write_list(folder: &Path, names: &[&str]) -> io::Result<()> {
    let mut list = String::new();
    for name in names {
        let (digest, _) =
            hash(&mut File::open(folder.join(name))?, &Unobserved).map_err(io::Error::other)?;
        list.push_str(&format!("{digest}  {name}\n"));
    }
    write_whole(&folder.join(LIST), list.as_bytes())
}
