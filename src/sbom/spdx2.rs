//! SPDX 2.2 and 2.3: what their schemas cannot say.

use crate::document::Borrowed;

use super::identifier::is_package_url;
use super::inventory::{Component, Fault, Inventory, References, any, check_digest, items, said};

/// Relationships in which one element depends on, or contains, another.
const DEPENDENCIES: [&str; 12] = [
    "DEPENDS_ON",
    "DEPENDENCY_OF",
    "CONTAINS",
    "CONTAINED_BY",
    "BUILD_DEPENDENCY_OF",
    "DEV_DEPENDENCY_OF",
    "RUNTIME_DEPENDENCY_OF",
    "TEST_DEPENDENCY_OF",
    "PROVIDED_DEPENDENCY_OF",
    "OPTIONAL_DEPENDENCY_OF",
    "STATIC_LINK",
    "DYNAMIC_LINK",
];

/// Reads a document that follows its schema.
pub(super) fn read<'a>(document: &'a Borrowed<'a>, version: &str) -> Inventory<'a> {
    let creation = document.get("creationInfo").unwrap_or(&Borrowed::Null);
    let creators = || items(creation, "creators").filter_map(Borrowed::as_str);
    let mut inventory = Inventory {
        created: said(creation, "created"),
        has_author: creators().any(|c| c.starts_with("Person:") || c.starts_with("Organization:")),
        has_tool: creators().any(|creator| creator.starts_with("Tool:")),
        has_context: said(creation, "comment").is_some(),
        ..Inventory::default()
    };
    check_head(document, &mut inventory);
    if version == "2.2" && document.get("$schema").is_some() {
        inventory.remarks.push("`$schema` is no field of SPDX 2.2".to_owned());
    }
    let mut references = References::default();
    references.define("SPDXRef-DOCUMENT", || "/SPDXID".to_owned());
    for list in ["packages", "files", "snippets"] {
        for (element, index) in items(document, list).zip(0..) {
            if let Some(name) = element["SPDXID"].as_str() {
                let fault = references.define(name, || format!("/{list}/{index}/SPDXID"));
                inventory.faults.extend(fault);
            }
            for (sum, at) in items(element, "checksums").zip(0..) {
                if let (Some(algorithm), Some(value)) =
                    (sum["algorithm"].as_str(), sum["checksumValue"].as_str())
                {
                    let place = || format!("/{list}/{index}/checksums/{at}/checksumValue");
                    inventory.faults.extend(check_digest(algorithm, value, place));
                }
            }
            if element["filesAnalyzed"] == Borrowed::Bool(false)
                && element.get("packageVerificationCode").is_some()
            {
                inventory.faults.push(Fault {
                    rule: "sbom/verification-code",
                    pointer: format!("/{list}/{index}/packageVerificationCode"),
                    message: "is there though no file was analysed".to_owned(),
                });
            }
        }
    }
    let described = check_references(document, &references, &mut inventory);
    for list in ["packages", "files"] {
        for element in items(document, list) {
            let is_subject =
                element["SPDXID"].as_str().is_some_and(|name| described.contains(&name));
            if is_subject {
                inventory.subjects.push(component(element));
            }
            if list == "packages" {
                inventory.components.push(component(element));
            }
        }
    }
    inventory
}

fn fault(rule: &'static str, pointer: &str, message: impl Into<String>) -> Fault {
    Fault { rule, pointer: pointer.to_owned(), message: message.into() }
}

/// What the specification asks of the document itself, and its schemas do not.
fn check_head(document: &Borrowed<'_>, inventory: &mut Inventory<'_>) {
    let text = |key: &str| document.get(key).and_then(Borrowed::as_str).unwrap_or_default();
    for (key, wanted) in [("dataLicense", "CC0-1.0"), ("SPDXID", "SPDXRef-DOCUMENT")] {
        if text(key) != wanted {
            let message = format!("is `{}`: `{wanted}` is wanted", text(key));
            inventory.faults.push(fault("sbom/document", &format!("/{key}"), message));
        }
    }
    let namespace = text("documentNamespace");
    let absolute = namespace.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    });
    if !absolute || namespace.contains('#') {
        let message = format!("`{namespace}` is no absolute URI without `#`");
        inventory.faults.push(fault("sbom/document", "/documentNamespace", message));
    }
    let creators = document.pointer("/creationInfo/creators").and_then(Borrowed::as_array);
    if creators.is_none_or(<[_]>::is_empty) {
        inventory.faults.push(fault("sbom/document", "/creationInfo/creators", "names nobody"));
    }
}

/// Names of elements that the document describes.
fn check_references<'a>(
    document: &'a Borrowed<'a>,
    references: &References<'a>,
    inventory: &mut Inventory<'a>,
) -> Vec<&'a str> {
    let mut described = Vec::new();
    let elsewhere =
        |name: &str| name.starts_with("DocumentRef-") || ["NONE", "NOASSERTION"].contains(&name);
    for (name, index) in items(document, "documentDescribes").zip(0..) {
        if let Some(name) = name.as_str() {
            described.push(name);
            inventory
                .faults
                .extend(references.check(name, || format!("/documentDescribes/{index}")));
        }
    }
    for (relationship, index) in items(document, "relationships").zip(0..) {
        for key in ["spdxElementId", "relatedSpdxElement"] {
            if let Some(name) = relationship[key].as_str().filter(|name| !elsewhere(name)) {
                let place = || format!("/relationships/{index}/{key}");
                inventory.faults.extend(references.check(name, place));
            }
        }
        let kind = relationship["relationshipType"].as_str().unwrap_or_default();
        inventory.has_dependencies |= DEPENDENCIES.contains(&kind);
        let (from, to) = (&relationship["spdxElementId"], &relationship["relatedSpdxElement"]);
        match kind {
            "DESCRIBES" if from == "SPDXRef-DOCUMENT" => described.extend(to.as_str()),
            "DESCRIBED_BY" if to == "SPDXRef-DOCUMENT" => described.extend(from.as_str()),
            _ => {}
        }
    }
    for (package, index) in items(document, "packages").zip(0..) {
        for (name, at) in items(package, "hasFiles").zip(0..) {
            if let Some(name) = name.as_str() {
                let place = || format!("/packages/{index}/hasFiles/{at}");
                inventory.faults.extend(references.check(name, place));
            }
        }
    }
    if described.is_empty() && items(document, "packages").nth(1).is_some() {
        inventory.faults.push(fault(
            "sbom/describes",
            "/relationships",
            "the document does not say what it describes",
        ));
    }
    described
}

fn component<'a>(element: &'a Borrowed<'a>) -> Component<'a> {
    let sha256 = items(element, "checksums").find(|sum| sum["algorithm"] == "SHA256");
    Component {
        name: said(element, "name").or_else(|| said(element, "fileName")),
        version: said(element, "versionInfo"),
        has_supplier: said(element, "supplier").is_some() || said(element, "originator").is_some(),
        has_identifier: any(element, "externalRefs") || said(element, "SPDXID").is_some(),
        wrong_identifier: items(element, "externalRefs")
            .filter(|reference| reference["referenceType"] == "purl")
            .filter_map(|reference| said(reference, "referenceLocator"))
            .find(|text| !is_package_url(text)),
        has_copyright: said(element, "copyrightText").is_some(),
        has_hash: any(element, "checksums"),
        sha256: sha256.and_then(|sum| sum["checksumValue"].as_str()),
        licenses: said(element, "licenseConcluded")
            .or_else(|| said(element, "licenseDeclared"))
            .into_iter()
            .collect(),
    }
}
