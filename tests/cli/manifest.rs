//! Manifests: every problem at once, by place; and the commands that write them.

use serde_json::json;

use crate::common::{Project, assert_follows};

#[test]
fn check_reports_every_problem_with_its_place() {
    let project = Project::sample();
    let output = project.run(&["check", "manifest"]);
    assert_eq!((output.code(), output.stdout.as_str()), (0, "data/dr/manifest.json: valid\n"));
    project.edit(|manifest| {
        manifest["backup"]["sha256"] = json!("abc");
        manifest["restore"]["timout_seconds"] = json!(5);
        manifest["restore"]["recovered"] = json!(".");
        manifest["policies"]["max_rto_seconds"] = json!(0);
    });
    insta::assert_snapshot!(project.run(&["check", "manifest"]).snapshot());
    let output = project.run(&["check", "manifest", "--format", "json"]);
    assert_eq!(output.code(), 2);
    assert_follows("manifest-check", &serde_json::from_str(&output.stdout).unwrap());
}

#[test]
fn yaml_is_as_good_as_json() {
    let project = Project::sample();
    let json = project.json("data/dr/manifest.json");
    let yaml = format!(
        "# nightly\nname: orders\nbackup:\n  path: backup.json\n  sha256: {}\n  captured_at: 2026-11-20T08:00:00Z\n\
         restore:\n  script: recall.sh\n  retries: 1\npolicies: {{max_rpo_minutes: 1440}}\n",
        json["backup"]["sha256"].as_str().unwrap()
    );
    project.write("data/dr/manifest.yaml", yaml);
    let output = project.run(&[
        "run",
        "--manifest",
        "data/dr/manifest.yaml",
        "--current-time",
        crate::common::NOW,
    ]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    project.verifies();
    assert_eq!(project.report()["name"], "orders");
    let pinned = project.run(&[
        "pin",
        "--manifest",
        "data/dr/manifest.yaml",
        "--captured-at",
        "2026-11-20T08:30:00Z",
    ]);
    assert_eq!(pinned.code(), 0, "{}", pinned.snapshot());
    assert!(project.text("data/dr/manifest.yaml").starts_with("# nightly\nname: orders\n"));
}

#[test]
fn the_published_schema_accepts_what_the_tool_accepts() {
    let project = Project::sample();
    assert_follows("manifest", &project.json("data/dr/manifest.json"));
    let output = project.run(&["schema", "manifest"]);
    assert_eq!(output.stdout, std::fs::read_to_string("schemas/manifest.v1.schema.json").unwrap());
}

#[test]
fn init_writes_a_manifest_that_drills() {
    let project = Project::sample();
    let output = project.run(&[
        "init",
        "data/dr/backup.json",
        "--sbom",
        "data/dr/sbom.json",
        "--provenance",
        "data/dr/provenance.json",
        "--script",
        "data/dr/recall.sh",
        "--name",
        "fresh",
        "--manifest",
        "drills/fresh.json",
    ]);
    insta::assert_snapshot!(output.snapshot());
    let output = project.run(&[
        "run",
        "--manifest",
        "drills/fresh.json",
        "--current-time",
        crate::common::NOW,
    ]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let again = project.run(&[
        "init",
        "data/dr/backup.json",
        "--script",
        "data/dr/recall.sh",
        "--manifest",
        "drills/fresh.json",
    ]);
    assert_eq!(again.code(), 2);
    assert!(again.stderr.contains("exists already"));
}

#[test]
fn init_does_not_guess() {
    let project = Project::sample();
    project.write("opaque.bin", [1, 2, 3]).write("cut.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03");
    let output = project.run(&["init", "opaque.bin"]);
    assert_eq!(output.code(), 2);
    assert!(output.stderr.contains("only a script can restore it"), "{}", output.snapshot());
    let output = project.run(&["init", "cut.gz", "--script", "data/dr/recall.sh"]);
    assert_eq!(output.code(), 1);
    assert!(output.stderr.contains("the gzip is cut off"), "{}", output.snapshot());
    let output = project.run(&["init", "absent", "--script", "data/dr/recall.sh"]);
    assert_eq!(output.code(), 2, "{}", output.snapshot());
    assert!(!project.path("dr-manifest.json").exists());
}

#[test]
fn pin_adds_what_an_archive_must_come_back_as() {
    let project = Project::empty();
    project.write("tree/a", "a");
    let tar = |text: &str| {
        project.write("tree/a", text);
        let made = std::process::Command::new("tar")
            .args(["-cf", "b.tar", "-C", "tree", "."])
            .current_dir(project.path(""))
            .status()
            .unwrap();
        assert!(made.success());
    };
    tar("one");
    let manifest = json!({"backup": {"path": "b.tar", "sha256": "0".repeat(64), "captured_at": "2026-11-20T08:00:00Z"},
        "restore": {"driver": "files"}});
    project.write("m.json", serde_json::to_string_pretty(&manifest).unwrap());
    for text in ["one", "two"] {
        tar(text);
        assert_eq!(project.run(&["pin", "--manifest", "m.json"]).code(), 0);
        let output = project.run(&["run", "--manifest", "m.json"]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
    }
    project.write("m.json", "{\"backup\": {}}");
    let output = project.run(&["pin", "--manifest", "m.json"]);
    assert!(output.stderr.contains("backup.path: is missing"), "{}", output.snapshot());
}
