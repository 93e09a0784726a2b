//! A disk that is too small says nothing of the backup.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::{NOW, Project};

/// A table of texts, as many MB as given.
fn texts(megabytes: usize) -> String {
    let rows: String =
        (0..megabytes * 1000).map(|row| format!("{row}\t{}\n", "x".repeat(990))).collect();
    format!(
        "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE t (id int, text text);\n\
         ALTER TABLE t ALTER text SET STORAGE PLAIN;\nCOPY t (id, text) FROM stdin;\n{rows}\\.\n\n\
         --\n-- PostgreSQL database dump complete\n--\n"
    )
}

/// The report of a drill whose temporary directory has so many MB.
fn drill(project: &Project, megabytes: usize) -> Value {
    let mut unshare = Command::new("unshare");
    unshare.arg(if rustix::process::geteuid().is_root() { "-m" } else { "-rm" });
    // In a chroot the root is no mount, and its propagation cannot be changed: what is mounted may be
    // seen outside, and is unmounted.
    unshare.args(["--propagation", "unchanged"]);
    let mount = format!(
        "mount -t tmpfs -o size={megabytes}m,mode=711 none \"$0\" || exit 99
         \"$@\"; code=$?; umount \"$0\"; exit $code"
    );
    unshare.args(["sh", "-c", &mount]).arg(project.path("tmp"));
    unshare.arg(env!("CARGO_BIN_EXE_dr-drill"));
    unshare.args(["run", "--current-time", NOW, "--root", "."]).current_dir(project.path(""));
    unshare.env("TMPDIR", project.path("tmp"));
    let output = unshare.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    project.verifies();
    project.report()
}

#[test]
fn too_little_room_is_said_before_anything_is_restored() {
    let project = Project::database("postgres", "t.sql", texts(30));
    let report = drill(&project, 12);
    let reason = &report["reasons"][0];
    assert_eq!(reason["step"], "provision_instance", "{reason}");
    assert!(reason["message"].as_str().unwrap().contains("14 MB on the disk"), "{reason}");
    let seconds = &report["metrics"]["phases"]["restore"];
    assert!(seconds.is_null(), "the clock of the restore never ran: {seconds}");
}

#[test]
fn a_disk_that_fills_up_is_no_fault_of_the_backup() {
    for (driver, megabytes) in [("postgres", 80), ("sqlite", 25)] {
        let project = if driver == "postgres" {
            Project::database(driver, "t.sql", texts(60))
        } else {
            let rows: String = (0..30_000)
                .map(|row| format!("INSERT INTO t VALUES({row},'{}');\n", "x".repeat(990)))
                .collect();
            let dump = format!(
                "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t(id, text);\n{rows}COMMIT;\n"
            );
            let project = Project::database(driver, "t.sql.zst", zstd(dump.as_bytes()));
            project.edit(|manifest| manifest["checks"] = json!([]));
            project
        };
        let report = drill(&project, megabytes);
        assert_eq!(report["reasons"][0]["step"], "restore_artifact", "{}", report["reasons"]);
        let message = report["reasons"][0]["message"].as_str().unwrap();
        assert!(message.contains("the disk was full"), "{message}");
    }
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut program = Command::new("zstd")
        .arg("-q")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = program.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}

#[test]
fn what_a_drill_took_is_measured() {
    let project = Project::database("postgres", "t.sql", texts(5));
    let output = project.run(&["run", "--current-time", NOW, "--root", "."]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let metrics = &project.report()["metrics"];
    let number = |name: &str| metrics[name].as_f64().unwrap_or_else(|| panic!("{name}: {metrics}"));
    assert!(number("peak_disk_bytes") > 30e6, "a server's own files are some, too");
    assert_eq!(project.report()["restore"]["rows"], 5000);
    let seconds = number("restore_bytes_per_second");
    assert!(number("restore_rows_per_second") > 0.0 && seconds > 0.0);
    assert!(number("restore_seconds_per_gb") > 0.0);
    let first = number("first_answer_seconds");
    assert!(0.0 < first && first < number("rto_seconds"), "{metrics}");
    assert_eq!(project.json("artifacts/dr/drill-metrics.json")["first_answer_seconds"], first);
}

/// The history lies on a disk that fills up while its calendar is worked, and has room again afterwards.
#[test]
fn a_calendar_whose_disk_is_full_loses_no_slot_and_records_none_twice() {
    let project = Project::sample();
    project.write(
        "fleet.yaml",
        "defaults: {cron: '0 * * * *'}\ndrills: [{name: orders, manifest: data/dr/manifest.json}]\n",
    );
    std::fs::create_dir(project.path("disk")).unwrap();
    let steps = "mount -t tmpfs -o size=2m,mode=711 none disk || exit 99
        look() { \"$0\" schedule run-due --history disk/h --root . --current-time \"2026-11-20T$1:00Z\"; echo \"$1 $?\"; }
        look 09:30; look 10:05; dd if=/dev/zero of=disk/filler bs=1k 2>/dev/null
        look 11:05; look 13:05; rm disk/filler; look 13:10
        \"$0\" schedule ledger --history disk/h; \"$0\" history verify --history disk/h; echo \"verify $?\"
        umount disk";
    let mut unshare = Command::new("unshare");
    unshare.arg(if rustix::process::geteuid().is_root() { "-m" } else { "-rm" });
    unshare.args(["--propagation", "unchanged", "sh", "-c", steps, env!("CARGO_BIN_EXE_dr-drill")]);
    unshare.current_dir(project.path("")).env("TMPDIR", project.path("tmp"));
    let output = unshare.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    for wanted in ["09:30 0\n", "10:05 0\n", "11:05 5\n", "13:05 5\n", "13:10 ", "verify 0\n"] {
        assert!(said.contains(wanted), "{wanted}: {said}\n{errors}");
    }
    let ledger = said.split("13:10 ").nth(1).unwrap();
    for hour in 10..14 {
        let due = format!("2026-11-20T{hour}:00:00.000Z");
        assert_eq!(ledger.matches(&due).count(), 1, "{due}: {said}\n{errors}");
    }
}
