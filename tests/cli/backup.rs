//! From an address to a drill that passes, in two commands; against real servers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Output, Project};
use crate::servers::Server;

/// Makes a backup in `b`, and lets the user that servers run as get there.
fn backup(project: &Project, kind: &str, url: &str) {
    let output =
        project.run_with(&["backup", kind, "--database-url-env", "URL", "--out", "b"], url);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let mode = fs::metadata(project.path("b")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    for path in ["", "tmp"] {
        fs::set_permissions(project.path(path), fs::Permissions::from_mode(0o711)).unwrap();
    }
    let list = Command::new("sha256sum")
        .args(["-c", "--strict", "SHA256SUMS"])
        .current_dir(project.path("b"))
        .output()
        .unwrap();
    assert!(list.status.success(), "{list:?}");
    let left: Vec<_> = fs::read_dir(project.path("b")).unwrap().flatten().collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

fn drill(project: &Project) -> Output {
    project.run(&["run", "--manifest", "b/manifest.json", "--root", "."])
}

/// The kinds of all checks of a drill that passes.
fn passes(project: &Project) -> Vec<String> {
    let output = drill(project);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
    let report = project.report();
    let checks = report["checks"].as_array().unwrap().iter();
    checks.map(|check| check["check"].as_str().unwrap().to_owned()).collect()
}

const ALL: [&str; 8] = [
    "connectivity",
    "not_empty",
    "structure",
    "content",
    "foreign_keys",
    "indexes",
    "primary_keys",
    "sequences",
];

#[test]
fn postgres_is_dumped_and_described_at_one_moment_while_others_write() {
    let server = Server::postgres();
    server.psql("CREATE TABLE busy (n int PRIMARY KEY)");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                server.psql(&format!("INSERT INTO busy VALUES ({written})"));
                written += 1;
            }
            written
        });
        let project = Project::empty();
        let url = format!("postgres://postgres@{}/shop", server.in_url(""));
        backup(&project, "postgres", &url);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(passes(&project), ALL);
        let baseline = project.json("b/baseline.json");
        assert_eq!(baseline["tables"]["sales.orders"]["rows"], 999);
        assert_eq!(baseline["tables"]["public.busy"]["changing"], Value::Null);
        assert!(baseline["objects"].as_object().unwrap().contains_key("extension citext"));
        assert!(!project.text("b/baseline.json").contains("Ærø"), "it holds no rows");
        writer.join().unwrap()
    });
    assert!(written > 0, "somebody wrote meanwhile");
}

#[test]
fn what_a_database_held_must_come_back_and_the_newest_row_be_recent() {
    let server = Server::postgres();
    let url = format!("postgres://postgres@{}/shop", server.in_url(""));
    server.psql("INSERT INTO audit VALUES (now(), 'x')");
    let project = Project::empty();
    let arguments = ["backup", "postgres", "--database-url", &url, "--out", "b", "--newest"];
    let output = project.run(&[&arguments[..], &["audit.at"]].concat());
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    for path in ["", "tmp"] {
        fs::set_permissions(project.path(path), fs::Permissions::from_mode(0o711)).unwrap();
    }
    assert_eq!(passes(&project).last().unwrap(), "newest_row");
    let newest = project.json("b/baseline.json")["newest_rows"]["audit.at"].clone();
    let asked = project.report()["checks"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(asked["newest_row_at"], newest, "that of the source came back");
    // As if a row had not been dumped.
    project.edit_json("b/baseline.json", |baseline| {
        baseline["tables"]["public.customer"]["rows"] = json!(201);
    });
    project.edit_json("b/manifest.json", |manifest| {
        manifest["baseline"].as_object_mut().unwrap().remove("sha256");
    });
    let output = drill(&project);
    assert_eq!(output.code(), 1);
    assert!(output.snapshot().contains("has 200 row(s), it had 201"), "{}", output.snapshot());
}

#[test]
fn mariadb_is_dumped_with_all_that_belongs_to_it() {
    let server = Server::mariadb();
    let project = Project::empty();
    backup(
        &project,
        "mysql",
        &format!("mysql://root@localhost/shop?socket={}", server.in_url("s")),
    );
    assert_eq!(passes(&project), ALL);
    let baseline = project.json("b/baseline.json");
    let objects = baseline["objects"].as_object().unwrap();
    for name in
        ["view open_orders", "procedure nothing", "event forget", "trigger orders order_logged"]
    {
        assert!(objects.contains_key(name), "{name}: {objects:?}");
    }
}

#[test]
fn redis_sends_a_snapshot_and_its_password_stands_nowhere() {
    let server = Server::redis("geheim-7");
    let url = format!("redis://:geheim-7@localhost/?socket={}", server.in_url("s"));
    let mut set = Command::new("redis-cli");
    set.args(["-a", "geheim-7", "-s"]).arg(server.path("s"));
    assert!(set.args(["MSET", "a", "1", "b", "2"]).output().unwrap().status.success());
    let project = Project::empty();
    backup(&project, "redis", &url);
    assert_eq!(passes(&project), ["connectivity", "not_empty", "content", "read_write"]);
    assert_eq!(project.json("b/baseline.json")["tables"]["db0"], json!({"rows": 2}));
    for file in walkdir::WalkDir::new(project.path("")) {
        let bytes = fs::read(file.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(8).any(|part| part == b"geheim-7"));
    }
    let wrong = url.replace("geheim-7", "falsch-8");
    let arguments = ["backup", "redis", "--database-url-env", "URL", "--out", "c"];
    let output = project.run_with(&arguments, &wrong);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    assert!(!output.snapshot().contains("falsch-8"));
    assert!(!project.path("c").exists(), "nothing is left of what failed");
}

#[test]
fn sqlite_is_copied_while_it_is_in_use() {
    let project = Project::empty();
    let sql = "CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT UNIQUE);\n\
               CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p(id));\n\
               INSERT INTO p(n) VALUES('a');\nINSERT INTO c(p) VALUES(1);";
    let made = Command::new("sqlite3").arg(project.path("a.db")).arg(sql).status().unwrap();
    assert!(made.success());
    backup(&project, "sqlite", "a.db");
    assert_eq!(passes(&project), ALL);
    let again = ["backup", "sqlite", "--database-url", "a.db", "--out", "b"];
    let output = project.run(&again);
    assert_eq!(output.code(), 2);
    assert!(output.stderr.contains("exists already"), "{}", output.snapshot());
    assert_eq!(project.run(&[&again[..], &["--force"]].concat()).code(), 0);
    assert_eq!(passes(&project), ALL);
}

#[test]
fn what_cannot_be_backed_up_is_said_and_leaves_nothing() {
    let project = Project::empty();
    let cases = [
        ("postgres", "postgres://me:secret-1@localhost/shop", 2, "which everybody on this machine"),
        ("postgres", "postgres://me@localhost/shop?password=secret-1", 2, "among its options"),
        ("postgres", "mysql://me@localhost/shop", 2, "`postgres://` is wanted"),
        ("postgres", "shop", 2, "postgres://user@host:port/database"),
        ("mysql", "mysql://me@localhost", 1, "names no database"),
        ("sqlite", "nowhere.db", 1, "No such file"),
        ("postgres", "postgres://me@%2Fnowhere/shop", 1, "psql ended with exit status 2"),
    ];
    for (kind, url, code, wanted) in cases {
        let output = project.run(&["backup", kind, "--database-url", url, "--out", "b"]);
        assert_eq!(output.code(), code, "{url}: {}", output.snapshot());
        assert!(output.stderr.contains(wanted), "{url}: {}", output.snapshot());
        assert!(!output.stderr.contains("secret-1"));
        assert!(!project.path("b").exists());
    }
    let unset = ["backup", "redis", "--database-url-env", "NO_SUCH", "--out", "b"];
    assert!(project.run(&unset).stderr.contains("NO_SUCH is not set"));
}
