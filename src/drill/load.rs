//! Finds and reads the manifest, and checks against the disk what it asks for. Nothing is written.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::document::{Document, Problem, Syntax};
use crate::fs::{PathError, ReadError, Root, open_for_reading, parent_of, read_capped, real_place};
use crate::manifest::{self, Driver, Manifest};
use crate::signature::PublicKey;
use crate::wire::slot::SlotFacts;

/// A manifest as it was read, whether it could be understood or not.
#[derive(Debug)]
pub struct Loaded {
    /// Path relative to the root, or as it was given.
    pub shown_path: PathBuf,
    /// The bytes of the file; empty if it could not be read.
    pub bytes: Vec<u8>,
    /// Their digest; `None` if they could not be read.
    pub digest: Option<Digest>,
    /// How it is written.
    pub syntax: Syntax,
    /// Where its paths are resolved.
    pub root: Option<Root>,
    /// The key that signed it, if one was asked for.
    pub signed_by: Option<String>,
    /// The envelope with its signature; empty if none was asked for.
    pub signature: Vec<u8>,
    /// What it says.
    pub manifest: Result<Manifest, LoadError>,
}

impl Loaded {
    /// What a drill of it is called: as its fleet does, else as the manifest does, else by the path of that.
    #[must_use]
    pub fn drill_name(&self, slot: Option<&SlotFacts>) -> String {
        let own = || self.manifest.as_ref().ok().and_then(|manifest| manifest.name.clone());
        let path = || self.shown_path.display().to_string();
        slot.map(|slot| slot.drill.clone()).or_else(own).unwrap_or_else(path)
    }
}

/// Why nothing can be run from a manifest.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is none.
    #[error("the manifest {0} does not exist")]
    Missing(String),
    /// It cannot be read.
    #[error("the manifest {0} {1}")]
    Read(String, #[source] ReadError),
    /// It is not signed by the key that was asked for.
    #[error("the manifest {0} is refused, and nothing was read through it: {1}")]
    Signature(String, String),
    /// The root is not one for it.
    #[error("the root of the manifest: {0}")]
    Root(#[source] PathError),
    /// It is not valid.
    #[error("the manifest {path} is not valid:\n{}", Problem::lines(problems))]
    Invalid {
        /// The manifest.
        path: String,
        /// Everything that is wrong.
        problems: Vec<Problem>,
    },
}

impl LoadError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing(_) => Some("write one with: dr-drill init BACKUP --script SCRIPT"),
            Self::Invalid { .. } => Some("docs/manifest.md lists every key"),
            Self::Signature(..) => Some("sign it with: dr-drill sign MANIFEST --key KEY"),
            Self::Read(..) | Self::Root(_) => None,
        }
    }
}

/// What a manifest is held against while it is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadRequest<'a> {
    /// The root, if it is not the usual one.
    pub root: Option<&'a Path>,
    /// Where a run will write.
    pub evidence: Option<&'a Path>,
    /// The key that must have signed it.
    pub key: Option<&'a PublicKey>,
    /// Values of the parameters in its texts, if it is a template. What is drilled is what comes of it, as JSON.
    pub parameters: Option<&'a BTreeMap<String, String>>,
}

/// Reads the manifest at `path`, relative to `working_directory`.
#[must_use]
pub fn load(path: &Path, working_directory: &Path, request: LoadRequest<'_>) -> Loaded {
    let place = working_directory.join(path);
    let syntax = Syntax::of(path);
    let mut loaded = Loaded {
        shown_path: path.to_owned(),
        bytes: Vec::new(),
        digest: None,
        syntax,
        root: None,
        signed_by: None,
        signature: Vec::new(),
        manifest: Err(LoadError::Missing(path.display().to_string())),
    };
    let name = path.display().to_string();
    let read = open_for_reading(&place)
        .map_err(ReadError::from)
        .and_then(|mut file| read_capped(&mut file, manifest::MAX_BYTES));
    match read {
        Ok(bytes) => loaded.bytes = bytes,
        Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return loaded,
        Err(error) => {
            loaded.manifest = Err(LoadError::Read(name, error));
            return loaded;
        }
    }
    if let Some(parameters) = request.parameters {
        let filled = Document::read(&loaded.bytes, syntax).and_then(|d| d.fill(parameters));
        match filled {
            Ok(value) => loaded.bytes = format!("{value:#}\n").into_bytes(),
            Err(problems) => {
                loaded.manifest = Err(LoadError::Invalid { path: name, problems });
                return loaded;
            }
        }
        loaded.syntax = Syntax::Json;
    }
    let syntax = loaded.syntax;
    loaded.digest = Some(Digest::of(&loaded.bytes));
    if let Some(key) = request.key {
        match verify_signature(&name, &place, &loaded.bytes, key) {
            Ok(envelope) => {
                loaded.signed_by = Some(key.to_string());
                loaded.signature = envelope;
            }
            Err(why) => {
                loaded.manifest = Err(LoadError::Signature(name, why));
                return loaded;
            }
        }
    }
    let folder = parent_of(&place);
    let bound =
        find_root(folder, request.root.map(|root| working_directory.join(root)), working_directory);
    let opened = match Root::open(&bound, folder) {
        Ok(opened) => opened,
        Err(error) => {
            loaded.manifest = Err(LoadError::Root(error));
            return loaded;
        }
    };
    if let Ok(real) = place.canonicalize()
        && let Ok(relative) = real.strip_prefix(opened.path())
    {
        loaded.shown_path = relative.to_owned();
    }
    loaded.manifest = Document::read(&loaded.bytes, syntax)
        .and_then(|document| {
            let manifest = manifest::parse(&document)?;
            let problems = against_disk(&manifest, &opened, request.evidence, &document);
            if problems.is_empty() { Ok(manifest) } else { Err(problems) }
        })
        .map_err(|problems| LoadError::Invalid { path: name, problems });
    loaded.root = Some(opened);
    loaded
}

fn verify_signature(
    name: &str,
    place: &Path,
    bytes: &[u8],
    key: &PublicKey,
) -> Result<Vec<u8>, String> {
    let path = manifest::signature_path(place);
    let envelope = open_for_reading(&path)
        .map_err(ReadError::from)
        .and_then(|mut file| read_capped(&mut file, 2 * manifest::MAX_BYTES))
        .map_err(|error| format!("its signature {name}.dsse {error}"))?;
    manifest::verify(bytes, &envelope, key)
        .map_err(|why| format!("its signature {name}.dsse: {why}"))?;
    Ok(envelope)
}

/// The root: as given, else the enclosing repository, else the working directory if the manifest
/// lies below it, else the manifest's folder.
#[must_use]
pub fn find_root(folder: &Path, given: Option<PathBuf>, working_directory: &Path) -> PathBuf {
    if let Some(given) = given {
        return given;
    }
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let working_directory = working_directory.canonicalize().unwrap_or_default();
    if let Some(repository) = folder.ancestors().find(|folder| folder.join(".git").exists()) {
        return repository.to_owned();
    }
    if folder.starts_with(&working_directory) && working_directory.is_absolute() {
        return working_directory;
    }
    folder
}

/// What only the disk can tell: a drill that could not fail, or that would drill itself.
fn against_disk(
    manifest: &Manifest,
    root: &Root,
    evidence: Option<&Path>,
    document: &Document,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |pointer: &str, message: String, hint: &str| {
        problems.push(Problem::at(document, pointer, &message, Some(hint)));
    };
    let fetched = manifest.backup.remote.is_some();
    let Ok(backup) = root.locate(&manifest.backup.path) else { return problems };
    let directory = !fetched && backup.absolute.is_dir();
    if let Driver::Files(files) = &manifest.restore.driver
        && !directory
        && files.tree_sha256.is_none()
        && files.digests.is_none()
    {
        problem(
            "/restore",
            "an archive is unpacked but compared with nothing: this drill could not fail"
                .to_owned(),
            "say what must come back: `tree_sha256`, which `dr-drill pin` writes, or `digests`",
        );
    }
    let real = real_place(&backup.absolute);
    if let Some(output) = &manifest.restore.output_dir {
        match root.check_output(output) {
            Err(error) => {
                problem("/restore/output_dir", error.to_string(), "keep it inside the root");
            }
            Ok(place) => {
                if !fetched && place.absolute.starts_with(&real) {
                    problem(
                        "/restore/output_dir",
                        "the output directory is the backup itself, or lies in it".to_owned(),
                        "name a directory of its own, such as `restored`",
                    );
                }
            }
        }
    }
    if let Some(evidence) = evidence
        && directory
        && real_place(evidence).starts_with(&real)
    {
        problem(
            "/backup/path",
            "the evidence would be written into the backup".to_owned(),
            "choose another --evidence-dir",
        );
    }
    problems
}
