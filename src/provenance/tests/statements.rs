//! ST: in-toto statements.

use super::*;

#[test]
fn st_1_types_0_1_and_1() {
    for known in ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"] {
        assert!(read(&changed(build(), "/_type", json!(known))).is_ok(), "{known}");
    }
    for unknown in ["https://in-toto.io/Statement/v0.2", "https://in-toto.io/Statement/v2", "x"] {
        let result = read(&changed(build(), "/_type", json!(unknown)));
        refused(result, &format!("of an unknown version: statement 1: /_type is `{unknown}`"));
    }
    refused(read(&without(build(), "/_type")), "/_type is missing");
}

#[test]
fn st_2_subjects_have_digests_of_the_right_length() {
    let subject = |value: Value| read(&changed(build(), "/subject", value));
    let sha256 = digest().to_string();
    refused(subject(json!([])), "/subject names no subject");
    refused(subject(json!({})), "/subject is no list");
    refused(subject(json!([{"name": "b"}])), "/subject/0 has no digest");
    refused(subject(json!([{"digest": {}}])), "/subject/0 has no digest");
    refused(subject(json!([{"digest": {"sha256": 1}}])), "/subject/0/digest/sha256 is no text");
    for (name, bytes) in [
        ("md5", 16),
        ("sha1", 20),
        ("sha224", 28),
        ("sha256", 32),
        ("sha384", 48),
        ("sha512", 64),
        ("gitCommit", 20),
        ("gitCommit", 32),
        ("dirHash", 32),
    ] {
        let with = |text: String| {
            subject(json!([{"digest": {"sha256": sha256}}, {"digest": {name: text}}]))
        };
        assert!(with("a".repeat(bytes * 2)).is_ok(), "{name}");
        refused(with("a".repeat(bytes * 2 - 1)), &format!("/subject/1/digest/{name} is `aa"));
        refused(with("A".repeat(bytes * 2)), "lowercase hexadecimal digits are wanted");
        refused(with("g".repeat(bytes * 2)), "lowercase hexadecimal digits are wanted");
    }
    assert!(subject(json!([{"digest": {"sha256": sha256, "unheardOf": "anything"}}])).is_ok());
}

#[test]
fn st_3_every_digest_of_the_subject_must_be_the_artifacts() {
    for name in ["sha1", "sha224", "sha384", "sha512", "sha512_256"] {
        let right = computed(name);
        let pointer = format!("/subject/0/digest/{name}");
        assert!(read(&changed(build(), &pointer, json!(right))).is_ok(), "{name}");
        let wrong = if right.starts_with('0') {
            right.replacen('0', "1", 1)
        } else {
            format!("0{}", &right[1..])
        };
        refused(read(&changed(build(), &pointer, json!(wrong))), "the subject contradicts itself");
    }
}

#[test]
fn st_4_a_weak_digest_alone_is_no_match_a_strong_one_is() {
    let alone = |name: &str, digest: String| {
        read(&changed(build(), "/subject/0/digest", json!({name: digest})))
    };
    refused(alone("sha1", computed("sha1")), "no statement is about the artifact");
    for name in ["sha512", "sha384"] {
        let digest = computed(name);
        assert!(alone(name, digest.clone()).is_ok(), "{name}");
        let other = if digest.starts_with('0') { "1" } else { "0" };
        refused(alone(name, format!("{other}{}", &digest[1..])), "no statement is about");
    }
}

#[test]
fn st_3_a_digest_is_computed_once_however_many_subjects_ask_for_it() {
    let subject = json!({"name": "x", "digest": {"sha512": computed("sha512")}});
    let statement = changed(build(), "/subject", json!(vec![subject; 1000]));
    let file = artifact_file();
    let artifact = Artifact::new(digest(), Some(&file));
    let first = artifact.other_digest("sha512");
    file.set_len(0).unwrap();
    assert_eq!(artifact.other_digest("sha512"), first, "it was not read again");
    let now = NOW.parse().unwrap();
    let (trust, expected) = (Trust::default(), Expectations::default());
    assert!(validate(statement.to_string().as_bytes(), &artifact, &trust, &expected, now).is_ok());
}

#[test]
fn st_5_subjects_that_share_a_name_are_remarked() {
    let other = json!({"name": "backup", "digest": {"sha256": Digest::of(b"x").to_string()}});
    let own = build()["subject"][0].clone();
    let found = read(&changed(build(), "/subject", json!([own, other]))).unwrap();
    assert_eq!(found.remarks, ["the subject name `backup` stands twice"]);
    assert!(read(&build()).unwrap().remarks.is_empty());
}

#[test]
fn st_6_the_predicate_type_is_there_and_the_one_that_was_asked_for() {
    refused(read(&without(build(), "/predicateType")), "/predicateType is missing");
    let wanted = |kind: &str| Expectations {
        predicate_types: vec![kind.to_owned()],
        ..Expectations::default()
    };
    assert!(asked(&build(), &wanted("https://slsa.dev/provenance/v1")).is_ok());
    refused(
        asked(&build(), &wanted("https://slsa.dev/provenance/v0.2")),
        "its predicateType is `https://slsa.dev/provenance/v1`",
    );
}

#[test]
fn st_7_subjects_and_digests_are_capped() {
    let own = build()["subject"][0].clone();
    let many = |count| read(&changed(build(), "/subject", json!(vec![&own; count])));
    assert!(many(1024).is_ok());
    refused(many(2000), "names more than 1024 subjects");
    let digests = |count: usize| {
        let mut digests = own["digest"].clone();
        (1..count).for_each(|number| digests[format!("x{number}")] = json!("y"));
        read(&changed(build(), "/subject/0/digest", digests))
    };
    assert!(digests(32).is_ok());
    refused(digests(33), "more than 32 digests");
}

#[test]
fn st_8_resources_name_something() {
    let pointer = "/predicate/buildDefinition/resolvedDependencies/0";
    for named in [json!({"uri": "x:y"}), json!({"content": "aGk="}), json!({"name": "n"})] {
        assert!(read(&changed(build(), pointer, named)).is_ok());
    }
    refused(read(&changed(build(), pointer, json!({"mediaType": "x"}))), "names nothing");
}

#[test]
fn st_9_unknown_fields_are_ignored() {
    assert!(read(&changed(build(), "/extra", json!({"a": 1}))).is_ok());
    assert!(read(&changed(build(), "/predicate/extra", json!(1))).is_ok());
}
