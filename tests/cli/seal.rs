//! Signed evidence: verified by the tool, and by standard tools that know nothing of it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::common::{NOW, Project};

const SIGN: [&str; 5] = ["run", "--current-time", NOW, "--signing-key", "me.key"];
const ATTESTATION: &str = "artifacts/dr/attestation.intoto.jsonl";

/// A drill of the sample that was signed by `me.key`; `other.pub` has signed nothing.
fn signed(kind: &str) -> Project {
    let project = Project::sample();
    for name in ["me", "other"] {
        assert_eq!(project.run(&["keygen", name, "--kind", kind]).code(), 0);
    }
    let output = project.run(&SIGN);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    project
}

fn verify(project: &Project, key: &str) -> (i32, String) {
    let output = project.run(&["verify", "artifacts/dr", "--key", key]);
    (output.code(), output.snapshot())
}

/// The payloads of the envelopes.
fn statements(project: &Project) -> Vec<Value> {
    let decode = |line: &str| {
        let envelope: Value = serde_json::from_str(line).unwrap();
        let payload = envelope["payload"].as_str().unwrap().as_bytes();
        let payload = data_encoding::BASE64.decode(payload).unwrap();
        serde_json::from_slice(&payload).unwrap()
    };
    project.text(ATTESTATION).lines().map(decode).collect()
}

#[test]
fn signed_evidence_is_verified_with_the_key_and_only_with_it() {
    for kind in ["ed25519", "p256"] {
        let project = signed(kind);
        let (code, text) = verify(&project, "me.pub");
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("intact, signed by the key that was given"), "{text}");
        assert!(!text.contains("who wrote this evidence"), "{text}");
        let (code, text) = verify(&project, "other.pub");
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("NOT SIGNED by the key that was given"), "{text}");
        let output = project.run(&["verify", "artifacts/dr"]);
        assert_eq!(output.code(), 0);
        assert!(output.stdout.contains("intact, signer unknown"), "{}", output.snapshot());
        assert!(output.stdout.contains("no key was given with --key"), "{}", output.snapshot());
    }
}

#[test]
fn what_is_signed_names_the_backup_and_every_file() {
    let project = signed("ed25519");
    let report = project.report();
    let statements = statements(&project);
    assert_eq!(statements.len(), 2);
    let sums = project.text("artifacts/dr/SHA256SUMS");
    for statement in &statements {
        assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
        let subjects = statement["subject"].as_array().unwrap();
        assert_eq!(subjects.len(), sums.lines().count() + 2);
        assert_eq!(subjects[0]["digest"]["sha256"], report["backup"]["sha256"]);
        for line in sums.lines() {
            let (digest, name) = line.split_once("  ").unwrap();
            let named = |subject: &&Value| subject["name"] == name;
            assert_eq!(subjects.iter().find(named).unwrap()["digest"]["sha256"], digest);
        }
    }
    assert_eq!(statements[0]["predicate"]["result"], "PASSED");
    assert_eq!(statements[1]["predicate"]["verdict"], "passed");
    assert_eq!(statements[1]["predicate"]["clockOverridden"], true);
    crate::common::assert_follows("attestation", &statements[1]["predicate"]);
    assert_eq!(report["signer"].as_str().unwrap().split(' ').next(), Some("Ed25519"));
    // What is inconclusive has not passed.
    project.write("data/dr/manifest.json", "{}");
    assert_eq!(project.run(&SIGN).code(), 2);
    let statements = self::statements(&project);
    assert_eq!(statements[0]["predicate"]["result"], "FAILED");
    assert_eq!(statements[1]["predicate"]["verdict"], "inconclusive");
    assert_eq!(verify(&project, "me.pub").0, 0);
}

#[test]
fn whatever_is_changed_or_taken_away_is_noticed() {
    let project = signed("ed25519");
    let whole = project.text(ATTESTATION);
    let lines: Vec<&str> = whole.lines().collect();
    let other = signed("ed25519").text(ATTESTATION);
    let flipped = whole.replacen("\"sig\":\"", "\"sig\":\"AAAA", 1);
    for (what, text) in [
        ("one statement is missing", format!("{}\n", lines[0])),
        ("the other way round", format!("{}\n{}\n", lines[1], lines[0])),
        ("that of another drill and key", other),
        ("another signature", flipped),
        ("nothing", String::new()),
        ("no envelope", "{}\n{}\n".to_owned()),
    ] {
        project.write(ATTESTATION, text);
        let (code, text) = verify(&project, "me.pub");
        assert_eq!(code, 1, "{what}: {text}");
    }
    // Taken away it is missed also by whoever has no key: the events speak of it.
    fs::remove_file(project.path(ATTESTATION)).unwrap();
    let output = project.run(&["verify", "artifacts/dr"]);
    assert_eq!(output.code(), 1);
    assert!(output.stdout.contains("is missing: Ed25519"), "{}", output.snapshot());
    assert!(output.stdout.contains("ALTERED"), "{}", output.snapshot());
    // A run without a key leaves none of an earlier one.
    project.write(ATTESTATION, &whole);
    assert_eq!(project.run(&["run", "--current-time", NOW]).code(), 0);
    assert!(!project.path(ATTESTATION).exists());
    let (code, text) = verify(&project, "me.pub");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("has signed nothing"), "{text}");
}

#[test]
fn a_key_that_cannot_sign_is_refused_before_anything_is_run() {
    let project = signed("ed25519");
    fs::remove_dir_all(project.path("artifacts")).unwrap();
    let refused = |arguments: &[&str], wanted: &str| {
        let output = project.run(&[&["run", "--current-time", NOW], arguments].concat());
        assert_eq!(output.code(), 2, "{}", output.snapshot());
        assert!(output.stderr.contains(wanted), "{}", output.snapshot());
        assert!(!project.path("artifacts").exists());
    };
    refused(&["--signing-key", "me.pub"], "read by others");
    refused(&["--signing-key", "nowhere.key"], "nowhere.key");
    refused(&["--signing-key-env", "NO_SUCH"], "NO_SUCH is not set");
    let key = project.text("me.key");
    let from_environment = ["run", "--current-time", NOW, "--signing-key-env", "URL"];
    assert_eq!(project.run_with(&from_environment, &key).code(), 0);
    assert_eq!(verify(&project, "me.pub").0, 0);
    let secret = key.lines().nth(1).unwrap().to_owned();
    for file in walkdir::WalkDir::new(project.path("artifacts")) {
        let bytes = fs::read(file.unwrap().path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(&secret));
    }
    assert_eq!(project.run_with(&from_environment, "no key").code(), 2);
}

/// A command of the documentation, between its mark and the end of its block.
fn documented(mark: &str) -> String {
    let page = fs::read_to_string("docs/evidence.md").unwrap();
    let (_, rest) = page.split_once(mark).unwrap_or_else(|| panic!("{mark}"));
    let block = rest.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0;
    block.to_owned()
}

/// Whoever has the directory, a public key and standard tools learns what was drilled, when, with what result and
/// what was left unproven.
#[test]
fn what_was_drilled_is_told_by_the_commands_of_the_documentation() {
    let project = signed("ed25519");
    let run = [&SIGN[..], &["--history", "dr-history"]].concat();
    assert_eq!(project.run(&run).code(), 0);
    let output = Command::new("sh")
        .args(["-euc", &documented("What was drilled, when")])
        .env("PATH", "/usr/bin:/bin")
        .current_dir(project.path("artifacts/dr"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let report = project.report();
    let backup = report["backup"]["sha256"].as_str().unwrap();
    for wanted in [
        &format!("data/dr/backup.json sha256:{backup}\n"),
        "passed from 2026-11-20T09:00:00.000Z to 2026-11-20T09:00:00.000Z in 20261120T090000",
        "number 1 of sample service status after the seal of none\n",
        "not proven: who made the backup: the provenance is not signed\n",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

#[test]
fn standard_tools_verify_it_by_the_commands_of_the_documentation() {
    for (kind, marks) in [
        ("ed25519", &["With `sha256sum`", "With `openssl`", "With Python"][..]),
        ("p256", &["With `sha256sum`", "With `openssl`"]),
    ] {
        let project = signed(kind);
        fs::copy(project.path("me.pub"), project.path("artifacts/key.pub")).unwrap();
        for mark in marks {
            let run = |wanted: bool| {
                let output = Command::new("sh")
                    .args(["-euc", &documented(mark)])
                    .env("PATH", "/usr/bin:/bin")
                    .current_dir(project.path("artifacts/dr"))
                    .output()
                    .unwrap();
                assert_eq!(output.status.success(), wanted, "{mark}: {output:?}");
            };
            run(true);
            let (name, other) = match *mark {
                "With `sha256sum`" => ("artifacts/dr/dr-report.md", "changed".to_owned()),
                _ => {
                    (ATTESTATION, project.text(ATTESTATION).replace("\"sig\":\"", "\"sig\":\"AAAA"))
                }
            };
            let before = project.text(name);
            project.write(name, other);
            run(false);
            project.write(name, before);
        }
    }
}
