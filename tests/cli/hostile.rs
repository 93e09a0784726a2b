//! Hostile input: a clear error, nothing touched outside, never a hang.

use std::fs;
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode};
use serde_json::json;

use crate::common::Project;

/// The manifest is refused before anything runs, with this in the message.
fn refused(project: &Project, wanted: &str) {
    let output = project.drill();
    assert_eq!(output.code(), 2, "{}", output.snapshot());
    assert!(output.stdout.contains(wanted), "{wanted}: {}", output.snapshot());
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn paths_do_not_leave_the_root() {
    let project = Project::sample();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path(), project.path("data/dr/out")).unwrap();
    symlink(outside.path().join("secret"), project.path("data/dr/link")).unwrap();
    for (key, step) in [
        ("backup", "verify_backup_digest"),
        ("sbom", "validate_sbom"),
        ("provenance", "validate_provenance"),
    ] {
        for path in ["link", "out/secret", "../../../secret"] {
            let project = Project::sample();
            symlink(outside.path(), project.path("data/dr/out")).unwrap();
            symlink(outside.path().join("secret"), project.path("data/dr/link")).unwrap();
            project.edit(|manifest| manifest[key]["path"] = json!(path));
            assert!(
                project.fails_at(1, step).contains("leaves the root directory"),
                "{key} {path}"
            );
        }
    }
    project.edit(|manifest| manifest["restore"]["script"] = json!("out/secret"));
    assert!(project.fails_at(1, "restore_artifact").contains("leaves the root directory"));
    project.edit(|manifest| manifest["restore"]["output_dir"] = json!("out/new"));
    refused(&project, "leaves the root directory");
    project.edit(|manifest| manifest["restore"]["output_dir"] = json!("../../../new"));
    refused(&project, "leaves the root directory");
    project.edit(|manifest| manifest["restore"]["output_dir"] = json!("/tmp/new"));
    refused(&project, "is an absolute path");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn devices_and_fifos_do_not_hang_anything() {
    for kind in [FileType::Fifo, FileType::CharacterDevice] {
        for name in ["backup.json", "sbom.json", "provenance.json", "recall.sh", "manifest.json"] {
            let project = Project::sample();
            let path = project.path("data/dr").join(name);
            fs::remove_file(&path).unwrap();
            if kind == FileType::Fifo {
                rustix::fs::mknodat(CWD, &path, kind, Mode::RWXU, 0).unwrap();
            } else {
                symlink("/dev/zero", &path).unwrap();
            }
            let output = project.drill();
            assert!([1, 2].contains(&output.code()), "{name}: {}", output.snapshot());
            let said = ["is a FIFO", "is a device", "leaves the root"]
                .iter()
                .any(|what| output.stdout.contains(what));
            assert!(said, "{name}: {}", output.snapshot());
        }
    }
}

#[test]
fn huge_deep_and_malformed_manifests_are_refused() {
    let project = Project::sample();
    let mut huge = fs::File::create(project.path("data/dr/manifest.json")).unwrap();
    huge.seek(std::io::SeekFrom::Start(2 << 30)).unwrap();
    huge.write_all(b"}").unwrap();
    drop(huge);
    refused(&project, "is larger than 4 MiB");
    for (text, wanted) in [
        (format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), "deeper than 64 levels"),
        (format!("{{\"backup\":{}", "[".repeat(100_000)), "EOF"),
        ("{\"backup\": 1, \"backup\": 2}".to_owned(), "1:15: the key `backup` stands twice"),
        ("\u{feff}{}".to_owned(), "byte order mark"),
        (String::new(), "EOF while parsing"),
        ("null".to_owned(), "not of the wanted type: object"),
        ("{} {}".to_owned(), "trailing characters"),
    ] {
        project.write("data/dr/manifest.json", text);
        refused(&project, wanted);
    }
    project.write("data/dr/manifest.json", b"{\"name\": \"\xff\"}");
    refused(&project, "is not UTF-8");
}

#[test]
fn nul_bytes_in_paths_are_refused() {
    let project = Project::sample();
    project.edit(|manifest| manifest["backup"]["path"] = json!("backup.json\0.txt"));
    refused(&project, "holds a NUL byte");
}

#[test]
fn an_output_that_is_the_backup_is_refused() {
    let project = Project::empty();
    project.write("tree/a", "a").executable("r.sh", "#!/bin/sh\n");
    let _ =
        project.run(&["init", "tree", "--script", "r.sh", "--manifest", "data/dr/manifest.json"]);
    for output in ["../../tree", "../../tree/sub", "../../alias/sub"] {
        let _ = symlink("tree", project.path("alias"));
        project.edit(|manifest| manifest["restore"]["output_dir"] = json!(output));
        refused(&project, "the output directory is the backup itself, or lies in it");
    }
    project.edit(|manifest| manifest["restore"]["output_dir"] = json!("../../out"));
    let output = project.run(&[
        "run",
        "--evidence-dir",
        "tree/evidence",
        "--output",
        "r.json",
        "--ndjson",
        "e.ndjson",
    ]);
    assert_eq!(output.code(), 2, "{}", output.snapshot());
    assert!(
        output.stdout.contains("the evidence would be written into the backup"),
        "{}",
        output.snapshot()
    );
}

#[test]
fn inputs_of_any_size_and_depth_get_their_own_answer() {
    let project = Project::sample();
    for (name, step) in [("sbom.json", "validate_sbom"), ("provenance.json", "validate_provenance")]
    {
        let project = Project::sample();
        let file = format!("data/dr/{name}");
        for (text, wanted) in [
            ("{\"a\": 1, \"a\": 2}".to_owned(), "stands twice"),
            (format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)), "recursion limit exceeded"),
            ("{} trailing".to_owned(), "trailing characters"),
            ("\u{feff}{}".to_owned(), "byte order mark"),
        ] {
            project.write(&file, text);
            let message = project.fails_at(1, step);
            assert!(message.contains(wanted), "{name}: {message}");
        }
        let mut huge = fs::File::create(project.path(&file)).unwrap();
        huge.seek(std::io::SeekFrom::Start(2 << 30)).unwrap();
        huge.write_all(b"}").unwrap();
        assert!(project.fails_at(1, step).contains("is larger than 128 MiB"));
    }
    let subjects: Vec<_> = (0..2000)
        .map(|n| json!({"name": n.to_string(), "digest": {"sha256": "0".repeat(64)}}))
        .collect();
    project
        .edit_json("data/dr/provenance.json", |statement| statement["subject"] = json!(subjects));
    assert!(project.fails_at(1, "validate_provenance").contains("more than 1024 subjects"));
}

#[test]
fn an_archive_cannot_write_outside() {
    let project = Project::empty();
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    header.as_old_mut().name[..12].copy_from_slice(b"../../escape");
    header.set_cksum();
    builder.append(&header, b"x".as_slice()).unwrap();
    project.write("b.tar", builder.into_inner().unwrap());
    let digest =
        dr_drill::digest::Digest::of(&fs::read(project.path("b.tar")).unwrap()).to_string();
    let manifest = json!({"backup": {"path": "b.tar", "sha256": digest, "captured_at": "2026-11-20T08:00:00Z"},
        "restore": {"tree_sha256": "0".repeat(64), "output_dir": "out"}});
    project.write("data/../m.json", manifest.to_string());
    let output = project.run(&["run", "--manifest", "m.json"]);
    assert_eq!(output.code(), 1);
    assert!(
        output.stdout.contains("`../../escape` would leave the output directory"),
        "{}",
        output.snapshot()
    );
    assert!(!project.path("escape").exists() && !project.path("out/escape").exists());
}
