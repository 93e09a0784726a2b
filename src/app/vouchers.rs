//! Checks of files that vouch for an artifact, without a drill.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::digest::{Digest, Unobserved, hash};
use crate::document::Place;
use crate::fs::{ReadError, open_for_reading, read_capped};
use crate::manifest::Expectations;
use crate::provenance::{self, Artifact, Identity, ProvenanceError, Trust, TrustedRoots};
use crate::sbom::{self, Demand, SbomError};
use crate::signature::{KeyError, PublicKey};
use crate::wire::answer::{CHECK, Check, CheckProblem, CheckStanding};
use crate::wire::event::{Binding, SbomFacts, Verification};

/// Largest key or trusted root that is read, in bytes.
const MAX_TRUST_BYTES: u64 = 4 << 20;

/// What provenance must be about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// This file, all of whose digests can be compared.
    File(PathBuf),
    /// Whatever has this SHA-256.
    Digest(Digest),
}

/// What is asked of provenance.
#[derive(Clone, Debug)]
pub struct ProvenanceRequest {
    /// The file with the provenance.
    pub file: PathBuf,
    /// What it must be about.
    pub subject: Subject,
    /// Public keys whose signatures count.
    pub keys: Vec<PathBuf>,
    /// How many of them must have signed.
    pub threshold: usize,
    /// Name and issuer of whom a certificate must have been issued to.
    pub identity: Option<(String, String)>,
    /// Where certificates may come from.
    pub trusted_root: Option<PathBuf>,
    /// What must be said.
    pub expected: Expectations,
}

/// Why a check was not made.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A file cannot be read.
    #[error("{0} {1}")]
    File(String, #[source] ReadError),
    /// A key cannot be used.
    #[error("the key {0} {1}")]
    Key(String, #[source] KeyError),
    /// The same key was given twice.
    #[error("the keys {0} and {1} are one and the same: it counts once")]
    SameKey(String, String),
    /// More keys must have signed than were given.
    #[error("{0} key(s) must have signed, and {1} were given")]
    Threshold(usize, usize),
    /// The trusted root cannot be used.
    #[error("the trusted root {0} cannot be read: {1}")]
    Root(String, String),
    /// The artifact cannot be hashed.
    #[error("the artifact {0}: {1}")]
    Artifact(String, String),
}

/// What is asked of an SBOM.
#[derive(Clone, Debug)]
pub struct SbomRequest {
    /// The file with the SBOM.
    pub file: PathBuf,
    /// What it is held against besides its own rules.
    pub demand: Demand,
}

/// Checks an SBOM. One that keeps its rules but lacks what was asked for is refused, too.
///
/// # Errors
/// When it could not be checked; that it is refused is no error.
pub fn check_sbom(request: &SbomRequest) -> Result<Check, CheckError> {
    let bytes = read(&request.file, sbom::MAX_BYTES)?;
    let path = request.file.display().to_string();
    let mut check = Check {
        schema: CHECK.to_owned(),
        file: path.clone(),
        standing: CheckStanding::Refused,
        problems: Vec::new(),
        problems_in_all: 0,
        remarks: Vec::new(),
        sbom: None,
        provenance: None,
    };
    match sbom::validate(&bytes, &request.demand) {
        Ok(found) => {
            let facts = found.facts(&path, &Digest::of(&bytes));
            check.remarks.clone_from(&facts.remarks);
            check.problems = unmet(&facts);
            check.problems_in_all = check.problems.len();
            check.standing = if !check.problems.is_empty() {
                CheckStanding::Refused
            } else if request.demand.subject.is_some() && facts.binding != Binding::Bound {
                CheckStanding::NotVerified
            } else {
                CheckStanding::Valid
            };
            check.sbom = Some(facts);
        }
        Err(SbomError::Invalid { problems, total, .. }) => {
            check.problems_in_all = total;
            check.problems = problems
                .into_iter()
                .map(|found| CheckProblem {
                    message: found.message,
                    pointer: Some(found.pointer),
                    ..problem(found.rule, found.place)
                })
                .collect();
        }
        Err(error) => {
            // The place stands beside the message, not in it.
            let (place, message) = match &error {
                SbomError::Syntax { place, message } => (*place, format!("is invalid: {message}")),
                other => (None, other.to_string()),
            };
            check.problems = vec![CheckProblem { message, ..problem(error.rule(), place) }];
            check.problems_in_all = 1;
        }
    }
    Ok(check)
}

/// What was asked for and is not there.
fn unmet(facts: &SbomFacts) -> Vec<CheckProblem> {
    let mut problems: Vec<CheckProblem> = facts
        .profiles
        .iter()
        .flat_map(|profile| profile.missing.iter().map(|missing| (profile.profile, missing)))
        .map(|(profile, missing)| {
            let name = serde_json::to_value(profile).unwrap_or_default();
            let name = name.as_str().unwrap_or_default();
            let message = match (&missing.first, missing.components) {
                (_, 0) => format!("{name}: the document has no {}", missing.element),
                (first, count) => format!(
                    "{name}: {count} component(s) have no {}, {} first",
                    missing.element,
                    first.as_deref().unwrap_or("one without a name")
                ),
            };
            CheckProblem { message, ..problem(&format!("sbom/profile/{name}"), None) }
        })
        .collect();
    for component in &facts.refused_components {
        let message = format!("the license is not acceptable: {component}");
        problems.push(CheckProblem { message, ..problem("sbom/license", None) });
    }
    problems
}

fn problem(rule: &str, place: Option<Place>) -> CheckProblem {
    CheckProblem {
        rule: rule.to_owned(),
        message: String::new(),
        pointer: None,
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
    }
}

/// Checks provenance.
///
/// # Errors
/// When it could not be checked; that it is refused is no error.
pub fn check_provenance(
    request: &ProvenanceRequest,
    clock: &dyn Clock,
) -> Result<Check, CheckError> {
    let trust = trust(request)?;
    let (sha256, file) = subject(&request.subject)?;
    let bytes = read(&request.file, provenance::MAX_BYTES)?;
    let artifact = Artifact::new(sha256, file.as_ref());
    let path = request.file.display().to_string();
    let found = provenance::validate(&bytes, &artifact, &trust, &request.expected, clock.now());
    Ok(match found {
        Ok(found) => {
            let demand = Demand { components: true, ..Demand::default() };
            let within = found.sboms.iter().map(|sbom| sbom::validate(sbom.as_bytes(), &demand));
            if let Some(error) = within.filter_map(Result::err).next() {
                let message = format!("an SBOM in it {error}");
                return Ok(refusal(path, CheckProblem { message, ..problem(error.rule(), None) }));
            }
            let facts = found.facts(&path, &Digest::of(&bytes));
            let standing = match facts.verification {
                Verification::Verified => CheckStanding::Verified,
                Verification::NotVerified => CheckStanding::NotVerified,
            };
            let remarks = facts.remarks.clone();
            Check {
                schema: CHECK.to_owned(),
                file: path,
                standing,
                problems: Vec::new(),
                problems_in_all: 0,
                remarks,
                sbom: None,
                provenance: Some(facts),
            }
        }
        Err(error) => refused(path, &error),
    })
}

fn refused(file: String, error: &ProvenanceError) -> Check {
    let place = match error {
        ProvenanceError::Syntax { place, .. } => *place,
        _ => None,
    };
    refusal(file, CheckProblem { message: error.to_string(), ..problem(error.rule(), place) })
}

fn refusal(file: String, problem: CheckProblem) -> Check {
    Check {
        schema: CHECK.to_owned(),
        file,
        standing: CheckStanding::Refused,
        problems: vec![problem],
        problems_in_all: 1,
        remarks: Vec::new(),
        sbom: None,
        provenance: None,
    }
}

fn trust(request: &ProvenanceRequest) -> Result<Trust, CheckError> {
    let mut trust = Trust {
        threshold: request.threshold,
        identity: request.identity.clone().map(|(name, issuer)| Identity { name, issuer }),
        ..Trust::default()
    };
    if request.threshold > request.keys.len().max(1) {
        return Err(CheckError::Threshold(request.threshold, request.keys.len()));
    }
    for path in &request.keys {
        let name = path.display().to_string();
        let key = read_key(path)?;
        trust.add_key(&name, key).map_err(|earlier| CheckError::SameKey(earlier, name))?;
    }
    if let Some(path) = &request.trusted_root {
        trust.roots = read_roots(path)?;
    }
    Ok(trust)
}

/// What is asked of one Sigstore bundle.
#[derive(Clone, Debug)]
pub struct BundleRequest {
    /// The file with the bundle.
    pub bundle: PathBuf,
    /// What must be signed.
    pub subject: Subject,
    /// The public key that must have signed it.
    pub key: Option<PathBuf>,
    /// Name and issuer of whom a certificate must have been issued to.
    pub identity: Option<(String, String)>,
    /// Where certificates may come from.
    pub trusted_root: Option<PathBuf>,
    /// Whether the staging instance of Sigstore is meant, where no root is given.
    pub staging: bool,
}

/// Verifies one Sigstore bundle. Gives why it does not verify, if it does not.
///
/// # Errors
/// When it could not be looked at.
pub fn verify_bundle(request: &BundleRequest) -> Result<Option<ProvenanceError>, CheckError> {
    let mut trust = Trust {
        identity: request.identity.clone().map(|(name, issuer)| Identity { name, issuer }),
        ..Trust::default()
    };
    if let Some(path) = &request.key {
        trust.keys.push((path.display().to_string(), read_key(path)?));
    }
    if let Some(path) = &request.trusted_root {
        trust.roots = read_roots(path)?;
    } else if request.staging {
        trust.roots = TrustedRoots::staging()
            .map_err(|error| CheckError::Root("that is built in".to_owned(), error))?;
    }
    let (sha256, _) = subject(&request.subject)?;
    let bytes = read(&request.bundle, provenance::MAX_BYTES)?;
    let artifact = Artifact::new(sha256, None);
    Ok(provenance::verify_bundle(&bytes, &artifact, &trust).err())
}

/// The digest of a subject, and the file if it is one.
fn subject(subject: &Subject) -> Result<(Digest, Option<File>), CheckError> {
    match subject {
        Subject::Digest(digest) => Ok((*digest, None)),
        Subject::File(path) => {
            let unreadable =
                |error: String| CheckError::Artifact(path.display().to_string(), error);
            let mut file = open(path)?;
            let (digest, _) =
                hash(&mut file, &Unobserved).map_err(|error| unreadable(error.to_string()))?;
            Ok((digest, Some(file)))
        }
    }
}

fn read_roots(path: &Path) -> Result<TrustedRoots, CheckError> {
    TrustedRoots::read(&read(path, MAX_TRUST_BYTES)?)
        .map_err(|error| CheckError::Root(path.display().to_string(), error))
}

/// Reads a public key.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read_key(path: &Path) -> Result<PublicKey, CheckError> {
    PublicKey::read(&read(path, MAX_TRUST_BYTES)?)
        .map_err(|error| CheckError::Key(path.display().to_string(), error))
}

fn open(path: &Path) -> Result<File, CheckError> {
    open_for_reading(path)
        .map_err(|error| CheckError::File(path.display().to_string(), error.into()))
}

fn read(path: &Path, cap: u64) -> Result<Vec<u8>, CheckError> {
    read_capped(&mut open(path)?, cap)
        .map_err(|error| CheckError::File(path.display().to_string(), error))
}
