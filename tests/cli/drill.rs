//! The main job: the sample drill, and every way in which a step of it can fail.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::common::{NOW, Project, assert_follows, running, stable, wait_until};

#[test]
fn the_sample_passes_and_leaves_sealed_evidence() {
    let project = Project::sample();
    let output = project.drill();
    insta::assert_snapshot!(output.snapshot());
    let report = project.report();
    assert_eq!(report["status"], "passed");
    assert_eq!(report["notes"]["services_checked"], 3);
    assert_eq!(report["backup_captured_at"], "2026-11-20T08:00:00.000Z");
    assert_eq!(report["metrics"]["rpo_minutes"], 60.0);
    assert_eq!(report["clock"]["overridden"], true);
    assert_follows("metrics", &project.json("artifacts/dr/drill-metrics.json"));
    let events = project.events();
    assert_eq!(events[0]["steps"].as_array().unwrap().len(), 10);
    assert!(events.iter().zip(0..).all(|(event, seq)| event["seq"] == seq));
    insta::assert_snapshot!("sample_markdown", stable(&project.text("artifacts/dr/dr-report.md")));
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn sha256sum_agrees() {
    let project = Project::sample();
    assert_eq!(project.drill().code(), 0);
    let sums = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(project.path("artifacts/dr"))
        .status()
        .unwrap();
    assert!(sums.success());
}

#[test]
fn with_a_fixed_clock_two_runs_differ_only_in_durations() {
    let project = Project::sample();
    let mut seen = Vec::new();
    let number = regex::Regex::new(r"\b[0-9]+(\.[0-9]+(e-[0-9]+)?|e-[0-9]+)\b").unwrap();
    let strip = |text: String| number.replace_all(&text, "N").into_owned();
    for _ in 0..2 {
        assert_eq!(project.drill().code(), 0);
        let names = ["dr-report.json", "dr-events.ndjson", "drill-metrics.json", "manifest.json"];
        seen.push(names.map(|name| strip(project.text(&format!("artifacts/dr/{name}")))));
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn report_and_events_can_lie_elsewhere_and_in_the_evidence_too() {
    let project = Project::sample();
    let output = project.run(&[
        "run",
        "--current-time",
        NOW,
        "--output",
        "out/report.json",
        "--ndjson",
        "out/events.ndjson",
        "--evidence-dir",
        "evidence",
        "--quiet",
    ]);
    assert_eq!((output.code(), output.stdout.as_str(), output.stderr.as_str()), (0, "", ""));
    assert_eq!(project.text("out/report.json"), project.text("evidence/dr-report.json"));
    assert_eq!(project.text("out/events.ndjson"), project.text("evidence/dr-events.ndjson"));
    assert_eq!(project.run(&["verify", "evidence"]).code(), 0);
}

#[test]
fn json_goes_to_standard_output_and_a_dry_run_does_nothing() {
    let project = Project::sample();
    let output = project.run(&["run", "--current-time", NOW, "--format", "json", "--quiet"]);
    let printed: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(printed, project.report());
    let project = Project::sample();
    insta::assert_snapshot!("dry_run", project.run(&["run", "--dry-run"]).snapshot());
    let output = project.run(&["run", "--dry-run", "--format", "json"]);
    assert_follows("plan", &serde_json::from_str(&output.stdout).unwrap());
    assert!(!project.path("artifacts").exists());
}

#[test]
fn artifacts_are_kept_only_if_asked_for() {
    let project = Project::sample();
    assert_eq!(project.run(&["run", "--current-time", NOW, "--keep-artifacts"]).code(), 0);
    let kept = project.text("artifacts/dr/restore/artifacts/recovered-backup.json");
    assert_eq!(kept, project.text("data/dr/backup.json"));
    project.verifies();
    assert_eq!(project.drill().code(), 0);
    assert!(!project.path("artifacts/dr/restore/artifacts").exists());
}

#[test]
fn a_workflow_is_told_without_being_asked() {
    let project = Project::sample();
    project.script("#!/bin/sh\necho '::set-output name=x::y'\nexit 3\n");
    let output = project.finish(
        project
            .command(&["run", "--current-time", NOW])
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", project.path("summary.md"))
            .env("GITHUB_OUTPUT", project.path("output.txt")),
    );
    assert_eq!(output.code(), 1);
    assert!(output.stdout.starts_with(
        "::error file=data/dr/manifest.json,title=Restore drill%3A restore_artifact::"
    ));
    assert!(project.text("summary.md").contains("Restore drill failed"));
    let outputs = project.text("output.txt");
    assert!(outputs.starts_with("status=failed\nrun-id=20261120T090000.000Z-"), "{outputs}");
}

// Each step fails for its own reason, with its own message.

#[test]
fn one_flipped_byte_of_the_backup() {
    let project = Project::sample();
    let mut bytes = fs::read(project.path("data/dr/backup.json")).unwrap();
    bytes[60] ^= 1;
    project.write("data/dr/backup.json", bytes);
    insta::assert_snapshot!(project.drill().snapshot());
    let message = project.fails_at(1, "verify_backup_digest");
    assert!(message.contains("the manifest pins"), "{message}");
    assert_eq!(project.step("restore_artifact").0, "skipped");
}

#[test]
fn a_missing_backup() {
    let project = Project::sample();
    fs::remove_file(project.path("data/dr/backup.json")).unwrap();
    let message = project.fails_at(1, "verify_backup_digest");
    assert!(message.contains("`backup.json` cannot be opened: No such file"), "{message}");
}

/// Pins what the backup now is.
fn pin(project: &Project) {
    let output = project.run(&["pin", "--captured-at", "2026-11-20T08:00:00Z"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
}

#[test]
fn services_that_were_not_ready() {
    let project = Project::sample();
    let text = project.text("data/dr/backup.json").replacen("ready", "starting", 2);
    project.write("data/dr/backup.json", &text);
    let digest = dr_drill::digest::Digest::of(text.as_bytes()).to_string();
    project.edit(|manifest| manifest["backup"]["sha256"] = json!(digest));
    let message = project.fails_at(1, "verify_backup_payload");
    assert_eq!(message, "2 of 3 services not ready: orders-db (starting), billing-db (starting)");
    let refused = project.run(&["pin"]);
    assert_eq!(refused.code(), 1);
    assert!(refused.stderr.contains("was not pinned: 2 of 3 services not ready"));
}

#[test]
fn an_sbom_of_another_artifact() {
    let project = Project::sample();
    project.edit_json("data/dr/sbom.json", |sbom| {
        sbom["metadata"]["component"]["hashes"][0]["content"] = json!("a".repeat(64));
    });
    let message = project.fails_at(1, "validate_sbom");
    assert!(message.contains("is of another artifact"), "{message}");
}

#[test]
fn an_sbom_that_breaks_its_schema_lists_nothing_or_is_not_pinned() {
    let project = Project::sample();
    project.edit_json("data/dr/sbom.json", |sbom| sbom["components"][1]["type"] = json!("thing"));
    assert!(
        project
            .fails_at(1, "validate_sbom")
            .contains("/components/1/type: `\"thing\"` is not one of")
    );
    project.edit_json("data/dr/sbom.json", |sbom| sbom["components"] = json!([]));
    assert!(project.fails_at(1, "validate_sbom").contains("lists no components"));
    project.edit(|manifest| manifest["sbom"]["sha256"] = json!("b".repeat(64)));
    assert!(project.fails_at(1, "validate_sbom").contains("the manifest pins bbbb"));
    project.edit(|manifest| manifest["sbom"]["path"] = json!("absent.json"));
    assert!(project.fails_at(1, "validate_sbom").contains("`absent.json` cannot be opened"));
}

#[test]
fn provenance_for_another_digest() {
    let project = Project::sample();
    project.edit_json("data/dr/provenance.json", |statement| {
        statement["subject"][0]["digest"]["sha256"] = json!("c".repeat(64));
    });
    let message = project.fails_at(1, "validate_provenance");
    assert!(message.contains("no statement is about the artifact"), "{message}");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let project = Project::sample();
    project.write("data/dr/sbom.json", "{}").write("data/dr/provenance.json", "[]");
    let output = project.drill();
    let report = project.report();
    let steps: Vec<_> =
        report["reasons"].as_array().unwrap().iter().map(|r| r["step"].clone()).collect();
    assert_eq!(steps, ["validate_sbom", "validate_provenance"], "{}", output.snapshot());
}

#[test]
fn a_script_that_fails() {
    let project = Project::sample();
    project.script("#!/bin/sh\necho one\necho 'cannot open the archive' >&2\nexit 7\n");
    insta::assert_snapshot!(project.drill().snapshot());
    assert!(project.fails_at(1, "restore_artifact").contains("ended with exit status 7"));
    assert_eq!(project.text("artifacts/dr/restore/restore.log"), "one\ncannot open the archive\n");
}

#[test]
fn a_script_that_hangs_is_ended_with_all_its_children() {
    let project = Project::sample();
    project
        .script("#!/bin/sh\nsetsid sleep 4321NAP &\nsleep 4322NAP\n")
        .edit(|manifest| manifest["restore"]["timeout_seconds"] = json!(1));
    assert!(project.fails_at(1, "restore_artifact").contains("did not end within 1 seconds"));
    assert!(!running("sleep 4321NAP") && !running("sleep 4322NAP"));
}

#[test]
fn a_script_that_writes_nothing_or_something_else() {
    let project = Project::sample();
    project.script("#!/bin/sh\nexit 0\n");
    assert!(project.fails_at(1, "validate_restored_backup").contains("wrote nothing"));
    project.script("#!/bin/sh\necho other > $RESTORE_DIR/recovered-backup.json\n");
    assert!(project.fails_at(1, "validate_restored_backup").contains("is wanted"));
    project.script("#!/bin/sh\ntouch $RESTORE_DIR/unrelated\n");
    assert!(project.fails_at(1, "validate_restored_backup").contains("found unrelated"));
    project.script(
        "#!/bin/sh\ntouch $RESTORE_DIR/recovered-backup-1 $RESTORE_DIR/recovered-backup-2\n",
    );
    assert!(project.fails_at(1, "validate_restored_backup").contains("several artifacts"));
    project.script("#!/bin/sh\nmkfifo $RESTORE_DIR/recovered-backup\n");
    assert!(project.fails_at(1, "validate_restored_backup").contains("is a FIFO"));
}

#[test]
fn the_tools_own_copy_is_never_taken_for_a_recovered_artifact() {
    for copy in [true, false] {
        let project = Project::sample();
        project.edit(|manifest| manifest["restore"]["copy_backup"] = json!(copy));
        project.script("#!/bin/sh\nln -s \"$BACKUP_PATH\" $RESTORE_DIR/recovered-backup.json\n");
        assert!(project.fails_at(1, "validate_restored_backup").contains("no artifact of its own"));
        project.script(
            "#!/bin/sh\nln \"$BACKUP_PATH\" $RESTORE_DIR/recovered-backup.json || exit 9\n",
        );
        let output = project.drill();
        assert_eq!(output.code(), 1, "{}", output.snapshot());
    }
}

#[test]
fn a_script_that_leaves_a_child_behind() {
    let project = Project::sample();
    project.script(
        "#!/bin/sh\ncat \"$1\" > \"$4/recovered-backup\"\nsetsid sleep 5321NAP >/dev/null 2>&1 &\n",
    );
    let message = project.fails_at(1, "restore_artifact");
    assert!(message.contains("left processes running (sleep)"), "{message}");
    assert!(!running("sleep 5321NAP"));
}

#[test]
fn a_script_that_cannot_be_started() {
    let project = Project::sample();
    let script = project.path("data/dr/recall.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(project.fails_at(1, "restore_artifact").contains("is not executable"));
    project.script("#!/no/such/interpreter\n");
    let message = project.fails_at(1, "restore_artifact");
    assert!(message.contains("the program /no/such/interpreter"), "{message}");
    // An interpreter that is itself a script, whose own is missing: only the kernel finds out.
    let wrapper = project.path("wrapper").display().to_string();
    project.executable("wrapper", "#!/no/such/interpreter\n");
    project.script(&format!("#!{wrapper}\n"));
    assert!(project.fails_at(1, "restore_artifact").contains("interpreter is not installed"));
    project.script("no program at all\n");
    assert!(project.fails_at(1, "restore_artifact").contains("it is no program"));
    fs::remove_file(&script).unwrap();
    assert!(project.fails_at(1, "restore_artifact").contains("`recall.sh` cannot be opened"));
    project.script("#!/bin/sh\nkill -9 $$\n");
    assert!(project.fails_at(1, "restore_artifact").contains("ended by signal 9"));
    project.edit(|manifest| manifest["restore"]["script_sha256"] = json!("d".repeat(64)));
    assert!(project.fails_at(1, "restore_artifact").contains("the manifest pins dddd"));
}

#[test]
fn retries_start_from_an_empty_directory() {
    let project = Project::sample();
    project
        .script(
            "#!/bin/sh\necho \"found: $(ls \"$4\")\"\ntouch \"$4/recovered-backup-half\"\nexit 1\n",
        )
        .edit(|manifest| manifest["restore"]["retries"] = json!(2));
    let _ = project.fails_at(1, "restore_artifact");
    assert_eq!(project.report()["restore"]["attempts"], 3);
    let log = project.text("artifacts/dr/restore/restore.log");
    assert_eq!(log, "found: \n--- attempt 2\nfound: \n--- attempt 3\nfound: \n");
}

#[test]
fn a_backup_that_changes_while_it_is_restored() {
    let project = Project::sample();
    project.edit(|manifest| manifest["restore"]["copy_backup"] = json!(false));
    // The script itself cannot write there; somebody else does while it runs.
    project.script("#!/bin/sh\ncat \"$1\" > \"$4/recovered-backup\"\nsleep 1\n");
    let backup = project.path("data/dr/backup.json");
    let text = fs::read_to_string(&backup).unwrap();
    let mut child = project.start();
    project.wait_for_event("\"step_started\",\"step\":\"restore_artifact\"");
    std::thread::sleep(std::time::Duration::from_millis(200));
    fs::write(&backup, text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let (_, notes) = project.step("restore_artifact");
    assert!(notes.contains("changed or replaced while the drill ran"), "{notes}");
}

#[test]
fn what_a_script_prints_is_capped_and_redacted() {
    let project = Project::sample();
    project.script(
        "#!/bin/sh\necho \"url postgres://app:hunter2@db/x, value $API_VALUE, to $RESTORE_DIR\"\n\
         yes 'a line of output that is repeated very often' | head -c 3000000\nexit 1\n",
    );
    project.edit(|manifest| manifest["restore"]["environment"] = json!(["API_VALUE"]));
    assert!(
        project.fails_at(1, "restore_artifact").contains("API_VALUE, which the manifest passes on")
    );
    let output = project.finish(
        project
            .command(&["run", "--current-time", NOW])
            .env("API_VALUE", "s3cr3t-marker")
            .env("OTHER", "leak-marker"),
    );
    assert_eq!(output.code(), 1);
    let log = project.text("artifacts/dr/restore/restore.log");
    assert!(
        log.starts_with("url postgres://app:[redacted]@db/x, value [redacted], to $RESTORE_DIR\n"),
        "{}",
        &log[..200]
    );
    assert!(log.len() < 1_100_000 && log.ends_with("more bytes were printed and not kept\n"));
    for entry in walkdir::WalkDir::new(project.path("artifacts")).into_iter().flatten() {
        if entry.file_type().is_file() {
            let text = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned();
            for marker in
                ["s3cr3t-marker", "hunter2", "leak-marker", project.path("").to_str().unwrap()]
            {
                assert!(!text.contains(marker), "{}: {marker}", entry.path().display());
            }
        }
    }
}

#[test]
fn an_interrupted_drill_is_inconclusive_and_leaves_evidence() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let project = Project::sample();
        project.script("#!/bin/sh\nsleep 6321NAP\n");
        let mut child = project.start();
        wait_until("the script runs", || running("sleep 6321NAP"));
        let pid = rustix::process::Pid::from_child(&child);
        // As a terminal does it: to the whole process group.
        rustix::process::kill_process_group(pid, signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(4));
        assert_eq!(project.report()["status"], "inconclusive");
        assert_eq!(project.step("restore_artifact").0, "inconclusive");
        project.verifies();
        assert_eq!(project.leftovers(), Vec::<String>::new());
        wait_until("the script has ended", || !running("sleep 6321NAP"));
    }
}

#[test]
fn hashing_can_be_interrupted_too() {
    let project = Project::sample();
    // A file with a hole: as long to hash as a real one, without the disk.
    fs::File::create(project.path("data/dr/backup.json")).unwrap().set_len(200 << 30).unwrap();
    project.edit(|manifest| manifest["restore"]["copy_backup"] = json!(false));
    let mut child = project.start();
    project.wait_for_event("verify_backup_digest\",\"started");
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert_eq!(project.step("verify_backup_digest").0, "inconclusive");
    project.verifies();
}

#[test]
fn a_killed_drill_reads_as_incomplete_and_the_next_one_works() {
    let project = Project::sample();
    assert_eq!(project.drill().code(), 0);
    let good = project.text("data/dr/recall.sh");
    project.script("#!/bin/sh\ntouch \"$4/half\"\nsleep 7321NAP\n");
    let mut child = project.start();
    wait_until("the script runs", || running("sleep 7321NAP"));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the script ends with the drill", || !running("sleep 7321NAP"));
    assert!(!project.path("artifacts/dr/dr-report.json").exists(), "an old report was left");
    let output = project.run(&["verify"]);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    assert!(output.stdout.contains("INCOMPLETE"));
    assert_eq!(project.leftovers().len(), 1);
    project.script(&good);
    assert_eq!(project.drill().code(), 0);
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn a_tree_and_an_archive_come_back_file_by_file() {
    let project = Project::empty();
    project.write("tree/a.txt", "a").write("tree/sub/b.bin", [0, 1, 2]);
    std::os::unix::fs::symlink("../a.txt", project.path("tree/sub/link")).unwrap();
    let tar = |name: &str, option: &str| {
        let made = std::process::Command::new("tar")
            .args([option, name, "-C", "tree", "."])
            .current_dir(project.path(""))
            .status()
            .unwrap();
        assert!(made.success(), "{name}");
    };
    for (name, option) in [
        ("tree", ""),
        ("b.tar", "-cf"),
        ("b.tar.gz", "-czf"),
        ("b.tar.zst", "--zstd -cf"),
        ("b.tar.xz", "-cJf"),
    ] {
        if !option.is_empty() {
            let made = std::process::Command::new("sh")
                .args(["-c", &format!("tar {option} {name} -C tree .")])
                .current_dir(project.path(""))
                .status()
                .unwrap();
            assert!(made.success());
        }
        let output = project.run(&["init", name, "--manifest", "m.json", "--force"]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
        let output = project.run(&["run", "--manifest", "m.json"]);
        assert_eq!(output.code(), 0, "{name}: {}", output.snapshot());
        assert_eq!(project.report()["recovered"]["files"], 2);
    }
    tar("b.tar", "-cf");
    let list = std::process::Command::new("sh")
        .args(["-c", "cd tree && find . -type f | xargs sha256sum > ../list"])
        .current_dir(project.path(""))
        .status()
        .unwrap();
    assert!(list.success());
    let _ = project.run(&["init", "b.tar", "--manifest", "m.json", "--force"]);
    project.edit_json("m.json", |manifest| manifest["restore"] = json!({"digests": "list"}));
    assert_eq!(project.run(&["run", "--manifest", "m.json"]).code(), 0);
    let list = project.text("list");
    let reason = |list: &str| {
        project.write("list", list);
        assert_eq!(project.run(&["run", "--manifest", "m.json"]).code(), 1);
        project.report()["reasons"][0]["message"].as_str().unwrap().to_owned()
    };
    assert!(
        reason(&list.replace("a.txt", "z.txt"))
            .contains("2 file(s) differ: z.txt: missing, a.txt: not in the list")
    );
    assert!(reason(&format!("{}{}", "0".repeat(64), &list[64..])).contains("other content"));
    assert!(reason("garbage\n").contains("line 1: too short"));
    project.edit_json("m.json", |manifest| {
        manifest["restore"] = json!({"tree_sha256": "e".repeat(64)});
    });
    assert_eq!(project.run(&["run", "--manifest", "m.json"]).code(), 1);
    assert_eq!(project.step("validate_restored_backup").0, "failed");
    project.edit_json("m.json", |manifest| manifest["restore"] = json!({}));
    let refused = project.run(&["run", "--manifest", "m.json"]);
    assert_eq!(refused.code(), 2);
    assert!(refused.stdout.contains("this drill could not fail"), "{}", refused.snapshot());
}

#[test]
fn a_changed_tree_is_not_restored() {
    let project = Project::empty();
    project.write("tree/a.txt", "a");
    let _ = project.run(&["init", "tree", "--manifest", "m.json"]);
    fs::set_permissions(project.path("tree/a.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(project.run(&["run", "--manifest", "m.json"]).code(), 1);
    assert_eq!(project.step("verify_backup_digest").0, "failed");
    pin_with(&project, "m.json");
    assert_eq!(project.run(&["run", "--manifest", "m.json"]).code(), 0);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        project.path("tree/fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    assert_eq!(project.run(&["run", "--manifest", "m.json"]).code(), 1);
    assert!(project.step("verify_backup_digest").1.contains("is a FIFO"));
}

fn pin_with(project: &Project, manifest: &str) {
    let output = project.run(&["pin", "--manifest", manifest]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
}

#[test]
fn a_tree_can_be_given_to_a_script() {
    let project = Project::empty();
    project
        .write("tree/a.txt", "a")
        .executable("copy.sh", "#!/bin/sh\ncp -a \"$1\" \"$4/recovered-backup\"\n");
    for copy in [true, false] {
        let _ = project.run(&[
            "init",
            "tree",
            "--script",
            "copy.sh",
            "--manifest",
            "m.json",
            "--force",
        ]);
        project.edit_json("m.json", |manifest| manifest["restore"]["copy_backup"] = json!(copy));
        let output = project.run(&["run", "--manifest", "m.json"]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
    }
}

#[test]
fn pin_renews_and_keeps_the_rest_of_the_text() {
    let project = Project::sample();
    let before = project.text("data/dr/manifest.json");
    project.write(
        "data/dr/backup.json",
        "{\"captured_at\": \"2026-11-20T08:30:00Z\", \"services\": {\"db\": \"ready\"}}",
    );
    pin(&project);
    let after = project.text("data/dr/manifest.json");
    let changed: Vec<_> = before.lines().zip(after.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(changed.len(), 2, "{changed:?}");
    let output = project.run(&["pin"]);
    assert!(
        output
            .stderr
            .contains("captured at 2026-11-20T08:30:00.000Z (the time in the backup itself)")
    );
}
