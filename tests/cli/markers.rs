//! Markers are planted in environment, rows and paths, and looked for in every file that a drill leaves.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::common::{NOW, Project};

const SECRET: &str = "MARKER-secret-4711";
const ROW: &str = "MARKER-row-4712";

/// A file with a marker in it.
fn found_in(project: &Project, folder: &str, markers: &[&str]) -> Option<String> {
    let files = walkdir::WalkDir::new(project.path(folder)).into_iter().flatten();
    let mut files = files.filter(|entry| entry.file_type().is_file());
    files.find_map(|entry| {
        let mut bytes = fs::read(entry.path()).unwrap();
        if entry.path().extension().is_some_and(|extension| extension == "zst") {
            bytes = zstd::decode_all(bytes.as_slice()).unwrap();
        }
        let text = String::from_utf8_lossy(&bytes);
        let marker = markers.iter().find(|marker| text.contains(**marker))?;
        Some(format!("{marker} in {}", entry.path().display()))
    })
}

/// Runs a drill into a history, makes the pages, and looks for markers in all of it.
fn leaves_none(project: &Project, code: i32, markers: &[&str]) {
    let run = ["run", "--current-time", NOW, "--root", ".", "--history", "dr-history"];
    let output = project.run_with(&run, SECRET);
    assert_eq!(output.code(), code, "{}", output.snapshot());
    let pages = ["dashboard", "--history", "dr-history", "--out", "site"];
    assert_eq!(project.run(&pages).code(), 0);
    for folder in ["artifacts", "dr-history", "site"] {
        assert_eq!(found_in(project, folder, markers), None);
    }
    for marker in markers {
        let told = [&output.stdout, &output.stderr].map(|text| text.contains(marker));
        assert_eq!(told, [false, false], "{marker}: {}", output.snapshot());
    }
}

#[test]
fn no_secret_row_or_path_of_the_machine_is_left_by_a_drill_of_a_database() {
    let project = Project::empty();
    let sql = format!(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
         INSERT INTO customer VALUES (1, '{ROW}'), (2, 'other');"
    );
    let made = Command::new("sqlite3").arg(project.path("shop.db")).arg(sql).status().unwrap();
    assert!(made.success());
    project.manifest_for("sqlite", "shop.db");
    let here = project.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let markers = [SECRET, ROW, &here];
    let digest = dr_drill::digest::Digest::of(ROW.as_bytes()).to_string();
    let query = "SELECT name FROM customer WHERE id = 1";
    for (code, expected) in [(0, digest), (1, "0".repeat(64))] {
        project.edit(|manifest| {
            manifest["checks"] = json!([
                {"check": "query", "sql": query, "expected_sha256": expected},
                {"check": "row_count", "table": "customer", "exact": 2},
            ]);
        });
        leaves_none(&project, code, &markers);
    }
    // Nor where the data does not come back at all, and the engine complains about a row.
    let dump = format!(
        "CREATE TABLE customer (name TEXT UNIQUE);\nINSERT INTO customer VALUES ('{ROW}');\nINSERT INTO customer VALUES ('{ROW}');\nCOMMIT;\n"
    );
    project.write("shop.sql", format!("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n{dump}"));
    project.manifest_for("sqlite", "shop.sql");
    leaves_none(&project, 1, &markers);
}

/// What servers say of rows that they refuse names these rows.
#[test]
fn no_row_is_left_where_a_server_complains_of_it() {
    let table = "CREATE TABLE customer (id integer, name varchar(100));";
    let copy = |rows: &str| format!("COPY customer (id, name) FROM stdin;\n{rows}\n\\.\n");
    let twice = format!("INSERT INTO customer VALUES (1, '{ROW}'), (2, '{ROW}');");
    let unique = "ALTER TABLE customer ADD CONSTRAINT customer_name UNIQUE (name);";
    let wrong = [
        ("postgres", copy(&format!("x{ROW}\tname"))),
        ("postgres", copy(&format!("1\t{ROW}{}", "x".repeat(100)))),
        ("postgres", format!("{twice}\n{unique}")),
        ("postgres", format!("INSERT INTO customer VALUES ('{ROW}', 'x');")),
        ("postgres", format!("INSERT INTO nowhere VALUES ('{ROW}');")),
        ("mysql", format!("{twice}\n{unique}")),
        ("mysql", format!("INSERT INTO customer VALUES ('{ROW}', 'x');")),
        ("mysql", format!("INSERT INTO customer VALUES (1, '{ROW}') oops;")),
    ];
    for (driver, statements) in wrong {
        let (head, end) = match driver {
            "postgres" => (
                "--\n-- PostgreSQL database dump\n--\n",
                "--\n-- PostgreSQL database dump complete\n--\n",
            ),
            _ => ("-- MariaDB dump 10.19\n", "-- Dump completed on 2026-11-20  8:00:00\n"),
        };
        let dump = format!("{head}{table}\n{statements}\n{end}");
        let project = Project::database(driver, "shop.sql", dump);
        let here = project.path("").to_str().unwrap().trim_end_matches('/').to_owned();
        leaves_none(&project, 1, &[SECRET, ROW, &here]);
        let reasons = project.report()["reasons"].to_string();
        assert_eq!(project.step("restore_artifact").0, "failed", "{driver}: {reasons}");
    }
}

#[test]
fn no_secret_or_path_of_the_machine_is_left_by_a_script() {
    let project = Project::sample();
    let here = project.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let good = project.text("data/dr/recall.sh");
    project.edit(|manifest| manifest["restore"]["environment"] = json!(["URL"]));
    for (code, end) in [(0, ""), (1, "echo \"cannot reach $URL from $RESTORE_DIR\" >&2; exit 7\n")]
    {
        project.script(&format!("{good}\necho \"$URL $RESTORE_DIR $BACKUP_PATH $PWD\"\n{end}"));
        leaves_none(&project, code, &[SECRET, &here]);
    }
    project.script("#!/nowhere/at/all\n");
    leaves_none(&project, 1, &[SECRET, &here]);
    // Nor is the key that signs, or where it lies.
    assert_eq!(project.run(&["keygen", "me"]).code(), 0);
    let secret = project.text("me.key").lines().nth(1).unwrap().to_owned();
    let output = project.run(&["run", "--current-time", NOW, "--signing-key", "me.key"]);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    assert_eq!(found_in(&project, "artifacts", &[&secret, "me.key", &here]), None);
}
