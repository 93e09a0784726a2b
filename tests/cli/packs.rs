//! Packs: the same bytes each time, verified as the directory is, and nothing but what was sealed.

use std::fs;
use std::io::Write as _;

use dr_drill::digest::Unobserved;
use dr_drill::evidence::{Keys, verify};

use crate::common::Project;

fn packed() -> Project {
    let project = Project::sample();
    assert_eq!(project.drill().code(), 0);
    let output = project.run(&["evidence", "pack", "--out", "one.tar.zst"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    project
}

/// A pack with these members.
fn pack(members: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(zstd::Encoder::new(Vec::new(), 3).unwrap());
    for (name, kind, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        if kind.is_symlink() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

#[test]
fn a_pack_has_the_same_bytes_each_time_and_comes_back_whole() {
    let project = packed();
    // Owners, times and permissions are no evidence.
    let report = project.path("artifacts/dr/dr-report.md");
    fs::write(&report, fs::read(&report).unwrap()).unwrap();
    assert_eq!(project.run(&["evidence", "pack", "--out", "two.tar.zst"]).code(), 0);
    let one = fs::read(project.path("one.tar.zst")).unwrap();
    assert_eq!(one, fs::read(project.path("two.tar.zst")).unwrap());
    let output = project.run(&["verify", "one.tar.zst"]);
    let directory = project.run(&["verify"]);
    assert_eq!(output.stdout.replace("one.tar.zst", "artifacts/dr"), directory.stdout);
    let output = project.run(&["evidence", "unpack", "one.tar.zst", "--out", "again"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(project.tree_digest("again"), {
        // Directories that hold nothing are not packed: there are none.
        project.tree_digest("artifacts/dr")
    });
    // Nothing is replaced.
    assert_eq!(project.run(&["evidence", "unpack", "one.tar.zst", "--out", "again"]).code(), 2);
    assert_eq!(project.run(&["evidence", "pack", "--out", "one.tar.zst"]).code(), 2);
    // With tar alone, too.
    let status = std::process::Command::new("tar")
        .args(["--zstd", "-tf", "one.tar.zst"])
        .current_dir(project.path(""))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&status.stdout).starts_with("SHA256SUMS\n"));
}

#[test]
fn only_what_is_as_it_was_sealed_is_packed() {
    let project = packed();
    project.write("artifacts/dr/dr-report.md", "changed");
    let output = project.run(&["evidence", "pack", "--out", "two.tar.zst"]);
    assert_eq!(output.code(), 2);
    assert!(
        output.stderr.contains("`dr-report.md` is not as it was sealed"),
        "{}",
        output.snapshot()
    );
    fs::remove_file(project.path("artifacts/dr/SHA256SUMS")).unwrap();
    let output = project.run(&["evidence", "pack", "--out", "two.tar.zst"]);
    assert!(output.stderr.contains("never sealed"), "{}", output.snapshot());
    assert!(!project.path("two.tar.zst").exists());
}

/// One bit of each byte: it is noticed, or changes no file of the evidence.
#[test]
fn any_flipped_bit_of_a_pack_is_noticed_or_changes_nothing() {
    let project = packed();
    let path = project.path("one.tar.zst");
    let whole = fs::read(&path).unwrap();
    let intact = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        verify(&path, Keys::default(), &Unobserved).is_ok_and(|found| found.problems.is_empty())
    };
    assert!(intact(&whole));
    let files = project.tree_digest("artifacts/dr");
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        if intact(&flipped) {
            let out = format!("out-{at}");
            assert_eq!(
                project.run(&["evidence", "unpack", "one.tar.zst", "--out", &out]).code(),
                0
            );
            assert_eq!(project.tree_digest(&out), files, "byte {at} changes what is unpacked");
        }
    }
    for cut in (0..whole.len()).step_by(1 + whole.len() / 200) {
        assert!(!intact(&whole[..cut]), "cut at {cut}");
    }
    assert!(!intact(&[&whole[..], b"x"].concat()));
    // Another frame after the end, or another file after the last.
    let more = zstd::encode_all(&b"more"[..], 3).unwrap();
    assert!(!intact(&[&whole[..], &more].concat()));
}

#[test]
fn a_hostile_pack_writes_nothing_and_is_no_evidence() {
    let project = packed();
    let file = tar::EntryType::Regular;
    let long = "x".repeat(99);
    for (what, bytes) in [
        ("a path that leaves", pack(&[("SHA256SUMS", file, b""), ("../escaped", file, b"x")])),
        ("an absolute path", pack(&[("SHA256SUMS", file, b""), ("/escaped", file, b"x")])),
        ("a link", pack(&[("SHA256SUMS", tar::EntryType::Symlink, b"")])),
        ("a directory", pack(&[("SHA256SUMS", tar::EntryType::Directory, b"")])),
        ("a file twice", pack(&[("SHA256SUMS", file, b""), ("SHA256SUMS", file, b"x")])),
        ("no evidence", pack(&[(&long, file, b"x")])),
        ("no archive", zstd::encode_all(&b"text"[..], 3).unwrap()),
        ("no compression", b"text".to_vec()),
    ] {
        project.write("hostile.tar.zst", bytes);
        let output = project.run(&["verify", "hostile.tar.zst"]);
        assert_ne!(output.code(), 0, "{what}: {}", output.snapshot());
        let _ = project.run(&["evidence", "unpack", "hostile.tar.zst", "--out", "hostile"]);
        assert!(!project.path("escaped").exists(), "{what}");
        let _ = fs::remove_dir_all(project.path("hostile"));
    }
    // A bomb: a terabyte of zeros where a report is wanted is not read into memory.
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_path("dr-report.json").unwrap();
    header.set_mode(0o644);
    header.set_entry_type(file);
    header.set_size(1 << 40);
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    for _ in 0..640 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    project.write("bomb.tar.zst", encoder.finish().unwrap());
    let output = project.run(&["verify", "bomb.tar.zst"]);
    assert_eq!(output.code(), 2, "{}", output.snapshot());
    assert!(output.stderr.contains("holds more than any drill leaves"), "{}", output.snapshot());
}

#[test]
fn every_form_of_a_report_can_be_had_later() {
    let project = packed();
    for (form, wanted) in [
        ("terminal", "PASSED"),
        ("json", "\"dr_drill.v2\""),
        ("markdown", "## ✅"),
        ("html", "<!doctype html>"),
        ("junit", "<testsuite"),
        ("sarif", "\"2.1.0\""),
        ("openmetrics", "# EOF"),
        ("csv", "name,run_id"),
    ] {
        for evidence in ["artifacts/dr", "one.tar.zst"] {
            let output = project.run(&["report", evidence, "--form", form]);
            assert_eq!(output.code(), 0, "{}", output.snapshot());
            assert!(output.stdout.contains(wanted), "{form}: {}", output.stdout);
        }
    }
    assert_eq!(
        project.run(&["report", "--form", "json"]).stdout,
        project.text("artifacts/dr/dr-report.json")
    );
    assert_eq!(project.run(&["report", "nowhere"]).code(), 2);
}
