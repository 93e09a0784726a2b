//! Evidence: any change is noticed and named; what cannot be written fails the run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{NOW, Project, assert_follows};

fn files(folder: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// Every byte of every file, one bit each, through the library: the binary calls the same.
#[test]
fn any_flipped_bit_is_noticed_and_its_file_named() {
    let project = Project::sample();
    assert_eq!(project.drill().code(), 0);
    let folder = project.path("artifacts/dr");
    let verify = || {
        dr_drill::evidence::verify(
            &folder,
            dr_drill::evidence::Keys::default(),
            &dr_drill::digest::Unobserved,
        )
        .unwrap()
    };
    assert!(verify().problems.is_empty());
    for file in files(&folder) {
        let name = file.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        let whole = fs::read(&file).unwrap();
        // Every byte of small files, and as many of large ones, at places that differ.
        for at in (0..whole.len()).step_by(1 + whole.len() / 300) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&file, &flipped).unwrap();
            let found = verify();
            let named = found.problems.iter().any(|p| p.file == name || p.message.contains(&name));
            assert!(named, "{name} at {at}: {:?}", found.problems);
        }
        for other in [&whole[..whole.len() - 1], &[whole.as_slice(), b"\n"].concat()] {
            fs::write(&file, other).unwrap();
            assert!(
                verify().problems.iter().any(|p| p.file == name || p.message.contains(&name)),
                "{name}"
            );
        }
        fs::remove_file(&file).unwrap();
        assert!(verify().problems.iter().any(|p| p.file == name), "{name} removed");
        fs::write(&file, &whole).unwrap();
    }
    assert!(verify().problems.is_empty());
}

#[test]
fn the_command_names_what_was_changed_and_exits_non_zero() {
    let project = Project::sample();
    assert_eq!(project.drill().code(), 0);
    insta::assert_snapshot!("verify_intact", project.run(&["verify"]).snapshot());
    let report = project.text("artifacts/dr/dr-report.json");
    project.write("artifacts/dr/dr-report.json", report.replace("passed", "Passed"));
    project.write("artifacts/dr/extra.txt", "");
    fs::remove_file(project.path("artifacts/dr/manifest.sha256")).unwrap();
    let output = project.run(&["verify"]);
    assert_eq!(output.code(), 1);
    for named in [
        "dr-report.json: does not have the digest",
        "extra.txt: is there but not listed",
        "manifest.sha256: is listed",
    ] {
        assert!(output.stdout.contains(named), "{}", output.snapshot());
    }
    let output = project.run(&["verify", "--format", "json"]);
    assert_follows("verification", &serde_json::from_str(&output.stdout).unwrap());
}

#[test]
fn a_report_that_its_events_do_not_come_to_is_noticed_even_with_new_digests() {
    let project = Project::sample();
    project.script("#!/bin/sh\nexit 1\n");
    assert_eq!(project.drill().code(), 1);
    let forge = |name: &str, from: &str, to: &str| {
        let text = project.text(&format!("artifacts/dr/{name}"));
        assert!(text.contains(from), "{name}: {from}");
        project.write(&format!("artifacts/dr/{name}"), text.replace(from, to));
        let resealed = Command::new("sh")
            .args(["-c", "find . -type f ! -name SHA256SUMS | sed 's,^./,,' | LC_ALL=C sort | xargs sha256sum > SHA256SUMS"])
            .current_dir(project.path("artifacts/dr"))
            .status()
            .unwrap();
        assert!(resealed.success());
        let output = project.run(&["verify"]);
        assert_eq!(output.code(), 1, "{name}: {}", output.snapshot());
        project.write(&format!("artifacts/dr/{name}"), text);
        output.stdout
    };
    assert!(
        forge("dr-report.json", "\"failed\"", "\"passed\"")
            .contains("is not what dr-events.ndjson and manifest.json come to")
    );
    assert!(forge("dr-report.md", "failed", "passed").contains("dr-report.md"));
    assert!(
        forge("drill-metrics.json", "\"rto_seconds\": null", "\"rto_seconds\": 1.0")
            .contains("drill-metrics.json")
    );
    assert!(
        forge(
            "dr-events.ndjson",
            "\"status\":\"failed\",\"reasons\"",
            "\"status\":\"passed\",\"reasons\""
        )
        .contains("another verdict")
    );
    assert!(
        forge("manifest.json", "\"max_rto_seconds\": 30", "\"max_rto_seconds\": 1e9")
            .contains("come to")
    );
    assert!(forge("dr-events.ndjson", "\"seq\":3", "\"seq\":4").contains("number 3 was expected"));
    assert!(
        forge("dr-events.ndjson", "\"event\":\"step_started\"", "\"event\":\"oops\"")
            .contains("line 2")
    );
}

#[test]
fn what_is_no_evidence_is_said_to_be_none() {
    let project = Project::sample();
    for folder in ["absent", "data", "data/dr/manifest.json"] {
        let output = project.run(&["verify", folder]);
        assert_eq!(output.code(), 2, "{}", output.snapshot());
        assert!(output.stderr.starts_with("error: nothing was verified: "));
    }
}

#[test]
fn a_drill_without_a_valid_manifest_leaves_evidence_too() {
    let project = Project::sample();
    project.write("data/dr/manifest.json", "{\"backup\": {\"path\": 3}}");
    insta::assert_snapshot!("invalid_manifest", project.drill().snapshot());
    project.verifies();
    assert_eq!(project.report()["reasons"][0]["class"], "manifest");
    let output = project.run(&["run", "--manifest", "absent.json"]);
    assert_eq!(output.code(), 2);
    assert!(
        output.stdout.contains("the manifest absent.json does not exist"),
        "{}",
        output.snapshot()
    );
    project.verifies();
}

#[test]
fn evidence_that_cannot_be_written_fails_the_run_whatever_the_restore_did() {
    let project = Project::sample();
    project.write("mine/notes.txt", "keep me").write("file", "");
    let run = |evidence: &str| {
        project.run(&[
            "run",
            "--current-time",
            NOW,
            "--evidence-dir",
            evidence,
            "--ndjson",
            "e.ndjson",
            "--output",
            "r.json",
        ])
    };
    for (folder, why) in [
        ("mine", "holds files that no drill wrote, such as notes.txt"),
        ("file", "File exists"),
        ("/proc/nowhere", "No such file"),
    ] {
        let output = run(folder);
        assert_eq!(output.code(), 5, "{}", output.snapshot());
        assert!(output.stderr.contains(why), "{}", output.snapshot());
        assert!(output.stderr.contains("error: nothing was run"), "{}", output.snapshot());
    }
    assert_eq!(project.text("mine/notes.txt"), "keep me");
    let told = project
        .finish(project.command(&["run", "--evidence-dir", "mine"]).env("GITHUB_ACTIONS", "true"));
    assert!(
        told.stdout.starts_with("::error title=Restore drill::nothing was run"),
        "{}",
        told.snapshot()
    );
    let output = project.run(&["run", "--current-time", NOW, "--ndjson", "/dev/full"]);
    assert_eq!(output.code(), 5, "{}", output.snapshot());
    assert!(output.stderr.contains("No space left"), "{}", output.snapshot());
    assert!(!project.path("artifacts/dr/dr-report.json").exists());
    let output =
        project.run(&["run", "--current-time", NOW, "--output", "data/dr/manifest.json/report"]);
    assert_eq!(output.code(), 5, "{}", output.snapshot());
    assert!(!project.path("artifacts/dr/SHA256SUMS").exists());
}

#[test]
fn two_runs_into_one_directory_do_not_meet() {
    let project = Project::sample();
    project.script("#!/bin/sh\nsleep 2\ncat \"$1\" > \"$4/recovered-backup\"\n");
    let mut first = project.start();
    project.wait_for_event("restore_artifact");
    let second = project.drill();
    assert_eq!(second.code(), 5);
    assert!(
        second.stderr.contains("another drill is writing its evidence"),
        "{}",
        second.snapshot()
    );
    assert_eq!(first.wait().unwrap().code(), Some(0));
    project.verifies();
}

/// Killed at moments spread over a whole run: what is sealed verifies, what is not says so.
#[test]
fn kill_at_any_moment_never_leaves_a_sealed_directory_that_does_not_verify() {
    let project = Project::sample();
    for delay in 0..60 {
        let mut child = project.start();
        std::thread::sleep(std::time::Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        let sealed = project.path("artifacts/dr/SHA256SUMS").exists();
        let code = project.run(&["verify"]).code();
        assert!(if sealed { code == 0 } else { code == 4 || code == 2 }, "{delay} ms: {code}");
    }
    assert_eq!(project.drill().code(), 0);
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn the_other_forms_of_the_report_are_such_as_their_readers_want() {
    let project = Project::sample();
    assert_eq!(project.run(&["run", "--current-time", NOW]).code(), 0);
    let parsed = Command::new("/usr/bin/python3")
        .args([
            "-c",
            "import sys, xml.etree.ElementTree as e\nr = e.parse(sys.argv[1]).getroot()\n\
            print(*[s.get('tests') + ' ' + s.get('failures') + ' ' + s.get('errors') for s in r])",
        ])
        .arg(project.path("artifacts/dr/junit.xml"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&parsed.stdout), "11 0 0\n", "{parsed:?}");
    let page = project.text("artifacts/dr/dr-report.html");
    assert!(page.starts_with("<!doctype html>") && page.contains("<h1>PASSED</h1>"));
    for name in ["dr-report.html", "junit.xml"] {
        let place = format!("artifacts/dr/{name}");
        let before = project.text(&place);
        // Changed, and its digest with it.
        project.write(&place, before.replace("PASSED", "FAILED").replace("verdict", "other"));
        let sums = project.text("artifacts/dr/SHA256SUMS");
        let digest = |text: &str| dr_drill::digest::Digest::of(text.as_bytes()).to_string();
        project.write(
            "artifacts/dr/SHA256SUMS",
            sums.replace(&digest(&before), &digest(&project.text(&place))),
        );
        let output = project.run(&["verify", "artifacts/dr"]);
        assert_eq!(output.code(), 1, "{}", output.snapshot());
        assert!(output.stdout.contains(&format!("{name}: is not what")), "{}", output.snapshot());
        project.write(&place, before);
        project.write("artifacts/dr/SHA256SUMS", sums);
    }
}

/// A run that is killed while it empties the directory of the last one must not leave one that looks sealed.
#[test]
fn the_seal_of_the_last_run_goes_before_its_files() {
    let project = Project::sample();
    assert_eq!(project.drill().code(), 0);
    let traced = Command::new("strace")
        .args(["-f", "-e", "trace=unlink,unlinkat", "-o", "calls", env!("CARGO_BIN_EXE_dr-drill")])
        .args(["run", "--current-time", NOW])
        .current_dir(project.path(""))
        .env("TMPDIR", project.path("tmp"))
        .output()
        .unwrap();
    assert!(traced.status.success(), "{traced:?}");
    let calls = project.text("calls");
    let removed: Vec<&str> = calls.lines().filter(|call| call.contains("artifacts/dr/")).collect();
    assert!(removed[0].contains("SHA256SUMS") && removed.len() > 5, "{removed:#?}");
}

/// Evidence is verified for years, by tools that are newer: these word and draw some things otherwise.
#[test]
fn evidence_of_another_version_is_verified_by_what_it_says() {
    let project = Project::sample();
    assert_eq!(project.run(&["keygen", "me"]).code(), 0);
    let signed = ["run", "--current-time", NOW, "--signing-key", "me.key"];
    assert_eq!(project.run(&signed).code(), 0);
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let spaced = version.replacen(':', ": ", 1);
    let change = |name: &str, from: &str, to: &str| {
        let path = format!("artifacts/dr/{name}");
        let text = project.text(&path);
        assert!(text.contains(from), "{name}: {from}");
        project.write(&path, text.replace(from, to));
    };
    let verify = |key: &[&str]| {
        let find = "find . -type f ! -name SHA256SUMS ! -name '*.intoto.jsonl' | sed 's,^./,,' | LC_ALL=C sort | xargs sha256sum > SHA256SUMS";
        let folder = project.path("artifacts/dr");
        assert!(
            Command::new("sh").args(["-c", find]).current_dir(folder).status().unwrap().success()
        );
        let output = project.run(&[&["verify"], key].concat());
        (output.code(), output.stdout)
    };
    // What an older version left: other words and other pages, and a report that says so.
    change("dr-events.ndjson", &version, "\"version\":\"0.0.1\"");
    change("dr-report.json", &spaced, "\"version\": \"0.0.1\"");
    change("dr-report.json", "who made the backup:", "who has made the backup:");
    project.write("artifacts/dr/dr-report.html", "<p>another page</p>");
    // The signature is over other digests now; that is another test's matter.
    change("dr-events.ndjson", "\"signer\":", "\"unknown\":");
    project.edit_json("artifacts/dr/dr-report.json", |report| {
        report.as_object_mut().unwrap().remove("signer");
    });
    fs::remove_file(project.path("artifacts/dr/attestation.intoto.jsonl")).unwrap();
    let (code, text) = verify(&[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("version 0.0.1 wrote them"), "{text}");
    assert!(text.contains("who has made the backup"), "its own words: {text}");
    // What it found out is still computed again.
    for (from, to) in [
        ("\"rto_seconds\": ", "\"rto_seconds\": 1"),
        ("\"status\": \"passed\"", "\"status\": \"failed\""),
    ] {
        let whole = project.text("artifacts/dr/dr-report.json");
        change("dr-report.json", from, to);
        let (code, text) = verify(&[]);
        assert!(code == 1 && text.contains("dr-report.json: is not what"), "{from}: {text}");
        project.write("artifacts/dr/dr-report.json", whole);
    }
}
