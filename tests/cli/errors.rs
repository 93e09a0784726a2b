//! Errors that no other test provokes, each through the binary.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::fs::{CWD, FileType, Mode};
use serde_json::json;

use crate::common::Project;

#[test]
fn a_copy_that_does_not_fit_is_not_begun() {
    let project = Project::sample();
    // Far more than any disk has free, and no more than a file may be long.
    fs::File::create(project.path("data/dr/backup.json")).unwrap().set_len(8 << 40).unwrap();
    let message = project.fails_at(4, "verify_backup_digest");
    assert!(message.contains("needs 8796093022208 bytes"), "{message}");
}

#[test]
fn a_root_that_is_none_for_the_manifest() {
    let project = Project::sample();
    project.write("elsewhere/x", "");
    for (root, wanted) in
        [("elsewhere", "leaves the root directory"), ("absent", "cannot be opened")]
    {
        let output = project.run(&["run", "--root", root]);
        assert_eq!(output.code(), 2);
        assert!(output.stdout.contains(wanted), "{}", output.snapshot());
        project.verifies();
    }
    let output = project.run(&["run", "--root", "data/dr", "--current-time", crate::common::NOW]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
}

#[test]
fn commands_that_write_manifests_say_why_they_did_not() {
    let project = Project::sample();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("b"), "b").unwrap();
    let far = outside.path().join("b").display().to_string();
    for (arguments, wanted) in [
        (
            vec!["init", &far, "--script", "data/dr/recall.sh", "--root", "."],
            "leaves the root directory",
        ),
        (vec!["pin", "--manifest", "absent.json"], "absent.json: No such file"),
        (vec!["init", "data/dr/backup.json", "--script", "data/dr/absent.sh"], "cannot be opened"),
        (
            vec![
                "init",
                "data/dr/backup.json",
                "--script",
                "data/dr/recall.sh",
                "--manifest",
                "data/dr/recall.sh/m.json",
            ],
            "File exists",
        ),
    ] {
        let output = project.run(&arguments);
        assert_eq!(output.code(), 2, "{}", output.snapshot());
        assert!(
            output.stderr.contains("error: no manifest was written: "),
            "{}",
            output.snapshot()
        );
        assert!(output.stderr.contains(wanted), "{wanted}: {}", output.snapshot());
    }
}

/// A drill of this file by the `files` driver: the first reason.
fn unpacked(project: &Project, file: &str, step: &str) -> String {
    let digest = dr_drill::digest::Digest::of(&fs::read(project.path(file)).unwrap()).to_string();
    let manifest = json!({
        "backup": {"path": format!("../../{file}"), "sha256": digest, "captured_at": "2026-11-20T08:00:00Z"},
        "restore": {"tree_sha256": "0".repeat(64)}
    });
    project.write("data/dr/manifest.json", manifest.to_string());
    project.fails_at(1, step)
}

#[test]
fn what_is_no_archive_or_holds_no_files() {
    let project = Project::empty();
    project.write("noise", [7; 2000]);
    assert!(
        unpacked(&project, "noise", "restore_artifact").contains("neither a tar nor a zip archive")
    );
    fs::create_dir(project.path("tree")).unwrap();
    rustix::fs::mknodat(CWD, project.path("tree/fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let made = std::process::Command::new("tar")
        .args(["-cf", "fifo.tar", "-C", "tree", "fifo"])
        .current_dir(project.path(""))
        .status()
        .unwrap();
    assert!(made.success());
    assert!(
        unpacked(&project, "fifo.tar", "restore_artifact")
            .contains("`fifo` is neither file, directory nor link")
    );
    let refused = project.run(&["init", "fifo.tar"]);
    assert!(refused.stderr.contains("fifo.tar cannot be unpacked"), "{}", refused.snapshot());
}

#[test]
fn a_tree_that_cannot_be_copied_for_a_script() {
    let project = Project::empty();
    project.write("tree/a", "a").executable("r.sh", "#!/bin/sh\n");
    let _ =
        project.run(&["init", "tree", "--script", "r.sh", "--manifest", "data/dr/manifest.json"]);
    rustix::fs::mknodat(CWD, project.path("tree/fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let message = project.fails_at(1, "verify_backup_digest");
    assert!(message.contains("private copy of the backup: `fifo` cannot be written"), "{message}");
}

#[test]
fn an_empty_backup_is_none() {
    let project = Project::sample();
    project.write("data/dr/backup.json", "");
    let digest = dr_drill::digest::Digest::of(b"").to_string();
    project.edit(|manifest| manifest["backup"]["sha256"] = json!(digest));
    assert_eq!(project.fails_at(1, "verify_backup_payload"), "the backup is empty");
}

#[test]
fn a_list_of_digests_that_is_not_there() {
    let project = Project::empty();
    project.write("tree/a", "a");
    let _ = project.run(&["init", "tree", "--manifest", "data/dr/manifest.json"]);
    project.edit(|manifest| manifest["restore"] = json!({"digests": "absent"}));
    let message = project.fails_at(1, "validate_restored_backup");
    assert!(message.contains("the list `absent` cannot be opened"), "{message}");
}

#[test]
fn files_that_may_not_be_read() {
    let tree = Project::empty();
    tree.write("tree/a", "a").write("tree/closed", "b");
    let _ = tree.run(&["init", "tree", "--manifest", "data/dr/manifest.json"]);
    fs::set_permissions(tree.path("tree/closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let message = tree.unprivileged_failure("verify_backup_digest");
    assert!(message.contains("`closed` cannot be read: Permission denied"), "{message}");

    let recovered = Project::sample();
    recovered.script("#!/bin/sh\ncd \"$4\"\nmkdir recovered-backup\n: > recovered-backup/x\nchmod 0 recovered-backup/x\n");
    let message = recovered.unprivileged_failure("validate_restored_backup");
    assert!(message.contains("`x` cannot be read: Permission denied"), "{message}");
}

#[test]
fn a_private_copy_whose_path_is_too_long() {
    let project = Project::sample();
    let name = format!("{}.json", "b".repeat(200));
    fs::rename(project.path("data/dr/backup.json"), project.path(&format!("data/dr/{name}")))
        .unwrap();
    // Paths may have 4095 bytes: the run's own directory has them, the copy in it has not.
    let root = fs::canonicalize(project.path("data/dr")).unwrap().as_os_str().len();
    let depth = (4095 - 120 - root) / 100;
    let output = vec!["d".repeat(99); depth].join("/");
    project.edit(|manifest| {
        manifest["backup"]["path"] = json!(name);
        manifest["restore"]["output_dir"] = json!(output);
    });
    let message = project.fails_at(1, "verify_backup_digest");
    assert!(message.contains("File name too long"), "{message}");
}
