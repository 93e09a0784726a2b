//! SPDX 3.0 as JSON-LD: what its schema cannot say. The shapes of its model (SHACL) are not checked.

use std::collections::HashMap;

use crate::document::Borrowed;

use super::identifier::is_package_url;
use super::inventory::{Component, Fault, Inventory, References, any, check_digest, items, said};

/// Keys whose values are names of elements.
const REFERENCES: [&str; 10] = [
    "from",
    "to",
    "rootElement",
    "element",
    "createdBy",
    "createdUsing",
    "suppliedBy",
    "originatedBy",
    "subject",
    "creationInfo",
];
/// Relationships in which one element depends on, or contains, another.
const DEPENDENCIES: [&str; 6] = [
    "dependsOn",
    "contains",
    "hasStaticLink",
    "hasDynamicLink",
    "hasOptionalDependency",
    "hasProvidedDependency",
];

fn name_of<'a>(element: &'a Borrowed<'a>) -> Option<&'a str> {
    ["spdxId", "@id"].iter().find_map(|key| element.get(key)?.as_str())
}

fn kind_of<'a>(element: &'a Borrowed<'a>) -> &'a str {
    ["type", "@type"].iter().find_map(|key| element.get(key)?.as_str()).unwrap_or_default()
}

/// The names in a value: one, or a list of them. Elements that stand in place are no names.
fn names<'a>(value: &'a Borrowed<'a>) -> impl Iterator<Item = &'a str> {
    let list = value.as_array().unwrap_or(std::slice::from_ref(value));
    list.iter().filter_map(Borrowed::as_str)
}

/// Reads a document that follows its schema.
pub(super) fn read<'a>(document: &'a Borrowed<'a>) -> Inventory<'a> {
    let mut inventory = Inventory::default();
    let graph: Vec<&Borrowed<'_>> = match document.get("@graph") {
        Some(Borrowed::List(list)) => list.iter().collect(),
        _ => vec![document],
    };
    let place = |index: usize, key: &str| format!("/@graph/{index}/{key}");
    let mut references = References::default();
    let mut elements: HashMap<&str, &Borrowed<'_>> = HashMap::new();
    for (element, index) in graph.iter().zip(0..) {
        if let Some(name) = name_of(element) {
            inventory.faults.extend(references.define(name, || place(index, "spdxId")));
            elements.insert(name, element);
        }
    }
    let documents: Vec<&&Borrowed<'_>> =
        graph.iter().filter(|e| kind_of(e) == "SpdxDocument").collect();
    if documents.len() != 1 {
        inventory.faults.push(Fault {
            rule: "sbom/document",
            pointer: "/@graph".to_owned(),
            message: format!("holds {} elements `SpdxDocument`: one is wanted", documents.len()),
        });
    }
    let imported: Vec<&str> = documents
        .iter()
        .flat_map(|document| items(document, "import"))
        .filter_map(|map| said(map, "externalSpdxId"))
        .collect();
    for (element, index) in graph.iter().zip(0..) {
        for key in REFERENCES {
            let Some(value) = element.get(key) else { continue };
            for name in names(value) {
                // Individuals of the model itself, and licences of the list, lie outside.
                if !imported.contains(&name) && !name.starts_with("https://spdx.org/") {
                    inventory.faults.extend(references.check(name, || place(index, key)));
                }
            }
        }
        for (hash, at) in items(element, "verifiedUsing").zip(0..) {
            if let (Some(algorithm), Some(value)) =
                (said(hash, "algorithm"), said(hash, "hashValue"))
            {
                let place = || place(index, &format!("verifiedUsing/{at}/hashValue"));
                inventory.faults.extend(check_digest(algorithm, value, place));
            }
        }
        let kind = element.get("relationshipType").and_then(Borrowed::as_str).unwrap_or_default();
        inventory.has_dependencies |= DEPENDENCIES.contains(&kind);
        if kind_of(element) == "software_Sbom" {
            inventory.has_context |= element.get("software_sbomType").is_some();
        }
    }
    read_creation(documents.first().copied().copied(), &elements, &mut inventory);
    let licenses = licenses(&graph, &elements);
    for element in &graph {
        if kind_of(element) == "software_Package" {
            inventory.components.push(component(element, &licenses));
        }
    }
    for name in root_elements(&documents, &elements) {
        if let Some(element) = elements.get(name) {
            inventory.subjects.push(component(element, &licenses));
        }
    }
    inventory
}

fn read_creation<'a>(
    document: Option<&'a Borrowed<'a>>,
    elements: &HashMap<&'a str, &'a Borrowed<'a>>,
    inventory: &mut Inventory<'a>,
) {
    let Some(creation) = document.and_then(|document| document.get("creationInfo")) else { return };
    let creation = match creation {
        Borrowed::String(name) => elements.get(name.as_ref()).copied(),
        other => Some(other),
    };
    let Some(creation) = creation else { return };
    inventory.created = said(creation, "created");
    let is = |name: &str, kinds: &[&str]| {
        elements.get(name).is_some_and(|element| kinds.contains(&kind_of(element)))
    };
    let by = creation.get("createdBy").into_iter().flat_map(names);
    inventory.has_author =
        by.into_iter().any(|name| is(name, &["Person", "Organization", "Agent"]));
    inventory.has_tool = creation.get("createdUsing").is_some();
}

/// What the document is about; an SBOM among that stands for what it is about itself.
fn root_elements<'a>(
    documents: &[&&'a Borrowed<'a>],
    elements: &HashMap<&'a str, &'a Borrowed<'a>>,
) -> Vec<&'a str> {
    let roots = |element: &'a Borrowed<'a>| element.get("rootElement").into_iter().flat_map(names);
    let mut found = Vec::new();
    for name in documents.iter().flat_map(|document| roots(document)) {
        match elements.get(name) {
            Some(element) if kind_of(element) == "software_Sbom" => found.extend(roots(element)),
            _ => found.push(name),
        }
    }
    found
}

/// Licence expressions by the element that has them.
fn licenses<'a>(
    graph: &[&'a Borrowed<'a>],
    elements: &HashMap<&'a str, &'a Borrowed<'a>>,
) -> HashMap<&'a str, Vec<&'a str>> {
    let mut found: HashMap<&str, Vec<&str>> = HashMap::new();
    for relationship in graph {
        let kind =
            relationship.get("relationshipType").and_then(Borrowed::as_str).unwrap_or_default();
        if !["hasConcludedLicense", "hasDeclaredLicense"].contains(&kind) {
            continue;
        }
        let Some(from) = relationship.get("from").and_then(Borrowed::as_str) else { continue };
        for name in relationship.get("to").into_iter().flat_map(names) {
            let license = elements.get(name);
            let text = license.and_then(|l| said(l, "simplelicensing_licenseExpression"));
            found.entry(from).or_default().extend(text);
        }
    }
    found
}

fn component<'a>(
    element: &'a Borrowed<'a>,
    licenses: &HashMap<&'a str, Vec<&'a str>>,
) -> Component<'a> {
    let sha256 = items(element, "verifiedUsing").find(|hash| hash["algorithm"] == "sha256");
    let name = name_of(element);
    Component {
        name: said(element, "name"),
        version: said(element, "software_packageVersion"),
        has_supplier: element.get("suppliedBy").is_some() || any(element, "originatedBy"),
        has_identifier: name.is_some(),
        wrong_identifier: said(element, "software_packageUrl").filter(|text| !is_package_url(text)),
        has_copyright: said(element, "software_copyrightText").is_some(),
        has_hash: any(element, "verifiedUsing"),
        sha256: sha256.and_then(|hash| hash["hashValue"].as_str()),
        licenses: name.and_then(|name| licenses.get(name)).cloned().unwrap_or_default(),
    }
}
