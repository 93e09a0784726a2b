//! CycloneDX: what its schemas cannot say.

use crate::document::Borrowed;

use super::identifier::{is_cpe, is_package_url};
use super::inventory::{
    Component, Fault, Inventory, References, any, check_digest, items, repeated, said,
};

/// Reads a document that follows its schema.
pub(super) fn read<'a>(document: &'a Borrowed<'a>) -> Inventory<'a> {
    let metadata = document.get("metadata").unwrap_or(&Borrowed::Null);
    let mut inventory = Inventory {
        created: said(metadata, "timestamp"),
        has_author: any(metadata, "authors")
            || ["manufacturer", "manufacture", "supplier"]
                .iter()
                .any(|key| metadata.get(key).is_some_and(|who| said(who, "name").is_some())),
        has_tool: metadata.get("tools").is_some_and(|tools| {
            tools.as_array().is_some_and(|list| !list.is_empty())
                || any(tools, "components")
                || any(tools, "services")
        }),
        has_context: any(metadata, "lifecycles"),
        ..Inventory::default()
    };
    if let Some(subject) = metadata.get("component") {
        inventory.subjects.push(component(subject));
    }
    collect(document, &mut inventory.components);
    let mut walk = Walk { references: References::default(), path: Vec::new(), inventory };
    walk.visit(document, false);
    let Walk { references, mut inventory, .. } = walk;
    check_references(document, &references, &mut inventory);
    if document.get("signature").is_some() {
        inventory.remarks.push("it carries a signature (JSF), which was not checked".to_owned());
    }
    inventory
}

fn collect<'a>(parent: &'a Borrowed<'a>, found: &mut Vec<Component<'a>>) {
    for item in items(parent, "components") {
        found.push(component(item));
        collect(item, found);
    }
}

fn component<'a>(value: &'a Borrowed<'a>) -> Component<'a> {
    let sha256 = items(value, "hashes").find(|hash| hash["alg"] == "SHA-256");
    let (right, wrong): (Vec<_>, Vec<_>) = [
        said(value, "purl").map(|text| (text, is_package_url(text))),
        said(value, "cpe").map(|text| (text, is_cpe(text))),
    ]
    .into_iter()
    .flatten()
    .partition(|(_, is_one)| *is_one);
    Component {
        name: said(value, "name"),
        version: said(value, "version"),
        has_supplier: ["supplier", "manufacturer"]
            .iter()
            .any(|key| value.get(key).is_some_and(|who| said(who, "name").is_some()))
            || said(value, "publisher").is_some()
            || said(value, "author").is_some()
            || any(value, "authors"),
        wrong_identifier: wrong.first().map(|(text, _)| *text),
        has_identifier: !right.is_empty()
            || value.get("swid").is_some()
            || any(value, "omniborId")
            || any(value, "swhid"),
        has_copyright: said(value, "copyright").is_some(),
        has_hash: any(value, "hashes"),
        sha256: sha256.and_then(|hash| hash["content"].as_str()),
        licenses: items(value, "licenses")
            .filter_map(|choice| match choice.get("license") {
                Some(license) => said(license, "id").or_else(|| said(license, "name")),
                None => said(choice, "expression"),
            })
            .collect(),
    }
}

/// One way through the whole document: names of elements and digests stand anywhere in it.
struct Walk<'a> {
    references: References<'a>,
    path: Vec<Segment<'a>>,
    inventory: Inventory<'a>,
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Walk<'a> {
    /// Whether the value that is looked at is an item of a list `hashes`.
    fn in_hashes(&self) -> bool {
        matches!(self.path.as_slice(), [.., Segment::Key("hashes"), Segment::Index(_)])
    }

    fn visit(&mut self, value: &'a Borrowed<'a>, in_formulation: bool) {
        match value {
            Borrowed::Object(members) => {
                if let Some(name) = value.get("bom-ref").and_then(Borrowed::as_str) {
                    let path = &self.path;
                    let fault = self.references.define(name, || pointer(path, "bom-ref"));
                    match fault {
                        // Two of the official examples break it there.
                        Some(fault) if in_formulation => {
                            let Fault { pointer, message, .. } = fault;
                            self.inventory.remarks.push(format!("{pointer}: {message}"));
                        }
                        other => self.inventory.faults.extend(other),
                    }
                }
                if let (Some(Borrowed::String(algorithm)), Some(Borrowed::String(content))) =
                    (value.get("alg"), value.get("content"))
                {
                    let path = &self.path;
                    let fault = check_digest(algorithm, content, || pointer(path, "content"));
                    match fault {
                        // One of the official examples has a fingerprint that is cut off.
                        Some(fault) if !self.in_hashes() => {
                            let Fault { pointer, message, .. } = fault;
                            self.inventory.remarks.push(format!("{pointer}: {message}"));
                        }
                        other => self.inventory.faults.extend(other),
                    }
                }
                for (key, member) in members {
                    self.path.push(Segment::Key(key));
                    self.visit(member, in_formulation || key == "formulation");
                    self.path.pop();
                }
            }
            Borrowed::List(list) => {
                for (item, index) in list.iter().zip(0..) {
                    self.path.push(Segment::Index(index));
                    self.visit(item, in_formulation);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }
}

fn pointer(path: &[Segment<'_>], last: &str) -> String {
    let mut text = String::new();
    for segment in path {
        text.push('/');
        match segment {
            Segment::Key(key) => text.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Index(index) => text.push_str(&index.to_string()),
        }
    }
    format!("{text}/{last}")
}

fn check_references<'a>(
    document: &'a Borrowed<'a>,
    references: &References<'a>,
    inventory: &mut Inventory<'a>,
) {
    let mut check = |name: Option<&str>, place: &dyn Fn() -> String| {
        // A link into another document: it cannot be followed here.
        if let Some(name) = name.filter(|name| !name.starts_with("urn:cdx:")) {
            inventory.faults.extend(references.check(name, place));
        }
    };
    for (list, keys) in [
        ("dependencies", &["dependsOn", "provides"][..]),
        ("compositions", &["assemblies", "dependencies", "vulnerabilities"]),
        ("annotations", &["subjects"]),
    ] {
        for (entry, index) in items(document, list).zip(0..) {
            if list == "dependencies" {
                check(entry["ref"].as_str(), &|| format!("/{list}/{index}/ref"));
            }
            for key in keys {
                for (name, at) in items(entry, key).zip(0..) {
                    check(name.as_str(), &|| format!("/{list}/{index}/{key}/{at}"));
                }
            }
        }
    }
    for (entry, index) in items(document, "vulnerabilities").zip(0..) {
        for (affected, at) in items(entry, "affects").zip(0..) {
            let name = affected["ref"].as_str();
            check(name, &|| format!("/vulnerabilities/{index}/affects/{at}/ref"));
        }
    }
    let dependencies = || items(document, "dependencies");
    if let Some(twice) = repeated(dependencies().filter_map(|entry| entry["ref"].as_str())) {
        inventory.faults.push(Fault {
            rule: "sbom/duplicate-dependency",
            pointer: "/dependencies".to_owned(),
            message: format!("`{twice}` has two entries"),
        });
    }
    for entry in dependencies() {
        let own = entry["ref"].as_str();
        inventory.has_dependencies |= any(entry, "dependsOn");
        if items(entry, "dependsOn").any(|name| name.as_str() == own) {
            let name = own.unwrap_or_default();
            inventory.remarks.push(format!("`{name}` is said to depend on itself"));
        }
    }
}
