//! The official schemas, without their prose and compressed (`scripts/vendor-schemas.py`, `NOTICE`).

use std::collections::HashSet;
use std::io::Read as _;

use serde_json::Value;

use crate::document::schema::{InvalidSchema, Schema};
use crate::document::{Borrowed, BorrowedJson};

macro_rules! vendored {
    ($name:literal) => {
        include_bytes!(concat!("../../data/sbom-schemas/", $name, ".json.gz")).as_slice()
    };
}

/// Format, version, schema. SPDX 3.0.0 is held against 3.0.1, which corrected it.
const KNOWN: [(&str, &str, &[u8]); 10] = [
    ("CycloneDX", "1.2", vendored!("bom-1.2")),
    ("CycloneDX", "1.3", vendored!("bom-1.3")),
    ("CycloneDX", "1.4", vendored!("bom-1.4")),
    ("CycloneDX", "1.5", vendored!("bom-1.5")),
    ("CycloneDX", "1.6", vendored!("bom-1.6")),
    ("CycloneDX", "1.7", vendored!("bom-1.7")),
    ("SPDX", "2.2", vendored!("spdx-2.2")),
    ("SPDX", "2.3", vendored!("spdx-2.3")),
    ("SPDX", "3.0.0", vendored!("spdx-3.0.1")),
    ("SPDX", "3.0.1", vendored!("spdx-3.0.1")),
];

/// Where a schema is stricter than the documents that its own specification shows, or is of another
/// version: version of the document, what the schema says, what is meant.
const CORRECTIONS: [(&str, &str, &str); 3] = [
    ("2.2", r#""properties":{"#, r#""properties":{"$schema":{"type":"string"},"#),
    ("2.2", r#""PACKAGE_MANAGER""#, r#""PACKAGE_MANAGER","PACKAGE-MANAGER""#),
    ("3.0.0", "rdf/3.0.1/spdx-context", "rdf/3.0.0/spdx-context"),
];

/// Schemas that others refer to, by the name in the reference.
const SHARED: [(&str, &[u8]); 3] = [
    ("spdx", vendored!("spdx")),
    ("jsf-0.82", vendored!("jsf-0.82")),
    ("cryptography-defs", vendored!("cryptography-defs")),
];

/// Versions of a format that are known.
pub(super) fn versions(format: &str) -> Vec<&'static str> {
    KNOWN.iter().filter(|known| known.0 == format).map(|known| known.1).collect()
}

/// The schema of a version, as far as it matters to a document; `None` where it is not known.
pub(super) fn find(
    format: &str,
    version: &str,
    document: &Borrowed<'_>,
) -> Result<Option<Schema<BorrowedJson>>, InvalidSchema> {
    let Some((_, _, packed)) = KNOWN.iter().find(|known| (known.0, known.1) == (format, version))
    else {
        return Ok(None);
    };
    let mut text = unpack(packed)?;
    for (_, from, to) in CORRECTIONS.iter().filter(|correction| correction.0 == version) {
        text = text.replacen(from, to, 1);
    }
    let mut keys = HashSet::new();
    collect_keys(document, &mut keys);
    Schema::compile_for(&keys, &text, referred).map(Some)
}

fn collect_keys<'d>(value: &'d Borrowed<'_>, keys: &mut HashSet<&'d str>) {
    for (key, member) in value.as_object().unwrap_or_default() {
        keys.insert(key);
        collect_keys(member, keys);
    }
    value.as_array().unwrap_or_default().iter().for_each(|item| collect_keys(item, keys));
}

/// The shared schemas that a text refers to.
fn referred(text: &str) -> Result<Vec<(String, Value)>, InvalidSchema> {
    let mut others = Vec::new();
    for (name, packed) in SHARED.iter().filter(|(name, _)| text.contains(&format!("\"{name}."))) {
        for address in ["SNAPSHOT.schema.json", "schema.json"] {
            let address = format!("http://cyclonedx.org/schema/{name}.{address}");
            let schema = serde_json::from_str(&unpack(packed)?)
                .map_err(|error| InvalidSchema(error.to_string()))?;
            others.push((address, schema));
        }
    }
    Ok(others)
}

fn unpack(packed: &[u8]) -> Result<String, InvalidSchema> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_string(&mut text)
        .map_err(|error| InvalidSchema(error.to_string()))?;
    Ok(text)
}
