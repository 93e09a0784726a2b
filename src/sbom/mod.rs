//! Software bills of materials: recognised by format and version, held against the official schema, then against what no schema can say.
//!
//! The ids in the tests are those of `docs/supply-chain.md`.

mod cyclonedx;
mod identifier;
mod inventory;
mod license;
mod profile;
mod schemas;
mod spdx2;
mod spdx3;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::document::schema::InvalidSchema;
use crate::document::{Borrowed, Place, parse_borrowed, parse_json, place_in_json};
use crate::wire::event::{Binding, MissingElement, ProfileFacts, SbomFacts};
use crate::wire::manifest::SbomProfile;

use inventory::{Fault, Inventory};

pub use license::LicenseRules;
pub use profile::Missing;

/// Largest SBOM that is read, in bytes.
pub const MAX_BYTES: u64 = 128 << 20;
/// Broken rules that are kept; the number of all is said.
const KEPT: usize = 20;
/// Broken rules that a message shows.
const SHOWN: usize = 5;
/// Components with refused licences that are named.
const NAMED: usize = 10;

/// What an SBOM is held against besides its own rules.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// Digest of what it must be about, if that is known.
    pub subject: Option<Digest>,
    /// The time that it cannot be made after.
    pub now: Option<Timestamp>,
    /// Whether it must list something: one that lists nothing is valid, but says nothing.
    pub components: bool,
    /// Minimum elements that are looked for.
    pub profiles: Vec<SbomProfile>,
    /// Licences that are acceptable.
    pub licenses: LicenseRules,
}

/// An SBOM that keeps all its rules and does not speak of another artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sbom {
    /// `CycloneDX` or `SPDX`.
    pub format: &'static str,
    /// Version of the specification.
    pub spec_version: String,
    /// Components or packages that it lists.
    pub components: u64,
    /// How it is tied to the artifact.
    pub binding: Binding,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// What it lacks of each profile that was asked for.
    pub profiles: Vec<(SbomProfile, Vec<Missing>)>,
    /// Components whose licences are not acceptable, with their licences.
    pub refused_licenses: Vec<String>,
    /// What is odd but allowed.
    pub remarks: Vec<String>,
}

/// A rule that is broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The rule, as `sbom/dangling-reference`.
    pub rule: &'static str,
    /// JSON pointer (RFC 6901) to the value.
    pub pointer: String,
    /// Where that is in the text.
    pub place: Option<Place>,
    /// What was found, and what was wanted.
    pub message: String,
}

/// Why an SBOM is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// Not strict JSON.
    #[error("is invalid: {}{message}", place.map(|p| format!("{p}: ")).unwrap_or_default())]
    Syntax {
        /// Where.
        place: Option<Place>,
        /// What is wrong.
        message: String,
    },
    /// CycloneDX XML, SPDX tag-value and the like.
    #[error("is {0}: only CycloneDX JSON and SPDX JSON are read")]
    OtherForm(&'static str),
    /// JSON, but neither format.
    #[error("is neither CycloneDX nor SPDX: it has neither `bomFormat` nor `spdxVersion`")]
    Unrecognised,
    /// A version of which nothing is known.
    #[error("is of an unknown version: {format} {version}; {supported} are known")]
    Version {
        /// The format.
        format: &'static str,
        /// The version that it names.
        version: String,
        /// Versions that are known.
        supported: String,
    },
    /// It breaks rules of its format.
    #[error("is invalid: it breaks {total} rule(s) of {format}: {}", list(problems, *total))]
    Invalid {
        /// Format and version.
        format: String,
        /// The first of them.
        problems: Vec<Problem>,
        /// How many there are.
        total: usize,
    },
    /// It lists nothing.
    #[error("is empty: it lists no {0}, and says nothing of what the artifact is made of")]
    Empty(&'static str),
    /// Its subject is another artifact.
    #[error(
        "is of another artifact: its subject has the digest {found}, the artifact has {artifact}"
    )]
    OtherSubject {
        /// The digest that it names.
        found: String,
        /// The digest of the artifact.
        artifact: Digest,
    },
    /// A defect of this program.
    #[error("could not be checked: {0}")]
    Internal(#[from] InvalidSchema),
}

fn list(problems: &[Problem], total: usize) -> String {
    let shown: Vec<String> = problems
        .iter()
        .take(SHOWN)
        .map(|problem| {
            let place = problem.place.map(|place| format!("{place}: ")).unwrap_or_default();
            let pointer = if problem.pointer.is_empty() { "/" } else { &problem.pointer };
            format!("{place}{pointer}: {}", problem.message)
        })
        .collect();
    let more = total.saturating_sub(shown.len());
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", shown.join("; "))
}

impl SbomError {
    /// The kind of reason, in words that never change.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::Invalid { .. } => "sbom/invalid",
            Self::OtherForm(_) => "sbom/other-form",
            Self::Unrecognised => "sbom/unrecognised",
            Self::Version { .. } => "sbom/unknown-version",
            Self::Empty(_) => "sbom/empty",
            Self::OtherSubject { .. } => "sbom/other-artifact",
            Self::Internal(_) => "sbom/internal",
        }
    }
}

impl Sbom {
    /// What is kept of it in events, reports and answers.
    #[must_use]
    pub fn facts(self, path: &str, sha256: &Digest) -> SbomFacts {
        let mut refused = self.refused_licenses;
        let refused_licenses = refused.len() as u64;
        refused.truncate(NAMED);
        let profiles = self.profiles.into_iter().map(|(profile, missing)| ProfileFacts {
            profile,
            missing: missing
                .into_iter()
                .map(|missing| MissingElement {
                    element: missing.element.to_owned(),
                    components: missing.components,
                    first: missing.first,
                })
                .collect(),
        });
        SbomFacts {
            path: path.to_owned(),
            sha256: sha256.to_string(),
            format: self.format.to_owned(),
            spec_version: self.spec_version,
            components: self.components,
            names_backup: self.binding == Binding::Bound,
            binding: self.binding,
            created: self.created.map(|time| time.to_string()),
            profiles: profiles.collect(),
            refused_licenses,
            refused_components: refused,
            remarks: self.remarks,
        }
    }
}

/// Validates the bytes of an SBOM.
///
/// # Errors
/// The first kind of reason for which it is not accepted.
pub fn validate(bytes: &[u8], demand: &Demand) -> Result<Sbom, SbomError> {
    if let Some(form) = other_form(bytes) {
        return Err(SbomError::OtherForm(form));
    }
    let document = parse_borrowed(bytes)
        .map_err(|error| SbomError::Syntax { place: error.place, message: error.message })?;
    let (format, version) = recognise(&document)?;
    let invalid = |faults: Vec<Fault>, total: usize| SbomError::Invalid {
        format: format!("{format} {version}"),
        problems: faults
            .into_iter()
            .take(KEPT)
            .map(|fault| Problem {
                rule: fault.rule,
                place: place_in_json(bytes, &fault.pointer),
                pointer: fault.pointer,
                message: fault.message,
            })
            .collect(),
        total,
    };
    let schema = schemas::find(format, version, &document)?;
    let Some(schema) = schema else {
        let supported = schemas::versions(format).join(", ");
        return Err(SbomError::Version { format, version: version.to_owned(), supported });
    };
    let (violations, total) = schema.violations(&document, KEPT);
    if total > 0 {
        let faults = violations
            .into_iter()
            .map(|violation| Fault {
                rule: "sbom/schema",
                pointer: violation.pointer,
                message: violation.message,
            })
            .collect();
        return Err(invalid(faults, total));
    }
    drop(schema);
    let mut inventory = match (format, version) {
        ("CycloneDX", _) => cyclonedx::read(&document),
        (_, version) if version.starts_with("3.") => spdx3::read(&document),
        (_, version) => spdx2::read(&document, version),
    };
    if !inventory.faults.is_empty() {
        let faults = std::mem::take(&mut inventory.faults);
        let total = faults.len();
        return Err(invalid(faults, total));
    }
    if demand.components && inventory.components.is_empty() {
        let listed = if format == "CycloneDX" { "components" } else { "packages" };
        return Err(SbomError::Empty(listed));
    }
    let binding = bind(&inventory, demand.subject.as_ref())?;
    let created = inventory.created.and_then(|text| text.parse::<Timestamp>().ok());
    if let (Some(created), Some(now)) = (created, demand.now)
        && created > now
    {
        inventory.remarks.push(format!("it says that it was made in the future: {created}"));
    }
    inventory.remark_identifiers();
    let profiles = demand.profiles.iter().map(|p| (*p, profile::missing(&inventory, *p)));
    Ok(Sbom {
        format,
        spec_version: version.to_owned(),
        components: inventory.components.len() as u64,
        binding,
        created,
        profiles: profiles.collect(),
        refused_licenses: demand.licenses.refused(&inventory.components),
        remarks: inventory.remarks,
    })
}

/// Whether an SBOM is one of those that statements carry, as far as they carry any of its format:
/// the same values, in whichever order and however they are spaced.
#[must_use]
pub fn agrees(sbom: &[u8], carried: &[String]) -> bool {
    let read = |bytes: &[u8]| parse_json(bytes).ok();
    let format = |document: &Value| {
        ["bomFormat", "spdxVersion", "@context"].iter().position(|key| document.get(key).is_some())
    };
    let Some(own) = read(sbom) else { return false };
    let mut same_format = carried
        .iter()
        .filter_map(|text| read(text.as_bytes()))
        .filter(|other| format(other) == format(&own))
        .peekable();
    same_format.peek().is_none() || same_format.any(|other| other == own)
}

/// Format and version of a document, by the keys that only one of them has.
fn recognise<'d>(document: &'d Borrowed<'_>) -> Result<(&'static str, &'d str), SbomError> {
    let text = |key: &str| document.get(key).and_then(Borrowed::as_str).unwrap_or_default();
    if document.get("bomFormat").is_some() {
        Ok(("CycloneDX", text("specVersion")))
    } else if document.get("spdxVersion").is_some() {
        Ok(("SPDX", text("spdxVersion").trim_start_matches("SPDX-")))
    } else if document.get("@context").is_some() {
        // https://spdx.org/rdf/3.0.1/spdx-context.jsonld
        let version = text("@context").strip_prefix("https://spdx.org/rdf/");
        Ok(("SPDX", version.and_then(|rest| rest.split('/').next()).unwrap_or("3")))
    } else {
        Err(SbomError::Unrecognised)
    }
}

/// How an SBOM is tied to an artifact: by its digest, by a name and a version that anything could
/// have, or not at all. One that names another digest as its subject's is refused.
fn bind(inventory: &Inventory<'_>, artifact: Option<&Digest>) -> Result<Binding, SbomError> {
    let is = |found: Option<&str>| {
        artifact.is_some()
            && found.and_then(|text| text.parse::<Digest>().ok()).as_ref() == artifact
    };
    let mut named = inventory.subjects.iter().filter_map(|subject| subject.sha256);
    if inventory.subjects.iter().chain(&inventory.components).any(|c| is(c.sha256)) {
        return Ok(Binding::Bound);
    }
    if let (Some(artifact), Some(found)) = (artifact, named.next()) {
        return Err(SbomError::OtherSubject { found: found.to_owned(), artifact: *artifact });
    }
    let weakly = inventory.subjects.iter().any(|s| s.name.is_some() && s.version.is_some());
    Ok(if weakly { Binding::WeaklyBound } else { Binding::Unbound })
}

fn other_form(bytes: &[u8]) -> Option<&'static str> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(512)]);
    let start = start.trim_start();
    if start.starts_with('<') {
        Some("XML")
    } else if start.starts_with("SPDXVersion:") {
        Some("SPDX tag-value")
    } else {
        None
    }
}
