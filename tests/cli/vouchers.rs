//! What vouches for a backup, through the binary: provenance with keys, signed manifests, keys.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use dr_drill::signature::{Envelope, PrivateKey};
use serde_json::{Value, json};

use crate::common::{NOW, Output, Project, assert_follows};

/// The sample, whose provenance is signed by the pair `build`.
fn signed() -> Project {
    let project = Project::sample();
    let _ = project.run(&["keygen", "data/dr/build"]);
    let _ = project.run(&["keygen", "data/dr/other", "--kind", "p256"]);
    sign_provenance(&project, "build");
    project.edit(|manifest| {
        manifest["provenance"]["keys"] = json!(["build.pub"]);
        manifest["provenance"]["allow_parameters"] = json!(["services"]);
    });
    project
}

fn sign_provenance(project: &Project, name: &str) {
    let statement = fs::read("data/dr/provenance.json").unwrap();
    let key =
        PrivateKey::from_pem(project.text(&format!("data/dr/{name}.key")).as_bytes()).unwrap();
    let envelope = Envelope::sign("application/vnd.in-toto+json", &statement, &key).unwrap();
    project.write("data/dr/provenance.json", envelope.to_string());
}

#[test]
fn signed_provenance_is_verified_and_the_report_says_by_whom() {
    let project = signed();
    let output = project.drill();
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let report = project.report();
    assert_eq!(report["provenance"]["verification"], "verified");
    assert_eq!(report["provenance"]["signers"][0]["name"], "build.pub");
    let unproven = report["not_proven"].to_string();
    assert!(!unproven.contains("who made the backup"), "{unproven}");
    assert!(project.path("artifacts/dr/inputs/keys/data_dr_build.pub").exists());
    project.verifies();
}

#[test]
fn without_keys_nothing_is_called_verified() {
    let project = signed();
    project.edit(|manifest| manifest["provenance"]["keys"] = json!([]));
    let _ = project.drill();
    let (status, notes) = project.step("validate_provenance");
    assert_eq!(status, "passed");
    assert!(notes.ends_with("signatures not verified"), "{notes}");
    let report = project.report();
    assert_eq!(report["provenance"]["verification"], "not_verified");
    assert!(report["not_proven"].to_string().contains("are not verified"));
}

#[test]
fn a_signature_that_is_required_and_not_to_be_had_fails_the_step() {
    let required = || {
        let project = signed();
        project.edit(|manifest| manifest["policies"]["require_signature"] = json!(true));
        project
    };
    assert_eq!(required().drill().code(), 0);
    let nobody = required();
    nobody.edit(|manifest| manifest["provenance"]["keys"] = json!([]));
    let message = nobody.fails_at(1, "validate_provenance");
    assert!(message.contains("there is nobody to trust"), "{message}");
    let none = required();
    none.edit(|manifest| drop(manifest.as_object_mut().unwrap().remove("provenance")));
    assert!(none.fails_at(1, "validate_provenance").contains("no provenance is given"));
}

#[test]
fn each_wrong_signature_fails_with_its_own_word() {
    let stranger = signed();
    sign_provenance(&stranger, "other");
    let message = stranger.fails_at(1, "validate_provenance");
    assert!(
        message.contains("is not signed by whom it should be: statement 1: 0 of its 1"),
        "{message}"
    );

    let bare = signed();
    fs::copy("data/dr/provenance.json", bare.path("data/dr/provenance.json")).unwrap();
    assert!(bare.fails_at(1, "validate_provenance").contains("is unsigned: statement 1"));

    let unmet = signed();
    unmet.edit(|m| m["provenance"]["builder_ids"] = json!([{"id": "https://example.org/else"}]));
    let message = unmet.fails_at(1, "validate_provenance");
    assert!(
        message.contains("does not say what was asked for: statement 1: its builder is"),
        "{message}"
    );

    let paired = signed();
    paired.edit(|manifest| {
        manifest["provenance"]["keys"] = json!(["build.pub", "other.pub"]);
        manifest["provenance"]["builder_ids"] =
            json!([{"id": "https://example.org/backup-host", "signer": "other.pub"}]);
    });
    let message = paired.fails_at(1, "validate_provenance");
    assert!(message.contains("is not believed from who signed it"), "{message}");

    let unknown = signed();
    unknown.edit(|manifest| manifest["provenance"]["allow_parameters"] = json!([]));
    let message = unknown.fails_at(1, "validate_provenance");
    assert!(message.contains("`services` first"), "{message}");

    // The other digests of the subject are computed from the backup and compared.
    let torn = Project::sample();
    torn.edit_json("data/dr/provenance.json", |statement| {
        statement["subject"][0]["digest"]["sha512"] = json!("a".repeat(128));
    });
    let message = torn.fails_at(1, "validate_provenance");
    assert!(message.contains("the subject contradicts itself"), "{message}");
}

#[test]
fn keys_that_cannot_be_used_fail_the_step() {
    let wrong = |name: &str, bytes: &str| {
        let project = signed();
        project.write("data/dr/wrong.pub", bytes);
        project.edit(|manifest| manifest["provenance"]["keys"] = json!([name]));
        project.fails_at(1, "validate_provenance")
    };
    assert!(wrong("wrong.pub", "x").contains("is no public key in PEM"));
    assert!(wrong("absent.pub", "x").contains("cannot be opened"));
    let private = signed();
    private.edit(|manifest| manifest["provenance"]["keys"] = json!(["build.key"]));
    assert!(private.fails_at(1, "validate_provenance").contains("it is a private key"));
    assert!(!private.path("artifacts/dr/inputs/keys").exists());
    let twice = signed();
    fs::copy(twice.path("data/dr/build.pub"), twice.path("data/dr/again.pub")).unwrap();
    twice.edit(|manifest| manifest["provenance"]["keys"] = json!(["build.pub", "again.pub"]));
    assert!(twice.fails_at(1, "validate_provenance").contains("are one and the same"));
    let root = signed();
    root.write("data/dr/root.json", "{}");
    root.edit(|manifest| manifest["provenance"]["trusted_root"] = json!("root.json"));
    assert!(root.fails_at(1, "validate_provenance").contains("the trusted root root.json cannot"));
}

#[test]
fn a_manifest_that_could_never_hold_is_refused_when_it_is_read() {
    let problem = |change: &dyn Fn(&mut Value)| {
        let project = signed();
        project.edit(|manifest| change(&mut manifest["provenance"]));
        let output = project.run(&["check", "manifest"]);
        assert_eq!(output.code(), 2, "{}", output.snapshot());
        output.stdout
    };
    assert!(problem(&|p| p["threshold"] = json!(2)).contains("2 of 1 key(s) can never sign"));
    assert!(problem(&|p| p["identity"] = json!("a")).contains("proves nothing without `issuer`"));
    assert!(problem(&|p| p["keys"] = json!(["build.pub", "build.pub"])).contains("stands twice"));
    assert!(
        problem(&|p| p["builder_ids"] = json!([{"id": "x", "signer": "y"}]))
            .contains("`y` is neither one of `keys` nor the `identity`")
    );
    assert!(problem(&|p| p["max_age_hours"] = json!(0)).contains("max_age_hours"));
    assert!(problem(&|p| p["source_digest"] = json!("main")).contains("source_digest"));
}

fn check(project: &Project, arguments: &[&str]) -> Output {
    let start =
        ["check", "provenance", "data/dr/provenance.json", "--artifact", "data/dr/backup.json"];
    project.run(&[&start, arguments].concat())
}

#[test]
fn check_provenance_says_how_it_stands() {
    let project = signed();
    let digest = regex::Regex::new("sha256:[0-9a-f]{64}").unwrap();
    let key = ["--key", "data/dr/build.pub", "--allow-parameter", "services"];
    let other = ["--key", "data/dr/other.pub", "--allow-parameter", "services"];
    for (name, arguments) in [
        ("verified", &key[..]),
        ("not_verified", &[]),
        ("untrusted", &other),
        ("two_of_two", &[&key[..], &other[..2], &["--threshold", "2"]].concat()),
        ("unmet", &[&key[..], &["--builder-id", "https://example.org/else"]].concat()),
        ("unusable", &["--key", "data/dr/backup.json"]),
        ("threshold_of_one_key", &[&key[..], &["--threshold", "2"]].concat()),
    ] {
        let output = check(&project, arguments);
        let shown = output.snapshot();
        let shown = digest.replace_all(&shown, "sha256:[KEY]");
        insta::assert_snapshot!(format!("check_provenance_{name}"), shown);
    }
}

#[test]
fn check_provenance_in_forms_for_programs() {
    let project = signed();
    for (format, arguments) in [("json", &["--key", "data/dr/other.pub"][..]), ("json", &[])] {
        let output = check(&project, &[arguments, &["--format", format]].concat());
        let answer: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_follows("check", &answer);
    }
    project.write("data/dr/provenance.json", "{\n  oops\n}");
    let sarif = check(&project, &["--format", "sarif"]);
    assert_eq!(sarif.code(), 1);
    insta::assert_snapshot!("check_provenance_sarif", sarif.stdout);
}

#[test]
fn an_sbom_that_is_a_predicate_keeps_the_rules_of_sboms() {
    let project = Project::sample();
    let sbom = project.json("data/dr/sbom.json");
    project.edit_json("data/dr/provenance.json", |statement| {
        statement["predicateType"] = json!("https://cyclonedx.org/bom");
        statement["predicate"] = sbom;
    });
    assert_eq!(project.drill().code(), 0);
    assert_eq!(check(&project, &[]).code(), 4);
    project.edit_json("data/dr/provenance.json", |statement| {
        statement["predicate"]["components"][0]["type"] = json!("lib");
    });
    let message = project.fails_at(1, "validate_provenance");
    assert!(
        message.contains("an SBOM in the provenance data/dr/provenance.json is invalid"),
        "{message}"
    );
    let output = check(&project, &[]);
    assert_eq!(output.code(), 1);
    assert!(output.stdout.contains("an SBOM in it is invalid"), "{}", output.snapshot());
}

#[test]
fn hostile_files_get_a_clear_answer() {
    let project = signed();
    let answer = |bytes: &[u8]| {
        project.write("hostile.json", bytes);
        let arguments =
            ["check", "provenance", "hostile.json", "--artifact", "data/dr/backup.json"];
        let output = project.run(&arguments);
        assert_ne!(output.code(), 0, "{}", output.snapshot());
        format!("{}{}", output.stdout, output.stderr)
    };
    let statement = fs::read_to_string("data/dr/provenance.json").unwrap();
    assert!(answer(&[b'['; 10_000]).contains("recursion limit exceeded"));
    assert!(answer(format!("\u{feff}{statement}").as_bytes()).contains("byte order mark"));
    assert!(answer(format!("{statement} x").as_bytes()).contains("trailing characters"));
    assert!(answer(b"\xff").contains("is not UTF-8"));
    assert!(answer(b"").contains("is invalid"));
    assert!(
        answer(statement.replace("\"name\"", "\"digest\"").as_bytes()).contains("stands twice")
    );
    fs::File::create(project.path("hostile.json")).unwrap().set_len(129 << 20).unwrap();
    let output = project.run(&["check", "provenance", "hostile.json", "--digest", &"0".repeat(64)]);
    assert!(output.stderr.contains("larger than"), "{}", output.snapshot());
    assert_eq!(project.run(&["check", "sbom", "hostile.json"]).code(), 2);
}

#[test]
fn check_provenance_of_a_real_bundle() {
    let bundle = fs::canonicalize("fixtures/sigstore/provenance.sigstore.json").unwrap();
    let project = Project::empty();
    let digest = "a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";
    let start = ["check", "provenance", bundle.to_str().unwrap(), "--digest", digest];
    let identity = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
    let issuer = "https://token.actions.githubusercontent.com";
    let output = project.run(&[&start[..], &["--identity", identity, "--issuer", issuer]].concat());
    assert_eq!(output.code(), 1);
    assert!(output.stdout.contains("its certificate says from"), "{}", output.snapshot());
    assert_eq!(project.run(&[&start[..], &["--identity", identity]].concat()).code(), 2);
    assert_eq!(project.run(&start).code(), 4);
}

#[test]
fn keys_are_made_once_and_are_their_owners_alone() {
    let project = Project::empty();
    for (name, kind) in [("a", "ed25519"), ("b", "p256")] {
        let output = project.run(&["keygen", name, "--kind", kind]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
        let mode = fs::metadata(project.path(&format!("{name}.key"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // OpenSSL reads both halves, and they belong together.
        let script = format!("openssl pkey -in {name}.key -pubout | cmp - {name}.pub");
        let same = std::process::Command::new("sh")
            .args(["-c", &script])
            .current_dir(project.path(""))
            .status();
        assert!(same.unwrap().success());
    }
    let output = project.run(&["keygen", "a"]);
    assert_eq!(output.code(), 2);
    assert!(output.stderr.contains("a.pub exists"), "{}", output.snapshot());
    assert_eq!(project.run(&["keygen", "absent/a"]).code(), 2);
}

#[test]
fn only_the_manifest_that_was_signed_is_drilled() {
    let project = Project::sample();
    let _ = project.run(&["keygen", "own"]);
    let _ = project.run(&["keygen", "other"]);
    let drill = |key: &str| {
        let output = project.run(&["run", "--current-time", NOW, "--manifest-key", key]);
        let report = project.report();
        project.verifies();
        (output.code(), report["reasons"].to_string(), report["manifest"].clone())
    };
    let (code, reasons, _) = drill("own.pub");
    assert_eq!(code, 2);
    assert!(reasons.contains("its signature") && reasons.contains("No such file"), "{reasons}");
    assert_eq!(project.run(&["sign", "data/dr/manifest.json", "--key", "own.key"]).code(), 0);
    let (code, reasons, _) = drill("own.pub");
    assert_eq!((code, reasons.as_str()), (0, "[]"));
    let events = project.events();
    let facts = events.iter().find_map(|event| event["context"].get("manifest")).unwrap();
    assert!(facts["signed_by"].as_str().unwrap().starts_with("Ed25519 sha256:"), "{facts}");
    assert!(project.path("artifacts/dr/inputs/manifest.json.dsse").exists());
    let (code, reasons, _) = drill("other.pub");
    assert_eq!(code, 2);
    assert!(reasons.contains("no signature in it is by the key"), "{reasons}");
    let text = project.text("data/dr/manifest.json").replace("1440", "1441");
    project.write("data/dr/manifest.json", text);
    let (code, reasons, _) = drill("own.pub");
    assert_eq!(code, 2);
    assert!(reasons.contains("was changed after it was signed"), "{reasons}");
    assert_eq!(project.run(&["run", "--manifest-key", "absent.pub"]).code(), 2);
}

#[test]
fn nothing_is_signed_with_a_key_that_others_can_read() {
    let project = Project::sample();
    let _ = project.run(&["keygen", "own"]);
    fs::set_permissions(project.path("own.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let output = project.run(&["sign", "data/dr/manifest.json", "--key", "own.key"]);
    assert_eq!(output.code(), 2);
    assert!(output.stderr.contains("can be read by others"), "{}", output.snapshot());
    assert!(!project.path("data/dr/manifest.json.dsse").exists());
    let output = project.run(&["sign", "data/dr/manifest.json", "--key", "own.pub"]);
    assert!(output.stderr.contains("error: nothing was signed"), "{}", output.snapshot());
}

#[test]
fn sbom_policies_are_judged_and_can_be_waived() {
    let project = Project::sample();
    project.edit(|manifest| {
        manifest["policies"]["sbom_profiles"] = json!(["ntia-2021"]);
        manifest["policies"]["denied_licenses"] = json!(["GPL-3.0-only"]);
        manifest["policies"]["max_sbom_age_days"] = json!(400);
    });
    let output = project.drill();
    insta::assert_snapshot!("sbom_policies_broken", output.snapshot());
    assert_eq!(output.code(), 3);
    project.verifies();
    project.edit(|manifest| {
        manifest["policies"]["waiver"] = json!({"approved_by": "a", "reason": "r",
            "until": "2027-01-01T00:00:00Z", "makeup_drill_at": "2027-01-02T00:00:00Z",
            "policies": ["sbom_profiles", "max_sbom_age_days"]});
    });
    assert_eq!(project.drill().code(), 0);
    project.verifies();
}

#[test]
fn check_sbom_says_how_it_stands() {
    let project = Project::sample();
    let digest =
        dr_drill::digest::Digest::of(&fs::read("data/dr/backup.json").unwrap()).to_string();
    let real = fs::canonicalize("fixtures/real/dr-drill.cdx.json").unwrap();
    project.write("real.cdx.json", fs::read(real).unwrap());
    project.write("xml.xml", "<bom/>").write("deep.json", "[".repeat(10_000));
    let broken = |name: &str, change: &dyn Fn(&mut Value)| {
        project.write(name, project.text("data/dr/sbom.json"));
        project.edit_json(name, change);
    };
    broken("schema.json", &|sbom| sbom["components"][0]["type"] = json!("lib"));
    broken("rules.json", &|sbom| {
        sbom["components"][0]["bom-ref"] = json!("a");
        sbom["components"][1]["bom-ref"] = json!("a");
        sbom["dependencies"] = json!([{"ref": "a", "dependsOn": ["b"]}]);
    });
    let sample = "data/dr/sbom.json";
    for (name, arguments) in [
        ("bound", &[sample, "--digest", &digest][..]),
        ("unbound", &["real.cdx.json", "--digest", &digest]),
        ("valid", &["real.cdx.json"]),
        ("profile", &["real.cdx.json", "--profile", "ntia-2021"]),
        ("license", &[sample, "--allow-license", "MIT"]),
        ("schema", &["schema.json"]),
        ("rules", &["rules.json"]),
        ("xml", &["xml.xml"]),
        ("deep", &["deep.json"]),
        ("absent", &["absent.json"]),
    ] {
        let output = project.run(&[&["check", "sbom"], arguments].concat());
        insta::assert_snapshot!(format!("check_sbom_{name}"), output.snapshot());
        if output.code() != 2 {
            let json = project.run(&[&["check", "sbom", "--format", "json"], arguments].concat());
            assert_follows("check", &serde_json::from_str(&json.stdout).unwrap());
            assert_eq!(json.code(), output.code());
        }
    }
}

#[test]
fn verify_bundle_speaks_as_the_conformance_suite_does() {
    let project = Project::empty();
    let fixture =
        |name: &str| fs::canonicalize(format!("fixtures/sigstore/{name}.sigstore.json")).unwrap();
    let verify = |name: &str, digest: &str, more: &[&str]| {
        let (bundle, digest) = (fixture(name), format!("sha256:{digest}"));
        let start = ["verify-bundle", "--bundle", bundle.to_str().unwrap()];
        project.run(&[&start[..], more, &[&digest]].concat()).code()
    };
    let message = "5e6ae9de58c1177bea615b4fcbfb2fd688e8c4b51c2e56b6a38e817833ec24a2";
    let person = [
        "--certificate-identity",
        "william@yossarian.net",
        "--certificate-oidc-issuer",
        "https://github.com/login/oauth",
    ];
    assert_eq!(verify("message", message, &[&["--staging"], &person[..]].concat()), 0);
    assert_eq!(verify("message", message, &person), 1, "the public instance did not sign it");
    assert_eq!(verify("message", &"0".repeat(64), &[&["--staging"], &person[..]].concat()), 1);
    let provenance = "a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";
    let beacon = [
        "--certificate-identity",
        "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
        "--certificate-oidc-issuer",
        "https://token.actions.githubusercontent.com",
    ];
    assert_eq!(verify("provenance", provenance, &beacon), 0);
    assert_eq!(verify("provenance", &"0".repeat(64), &beacon), 1);
    assert_eq!(verify("provenance", provenance, &person), 1);
    assert_eq!(verify("provenance", provenance, &[]), 2, "nobody is named");
}

/// Not one socket is asked for, of whatever kind: everything that is needed is in the binary, or given.
#[test]
fn nothing_of_this_opens_a_socket() {
    let project = signed();
    let identity = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
    let bundle = fs::canonicalize("fixtures/sigstore/provenance.sigstore.json").unwrap();
    let real = fs::canonicalize("fixtures/real/dr-drill.cdx.json").unwrap();
    for (arguments, code) in [
        (vec!["check", "sbom", real.to_str().unwrap(), "--profile", "ntia-2021"], 1),
        (
            vec![
                "check",
                "provenance",
                "data/dr/provenance.json",
                "--artifact",
                "data/dr/backup.json",
                "--key",
                "data/dr/build.pub",
                "--allow-parameter",
                "services",
            ],
            0,
        ),
        (
            vec![
                "verify-bundle",
                "--bundle",
                bundle.to_str().unwrap(),
                "--certificate-identity",
                identity,
                "--certificate-oidc-issuer",
                "https://token.actions.githubusercontent.com",
                "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf",
            ],
            0,
        ),
    ] {
        let inner = project.command(&arguments);
        let log = project.path("calls");
        let mut traced = std::process::Command::new("strace");
        traced
            .args(["-f", "-qq", "-e", "trace=socket,connect", "-o"])
            .arg(&log)
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(project.path(""))
            .env_clear();
        let output = project.finish(&mut traced);
        assert_eq!(output.code(), code, "{}", output.snapshot());
        let calls = fs::read_to_string(&log).unwrap();
        let calls: Vec<&str> = calls
            .lines()
            .filter(|line| line.contains("socket(") || line.contains("connect("))
            .collect();
        assert!(calls.is_empty(), "{calls:?}");
    }
}

#[test]
fn the_recipe_for_signing_with_openssl_is_verified() {
    let page = fs::read_to_string("docs/supply-chain.md").unwrap();
    let recipe = page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let project = Project::empty();
    for name in ["provenance.json", "backup.json"] {
        project.write(name, fs::read(format!("data/dr/{name}")).unwrap());
    }
    let _ = project.run(&["keygen", "build"]);
    let status = std::process::Command::new("sh")
        .args(["-euc", recipe])
        .current_dir(project.path(""))
        .status();
    assert!(status.unwrap().success());
    let output = project.run(&[
        "check",
        "provenance",
        "provenance.dsse.json",
        "--artifact",
        "backup.json",
        "--key",
        "build.pub",
        "--allow-parameter",
        "services",
    ]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
}

#[test]
fn what_could_not_be_checked_is_said_to_be_so() {
    let project = signed();
    fs::copy(project.path("data/dr/build.pub"), project.path("again.pub")).unwrap();
    project.write("root.json", "{}");
    for (arguments, wanted) in [
        (&["--key", "data/dr/build.pub", "--key", "again.pub"][..], "are one and the same"),
        (&["--trusted-root", "root.json"], "the trusted root root.json cannot be read"),
        (&["--key", "absent.pub"], "absent.pub cannot be read"),
        (&["--key", "data/dr/build.key"], "it is a private key"),
    ] {
        let output = check(&project, arguments);
        assert_eq!(output.code(), 2, "{}", output.snapshot());
        assert!(output.stderr.contains("error: nothing was checked: "), "{}", output.snapshot());
        assert!(output.stderr.contains(wanted), "{}", output.snapshot());
    }
    let provenance = "data/dr/provenance.json";
    let missing = project.run(&["check", "provenance", provenance, "--artifact", "absent"]);
    assert!(missing.stderr.contains("absent cannot be read"), "{}", missing.snapshot());
    let folder = project.run(&["check", "provenance", provenance, "--artifact", "data"]);
    assert!(folder.stderr.contains("the artifact data"), "{}", folder.snapshot());
    assert_eq!((missing.code(), folder.code()), (2, 2));
    assert_eq!(project.run(&["check", "provenance", provenance]).code(), 2, "about nothing");
}

#[test]
fn each_kind_of_wrong_sbom_has_its_own_word() {
    let project = Project::sample();
    let answer = |bytes: &str, wanted: &str| {
        project.write("sbom.json", bytes);
        let digest = "0".repeat(64);
        let output = project.run(&["check", "sbom", "sbom.json", "--digest", &digest]);
        assert_eq!(output.code(), 1, "{}", output.snapshot());
        assert!(output.stdout.contains(wanted), "{wanted}: {}", output.snapshot());
    };
    let sample = project.text("data/dr/sbom.json");
    answer("{}", "[sbom/unrecognised]");
    answer("{oops", "[sbom/invalid]");
    answer(&sample.replace("\"1.6\"", "\"9.9\""), "[sbom/unknown-version]");
    answer("SPDXVersion: SPDX-2.3\n", "[sbom/other-form]");
    answer(&sample, "[sbom/other-artifact]");
    project.write("data/dr/sbom.json", "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\"}");
    assert!(project.fails_at(1, "validate_sbom").contains("is empty: it lists no components"));
}

#[test]
fn a_signature_of_minisign_is_checked_and_drilled() {
    let project = Project::sample();
    for name in ["build.pub", "backup.minisig", "old.minisig"] {
        project.write(name, fs::read(format!("fixtures/minisign/{name}")).unwrap());
    }
    project.write("backup", "backup").write("other", "other");
    let check = |signature: &str, artifact: &str, more: &[&str]| {
        let fixed = ["check", "provenance", signature, "--artifact", artifact];
        project.run(&[&fixed, more].concat())
    };
    let output = check("backup.minisig", "backup", &["--key", "build.pub"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert!(
        output.stdout.contains("signed by build.pub (Ed25519 sha256:"),
        "{}",
        output.snapshot()
    );
    for (signature, artifact, wanted) in [
        ("backup.minisig", "other", "by no key that was given"),
        ("old.minisig", "backup", "with minisign 0.10 or later"),
    ] {
        let output = check(signature, artifact, &["--key", "build.pub"]);
        assert_eq!(output.code(), 1, "{}", output.snapshot());
        assert!(output.stdout.contains(wanted), "{}", output.snapshot());
    }
    assert_eq!(check("backup.minisig", "backup", &[]).code(), 1, "nobody is named");
}

#[test]
fn what_is_asked_of_source_build_and_certificate_reaches_the_check() {
    let project = Project::sample();
    let _ = project.run(&["keygen", "data/dr/build"]);
    let backup = project.json("data/dr/manifest.json")["backup"]["sha256"].clone();
    let repository = "https://github.com/o/r";
    let statement = json!({"_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "backup.json", "digest": {"sha256": backup}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
                "externalParameters": {"inputs": {"level": "3"},
                    "workflow": {"repository": repository, "ref": "refs/tags/v1.2.3"}},
                "internalParameters": {"github": {"event_name": "workflow_dispatch"}},
                "resolvedDependencies": [{"uri": format!("git+{repository}@refs/tags/v1.2.3")}]},
            "runDetails": {"builder": {"id": "https://example.org/b"}}}});
    let key = PrivateKey::from_pem(project.text("data/dr/build.key").as_bytes()).unwrap();
    let kind = "application/vnd.in-toto+json";
    let envelope = Envelope::sign(kind, statement.to_string().as_bytes(), &key).unwrap();
    project.write("data/dr/provenance.json", envelope.to_string());
    let check = |more: &[&str]| {
        let fixed = [
            "check",
            "provenance",
            "data/dr/provenance.json",
            "--artifact",
            "data/dr/backup.json",
            "--key",
            "data/dr/build.pub",
        ];
        let output = project.run(&[&fixed, more].concat());
        (output.code(), output.stdout + &output.stderr)
    };
    for (right, wrong, wanted) in [
        (&["--source-tag", "v1.2.3"], &["--source-tag", "v1.2"], "`refs/tags/v1.2` is wanted"),
        (&["--source-versioned-tag", "v1.2"], &["--source-versioned-tag", "v2"], "of version `v2`"),
        (&["--build-input", "level=3"], &["--build-input", "level=2"], "`2` is wanted"),
    ] {
        assert_eq!(check(right).0, 0, "{right:?}: {}", check(right).1);
        let (code, text) = check(wrong);
        assert_eq!(code, 1, "{wrong:?}: {text}");
        assert!(text.contains(wanted), "{wrong:?}: {text}");
    }
    assert!(check(&["--source-branch", "v1.2.3"]).1.contains("`refs/heads/v1.2.3` is wanted"));
    assert_eq!(check(&["--source-branch", "a", "--source-tag", "b"]).0, 2, "one can be meant");
    let identity = ["--identity", "a@example.org", "--issuer", "https://example.org"];
    let claim = ["--certificate", "runner_environment=github-hosted"];
    let (code, text) = check(&[&identity[..], &claim].concat());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("no certificate says runner_environment"), "{text}");
    assert_eq!(check(&[&identity[..], &["--certificate", "runner=x"]].concat()).0, 2);
}
