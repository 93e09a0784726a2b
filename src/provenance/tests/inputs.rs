//! IN: the bytes before anything is known of them.

use super::*;

fn text(text: &str) -> Result<Provenance, ProvenanceError> {
    held(text, &Trust::default(), &Expectations::default())
}

#[test]
fn in_1_depth_and_number_are_capped() {
    refused(text(&"[".repeat(10_000)), "is invalid: 1:128: recursion limit");
    let one = build().to_string();
    assert_eq!(
        text(&format!("[{}]", vec![one.as_str(); 1024].join(","))).unwrap().statements,
        1024
    );
    refused(
        text(&format!("[{}]", vec![one.as_str(); 1025].join(","))),
        "more than 1024 statements",
    );
}

#[test]
fn in_2_utf8_without_mark_and_nothing_after_the_end() {
    let one = build().to_string();
    assert!(text(&one).is_ok());
    refused(text(&format!("\u{feff}{one}")), "byte order mark");
    refused(text(&format!("{one} x")), "trailing characters");
    assert_eq!(text(&format!("{one}\n\n{one}\n")).unwrap().statements, 2);
    refused(text(&format!("{one}\n{{oops}}\n")), "is invalid: 2:");
    let artifact = Artifact::new(digest(), None);
    let now = NOW.parse().unwrap();
    let bytes = validate(b"\xff", &artifact, &Trust::default(), &Expectations::default(), now);
    refused(bytes, "is not UTF-8");
}

#[test]
fn in_3_no_key_stands_twice_at_any_depth() {
    let one = build().to_string();
    let twice = one.replace("\"startedOn\"", "\"finishedOn\"");
    refused(text(&twice), "the key `finishedOn` stands twice");
    // Inside the payload of an envelope, too.
    let key = Key::new(KeyKind::Ed25519);
    let envelope = Envelope::sign(IN_TOTO, twice.as_bytes(), &key.0).unwrap().to_string();
    refused(held(&envelope, &trusting(&[&key], 1), &Expectations::default()), "stands twice");
}

#[test]
fn in_5_nothing_at_all_and_nothing_left_are_no_success() {
    refused(text("[]"), "is empty");
    refused(text(""), "is invalid");
    let wanted = Expectations {
        predicate_types: vec!["https://cyclonedx.org/bom".to_owned()],
        ..Expectations::default()
    };
    refused(asked(&build(), &wanted), "https://cyclonedx.org/bom is wanted");
}

#[test]
fn in_6_not_verified_is_not_verified() {
    let key = Key::new(KeyKind::Ed25519);
    let envelope = key.sign(&build()).to_string();
    assert!(text(&envelope).unwrap().signers.is_empty(), "nobody is trusted");
    let found = held(&envelope, &trusting(&[&key], 1), &Expectations::default()).unwrap();
    assert_eq!(found.signers[0].name, "k0");
}

#[test]
fn in_7_everything_is_matched_to_the_digest() {
    let other = Digest::of(b"other").to_string();
    refused(
        read(&changed(build(), "/subject/0/digest/sha256", json!(other))),
        &format!("no statement is about the artifact {}: they are about {other}", digest()),
    );
}
