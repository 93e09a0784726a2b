//! The restore's own supply chain, through the binary: the script, what vouches for it, its programs.

use std::fs;

use dr_drill::digest::Digest;
use dr_drill::signature::{Envelope, PrivateKey};
use serde_json::{Value, json};

use crate::common::Project;

/// The sample, whose script is vouched for by a statement of the key `build` and an SBOM.
fn vouched() -> Project {
    let project = Project::sample();
    let _ = project.run(&["keygen", "data/dr/build"]);
    let script = Digest::of(&fs::read(project.path("data/dr/recall.sh")).unwrap()).to_string();
    let statement = json!({"_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "recall.sh", "digest": {"sha256": script}}],
        "predicateType": "https://example.org/reviewed/v1", "predicate": {}});
    sign(&project, "script.intoto.json", &statement);
    let sbom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {"type": "file", "bom-ref": "script", "name": "recall.sh",
            "hashes": [{"alg": "SHA-256", "content": script}]}},
        "components": [{"type": "application", "name": "dash", "version": "0.5"}]});
    project.write("data/dr/script.cdx.json", sbom.to_string());
    project.edit(|manifest| {
        manifest["restore"]["script_sbom"] = json!({"path": "script.cdx.json"});
        manifest["restore"]["script_provenance"] =
            json!({"path": "script.intoto.json", "keys": ["build.pub"]});
    });
    project
}

fn sign(project: &Project, name: &str, statement: &Value) {
    let key = PrivateKey::from_pem(project.text("data/dr/build.key").as_bytes()).unwrap();
    let kind = "application/vnd.in-toto+json";
    let envelope = Envelope::sign(kind, statement.to_string().as_bytes(), &key).unwrap();
    project.write(&format!("data/dr/{name}"), envelope.to_string());
}

#[test]
fn what_vouches_for_the_script_is_verified_and_reported() {
    let project = vouched();
    let output = project.drill();
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let report = project.report();
    assert_eq!(report["script_sbom"]["binding"], "bound");
    assert_eq!(report["script_provenance"]["signers"][0]["name"], "build.pub");
    assert_eq!(report["provenance"]["verification"], "not_verified", "that is the backup's");
    assert!(project.path("artifacts/dr/inputs/script_sbom/script.cdx.json").exists());
    let (_, notes) = project.step("validate_provenance");
    assert!(notes.contains("of the script: 1 statement(s), about the script"), "{notes}");
    project.verifies();
}

#[test]
fn a_script_that_nobody_vouches_for_is_not_run() {
    let project = vouched();
    let script = project.text("data/dr/recall.sh");
    project.executable("data/dr/recall.sh", &format!("{script}\n# changed\n"));
    let sbom = project.fails_at(1, "validate_sbom");
    assert!(sbom.contains("is of another artifact"), "{sbom}");
    let (_, provenance) = project.step("validate_provenance");
    assert!(provenance.contains("script.intoto.json is unrelated"), "{provenance}");
    assert_eq!(project.step("restore_artifact").0, "skipped");

    let gone = vouched();
    fs::remove_file(gone.path("data/dr/recall.sh")).unwrap();
    assert!(gone.fails_at(1, "validate_sbom").contains("the script `recall.sh`"));
    let unsigned = vouched();
    unsigned.edit(|manifest| {
        manifest["restore"]["script_provenance"]["keys"] = json!([]);
        manifest["policies"]["require_signature"] = json!(true);
        drop(manifest.as_object_mut().unwrap().remove("provenance"));
    });
    let message = unsigned.fails_at(1, "validate_provenance");
    assert!(message.contains("no provenance is given"), "the backup has none: {message}");
}

#[test]
fn interpreter_and_tools_are_identified_by_path_version_and_digest() {
    let project = Project::sample();
    project.edit(|manifest| manifest["restore"]["tools"] = json!(["sqlite3"]));
    assert_eq!(project.drill().code(), 0);
    let programs = project.report()["restore"]["programs"].clone();
    assert_eq!(programs[0]["role"], "interpreter");
    assert_eq!(programs[0]["name"], "/bin/sh");
    assert_eq!((&programs[1]["role"], &programs[1]["name"]), (&json!("tool"), &json!("sqlite3")));
    let path = programs[1]["path"].as_str().unwrap();
    let digest = Digest::of(&fs::read(path).unwrap()).to_string();
    assert_eq!(programs[1]["sha256"], digest);
    assert!(programs[1]["version"].as_str().unwrap().starts_with("3."), "{programs}");
}

#[test]
fn a_tool_that_is_not_there_is_said_before_the_script_runs() {
    let project = Project::sample();
    project.edit(|manifest| manifest["restore"]["tools"] = json!(["no-such-tool"]));
    let message = project.fails_at(1, "restore_artifact");
    assert_eq!(message, "the program no-such-tool, which the restore uses, was not found");
    let interpreter = Project::sample();
    interpreter.script("#!/usr/bin/env no-such-shell\n");
    let message = interpreter.fails_at(1, "restore_artifact");
    assert!(message.contains("no-such-shell"), "{message}");
}

#[test]
fn the_sbom_beside_the_backup_is_the_one_that_was_signed() {
    let project = vouched();
    let sbom = project.json("data/dr/sbom.json");
    let backup = project.json("data/dr/manifest.json")["backup"]["sha256"].clone();
    let carrying = |sbom: &Value| {
        json!({"_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "backup.json", "digest": {"sha256": backup}}],
            "predicateType": "https://cyclonedx.org/bom", "predicate": sbom})
    };
    sign(&project, "provenance.json", &carrying(&sbom));
    project.edit(|manifest| manifest["provenance"]["keys"] = json!(["build.pub"]));
    assert_eq!(project.drill().code(), 0);
    let mut other = sbom.clone();
    other["components"][0]["version"] = json!("15.9");
    sign(&project, "provenance.json", &carrying(&other));
    let message = project.fails_at(1, "validate_provenance");
    assert!(message.contains("is not the one that the provenance"), "{message}");
}
