//! CD: CycloneDX.

use super::*;

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
fn cd_10_identifiers_that_are_none_identify_nothing() {
    let with =
        |key: &str, text: &str| changed(cyclonedx(), &format!("/components/0/{key}"), json!(text));
    let ntia = |document: &Value| {
        let demand = Demand { profiles: vec![SbomProfile::Ntia2021], ..demand() };
        let found = validate(document.to_string().as_bytes(), &demand).unwrap();
        let missing = found.profiles[0].1.iter().find(|m| m.element == "unique identifier");
        (missing.map_or(0, |missing| missing.components), found.remarks)
    };
    let (without_any, _) = ntia(&cyclonedx());
    let (missing, remarks) = ntia(&with("purl", "pkg:cargo/serde@1.0.0"));
    assert_eq!((missing, remarks.len()), (without_any - 1, 0));
    let (missing, remarks) = ntia(&with("purl", "serde@1.0.0"));
    assert_eq!(missing, without_any);
    assert!(remarks[0].contains("that is none, `serde@1.0.0` first"), "{remarks:?}");
    let (missing, remarks) =
        ntia(&changed(with("purl", "x"), "/components/0/cpe", json!("cpe:/a:v:p")));
    assert_eq!((missing, remarks.len()), (without_any - 1, 1), "one that is one is enough");
}

#[test]
fn cd_10_a_document_from_the_future_is_remarked() {
    let made = changed(cyclonedx(), "/metadata/timestamp", json!("2026-11-20T09:00:00Z"));
    let at = |now: &str| {
        let demand = Demand { now: Some(now.parse().unwrap()), ..demand() };
        validate(made.to_string().as_bytes(), &demand).unwrap().remarks
    };
    assert_eq!(at("2026-11-20T09:00:00Z"), [""; 0]);
    assert!(at("2026-11-20T08:59:59Z")[0].contains("made in the future"));
}

#[test]
fn cd_11_a_signature_that_was_not_checked_is_said_to_be_one() {
    let signature = json!({"algorithm": "ES256", "value": "AAAA"});
    let found = check(&changed(cyclonedx(), "/signature", signature)).unwrap();
    assert!(found.remarks[0].contains("which was not checked"));
}
