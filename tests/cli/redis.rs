//! Snapshots and logs of Redis come back for real, and what is wrong with one is noticed.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use dr_drill::digest::Digest;
use serde_json::{Value, json};

use crate::common::{Output, Project};

const SNAPSHOT: &[u8] = include_bytes!("../../fixtures/real/shop.rdb");
/// When the snapshot was made, by its own words.
const MADE: &str = "2026-11-21T13:10:18Z";
/// After that.
const LATER: &str = "2026-11-21T14:00:00Z";

fn drill(project: &Project) -> Output {
    project.run(&["run", "--current-time", LATER, "--root", "."])
}

/// Checks that hold for the shop, one of each kind.
fn checks() -> Value {
    json!([
        {"check": "key_count", "pattern": "customer:*", "exact": 500},
        {"check": "key_count", "database": 3, "min": 1, "max": 2},
        {"check": "key_value", "key": "canary",
            "expected_sha256": Digest::of(b"a value that stands nowhere").to_string()},
        {"check": "key_value", "database": 3, "key": "other", "expected": "3"},
        {"check": "read_write"},
    ])
}

fn snapshot(bytes: &[u8]) -> Project {
    let project = Project::database("redis", "shop.rdb", bytes);
    project.edit(|manifest| {
        manifest["checks"] = checks();
        manifest["backup"]["captured_at"] = json!(MADE);
    });
    project
}

/// The directory of logs, changed so.
fn logs(change: impl FnOnce(&Project)) -> Project {
    let project = Project::empty();
    project.copy_real("shop-redis");
    change(&project);
    project.manifest_for("redis", "shop-redis");
    project.edit(|manifest| manifest["checks"] = checks());
    project
}

fn passes(project: &Project) {
    let output = drill(project);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert!(!output.snapshot().contains("stands nowhere"));
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

/// The first reason of a drill that fails at a step.
fn fails(project: &Project, step: &str) -> String {
    let output = drill(project);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    let first = project.report()["reasons"][0].clone();
    assert_eq!(first["step"], step, "{}", output.snapshot());
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
    first["message"].as_str().unwrap().to_owned()
}

/// What the shop was, as a drill of its snapshot has recorded it.
fn baseline() -> &'static str {
    static BASELINE: OnceLock<String> = OnceLock::new();
    BASELINE.get_or_init(|| {
        let project = snapshot(SNAPSHOT);
        let output =
            project.run(&["run", "--current-time", LATER, "--root", ".", "--record-baseline"]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
        project.text("artifacts/dr/restore/baseline.json")
    })
}

fn with_baseline(project: &Project) {
    project.write("data/dr/baseline.json", baseline());
    project.edit(|manifest| {
        manifest["baseline"] = json!({"path": "baseline.json"});
        manifest["checks"] = json!("auto");
    });
}

/// A log of commands, as a server writes it.
fn commands(list: &[&[&str]]) -> String {
    let command = |words: &&[&str]| {
        let words: String =
            words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
        let count = words.matches('$').count();
        format!("*{count}\r\n{words}")
    };
    list.iter().map(command).collect()
}

#[test]
fn a_snapshot_comes_back_and_its_own_time_counts() {
    let project = snapshot(SNAPSHOT);
    passes(&project);
    let report = project.report();
    assert_eq!(report["payload"]["format"], "Redis snapshot");
    assert_eq!(report["payload"]["time"]["meaning"], "captured");
    assert_eq!(report["restore"]["rows"], 508);
    assert_eq!(report["checks"].as_array().unwrap().len(), 7);
    assert_ne!(report["instance"]["user"], "root");
    let isolation = report["isolation"].as_array().unwrap();
    assert!(isolation.iter().any(|protection| protection["protection"] == "network"));
    let programs = report["restore"]["programs"].as_array().unwrap();
    assert_eq!(programs.len(), 3, "{programs:?}");
}

#[test]
fn compressed_snapshots_and_logs_of_commands_come_back() {
    let zipped = Command::new("gzip").args(["-c", "fixtures/real/shop.rdb"]).output().unwrap();
    let project = Project::database("redis", "shop.rdb.gz", zipped.stdout);
    with_baseline(&project);
    project.edit(|manifest| manifest["backup"]["captured_at"] = json!(MADE));
    passes(&project);
    let project = logs(|_| {});
    passes(&project);
    with_baseline(&project);
    passes(&project);
    let asked: Vec<String> = project.report()["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["check"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(asked, ["connectivity", "not_empty", "content", "read_write"]);
    let log = commands(&[&["SELECT", "0"], &["SET", "a", "1"], &["SET", "b", "2"]]);
    let project = Project::database("redis", "old.aof", log);
    project.edit(|manifest| manifest["checks"] = json!([{"check": "key_count", "exact": 2}]));
    passes(&project);
}

#[test]
fn a_damaged_snapshot_is_noticed_wherever_it_is_damaged() {
    let mut flipped = SNAPSHOT.to_vec();
    flipped[9000] ^= 1;
    let damaged = |bytes: &[u8]| {
        let project = snapshot(SNAPSHOT);
        project.write("shop.rdb", bytes);
        // To pin it would be refused.
        project.edit(|manifest| {
            manifest["backup"]["sha256"] = json!(Digest::of(bytes).to_string());
        });
        project
    };
    let message = fails(&damaged(&flipped), "verify_backup_payload");
    assert!(message.contains("its checksum is that of other content"), "{message}");
    let message = fails(&damaged(&SNAPSHOT[..12_000]), "verify_backup_payload");
    assert!(message.contains("cut off"), "{message}");
    // Without a checksum the server itself reads it: here a length leads beyond the end.
    let mut unchecked = SNAPSHOT.to_vec();
    let end = unchecked.len();
    unchecked[end - 8..].fill(0);
    let at = unchecked.windows(8).position(|bytes| bytes == b"customer").unwrap();
    unchecked[at - 1] = 0x7f;
    let message = fails(&damaged(&unchecked), "restore_artifact");
    assert!(message.contains("redis-check-rdb ended"), "{message}");
}

#[test]
fn a_log_that_is_cut_short_is_refused() {
    let cut = |bytes: usize| {
        logs(|project| {
            let path = project.path("shop-redis/appendonly.aof.2.incr.aof");
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() - bytes]).unwrap();
        })
    };
    for bytes in [1, 7, 30] {
        let message = fails(&cut(bytes), "restore_artifact");
        assert!(message.contains("redis-check-aof ended"), "{message}");
    }
    let project = logs(|project| {
        fs::remove_file(project.path("shop-redis/appendonly.aof.2.base.rdb")).unwrap();
    });
    fails(&project, "restore_artifact");
    let project = Project::empty();
    project.write("empty/notes.txt", "nothing of Redis");
    project.manifest_for("redis", "empty");
    let message = fails(&project, "restore_artifact");
    assert!(message.contains("dump.rdb"), "{message}");
}

#[test]
fn keys_that_are_missing_doubled_or_changed_differ_from_the_baseline() {
    let log = |list: &[&[&str]]| {
        logs(|project| {
            let path = project.path("shop-redis/appendonly.aof.2.incr.aof");
            let mut log = fs::read_to_string(&path).unwrap();
            log.push_str(&commands(&[&["SELECT", "0"]]));
            log.push_str(&commands(list));
            fs::write(&path, log).unwrap();
        })
    };
    let cases: [(&[&[&str]], &str); 8] = [
        (&[&["DEL", "customer:7"]], "db0 has 505 lasting key(s), it had 506"),
        (&[&["SET", "customer:501", "x"]], "db0 has 507 lasting key(s), it had 506"),
        (&[&["SET", "customer:7", ""]], "not the same"),
        (&[&["LPUSH", "queue", "one"]], "not the same"),
        (&[&["SREM", "all", "7"]], "not the same"),
        (&[&["ZADD", "amount", "8", "7"]], "not the same"),
        (&[&["HSET", "order:1", "state", "open"]], "not the same"),
        (&[&["XADD", "log", "2-1", "what", "ended"]], "not the same"),
    ];
    for (change, wanted) in cases {
        let project = log(change);
        with_baseline(&project);
        let message = fails(&project, "run_checks");
        assert!(message.contains(wanted), "{change:?}: {message}");
    }
    let project = log(&[&["SELECT", "3"], &["DEL", "other"]]);
    with_baseline(&project);
    assert!(fails(&project, "run_checks").contains("db3 is empty"));
    let project = log(&[&["DEL", "customer:7"]]);
    with_baseline(&project);
    project.edit(|manifest| {
        manifest["checks"] = json!([{"check": "content", "tolerance_percent": 1}]);
    });
    passes(&project);
}

#[test]
fn every_check_of_keys_can_fail() {
    let cases = [
        (json!({"check": "key_count", "pattern": "order:*", "min": 2}), "1 key(s) like `order:*`"),
        (json!({"check": "key_count", "database": 3, "exact": 2}), "db3 has 1 key(s)"),
        (json!({"check": "key_value", "key": "canary", "expected": "other"}), "a text of SHA-256"),
        (json!({"check": "key_value", "key": "nowhere", "expected": "x"}), "no key `nowhere`"),
        (json!({"check": "key_value", "key": "queue", "expected": "x"}), "WRONGTYPE"),
    ];
    for (check, wanted) in cases {
        let project = snapshot(SNAPSHOT);
        project.edit(|manifest| manifest["checks"] = json!([check]));
        let message = fails(&project, "run_checks");
        assert!(message.contains(wanted), "{wanted}: {message}");
        assert!(!message.contains("stands nowhere"), "{message}");
    }
    // A server that may use no more memory takes no new key; what is there stays.
    let full = commands(&[&["SET", "a", "1"], &["CONFIG", "SET", "maxmemory", "1"]]);
    let project = Project::database("redis", "full.aof", full);
    project.edit(|manifest| manifest["checks"] = json!([{"check": "read_write"}]));
    assert!(fails(&project, "run_checks").contains("OOM"));
    let none = commands(&[&["SET", "a", "1"], &["DEL", "a"]]);
    let project = Project::database("redis", "none.aof", none);
    assert!(fails(&project, "run_checks").contains("there is no key"));
}

#[test]
fn what_redis_has_not_is_refused_when_the_manifest_is_read() {
    let project = snapshot(SNAPSHOT);
    for (check, wanted) in [
        (json!({"check": "required_tables", "tables": ["t"]}), "Redis has none"),
        (json!({"check": "key_count", "max": 3}), "holds where there is none"),
        (json!({"check": "key_value", "key": "k"}), "expects nothing"),
    ] {
        project.edit(|manifest| manifest["checks"] = json!([check]));
        let output = drill(&project);
        assert_eq!(output.code(), 2, "{}", output.snapshot());
        assert!(output.snapshot().contains(wanted), "{}", output.snapshot());
    }
    let project = Project::database("sqlite", "a.db", "no database");
    project.edit(|manifest| manifest["checks"] = json!([{"check": "read_write"}]));
    assert!(drill(&project).snapshot().contains("asks for keys of Redis"));
    project.edit(|manifest| manifest["checks"] = json!("auto"));
    assert!(drill(&project).snapshot().contains("no baseline to compare with"));
}

#[test]
fn what_this_version_cannot_read_says_nothing_of_the_backup() {
    let mut newer = SNAPSHOT.to_vec();
    newer[5..9].copy_from_slice(b"0099");
    let end = newer.len();
    newer[end - 8..].fill(0);
    let project = snapshot(&newer);
    let output = drill(&project);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    assert!(output.snapshot().contains("Can't handle RDB format version"), "{}", output.snapshot());
    project.verifies();
}
