//! SX: SPDX 2 and 3.

use super::*;

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
    let newer = changed(old.clone(), "/packages/1/primaryPackagePurpose", json!("SOURCE"));
    breaks(&newer, "sbom/schema", "/packages/1");
    breaks(&without(old.clone(), "/packages/1/licenseDeclared"), "sbom/schema", "/packages/1");
    let with_schema = check(&changed(old.clone(), "/$schema", json!("x"))).unwrap();
    assert_eq!(with_schema.remarks, ["`$schema` is no field of SPDX 2.2"]);
    for (category, right) in
        [("PACKAGE-MANAGER", true), ("PACKAGE_MANAGER", true), ("PERSISTENT-ID", false)]
    {
        let reference = json!([{"referenceCategory": category, "referenceType": "purl",
            "referenceLocator": "pkg:cargo/serde@1.0.0"}]);
        let document = changed(old.clone(), "/packages/1/externalRefs", reference);
        assert_eq!(check(&document).is_ok(), right, "{category}");
    }
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
