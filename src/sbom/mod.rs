//! Software bills of materials: recognised by format and version, held against the official schema, and bound to the backup.

mod schemas;

use serde_json::Value;

use crate::digest::Digest;
use crate::document::parse_json;
use crate::document::schema::{InvalidSchema, Violation};

/// Largest SBOM that is read, in bytes.
pub const MAX_BYTES: u64 = 128 << 20;
/// Violations that are shown; the number of all is said.
const SHOWN: usize = 5;

/// An SBOM that follows its schema and does not speak of another artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sbom {
    /// `CycloneDX` or `SPDX`.
    pub format: &'static str,
    /// Version of the specification.
    pub spec_version: String,
    /// Components or packages that it lists.
    pub components: u64,
    /// Whether its subject carries the digest of the backup.
    pub names_backup: bool,
}

/// Why an SBOM is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// Not strict JSON.
    #[error("{place}{message}")]
    Syntax {
        /// Where, as `3:14: `, or empty.
        place: String,
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
    #[error("is {format} {version}, which is not known: {supported} are")]
    Version {
        /// The format.
        format: &'static str,
        /// The version that it names.
        version: String,
        /// Versions that are known.
        supported: String,
    },
    /// It does not follow the schema of its format.
    #[error("does not follow the schema of {format}: {}", list(violations, *total))]
    Schema {
        /// Format and version.
        format: String,
        /// The first violations.
        violations: Vec<Violation>,
        /// How many there are.
        total: usize,
    },
    /// It lists nothing.
    #[error("lists no {0}: it says nothing of what the backup is made of")]
    Empty(&'static str),
    /// Its subject is another artifact.
    #[error("is of another artifact: its subject has the digest {found}, the backup has {backup}")]
    OtherSubject {
        /// The digest that it names.
        found: String,
        /// The digest of the backup.
        backup: Digest,
    },
    /// A defect of this program.
    #[error("could not be checked: {0}")]
    Internal(#[from] InvalidSchema),
}

fn list(violations: &[Violation], total: usize) -> String {
    let shown: Vec<String> = violations
        .iter()
        .map(|violation| {
            let at = if violation.pointer.is_empty() { "/" } else { &violation.pointer };
            format!("{at}: {}", violation.message)
        })
        .collect();
    let more = total.saturating_sub(shown.len());
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", shown.join("; "))
}

/// Validates the bytes of an SBOM for the backup with this digest.
///
/// # Errors
/// The first kind of reason for which it is not accepted.
pub fn validate(bytes: &[u8], backup: &Digest) -> Result<Sbom, SbomError> {
    if let Some(form) = other_form(bytes) {
        return Err(SbomError::OtherForm(form));
    }
    let document = parse_json(bytes).map_err(|error| SbomError::Syntax {
        place: error.place.map(|place| format!("{place}: ")).unwrap_or_default(),
        message: error.message,
    })?;
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    let (format, version, listed) = if document.get("bomFormat").is_some() {
        ("CycloneDX", text("specVersion"), "components")
    } else if document.get("spdxVersion").is_some() {
        ("SPDX", text("spdxVersion").trim_start_matches("SPDX-"), "packages")
    } else if document.get("@context").is_some() {
        ("SPDX", "3", "packages")
    } else {
        return Err(SbomError::Unrecognised);
    };
    let schema = schemas::find(format, version, &document)?;
    let Some(schema) = schema else {
        let supported = schemas::versions(format).join(", ");
        return Err(SbomError::Version { format, version: version.to_owned(), supported });
    };
    let (violations, total) = schema.violations(&document, SHOWN);
    if total > 0 {
        let format = format!("{format} {version}");
        return Err(SbomError::Schema { format, violations, total });
    }
    let components = document.get(listed).and_then(Value::as_array).map_or(0, Vec::len);
    if components == 0 {
        return Err(SbomError::Empty(listed));
    }
    let subjects =
        if format == "SPDX" { spdx_subjects(&document) } else { cyclonedx_subjects(&document) };
    let names_backup =
        subjects.iter().any(|digest| digest.parse::<Digest>().is_ok_and(|d| d == *backup));
    if let (false, Some(found)) = (names_backup, subjects.first()) {
        return Err(SbomError::OtherSubject { found: found.clone(), backup: *backup });
    }
    Ok(Sbom {
        format,
        spec_version: version.to_owned(),
        components: components as u64,
        names_backup,
    })
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

/// SHA-256 digests of the component that a CycloneDX document is about.
fn cyclonedx_subjects(document: &Value) -> Vec<String> {
    let hashes = document.pointer("/metadata/component/hashes").and_then(Value::as_array);
    hashes
        .into_iter()
        .flatten()
        .filter(|hash| hash["alg"] == "SHA-256")
        .filter_map(|hash| hash["content"].as_str().map(str::to_owned))
        .collect()
}

/// SHA-256 digests of the packages and files that an SPDX document describes.
fn spdx_subjects(document: &Value) -> Vec<String> {
    let items = |key: &str| document.get(key).and_then(Value::as_array).into_iter().flatten();
    let mut described: Vec<&str> = items("documentDescribes").filter_map(Value::as_str).collect();
    described.extend(
        items("relationships")
            .filter(|r| {
                r["relationshipType"] == "DESCRIBES" && r["spdxElementId"] == "SPDXRef-DOCUMENT"
            })
            .filter_map(|relationship| relationship["relatedSpdxElement"].as_str()),
    );
    items("packages")
        .chain(items("files"))
        .filter(|item| item["SPDXID"].as_str().is_some_and(|id| described.contains(&id)))
        .flat_map(|item| item["checksums"].as_array().into_iter().flatten())
        .filter(|checksum| checksum["algorithm"] == "SHA256")
        .filter_map(|checksum| checksum["checksumValue"].as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cyclonedx(version: &str) -> Value {
        json!({"bomFormat": "CycloneDX", "specVersion": version, "version": 1,
            "components": [{"type": "library", "name": "sqlite", "version": "3"}]})
    }

    fn spdx() -> Value {
        json!({"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "n",
            "dataLicense": "CC0-1.0", "documentNamespace": "https://example.org/n",
            "creationInfo": {"created": "2026-11-20T08:00:00Z", "creators": ["Tool: t"]},
            "documentDescribes": ["SPDXRef-a"],
            "packages": [{"SPDXID": "SPDXRef-a", "name": "a", "downloadLocation": "NONE"}]})
    }

    fn check(document: &Value) -> Result<Sbom, SbomError> {
        validate(document.to_string().as_bytes(), &Digest::of(b"backup"))
    }

    #[test]
    fn every_known_version_is_held_against_its_schema() {
        for version in schemas::versions("CycloneDX") {
            let found = check(&cyclonedx(version)).unwrap();
            assert_eq!((found.spec_version.as_str(), found.names_backup), (version, false));
            let mut broken = cyclonedx(version);
            broken["components"][0]["type"] = json!("no-such-type");
            assert!(matches!(check(&broken), Err(SbomError::Schema { .. })), "{version}");
        }
        assert_eq!(check(&spdx()).unwrap().format, "SPDX");
        let mut broken = spdx();
        broken["packages"][0].as_object_mut().unwrap().remove("name");
        assert!(check(&broken).unwrap_err().to_string().contains("/packages/0: the key `name`"));
    }

    #[test]
    fn the_subject_must_be_the_backup_where_one_is_named() {
        let backup = Digest::of(b"backup").to_string();
        let other = Digest::of(b"other").to_string();
        for (digest, right) in [(backup, true), (other, false)] {
            let mut document = cyclonedx("1.5");
            document["metadata"] = json!({"component": {"type": "file", "name": "b",
                "hashes": [{"alg": "SHA-256", "content": digest}]}});
            assert_eq!(check(&document).is_ok_and(|sbom| sbom.names_backup), right);
            let mut document = spdx();
            document["packages"][0]["checksums"] =
                json!([{"algorithm": "SHA256", "checksumValue": digest}]);
            assert_eq!(check(&document).is_ok_and(|sbom| sbom.names_backup), right);
        }
    }

    #[test]
    fn what_is_not_an_sbom_is_named() {
        let error = |bytes: &[u8]| validate(bytes, &Digest::of(b"")).unwrap_err().to_string();
        assert!(error(b"<?xml version='1.0'?><bom/>").contains("is XML"));
        assert!(error(b"SPDXVersion: SPDX-2.3\n").contains("tag-value"));
        assert!(error(b"{}").contains("neither CycloneDX nor SPDX"));
        assert!(error(b"{\"a\":1,\"a\":2}").contains("stands twice"));
        assert!(check(&cyclonedx("9.9")).unwrap_err().to_string().contains("1.7 are"));
        let mut empty = cyclonedx("1.6");
        empty["components"] = json!([]);
        assert!(matches!(check(&empty), Err(SbomError::Empty("components"))));
    }
}
