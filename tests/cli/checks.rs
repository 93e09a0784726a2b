//! Questions that are more than one query: keys, latency, programs of the user's, and what follows
//! from a baseline.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use dr_drill::digest::Digest;
use serde_json::{Value, json};

use crate::common::{NOW, Project};

const SQL: &str = include_str!("../../fixtures/real/shop.sql");

fn shop(checks: Value) -> Project {
    let project = Project::database("postgres", "shop.sql", SQL);
    project.edit(|manifest| manifest["checks"] = checks);
    project
}

/// The answers of a drill by kind: status and message.
fn answers(project: &Project, code: i32) -> Vec<(String, String, String)> {
    let output = project.run(&["run", "--current-time", NOW, "--root", "."]);
    assert_eq!(output.code(), code, "{}", output.snapshot());
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let report = project.report();
    let checks = report["checks"].as_array().unwrap().iter();
    checks.map(|c| (text(&c["check"]), text(&c["status"]), text(&c["message"]))).collect()
}

/// The answer to the last question.
fn last(project: &Project, code: i32) -> (String, String) {
    let (_, status, message) = answers(project, code).pop().unwrap();
    (status, message)
}

#[test]
fn a_doubled_primary_key_is_noticed_although_its_index_says_nothing() {
    let project = shop(json!([{"check": "primary_keys"}]));
    let (status, message) = last(&project, 0);
    assert_eq!(
        (status.as_str(), message.as_str()),
        ("passed", "2 primary key(s), all as they should be")
    );
    // The constraint was marked as there; the rows were never looked at.
    let doubled = SQL.replace(
        "COPY public.customer (id, name, email, tags) FROM stdin;\n",
        "COPY public.customer (id, name, email, tags) FROM stdin;\n7\tdouble\tx@example.org\t\\N\n",
    );
    let index = "CREATE TABLE extra AS SELECT 1 AS id UNION ALL SELECT 2;\n\
                 ALTER TABLE extra ADD PRIMARY KEY (id);\n\
                 UPDATE pg_index SET indisready = false WHERE indexrelid = 'extra_pkey'::regclass;\n\
                 INSERT INTO extra VALUES (2);\n";
    assert_ne!(doubled, SQL);
    let mark = "-- PostgreSQL database dump complete";
    let broken = SQL.replace(mark, &format!("SET search_path = public;\n{index}{mark}"));
    let project = Project::database("postgres", "shop.sql", broken);
    project.edit(|manifest| manifest["checks"] = json!([{"check": "primary_keys"}]));
    let (_, message) = last(&project, 1);
    assert!(message.contains("public.extra (1 value(s) more than once)"), "{message}");
    // Of rows that are doubled in the dump the restore itself complains.
    let project = Project::database("postgres", "shop.sql", doubled);
    let output = project.run(&["run", "--current-time", NOW, "--root", "."]);
    assert_eq!(output.code(), 1);
    assert!(output.snapshot().contains("customer_pkey"), "{}", output.snapshot());
}

#[test]
fn a_query_that_takes_too_long_is_noticed() {
    let bound = |sql: &str, max: f64| {
        shop(json!([{"check": "latency", "sql": sql, "max_milliseconds": max}]))
    };
    let (status, message) = last(&bound("SELECT * FROM customer", 60_000.0), 0);
    assert!(status == "passed" && message.starts_with("200 row(s) in "), "{message}");
    let (_, message) = last(&bound("SELECT pg_sleep(0.4)", 300.0), 1);
    assert!(message.ends_with("300 ms are allowed"), "{message}");
}

#[test]
fn a_program_of_the_users_asks_for_itself() {
    let program = "#!/bin/sh\nn=$(psql -Atc 'SELECT count(*) FROM customer') || exit 9\n\
                   echo \"$n customer(s)\"\n[ \"$n\" = \"200\" ]\n";
    let with = |text: &str, pin: Option<String>| {
        let project = shop(json!([{"check": "program", "path": "ask.sh"}]));
        project.write("data/dr/ask.sh", text);
        fs::set_permissions(project.path("data/dr/ask.sh"), fs::Permissions::from_mode(0o755))
            .unwrap();
        if let Some(pin) = pin {
            project.edit(|manifest| manifest["checks"][0]["sha256"] = json!(pin));
        }
        project
    };
    let own = Digest::of(program.as_bytes()).to_string();
    let (_, message) = last(&with(program, Some(own.clone())), 0);
    assert_eq!(message, "ask.sh: 200 customer(s)");
    let (_, message) = last(&with(&program.replace("\"200\"", "\"201\""), None), 1);
    assert_eq!(message, "ask.sh: 200 customer(s)");
    let (_, message) = last(&with("#!/bin/sh\necho broken\nexit 3\n", None), 1);
    assert_eq!(message, "it was not answered: ask.sh ended with exit status 3: broken");
    let (_, message) = last(&with("#!/bin/sh\nexit 0\n", Some(own)), 1);
    assert!(message.contains("the manifest pins"), "{message}");
    let (_, message) = last(&with("#!/bin/sh\nkill -9 $$\n", None), 1);
    assert!(message.contains("was ended by signal 9"), "{message}");
    // It is confined as the server is, and it is not root.
    let reaches = "#!/bin/sh\nif [ \"$(id -u)\" = 0 ]; then echo root; exit 1; fi\n\
                   if touch \"$DR_HOME/out\"; then echo wrote; exit 1; fi\necho confined\n";
    let project = with("", None);
    let text = reaches.replace("$DR_HOME", &project.path("data").display().to_string());
    project.write("data/dr/ask.sh", text);
    let (_, message) = last(&project, 0);
    assert_eq!(message, "ask.sh: confined");
    let project = with(program, None);
    project.edit(|manifest| manifest["checks"][0]["path"] = json!("../../../outside"));
    let (_, message) = last(&project, 1);
    assert!(message.contains("outside"), "{message}");
}

#[test]
fn a_program_finds_mariadb_and_sqlite_too() {
    let cases = [
        (
            "mysql",
            "shop.mariadb.sql",
            "mariadb --no-defaults -N -e 'SELECT count(*) FROM customer' \"$MYSQL_DATABASE\"",
        ),
        ("sqlite", "a.sql", "sqlite3 \"$SQLITE_DATABASE\" 'SELECT count(*) FROM customer'"),
        ("redis", "a.aof", "redis-cli -s \"$REDIS_SOCKET\" get n"),
    ];
    for (driver, name, command) in cases {
        let backup = match driver {
            "mysql" => fs::read("fixtures/real/shop.mariadb.sql").unwrap(),
            "sqlite" => "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n\
                CREATE TABLE customer(id);\nINSERT INTO customer VALUES(1);\nCOMMIT;\n"
                .into(),
            _ => "*3\r\n$3\r\nSET\r\n$1\r\nn\r\n$1\r\n1\r\n".into(),
        };
        let project = Project::database(driver, name, backup);
        project.edit(|manifest| {
            manifest["checks"] = json!([{"check": "program", "path": "ask.sh"}]);
        });
        project.write("data/dr/ask.sh", format!("#!/bin/sh\n{command}\n"));
        fs::set_permissions(project.path("data/dr/ask.sh"), fs::Permissions::from_mode(0o755))
            .unwrap();
        let (_, message) = last(&project, 0);
        assert_eq!(message, if driver == "mysql" { "ask.sh: 200" } else { "ask.sh: 1" });
    }
}

/// Records a baseline of a project and takes all checks that follow from it.
fn derived(project: &Project) -> Vec<String> {
    let output = project.run(&["run", "--current-time", NOW, "--root", ".", "--record-baseline"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let baseline = project.text("artifacts/dr/restore/baseline.json");
    project.write("data/dr/baseline.json", baseline);
    project.edit(|manifest| {
        manifest["baseline"] = json!({"path": "baseline.json"});
        manifest["checks"] = json!("auto");
    });
    answers(project, 0).into_iter().map(|(kind, ..)| kind).collect()
}

#[test]
fn what_a_baseline_holds_is_asked_for() {
    let project = Project::database("postgres", "shop.sql", SQL);
    let all = [
        "connectivity",
        "not_empty",
        "structure",
        "content",
        "foreign_keys",
        "indexes",
        "primary_keys",
        "sequences",
    ];
    assert_eq!(derived(&project), all);
    let mariadb = fs::read("fixtures/real/shop.mariadb.sql").unwrap();
    assert_eq!(derived(&Project::database("mysql", "shop.sql", mariadb)), all);
    let sqlite = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n\
        CREATE TABLE parent(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE);\n\
        CREATE TABLE child(id INTEGER PRIMARY KEY, parent REFERENCES parent(id));\n\
        INSERT INTO child VALUES(1, NULL);\nCOMMIT;\n";
    // A table that never held a row has no last number yet: no reason to complain.
    assert_eq!(derived(&Project::database("sqlite", "a.sql", sqlite)), all);
    let plain = sqlite.replace(" AUTOINCREMENT", "").replace(" REFERENCES parent(id)", "");
    let plain = plain.replace(" PRIMARY KEY", "").replace(" UNIQUE", "");
    assert_eq!(derived(&Project::database("sqlite", "a.sql", plain)), all[..4]);
}

#[test]
fn a_kind_that_there_is_not_is_named_with_those_that_there_are() {
    let project = shop(json!([{"check": "row_cuont", "table": "t", "min": 1}]));
    let output = project.run(&["check", "manifest", "data/dr/manifest.json", "--root", "."]);
    assert_eq!(output.code(), 2);
    insta::assert_snapshot!(output.snapshot());
    project.edit(|manifest| {
        manifest["checks"] = json!([]);
        manifest["restore"]["driver"] = json!("postgresql");
    });
    let output = project.run(&["check", "manifest", "data/dr/manifest.json", "--root", "."]);
    assert_eq!(output.code(), 2);
    insta::assert_snapshot!(output.snapshot());
}
