//! Base backups come back: verified, started, recovered, also to a point in time.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Output, Project};
use crate::servers::{Server, postgres_programs};

/// A base backup named `b`, made with these arguments.
fn made(server: &Server, arguments: &[&str]) -> Project {
    let project = Project::empty();
    let mut program = Command::new(postgres_programs().join("pg_basebackup"));
    program.args(["-U", "postgres", "-c", "fast", "-h"]).arg(server.path(""));
    let output = program.arg("-D").arg(project.path("b")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    project
}

/// A manifest for it, with checks of the shop.
fn pinned(project: &Project, name: &str) {
    project.manifest_for("postgres", name);
    project.edit(|manifest| {
        manifest["restore"]["database"] = json!("shop");
        manifest["backup"]["captured_at"] = json!("2026-11-20T08:00:00Z");
        manifest["checks"] = json!([
            {"check": "row_count", "table": "sales.orders", "exact": 999},
            {"check": "foreign_keys"}, {"check": "indexes"}, {"check": "integrity"},
        ]);
    });
}

fn drill(project: &Project) -> Output {
    project.run(&["run", "--root", "."])
}

fn passes(project: &Project) -> Value {
    let output = drill(project);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
    project.report()
}

fn fails(project: &Project, step: &str) -> String {
    let output = drill(project);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    let reason = &project.report()["reasons"][0];
    assert_eq!(reason["step"], step, "{}", output.snapshot());
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
    reason["message"].as_str().unwrap().to_owned()
}

#[test]
fn every_form_of_a_base_backup_comes_back() {
    let server = Server::postgres();
    for form in [&["-Fp"][..], &["-Ft"], &["-Ft", "-z"]] {
        let project = made(&server, form);
        pinned(&project, "b");
        let report = passes(&project);
        assert_eq!(report["restore"]["verified_files"], true, "{form:?}");
        let phases = &report["metrics"]["phases"];
        assert!(phases["recover"].as_f64().unwrap() > 0.0, "{phases}");
        assert_ne!(report["instance"]["user"], "root");
    }
    let project = made(&server, &["-Fp"]);
    let mut tar = Command::new("tar");
    tar.arg("-czf").arg(project.path("b.tar.gz")).arg("-C").arg(project.path("b")).arg(".");
    let packed = tar.status().unwrap();
    assert!(packed.success());
    pinned(&project, "b.tar.gz");
    // Its members are of now.
    assert_eq!(project.run(&["pin", "--root", "."]).code(), 0);
    passes(&project);
}

#[test]
fn nothing_of_the_settings_that_come_with_it_is_used() {
    let server = Server::postgres();
    let project = made(&server, &["-Fp"]);
    let reached = project.path("tmp/reached");
    for name in ["postgresql.conf", "postgresql.auto.conf"] {
        let settings = format!(
            "archive_mode = on\narchive_command = 'touch {0}'\nrestore_command = 'touch {0}'\n\
             shared_preload_libraries = 'no_such_library'\nlisten_addresses = '*'\n",
            reached.display()
        );
        fs::write(project.path("b").join(name), settings).unwrap();
    }
    fs::write(project.path("b/standby.signal"), "").unwrap();
    // The size of this one is in the list of what was written.
    fs::remove_file(project.path("b/backup_manifest")).unwrap();
    pinned(&project, "b");
    let report = passes(&project);
    assert_eq!(report["restore"]["verified_files"], false);
    let said = report["not_proven"].as_array().unwrap().iter();
    assert!({ said }.any(|line| line.as_str().unwrap().contains("backup_manifest")), "{report}");
    assert!(!reached.exists());
}

#[test]
fn whatever_is_missing_or_changed_is_noticed() {
    let server = Server::postgres();
    let spoil = |change: &dyn Fn(&Path)| {
        let project = made(&server, &["-Fp"]);
        change(&project.path("b"));
        pinned(&project, "b");
        fails(&project, "restore_artifact")
    };
    let message = spoil(&|backup| {
        let file = backup.join("global/pg_filenode.map");
        let mut bytes = fs::read(&file).unwrap();
        bytes[9] ^= 1;
        fs::write(&file, bytes).unwrap();
    });
    assert!(message.contains("pg_verifybackup") && message.contains("mismatch"), "{message}");
    let message = spoil(&|backup| fs::remove_file(backup.join("global/pg_filenode.map")).unwrap());
    assert!(message.contains("pg_filenode.map"), "{message}");
    // Without a list the server itself has to notice.
    let message = spoil(&|backup| {
        fs::remove_file(backup.join("backup_manifest")).unwrap();
        fs::remove_dir_all(backup.join("pg_wal")).unwrap();
        fs::create_dir(backup.join("pg_wal")).unwrap();
    });
    assert!(message.contains("checkpoint record"), "{message}");
    let message = spoil(&|backup| fs::write(backup.join("tablespace_map"), "16400 /x\n").unwrap());
    assert!(message.contains("tablespaces"), "{message}");
}

/// Without the list of what was written, the pages' own checksums tell.
#[test]
fn a_page_with_another_checksum_is_noticed_when_it_is_read() {
    let server = Server::postgres();
    let file = server.answer("SELECT pg_relation_filepath('audit')");
    let project = made(&server, &["-Fp"]);
    fs::remove_file(project.path("b/backup_manifest")).unwrap();
    let path = project.path("b").join(file);
    let mut bytes = fs::read(&path).unwrap();
    // In the middle of a page's free space or rows: no header says that anything is wrong.
    bytes[8192 + 5000] ^= 0x10;
    fs::write(&path, bytes).unwrap();
    pinned(&project, "b");
    let message = fails(&project, "run_checks");
    assert!(message.starts_with("integrity: "), "{message}");
}

#[test]
fn files_of_a_version_that_is_not_installed_say_nothing_of_the_backup() {
    let server = Server::postgres();
    let project = made(&server, &["-Fp"]);
    fs::remove_file(project.path("b/backup_manifest")).unwrap();
    fs::write(project.path("b/PG_VERSION"), "9.1\n").unwrap();
    pinned(&project, "b");
    let output = drill(&project);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    assert!(output.snapshot().contains("PostgreSQL 9, whose files these are"));
}

#[test]
fn it_recovers_to_a_point_in_time_and_no_further() {
    let server = Server::postgres();
    let project = made(&server, &["-Fp"]);
    server.psql("INSERT INTO customer (name) VALUES ('in time')");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let now =
        server.answer("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    server.psql("INSERT INTO customer (name) VALUES ('too late')");
    server.psql("SELECT pg_switch_wal()");
    fs::create_dir(project.path("wal")).unwrap();
    for segment in fs::read_dir(server.path("data/pg_wal")).unwrap().flatten() {
        if segment.file_name().len() == 24 {
            fs::copy(segment.path(), project.path("wal").join(segment.file_name())).unwrap();
        }
    }
    pinned(&project, "b");
    let digest = project.tree_digest("wal");
    let recover = |time: Option<&str>, customers: u64| {
        project.edit(|manifest| {
            manifest["restore"]["wal"] = json!({"path": "../../wal", "sha256": digest});
            match time {
                Some(time) => manifest["restore"]["recovery_target_time"] = json!(time),
                None => {
                    let restore = manifest["restore"].as_object_mut().unwrap();
                    restore.remove("recovery_target_time");
                }
            }
            manifest["checks"] =
                json!([{"check": "row_count", "table": "customer", "exact": customers}]);
        });
    };
    recover(Some(&now), 201);
    passes(&project);
    recover(None, 202);
    passes(&project);
    recover(Some("2031-01-01T00:00:00Z"), 202);
    let message = fails(&project, "restore_artifact");
    assert!(message.contains("before configured recovery target was reached"), "{message}");
    fs::write(project.path("wal/000000010000000000000099"), "other").unwrap();
    let message = fails(&project, "restore_artifact");
    assert!(message.contains("the manifest pins"), "{message}");
    project.edit(|manifest| {
        manifest["restore"]["wal"].as_object_mut().unwrap().remove("sha256");
    });
    let output = drill(&project);
    assert_eq!(output.code(), 2);
    assert!(output.snapshot().contains("another log would bring other data"));
}
