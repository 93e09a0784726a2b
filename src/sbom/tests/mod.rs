//! The catalogue of `docs/supply-chain.md`, id by id: what must pass, and a mutant that must not.

mod cyclonedx;
mod demands;
mod spdx;

use serde_json::{Value, json};

use super::*;

fn digest() -> Digest {
    Digest::of(b"backup")
}

fn cyclonedx() -> Value {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "metadata": {"timestamp": "2026-11-20T08:00:00Z",
            "component": {"type": "file", "name": "backup", "version": "1", "bom-ref": "root",
                "hashes": [{"alg": "SHA-256", "content": digest().to_string()}]}},
        "components": [
            {"type": "library", "name": "a", "version": "1", "bom-ref": "a", "licenses": [{"license": {"id": "MIT"}}]},
            {"type": "library", "name": "b", "version": "1", "bom-ref": "b", "licenses": [{"expression": "MIT OR GPL-3.0-only"}],
                "components": [{"type": "library", "name": "c", "version": "1", "bom-ref": "c"}]}],
        "dependencies": [{"ref": "root", "dependsOn": ["a", "b"]}, {"ref": "b", "dependsOn": ["c"]}]})
}

fn spdx2() -> Value {
    let package = |name: &str| {
        json!({"SPDXID": format!("SPDXRef-{name}"), "name": name, "downloadLocation": "NONE",
            "versionInfo": "1", "supplier": "Organization: o", "licenseConcluded": "MIT",
            "licenseDeclared": "MIT", "copyrightText": "c",
            "checksums": [{"algorithm": "SHA256", "checksumValue": Digest::of(name.as_bytes()).to_string()}]})
    };
    json!({"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "n",
        "dataLicense": "CC0-1.0", "documentNamespace": "https://example.org/n",
        "creationInfo": {"created": "2026-11-20T08:00:00Z", "creators": ["Tool: t", "Person: p"]},
        "packages": [package("backup"), package("a")],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-backup"},
            {"spdxElementId": "SPDXRef-backup", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-a"}]})
}

fn spdx3() -> Value {
    let creation = "_:creation";
    json!({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
        {"type": "CreationInfo", "@id": creation, "specVersion": "3.0.1", "created": "2026-11-20T08:00:00Z",
            "createdBy": ["https://example.org/p"]},
        {"type": "Person", "spdxId": "https://example.org/p", "name": "p", "creationInfo": creation},
        {"type": "SpdxDocument", "spdxId": "https://example.org/doc", "creationInfo": creation,
            "rootElement": ["https://example.org/backup"], "element": ["https://example.org/backup", "https://example.org/a"]},
        {"type": "software_Package", "spdxId": "https://example.org/backup", "name": "backup", "creationInfo": creation,
            "software_packageVersion": "1", "suppliedBy": "https://example.org/p",
            "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": digest().to_string()}]},
        {"type": "software_Package", "spdxId": "https://example.org/a", "name": "a", "creationInfo": creation,
            "software_packageVersion": "1", "suppliedBy": "https://example.org/p"},
        {"type": "Relationship", "spdxId": "https://example.org/r", "creationInfo": creation,
            "relationshipType": "dependsOn", "from": "https://example.org/backup", "to": ["https://example.org/a"]}]})
}

fn changed(mut value: Value, pointer: &str, to: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = to,
        other => other[key] = to,
    }
    value
}

fn without(mut value: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    assert!(value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).is_some());
    value
}

fn demand() -> Demand {
    Demand { subject: Some(digest()), components: true, ..Demand::default() }
}

fn check(document: &Value) -> Result<Sbom, SbomError> {
    validate(document.to_string().as_bytes(), &demand())
}

/// The rule that it breaks, and where; it breaks no other.
#[track_caller]
fn breaks(document: &Value, rule: &str, pointer: &str) {
    match check(document) {
        Err(SbomError::Invalid { problems, total, .. }) => {
            let found: Vec<_> = problems.iter().map(|p| (p.rule, p.pointer.as_str())).collect();
            assert_eq!((found, total), (vec![(rule, pointer)], 1), "{problems:?}");
            assert!(problems[0].place.is_some(), "{problems:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_format_is_read_and_bound() {
    for (document, version, components) in
        [(cyclonedx(), "1.6", 3), (spdx2(), "2.3", 2), (spdx3(), "3.0.1", 2)]
    {
        let found = check(&document).unwrap();
        assert_eq!((found.spec_version.as_str(), found.components), (version, components));
        assert_eq!(found.binding, Binding::Bound, "{version}");
        assert!(found.created.is_some(), "{version}");
        assert!(found.remarks.is_empty(), "{:?}", found.remarks);
    }
}

#[test]
fn what_is_not_an_sbom_is_named() {
    let error = |bytes: &[u8]| validate(bytes, &demand()).unwrap_err().to_string();
    assert!(error(b"<?xml version='1.0'?><bom/>").contains("is XML"));
    assert!(error(b"SPDXVersion: SPDX-2.3\n").contains("tag-value"));
    assert!(error(b"{}").contains("neither CycloneDX nor SPDX"));
    assert!(
        error(b"{\"a\":1,\"a\":2}").contains("is invalid: 1:")
            && error(b"{\"a\":1,\"a\":2}").contains("stands twice")
    );
    let empty = changed(without(cyclonedx(), "/dependencies"), "/components", json!([]));
    assert!(matches!(check(&empty), Err(SbomError::Empty("components"))));
    let nothing_wanted = Demand { components: false, ..demand() };
    assert!(validate(empty.to_string().as_bytes(), &nothing_wanted).is_ok());
}
