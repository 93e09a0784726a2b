//! The catalogue of `docs/supply-chain.md`, id by id: what must pass, and a mutant that must not.

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
fn cd_1_versions_that_are_known_and_none_that_are_not() {
    for version in schemas::versions("CycloneDX") {
        let document = changed(cyclonedx(), "/specVersion", json!(version));
        let document = if version < "1.5" {
            changed(document, "/components/1/licenses", json!([{"license": {"id": "MIT"}}]))
        } else {
            document
        };
        assert_eq!(check(&document).unwrap().spec_version, version);
        let broken = changed(document, "/components/0/type", json!("no-such-type"));
        assert!(matches!(check(&broken), Err(SbomError::Invalid { .. })), "{version}");
    }
    let error = check(&changed(cyclonedx(), "/specVersion", json!("9.9"))).unwrap_err().to_string();
    assert!(error.contains("of an unknown version: CycloneDX 9.9; 1.2, 1.3"), "{error}");
}

#[test]
fn cd_2_formats_are_checked() {
    breaks(
        &changed(cyclonedx(), "/metadata/timestamp", json!("yesterday")),
        "sbom/schema",
        "/metadata/timestamp",
    );
    breaks(
        &changed(cyclonedx(), "/serialNumber", json!("urn:uuid:x")),
        "sbom/schema",
        "/serialNumber",
    );
}

#[test]
fn cd_3_a_problem_has_its_pointer_its_place_and_one_sentence() {
    let document = changed(cyclonedx(), "/components/0/licenses/0/license/id", json!("NO-SUCH-ID"));
    let text = serde_json::to_string_pretty(&document).unwrap();
    let error = validate(text.as_bytes(), &demand()).unwrap_err();
    let SbomError::Invalid { problems, total, .. } = &error else { panic!("{error:?}") };
    assert_eq!((problems.len(), *total), (1, 1), "{problems:?}");
    let line = text.lines().position(|line| line.contains("NO-SUCH-ID")).unwrap() + 1;
    assert_eq!(problems[0].place.unwrap().line, line);
    assert_eq!(problems[0].pointer, "/components/0/licenses/0/license/id");
    assert!(problems[0].message.len() < 200, "{}", problems[0].message);
    let wrong = (0..500).map(|number| json!({"type": "x", "name": number.to_string()}));
    let many = changed(cyclonedx(), "/components", wrong.collect());
    let Err(SbomError::Invalid { problems, total, .. }) = check(&many) else { panic!() };
    assert_eq!((problems.len(), total), (KEPT, 500));
}

#[test]
fn cd_4_serial_number_and_version() {
    breaks(&changed(cyclonedx(), "/version", json!(0)), "sbom/schema", "/version");
}

#[test]
fn cd_5_names_are_unique_in_the_whole_document() {
    breaks(
        &changed(without(cyclonedx(), "/dependencies"), "/components/0/bom-ref", json!("c")),
        "sbom/duplicate-reference",
        "/components/1/components/0/bom-ref",
    );
    let services = json!([{"name": "s", "bom-ref": "a"}]);
    breaks(
        &changed(cyclonedx(), "/services", services),
        "sbom/duplicate-reference",
        "/services/0/bom-ref",
    );
    let formulation = json!([{"bom-ref": "a", "workflows": []}]);
    let found = check(&changed(cyclonedx(), "/formulation", formulation)).unwrap();
    assert!(found.remarks[0].contains("/formulation/0/bom-ref"), "{:?}", found.remarks);
}

#[test]
fn cd_6_references_lead_somewhere() {
    for (pointer, value, at) in [
        ("/dependencies/0/ref", json!("x"), "/dependencies/0/ref"),
        ("/dependencies/0/dependsOn/1", json!("x"), "/dependencies/0/dependsOn/1"),
        ("/dependencies/0/provides", json!(["x"]), "/dependencies/0/provides/0"),
        (
            "/compositions",
            json!([{"aggregate": "complete", "assemblies": ["x"]}]),
            "/compositions/0/assemblies/0",
        ),
        (
            "/vulnerabilities",
            json!([{"id": "v", "affects": [{"ref": "x"}]}]),
            "/vulnerabilities/0/affects/0/ref",
        ),
        (
            "/annotations",
            json!([{"subjects": ["x"], "annotator": {"individual": {"name": "n"}}, "timestamp": "2026-11-20T08:00:00Z", "text": "t"}]),
            "/annotations/0/subjects/0",
        ),
    ] {
        breaks(&changed(cyclonedx(), pointer, value), "sbom/dangling-reference", at);
    }
    let link = json!("urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#x");
    assert!(check(&changed(cyclonedx(), "/dependencies/0/dependsOn/1", link)).is_ok());
    breaks(
        &changed(cyclonedx(), "/dependencies/1/ref", json!("root")),
        "sbom/duplicate-dependency",
        "/dependencies",
    );
    let itself = check(&changed(cyclonedx(), "/dependencies/1/dependsOn/0", json!("b"))).unwrap();
    assert!(itself.remarks[0].contains("`b` is said to depend on itself"));
}

#[test]
fn cd_7_digests_have_the_length_of_their_algorithm() {
    let at = "/metadata/component/hashes/0/content";
    // 40 digits are what the schema allows for SHA-1.
    breaks(&changed(cyclonedx(), at, json!("a".repeat(40))), "sbom/digest-length", at);
    for (algorithm, digits) in [
        ("MD5", 32),
        ("SHA-1", 40),
        ("SHA-384", 96),
        ("SHA-512", 128),
        ("SHA3-256", 64),
        ("BLAKE3", 64),
    ] {
        let hash = json!([{"alg": algorithm, "content": "a".repeat(digits)}]);
        assert!(check(&changed(cyclonedx(), "/components/0/hashes", hash)).is_ok(), "{algorithm}");
        let wrong = if digits == 64 { 128 } else { 64 };
        let hash = json!([{"alg": algorithm, "content": "a".repeat(wrong)}]);
        breaks(
            &changed(cyclonedx(), "/components/0/hashes", hash),
            "sbom/digest-length",
            "/components/0/hashes/0/content",
        );
    }
}

#[test]
fn cd_7_a_digest_that_is_no_hash_of_a_component_is_remarked() {
    let at = json!([{"type": "cryptographic-asset", "name": "c", "bom-ref": "x", "cryptoProperties": {
        "assetType": "certificate",
        "certificateProperties": {"fingerprint": {"alg": "SHA-256", "content": "a".repeat(32)}}}}]);
    let document =
        changed(changed(cyclonedx(), "/specVersion", json!("1.7")), "/components/0/components", at);
    let found = check(&document).unwrap();
    assert!(found.remarks[0].contains("/fingerprint/content"), "{:?}", found.remarks);
}

#[test]
fn cd_8_bound_weakly_bound_and_unbound() {
    let binding = |document: &Value| check(document).unwrap().binding;
    assert_eq!(binding(&cyclonedx()), Binding::Bound);
    let weak = without(cyclonedx(), "/metadata/component/hashes");
    assert_eq!(binding(&weak), Binding::WeaklyBound);
    assert_eq!(binding(&without(weak.clone(), "/metadata/component/version")), Binding::Unbound);
    let hash = json!([{"alg": "SHA-256", "content": digest().to_string()}]);
    assert_eq!(binding(&changed(weak, "/components/0/hashes", hash)), Binding::Bound);
    let other = json!(Digest::of(b"other").to_string());
    let error =
        check(&changed(cyclonedx(), "/metadata/component/hashes/0/content", other)).unwrap_err();
    assert!(matches!(error, SbomError::OtherSubject { .. }), "{error}");
}

#[test]
fn cd_9_licenses_are_those_of_the_list_or_parse() {
    breaks(
        &changed(cyclonedx(), "/components/0/licenses/0/license/id", json!("MITT")),
        "sbom/schema",
        "/components/0/licenses/0/license/id",
    );
}

#[test]
fn cd_11_a_signature_that_was_not_checked_is_said_to_be_one() {
    let signature = json!({"algorithm": "ES256", "value": "AAAA"});
    let found = check(&changed(cyclonedx(), "/signature", signature)).unwrap();
    assert!(found.remarks[0].contains("which was not checked"));
}

#[test]
fn sx_1_what_the_specification_asks_of_a_document() {
    for (pointer, value) in [
        ("/dataLicense", json!("MIT")),
        ("/SPDXID", json!("SPDXRef-x")),
        ("/documentNamespace", json!("example")),
        ("/documentNamespace", json!("https://example.org/n#x")),
    ] {
        breaks(&changed(spdx2(), pointer, value), "sbom/document", pointer);
    }
    let none = changed(spdx2(), "/creationInfo/creators", json!([]));
    assert!(matches!(check(&none), Err(SbomError::Invalid { .. })));
}

#[test]
fn sx_2_and_sx_7_the_older_version() {
    let old = changed(spdx2(), "/spdxVersion", json!("SPDX-2.2"));
    assert!(check(&old).is_ok());
    breaks(
        &changed(old.clone(), "/packages/1/primaryPackagePurpose", json!("SOURCE")),
        "sbom/wrong-version",
        "/packages/1/primaryPackagePurpose",
    );
    breaks(
        &without(old.clone(), "/packages/1/licenseDeclared"),
        "sbom/wrong-version",
        "/packages/1",
    );
    assert!(check(&without(spdx2(), "/packages/1/licenseDeclared")).is_ok());
}

#[test]
fn sx_3_references_lead_somewhere() {
    breaks(
        &changed(spdx2(), "/relationships/1/relatedSpdxElement", json!("SPDXRef-x")),
        "sbom/dangling-reference",
        "/relationships/1/relatedSpdxElement",
    );
    for elsewhere in ["DocumentRef-d:SPDXRef-x", "NONE", "NOASSERTION"] {
        assert!(
            check(&changed(spdx2(), "/relationships/1/relatedSpdxElement", json!(elsewhere)))
                .is_ok()
        );
    }
    breaks(
        &changed(spdx2(), "/documentDescribes", json!(["SPDXRef-x"])),
        "sbom/dangling-reference",
        "/documentDescribes/0",
    );
    breaks(
        &changed(spdx2(), "/packages/0/hasFiles", json!(["SPDXRef-x"])),
        "sbom/dangling-reference",
        "/packages/0/hasFiles/0",
    );
    let twice = changed(spdx2(), "/packages/1/SPDXID", json!("SPDXRef-backup"));
    let twice = changed(twice, "/relationships/1/relatedSpdxElement", json!("SPDXRef-backup"));
    breaks(&twice, "sbom/duplicate-reference", "/packages/1/SPDXID");
    breaks(
        &changed(spdx2(), "/relationships/0/relationshipType", json!("OTHER")),
        "sbom/describes",
        "/relationships",
    );
}

#[test]
fn sx_4_checksums_and_verification_codes() {
    breaks(
        &changed(spdx2(), "/packages/1/checksums/0/checksumValue", json!("aa")),
        "sbom/digest-length",
        "/packages/1/checksums/0/checksumValue",
    );
    let code = changed(
        spdx2(),
        "/packages/1/packageVerificationCode",
        json!({"packageVerificationCodeValue": "a".repeat(40)}),
    );
    assert!(check(&code).is_ok());
    breaks(
        &changed(code, "/packages/1/filesAnalyzed", json!(false)),
        "sbom/verification-code",
        "/packages/1/packageVerificationCode",
    );
}

#[test]
fn sx_5_what_is_described_is_the_artifact() {
    let other = json!(Digest::of(b"other").to_string());
    let error = check(&changed(spdx2(), "/packages/0/checksums/0/checksumValue", other.clone()))
        .unwrap_err();
    assert!(matches!(error, SbomError::OtherSubject { .. }), "{error}");
    let error = check(&changed(spdx3(), "/@graph/3/verifiedUsing/0/hashValue", other)).unwrap_err();
    assert!(matches!(error, SbomError::OtherSubject { .. }), "{error}");
    assert_eq!(
        check(&without(spdx3(), "/@graph/3/verifiedUsing")).unwrap().binding,
        Binding::WeaklyBound
    );
}

#[test]
fn sx_6_json_ld() {
    let context = |text: &str| changed(spdx3(), "/@context", json!(text));
    assert!(check(&context("https://spdx.org/rdf/3.0.0/spdx-context.jsonld")).is_ok());
    for unknown in ["https://spdx.org/rdf/3.1/spdx-context.jsonld", "https://example.org/c"] {
        assert!(matches!(check(&context(unknown)), Err(SbomError::Version { .. })), "{unknown}");
    }
    breaks(
        &changed(spdx3(), "/@graph/5/to/0", json!("https://example.org/x")),
        "sbom/dangling-reference",
        "/@graph/5/to",
    );
    let mut twice = spdx3();
    let person = twice["@graph"][1].clone();
    twice["@graph"].as_array_mut().unwrap().push(person);
    breaks(&twice, "sbom/duplicate-reference", "/@graph/6/spdxId");
}

#[test]
fn sx_6_one_document_and_whole_digests() {
    let mut two = spdx3();
    let mut second = two["@graph"][2].clone();
    second["spdxId"] = json!("https://example.org/doc2");
    two["@graph"].as_array_mut().unwrap().push(second);
    breaks(&two, "sbom/document", "/@graph");
    breaks(
        &changed(spdx3(), "/@graph/3/verifiedUsing/0/hashValue", json!("aa")),
        "sbom/digest-length",
        "/@graph/3/verifiedUsing/0/hashValue",
    );
    let broken = without(spdx3(), "/@graph/3/creationInfo");
    assert!(matches!(check(&broken), Err(SbomError::Invalid { .. })));
}

fn missing(document: &Value, profile: SbomProfile) -> Vec<(&'static str, u64)> {
    let demand = Demand { profiles: vec![profile], ..demand() };
    let found = validate(document.to_string().as_bytes(), &demand).unwrap();
    found.profiles[0].1.iter().map(|missing| (missing.element, missing.components)).collect()
}

/// A document that has every element of every profile.
fn complete() -> Value {
    let mut document = spdx2();
    document["creationInfo"]["comment"] = json!("build");
    document
}

#[test]
fn nt_ntia_2021_each_element_is_missed() {
    let profile = SbomProfile::Ntia2021;
    assert_eq!(missing(&complete(), profile), []);
    for (pointer, value, wanted) in [
        ("/packages/1/supplier", json!("NOASSERTION"), ("supplier", 1)),
        ("/packages/1/versionInfo", json!(" "), ("version", 1)),
        ("/packages/1/name", json!("NONE"), ("name", 1)),
        ("/relationships/1/relationshipType", json!("OTHER"), ("dependency relationship", 0)),
        ("/creationInfo/creators", json!(["Tool: t"]), ("author", 0)),
    ] {
        assert_eq!(missing(&changed(complete(), pointer, value), profile), [wanted]);
    }
    let originator = changed(complete(), "/packages/1/supplier", json!("NOASSERTION"));
    let originator = changed(originator, "/packages/1/originator", json!("Person: p"));
    assert_eq!(missing(&originator, profile), []);
    assert_eq!(
        missing(&cyclonedx(), profile),
        [("supplier", 3), ("unique identifier", 3), ("author", 0)]
    );
    let old = without(cyclonedx(), "/metadata/timestamp");
    assert!(missing(&old, profile).contains(&("timestamp", 0)));
}

#[test]
fn nt_fsct3_2024_adds_license_and_copyright() {
    let profile = SbomProfile::Fsct32024;
    assert_eq!(missing(&complete(), profile), []);
    let none = changed(complete(), "/packages/1/copyrightText", json!("NOASSERTION"));
    assert_eq!(missing(&none, profile), [("copyright", 1)]);
    let none = changed(complete(), "/packages/1/licenseConcluded", json!("NOASSERTION"));
    let none = changed(none, "/packages/1/licenseDeclared", json!("NOASSERTION"));
    assert_eq!(missing(&none, profile), [("license", 1)]);
}

#[test]
fn nt_cisa_2025_draft_adds_hash_license_tool_and_context() {
    let profile = SbomProfile::Cisa2025Draft;
    assert_eq!(missing(&complete(), profile), []);
    assert_eq!(missing(&without(complete(), "/packages/1/checksums"), profile), [("hash", 1)]);
    assert_eq!(
        missing(&without(complete(), "/creationInfo/comment"), profile),
        [("generation context", 0)]
    );
    let none = changed(complete(), "/creationInfo/creators", json!(["Person: p"]));
    assert_eq!(missing(&none, profile), [("tool name", 0)]);
}

#[test]
fn licenses_are_held_against_both_lists() {
    let refused = |allowed: &[&str], denied: &[&str]| {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let licenses = LicenseRules { allowed: list(allowed), denied: list(denied) };
        let demand = Demand { licenses, ..demand() };
        validate(cyclonedx().to_string().as_bytes(), &demand).unwrap().refused_licenses
    };
    assert!(refused(&[], &[]).is_empty());
    // Of `MIT OR GPL-3.0-only` one is enough; a component without a licence has none of the allowed.
    assert_eq!(refused(&["MIT"], &[]), ["c: no license"]);
    assert_eq!(refused(&["Apache-2.0"], &[]).len(), 3);
    assert!(refused(&[], &["GPL-3.0-only"]).is_empty());
    assert_eq!(refused(&[], &["mit"]), ["a: MIT"]);
    assert_eq!(refused(&[], &["MIT", "GPL-3.0-only"]).len(), 2);
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
