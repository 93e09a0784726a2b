//! NT: minimum elements; and licences.

use super::*;

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
