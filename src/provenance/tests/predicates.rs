//! SP: SLSA provenance; then verification summaries and test results.

use super::*;
use crate::wire::manifest::Builder;

const DEFINITION: &str = "/predicate/buildDefinition";

/// The same build in the words of version 0.2.
fn build_0_2() -> Value {
    json!({"_type": "https://in-toto.io/Statement/v0.1",
        "subject": build()["subject"],
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "predicate": {"builder": {"id": "https://example.org/builder"}, "buildType": "https://example.org/t",
            "invocation": {"configSource": {"uri": "git+https://github.com/o/r@refs/heads/main",
                "digest": {"sha1": "a".repeat(40)}, "entryPoint": "b.yml"}},
            "metadata": {"buildStartedOn": "2026-11-20T08:00:00Z", "buildFinishedOn": "2026-11-20T08:30:00Z"},
            "materials": [{"uri": "git+https://github.com/o/r@refs/heads/main", "digest": {"sha1": "a".repeat(40)}}]}})
}

/// And of version 0.1.
fn build_0_1() -> Value {
    let mut statement = build_0_2();
    statement["predicateType"] = json!("https://slsa.dev/provenance/v0.1");
    let predicate = statement["predicate"].as_object_mut().unwrap();
    predicate.remove("buildType");
    predicate.remove("invocation");
    predicate
        .insert("recipe".into(), json!({"type": "https://example.org/t", "definedInMaterial": 0}));
    statement
}

fn expecting(change: impl FnOnce(&mut Expectations)) -> Expectations {
    let mut expected = Expectations::default();
    change(&mut expected);
    expected
}

fn builder(id: &str, signer: Option<&str>) -> Expectations {
    let builder = Builder { id: id.to_owned(), signer: signer.map(str::to_owned) };
    expecting(|expected| expected.builders = vec![builder])
}

#[test]
fn sp_1_known_versions_and_no_others() {
    for known in [build(), build_0_2(), build_0_1()] {
        assert!(read(&known).is_ok(), "{}", known["predicateType"]);
    }
    for unknown in [
        "https://slsa.dev/provenance/v1.0?draft",
        "https://slsa.dev/provenance/v1.1",
        "https://slsa.dev/provenance/v2",
        "https://in-toto.io/Provenance/v0.1",
        "https://slsa.dev/verification_summary/v0.2",
    ] {
        let result = read(&changed(build(), "/predicateType", json!(unknown)));
        refused(
            result,
            &format!("of an unknown version: statement 1: /predicateType is `{unknown}`"),
        );
    }
}

#[test]
fn sp_2_required_fields_and_times_in_order() {
    for field in [
        "/buildDefinition/buildType",
        "/buildDefinition/externalParameters",
        "/runDetails/builder/id",
    ] {
        refused(
            read(&without(build(), &format!("/predicate{field}"))),
            &format!("/predicate{field} is"),
        );
    }
    let empty = changed(build(), &format!("{DEFINITION}/externalParameters"), json!({}));
    refused(read(&empty), "externalParameters is missing or empty");
    for field in ["/builder/id", "/buildType"] {
        refused(read(&without(build_0_2(), &format!("/predicate{field}"))), field);
    }
    for field in ["/builder/id", "/recipe/type"] {
        refused(read(&without(build_0_1(), &format!("/predicate{field}"))), field);
    }
    let finished = "/predicate/runDetails/metadata/finishedOn";
    refused(read(&changed(build(), finished, json!("2026-11-20T07:59:59Z"))), "before it started");
    refused(read(&changed(build(), finished, json!("yesterday"))), "no time of RFC 3339");
    refused(
        read(&changed(
            build_0_2(),
            "/predicate/metadata/buildFinishedOn",
            json!("2026-11-20T07:00:00Z"),
        )),
        "before it started",
    );
}

#[test]
fn sp_3_builder_ids_match_whole_and_with_their_version_if_one_is_asked_for() {
    let name = "https://github.com/o/b/.github/workflows/x.yml";
    for right in [name.to_owned(), format!("{name}@refs/tags/v1.0.0")] {
        assert!(asked(&build(), &builder(&right, None)).is_ok(), "{right}");
    }
    for wrong in
        [format!("{name}@refs/tags/v1"), "https://github.com/o/b".to_owned(), format!("{name}2")]
    {
        refused(asked(&build(), &builder(&wrong, None)), &format!("`{wrong}` is wanted"));
    }
}

#[test]
fn sp_4_a_builder_is_believed_only_from_its_own_signer() {
    let name = "https://github.com/o/b/.github/workflows/x.yml";
    assert_eq!(asked(&build(), &builder(name, Some("k0"))).unwrap().builders.len(), 1);
    refused(asked(&build(), &builder(name, Some("k1"))), "is not believed from who signed it");
}

#[test]
fn sp_5_trusted_workflows_count_only_at_a_release() {
    let base = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/g.yml";
    let at = |reference: &str| {
        read(&changed(
            build(),
            "/predicate/runDetails/builder/id",
            json!(format!("{base}{reference}")),
        ))
    };
    assert!(at("@refs/tags/v1.10.0").is_ok());
    for wrong in ["@refs/heads/main", "@refs/tags/v1", "@refs/tags/v1.2.3-rc1", ""] {
        refused(at(wrong), "at no released version");
    }
}

#[test]
fn sp_6_build_types_are_an_allow_list() {
    let wanted = |kind: &str| expecting(|expected| expected.build_types = vec![kind.to_owned()]);
    assert!(asked(&build(), &wanted("https://actions.github.io/buildtypes/workflow/v1")).is_ok());
    refused(asked(&build(), &wanted("https://example.org/t")), "its buildType is `https://actions");
}

#[test]
fn sp_7_the_source_started_the_build_and_went_into_it() {
    let from = |uri: &str| expecting(|expected| expected.source_uri = Some(uri.to_owned()));
    for right in
        ["https://github.com/o/r", "git+https://github.com/o/r.git", "https://github.com/o/r/"]
    {
        assert!(asked(&build(), &from(right)).is_ok(), "{right}");
        assert!(asked(&build_0_2(), &from(right)).is_ok(), "{right}");
        assert!(asked(&build_0_1(), &from(right)).is_ok(), "{right}");
    }
    refused(asked(&build(), &from("https://github.com/o/other")), "it was started from");
    let dependency = format!("{DEFINITION}/resolvedDependencies/0/uri");
    let elsewhere = changed(build(), &dependency, json!("git+https://github.com/evil/r"));
    refused(asked(&elsewhere, &from("https://github.com/o/r")), "is not among what went into");
    let trigger = format!("{DEFINITION}/externalParameters/workflow/repository");
    let elsewhere = changed(build(), &trigger, json!("https://github.com/evil/r"));
    refused(
        asked(&elsewhere, &from("https://github.com/o/r")),
        "it was started from `https://github.com/evil/r`",
    );
    let silent = changed(build(), &format!("{DEFINITION}/externalParameters"), json!({"x": 1}));
    refused(asked(&silent, &from("https://github.com/o/r")), "from which source");
}

#[test]
fn sp_8_a_ref_is_whole_and_the_same_at_both_ends() {
    let at = |name: &str| expecting(|e| e.source_ref = Some(SourceRef::Whole(name.to_owned())));
    assert!(asked(&build(), &at("refs/tags/v1.2.3")).is_ok());
    for wrong in ["refs/tags/v1.2", "refs/heads/v1.2.3", "v1.2.3"] {
        refused(asked(&build(), &at(wrong)), &format!("`{wrong}` is wanted"));
    }
    let dependency = format!("{DEFINITION}/resolvedDependencies/0/uri");
    let torn = changed(build(), &dependency, json!("git+https://github.com/o/r@refs/heads/main"));
    refused(asked(&torn, &at("refs/tags/v1.2.3")), "the ref of what went into it");
    let none = changed(
        build_0_2(),
        "/predicate/invocation/configSource/uri",
        json!("https://github.com/o/r"),
    );
    let none = changed(none, "/predicate/materials/0/uri", json!("https://github.com/o/r"));
    refused(asked(&none, &at("refs/heads/main")), "it names no ref of its source");
}

#[test]
fn sp_8_a_branch_a_tag_or_a_version_in_place_of_a_ref() {
    let asking = |wanted: SourceRef| asked(&build(), &expecting(|e| e.source_ref = Some(wanted)));
    assert!(asking(SourceRef::Tag("v1.2.3".to_owned())).is_ok());
    refused(asking(SourceRef::Tag("v1.2".to_owned())), "`refs/tags/v1.2` is wanted");
    refused(asking(SourceRef::Branch("v1.2.3".to_owned())), "`refs/heads/v1.2.3` is wanted");
    for within in ["v1", "v1.2", "v1.2.3", "v1.2.3+a.build"] {
        assert!(asking(SourceRef::version(within).unwrap()).is_ok(), "{within}");
    }
    for other in ["v2", "v1.3", "v1.2.30", "v1.2.3-rc.1", "1.2.3"] {
        let wanted = format!("a tag of version `{other}` is wanted");
        refused(asking(SourceRef::version(other).unwrap()), &wanted);
    }
    for none in ["", "v", "v1.2.3.4", "v01", "v1-rc", "main", "v1..2"] {
        assert!(SourceRef::version(none).unwrap_err().contains("is no version"), "{none}");
    }
    let branch = SourceRef::Branch("main".to_owned());
    let from_main = asked(&build_0_2(), &expecting(|e| e.source_ref = Some(branch)));
    assert!(from_main.is_ok(), "{from_main:?}");
    let version = SourceRef::version("v1").unwrap();
    refused(asked(&build_0_2(), &expecting(|e| e.source_ref = Some(version))), "`refs/heads/main`");
}

#[test]
fn sp_9_the_digest_of_the_source() {
    let commit = |text: String| expecting(|expected| expected.source_digest = Some(text));
    assert!(asked(&build(), &commit("a".repeat(40))).is_ok());
    refused(asked(&build(), &commit("b".repeat(40))), "its source has the digest `aaaa");
}

#[test]
fn sp_10_inputs_count_only_where_somebody_gave_them_by_hand() {
    let wanted = expecting(|expected| {
        expected.build_inputs.insert("level".to_owned(), "3".to_owned());
        expected.allowed_parameters = vec!["inputs".to_owned()];
    });
    let started = |event: &str, inputs: Value| {
        let with = changed(build(), &format!("{DEFINITION}/externalParameters/inputs"), inputs);
        let internal = json!({"github": {"event_name": event}});
        changed(with, &format!("{DEFINITION}/internalParameters"), internal)
    };
    assert!(asked(&started("workflow_dispatch", json!({"level": "3"})), &wanted).is_ok());
    assert!(asked(&started("workflow_dispatch", json!({"level": 3})), &wanted).is_ok());
    refused(asked(&started("push", json!({"level": "3"})), &wanted), "it was started by push");
    let other = started("workflow_dispatch", json!({"level": "2"}));
    refused(asked(&other, &wanted), "its input level is `2`, `3` is wanted");
    refused(
        asked(&started("workflow_dispatch", json!({"x": "3"})), &wanted),
        "it was given no input level",
    );
    refused(asked(&build(), &wanted), "something that it does not say");
    let older = changed(
        build_0_2(),
        "/predicate/invocation/environment",
        json!({"github_event_name": "workflow_dispatch",
            "github_event_payload": {"inputs": {"level": "3"}}}),
    );
    assert!(asked(&older, &wanted).is_ok());
    refused(asked(&summary(), &wanted), "which describes no build");
}

#[test]
fn sp_11_parameters_that_nobody_knows_fail_once_somebody_is_believed() {
    let pointer = format!("{DEFINITION}/externalParameters/secretly");
    let statement = changed(build(), &pointer, json!("different"));
    assert!(read(&statement).is_ok(), "nothing is claimed of it");
    refused(asked(&statement, &Expectations::default()), "`secretly` first");
    let allowed = expecting(|expected| expected.allowed_parameters = vec!["secretly".to_owned()]);
    assert!(asked(&statement, &allowed).is_ok());
    let older = changed(build_0_2(), "/predicate/invocation/parameters", json!({"x": 1}));
    refused(asked(&older, &Expectations::default()), "`x` first");
}

#[test]
fn sp_12_materials_are_unique_and_their_digests_whole() {
    let list = format!("{DEFINITION}/resolvedDependencies");
    let own = build().pointer(&list).unwrap()[0].clone();
    refused(read(&changed(build(), &list, json!([own, own]))), "/1/uri stands twice");
    let cut = changed(build(), &format!("{list}/0/digest/gitCommit"), json!("aa"));
    refused(read(&cut), "/resolvedDependencies/0/digest/gitCommit is `aa`");
    refused(
        read(&changed(build_0_2(), "/predicate/materials", json!({}))),
        "/predicate/materials is no list",
    );
}

#[test]
fn sp_13_what_a_builder_claims_of_itself_is_remarked() {
    let claimed = changed(build_0_2(), "/predicate/metadata/reproducible", json!(true));
    assert!(read(&claimed).unwrap().remarks[0].contains("which nobody can check"));
    assert!(read(&build_0_2()).unwrap().remarks.is_empty());
}

#[test]
fn sp_14_age_is_limited_and_the_future_refused() {
    let at_most = |hours: f64| expecting(|expected| expected.max_age_hours = Some(hours));
    assert!(asked(&build(), &at_most(0.5)).is_ok());
    refused(asked(&build(), &at_most(0.4)), "0.5 hours ago; 0.4 are allowed");
    let finished = "/predicate/runDetails/metadata/finishedOn";
    let ahead = changed(build(), finished, json!("2026-11-20T09:00:01Z"));
    refused(asked(&ahead, &at_most(24.0)), "which is in the future");
    refused(asked(&without(build(), finished), &at_most(24.0)), "its age is not known");
}

fn statement(kind: &str, predicate: &Value) -> Value {
    json!({"_type": "https://in-toto.io/Statement/v1", "subject": build()["subject"],
        "predicateType": kind, "predicate": predicate})
}

fn summary() -> Value {
    statement(
        "https://slsa.dev/verification_summary/v1",
        &json!({
        "verifier": {"id": "https://example.org/verifier"}, "timeVerified": "2026-11-20T08:00:00Z",
        "resourceUri": "backup", "policy": {"uri": "https://example.org/policy"},
        "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_3"]}),
    )
}

#[test]
fn vsa_says_who_what_and_passed() {
    assert!(asked(&summary(), &expecting(|e| e.max_age_hours = Some(2.0))).is_ok());
    refused(asked(&summary(), &expecting(|e| e.max_age_hours = Some(0.5))), "1.0 hours ago");
    for field in
        ["verifier/id", "resourceUri", "policy/uri", "verificationResult", "verifiedLevels"]
    {
        refused(read(&without(summary(), &format!("/predicate/{field}"))), field);
    }
    let result = "/predicate/verificationResult";
    refused(read(&changed(summary(), result, json!("FAILED"))), "its verifier says FAILED");
    refused(read(&changed(summary(), result, json!("passed"))), "neither PASSED nor FAILED");
    let levels = json!(["SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3"]);
    refused(
        read(&changed(summary(), "/predicate/verifiedLevels", levels)),
        "two levels of SLSA_BUILD",
    );
    refused(asked(&summary(), &builder("x", None)), "which describes no build");
}

#[test]
fn test_results_agree_with_themselves() {
    let passed = statement(
        "https://in-toto.io/attestation/test-result/v0.1",
        &json!({
        "result": "PASSED", "configuration": [{"uri": "c"}], "passedTests": ["a"], "failedTests": []}),
    );
    assert!(read(&passed).is_ok());
    refused(
        read(&changed(passed.clone(), "/predicate/result", json!("FAILED"))),
        "its tests FAILED",
    );
    refused(read(&changed(passed.clone(), "/predicate/result", json!("OK"))), "neither PASSED");
    refused(read(&changed(passed.clone(), "/predicate/failedTests", json!(["b"]))), "is not empty");
    refused(read(&changed(passed.clone(), "/predicate/warnedTests", json!(["a"]))), "in two lists");
    refused(read(&without(passed, "/predicate/configuration")), "configuration is missing");
}

#[test]
fn one_statement_that_counts_is_enough_and_the_others_are_remarked() {
    let id = "https://github.com/o/b/.github/workflows/x.yml";
    let key = Key::new(KeyKind::Ed25519);
    let file = json!([key.sign(&summary()), key.sign(&build())]).to_string();
    let found = held(&file, &trusting(&[&key], 1), &builder(id, None)).unwrap();
    assert_eq!(found.predicate_types, ["https://slsa.dev/provenance/v1"]);
    assert!(found.remarks[0].starts_with("does not count: statement 1: "), "{:?}", found.remarks);
}

#[test]
fn a_statement_against_the_artifact_outweighs_all_others_if_its_signer_counts() {
    let failed = changed(summary(), "/predicate/verificationResult", json!("FAILED"));
    refused(read(&json!([build(), failed])), "speaks against the artifact: statement 2");
    let (key, stranger) = (Key::new(KeyKind::Ed25519), Key::new(KeyKind::Ed25519));
    let trust = trusting(&[&key], 1);
    let file = |signer: &Key| json!([key.sign(&build()), signer.sign(&failed)]).to_string();
    refused(held(&file(&key), &trust, &Expectations::default()), "speaks against the artifact");
    assert!(held(&file(&stranger), &trust, &Expectations::default()).is_ok());
}
