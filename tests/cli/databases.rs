//! Databases come back for real, and what is wrong with one is noticed, each by its own check.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{NOW, Project};

const SQL: &str = include_str!("../../fixtures/real/shop.sql");

/// Checks that hold for the shop, one of each kind.
fn checks() -> Value {
    json!([
        {"check": "required_tables", "tables": ["customer", "sales.orders", "event", "audit"]},
        {"check": "row_count", "table": "sales.orders", "exact": 999},
        {"check": "row_count", "table": "customer", "min": 100, "max": 300},
        {"check": "foreign_keys"},
        {"check": "indexes"},
        {"check": "sequences"},
        {"check": "integrity"},
        {"check": "newest_row", "table": "sales.orders", "column": "placed_at",
            "max_age_minutes": 1440},
        {"check": "query", "sql": "SELECT sum(amount) FROM sales.orders", "expected": "499500",
            "tolerance": 0.5},
        {"check": "query", "sql": "SELECT name FROM customer WHERE id = 1",
            "expected_sha256": dr_drill::digest::Digest::of("Ærø 船 1".as_bytes()).to_string()},
    ])
}

fn drill(project: &Project) -> crate::common::Output {
    project.run(&["run", "--current-time", NOW, "--root", "."])
}

fn checked(project: &Project) {
    project.edit(|manifest| manifest["checks"] = checks());
}

/// A shop whose dump was changed so, with all the checks.
fn changed(change: impl FnOnce(&str) -> String) -> Project {
    let sql = change(SQL);
    assert_ne!(sql, SQL, "the change changes nothing");
    let project = Project::database("postgres", "shop.sql", sql);
    checked(&project);
    project
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

/// What a drill says that could not be made on this machine.
fn inconclusive(project: &Project) -> String {
    let output = drill(project);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    let report = project.report();
    assert_eq!(report["status"], "inconclusive");
    assert_eq!(report["reasons"][0]["step"], "provision_instance", "{}", output.snapshot());
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
    report["reasons"][0]["message"].as_str().unwrap().to_owned()
}

/// The dump without lines that hold a text.
fn without(text: &'static str) -> impl Fn(&str) -> String {
    move |sql| sql.lines().filter(|line| !line.contains(text)).map(|l| format!("{l}\n")).collect()
}

/// Copies one of the real dumps into a project, as file or directory.
fn real(name: &str) -> Project {
    let project = Project::empty();
    project.copy_real(name);
    project.manifest_for("postgres", name);
    checked(&project);
    project
}

fn all_hold(project: &Project) {
    let output = drill(project);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let report = project.report();
    let answers = report["checks"].as_array().unwrap();
    assert_eq!(answers.len(), 12, "{output}", output = output.snapshot());
    assert!(answers.iter().all(|answer| answer["status"] == "passed"), "{}", output.snapshot());
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn every_format_of_pg_dump_comes_back() {
    for name in ["shop.sql", "shop.pgdump", "shop.tar", "shop"] {
        let project = real(name);
        if name == "shop.tar" {
            // It holds the time at which it was made.
            project.edit(|manifest| {
                manifest["backup"]["captured_at"] = json!("2027-06-01T00:00:00Z");
                manifest["checks"][7]["max_age_minutes"] = json!(1_000_000);
            });
            let late = ["run", "--current-time", "2027-06-01T01:00:00Z", "--root", "."];
            let output = project.run(&late);
            assert_eq!(output.code(), 0, "{}", output.snapshot());
        } else {
            all_hold(&project);
        }
        let report = project.report();
        assert_eq!(report["instance"]["roles"], json!(["read only", "shop_owner"]), "{name}");
        assert!(report["metrics"]["phases"]["provision"].is_number());
        assert!(report["metrics"]["rto_seconds"].is_number());
        let programs = report["restore"]["programs"].as_array().unwrap();
        assert!(programs.iter().any(|program| program["role"] == "server"), "{programs:?}");
        assert!(programs.iter().all(|program| program["version"].is_string()), "{programs:?}");
        assert_ne!(report["instance"]["user"], "root");
    }
}

#[test]
fn a_dump_of_a_whole_cluster_comes_back_with_its_roles() {
    let project = real("shop.cluster.sql");
    project.edit(|manifest| manifest["restore"]["database"] = json!("shop"));
    all_hold(&project);
    assert_eq!(project.report()["instance"]["roles"], Value::Null, "it makes them itself");
    assert_eq!(project.report()["instance"]["database"], "shop");
}

#[test]
fn compressed_dumps_come_back_without_being_unpacked_on_the_disk() {
    for (program, name) in
        [("gzip", "shop.sql.gz"), ("zstd", "shop.sql.zst"), ("xz", "shop.sql.xz")]
    {
        let output = Command::new(program).args(["-c", "fixtures/real/shop.sql"]).output().unwrap();
        let project = Project::database("postgres", name, output.stdout);
        checked(&project);
        all_hold(&project);
    }
}

#[test]
fn a_durable_server_writes_as_one_in_production() {
    let project = real("shop.pgdump");
    project.edit(|manifest| manifest["instance"] = json!({"profile": "durable"}));
    all_hold(&project);
    assert_eq!(project.report()["instance"]["profile"], "durable");
}

#[test]
fn the_newest_row_counts_as_recovery_point() {
    let project = real("shop.sql");
    all_hold(&project);
    // The newest order is older than the capture of the backup.
    assert_eq!(project.report()["metrics"]["rpo_minutes"], json!(121.0));
    project.edit(|manifest| manifest["checks"][7]["max_age_minutes"] = json!(120));
    let message = fails(&project, "run_checks");
    assert!(message.contains("121.0 minutes old, 120 are allowed"), "{message}");
}

#[test]
fn a_dump_of_empty_tables_is_noticed_without_being_asked() {
    let mut in_data = false;
    let empty: String = SQL
        .lines()
        .filter(|line| {
            let kept = !in_data || *line == "\\.";
            in_data = if in_data { *line != "\\." } else { line.ends_with("FROM stdin;") };
            kept
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let project = Project::database("postgres", "shop.sql", empty);
    assert_eq!(fails(&project, "run_checks"), "not_empty: all of its 4 table(s) are empty");
}

#[test]
fn what_is_missing_or_too_much_is_noticed() {
    let gone = changed(|sql| {
        sql.replace("TABLE public.audit", "TABLE public.other")
            .replace("COPY public.audit", "COPY public.other")
    });
    assert!(fails(&gone, "run_checks").contains("1 of 4 table(s) are missing: public.audit"));
    let keys = changed(|sql| {
        let start = sql
            .find("ALTER TABLE ONLY sales.orders\n    ADD CONSTRAINT orders_customer_id_fkey")
            .unwrap();
        let end = start + sql[start..].find(';').unwrap() + 1;
        format!("{}{}", &sql[..start], &sql[end..])
    });
    assert!(fails(&keys, "run_checks").contains("there is no foreign key to look at"));
    let row = changed(without("\t500.00\t"));
    let message = fails(&row, "run_checks");
    assert!(message.contains("999 row(s) expected"), "{message}");
}

#[test]
fn values_that_changed_are_noticed() {
    let behind = changed(|sql| {
        let at = sql.find("SELECT pg_catalog.setval('public.customer_id_seq', 200, true)").unwrap();
        let line = sql[at..].lines().next().unwrap();
        sql.replace(line, "SELECT pg_catalog.setval('public.customer_id_seq', 199, true);")
    });
    let message = fails(&behind, "run_checks");
    assert_eq!(
        message,
        "sequences: 1 of 2 sequence(s) are wrong: the sequence of public.customer.id"
    );
    let canary = changed(|sql| sql.replace("1\tÆrø 船 1\t", "1\tÆrø 船 l\t"));
    let message = fails(&canary, "run_checks");
    assert!(message.starts_with("query: the query gives a text of SHA-256"), "{message}");
    let evidence = fs::read_to_string(canary.path("artifacts/dr/dr-report.json")).unwrap();
    assert!(!evidence.contains("Ærø"), "a row stands in the evidence");
}

#[test]
fn a_row_that_refers_to_nothing_fails_the_restore_and_is_not_quoted() {
    let orphan = changed(without("\tÆrø 船 17\t"));
    let message = fails(&orphan, "restore_artifact");
    assert!(message.contains("violates foreign key constraint"), "{message}");
    let damaged = changed(|sql| sql.replace("17\tÆrø 船 17\t", "seventeen\tÆrø 船 17\t"));
    let message = fails(&damaged, "restore_artifact");
    assert!(message.contains("psql ended with exit status 3: "), "{message}");
    for file in ["restore/restore.log", "dr-report.json", "dr-events.ndjson"] {
        let text = damaged.text(&format!("artifacts/dr/{file}"));
        assert!(!text.contains("Ærø") && !text.contains("seventeen"), "{file}: {text}");
    }
}

#[test]
fn a_client_that_stops_early_proves_nothing() {
    let project = changed(|sql| {
        // Dumps of older versions restrict nothing.
        let sql = without("restrict ")(sql);
        sql.replacen("CREATE SCHEMA sales;", "\\q\n", 1)
    });
    let message = fails(&project, "restore_artifact");
    assert!(message.contains("psql stopped before the end of the dump"), "{message}");
}

/// What the dump asks for is really run, so that it is the sandbox that holds it back.
#[test]
fn a_hostile_dump_reaches_nothing_outside() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let hostile = changed(|sql| {
        let sql = without("restrict ")(sql);
        let shell =
            "\\! touch /tmp/dr-drill-was-here; touch ~/../../escaped; echo the shell ran >&2\n";
        sql.replacen("CREATE SCHEMA sales;", &format!("{shell}CREATE SCHEMA sales;"), 1)
    });
    let _ = drill(&hostile);
    let log = hostile.text("artifacts/dr/restore/restore.log");
    assert!(log.contains("the shell ran"), "{log}");
    assert!(!std::path::Path::new("/tmp/dr-drill-was-here").exists());
    assert!(!hostile.path("tmp/escaped").exists());
    let program = changed(|sql| {
        let connect = format!(
            "python3 -c \"import socket; print(socket.socket().connect_ex((''127.0.0.1'', {port})) == 0)\""
        );
        let copy =
            format!("CREATE TABLE public.o (l text); COPY public.o FROM PROGRAM '{connect}';\n");
        sql.replacen("CREATE SCHEMA sales;", &format!("{copy}CREATE SCHEMA sales;"), 1)
    });
    program.edit(|manifest| {
        manifest["checks"] =
            json!([{"check": "query", "sql": "SELECT l FROM o", "expected": "False"}]);
    });
    let output = drill(&program);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
}

#[test]
fn what_is_not_installed_is_named_before_anything_is_restored() {
    let project = changed(|sql| {
        sql.replacen(
            "CREATE EXTENSION",
            "CREATE EXTENSION IF NOT EXISTS no_such_thing;\nCREATE EXTENSION",
            1,
        )
    });
    let message = inconclusive(&project);
    assert!(message.contains("needs the extension(s) no_such_thing"), "{message}");
    let newer = changed(|sql| {
        sql.replace("-- Dumped by pg_dump version 1", "-- Dumped by pg_dump version 9")
    });
    let message = inconclusive(&newer);
    assert!(message.contains("is needed, and"), "{message}");
    let asked = real("shop.sql");
    asked.edit(|manifest| manifest["instance"]["version"] = json!(9));
    let message = inconclusive(&asked);
    assert!(message.contains("PostgreSQL 9 (instance.version) is needed"), "{message}");
    let mut archive = fs::read("fixtures/real/shop.pgdump").unwrap();
    archive[6] = 99; // The minor version of its format.
    let future = Project::database("postgres", "shop.pgdump", archive);
    let message = inconclusive(&future);
    assert!(message.contains("a newer version of PostgreSQL"), "{message}");
}

#[test]
fn after_a_critical_check_the_rest_is_skipped_and_others_only_warn() {
    let project = real("shop.sql");
    project.edit(|manifest| {
        manifest["checks"] = json!([
            {"check": "row_count", "table": "audit", "min": 100_000, "critical": false},
            {"check": "row_count", "table": "nowhere", "min": 1},
            {"check": "foreign_keys"},
        ]);
    });
    let message = fails(&project, "run_checks");
    assert_eq!(message, "row_count: the table public.nowhere is missing");
    let report = project.report();
    let statuses: Vec<&str> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["passed", "passed", "failed", "failed", "skipped"]);
    project.edit(|manifest| {
        manifest["checks"] =
            json!([{"check": "row_count", "table": "audit", "min": 100_000, "critical": false}]);
    });
    let output = drill(&project);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let findings = project.report()["findings"].to_string();
    assert!(findings.contains("check_failed"), "{findings}");
}

#[test]
fn tables_that_nobody_looked_into_are_named_and_can_be_limited() {
    let project = real("shop.sql");
    project.edit(|manifest| {
        manifest["checks"] = json!([{"check": "row_count", "table": "audit", "min": 1},
            {"check": "foreign_keys"}]);
        manifest["policies"] = json!({"min_coverage": 0.5});
    });
    let output = drill(&project);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let unproven = project.report()["not_proven"].to_string();
    let wanted = "that 2 of 4 table(s) hold what they should: no check looked into \
                  public.customer, public.event";
    assert!(unproven.contains(wanted), "{unproven}");
    let page = project.text("artifacts/dr/dr-report.md");
    assert!(page.contains("| 3-row\\_count | holds | public.audit has 999 row(s)"), "{page}");
    project.edit(|manifest| manifest["policies"]["min_coverage"] = json!(0.51));
    let output = drill(&project);
    assert_eq!(output.code(), 3, "{}", output.snapshot());
    let message = project.report()["reasons"][0]["message"].clone();
    assert_eq!(message, "checks looked into 2 of 4 table(s), 51 % are wanted");
    project.verifies();
    let sample = Project::sample();
    sample.edit(|manifest| manifest["policies"]["min_coverage"] = json!(0.5));
    let output = sample.run(&["check", "manifest", "data/dr/manifest.json"]);
    assert!(output.stdout.contains("nothing would be measured"), "{}", output.snapshot());
}

#[test]
fn a_query_cannot_change_what_it_looks_at() {
    let project = real("shop.sql");
    project.edit(|manifest| {
        manifest["checks"] = json!([{"check": "query", "expected": "1",
            "sql": "WITH gone AS (DELETE FROM audit RETURNING 1) SELECT count(*) FROM gone"}]);
    });
    let message = fails(&project, "run_checks");
    assert!(message.contains("read-only transaction"), "{message}");
    project.edit(|manifest| {
        manifest["checks"] = json!([{"check": "query", "expected": "1",
            "sql": "SELECT name::int FROM customer WHERE id = 1"}]);
    });
    let message = fails(&project, "run_checks");
    assert!(message.contains("invalid input syntax for type integer: \"[value]\""), "{message}");
}

#[test]
fn checks_that_could_not_fail_are_refused_when_the_manifest_is_read() {
    for (check, wanted) in [
        (json!({"check": "row_count", "table": "a"}), "any number would do"),
        (json!({"check": "row_count", "table": "a", "min": 0}), "min"),
        (json!({"check": "row_count", "table": "a", "max": 5}), "holds where there is none"),
        (json!({"check": "row_count", "table": "a", "min": 5, "max": 4}), "could never hold"),
        (json!({"check": "row_count", "table": "a", "exact": 5, "max": 9}), "exact number and"),
        (json!({"check": "required_tables", "tables": []}), "tables"),
        (json!({"check": "query", "sql": "SELECT 1"}), "any answer would do"),
        (json!({"check": "query", "sql": "x", "expected": "a", "tolerance": 1}), "no number"),
        (json!({"check": "newest_row", "table": "a", "column": "b"}), "max_age_minutes"),
        (json!({"check": "no_such_check"}), "check"),
    ] {
        let project = real("shop.sql");
        project.edit(|manifest| manifest["checks"] = json!([check]));
        let output = project.run(&["check", "manifest", "data/dr/manifest.json"]);
        assert_eq!(output.code(), 2, "{check}: {}", output.snapshot());
        assert!(output.stdout.contains(wanted), "{check}: {}", output.snapshot());
    }
    let project = Project::sample();
    project.edit(|manifest| manifest["checks"] = json!([{"check": "foreign_keys"}]));
    let output = project.run(&["check", "manifest", "data/dr/manifest.json"]);
    assert!(output.stdout.contains("there is no database to ask"), "{}", output.snapshot());
}

/// What is done to a dump.
type Change<'a> = &'a dyn Fn(&str) -> String;

/// A baseline that was recorded from the healthy dump, once.
fn recorded() -> &'static str {
    static BASELINE: OnceLock<String> = OnceLock::new();
    BASELINE.get_or_init(|| {
        let healthy = Project::database("postgres", "shop.sql", SQL);
        let output =
            healthy.run(&["run", "--current-time", NOW, "--root", ".", "--record-baseline"]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
        healthy.verifies();
        let baseline = healthy.json("artifacts/dr/restore/baseline.json");
        crate::common::assert_follows("baseline", &baseline);
        baseline.to_string()
    })
}

/// The shop, changed so, with the baseline of the healthy one.
fn with_baseline(change: impl FnOnce(&str) -> String) -> Project {
    let project = Project::database("postgres", "shop.sql", change(SQL));
    project.write("data/dr/baseline.json", recorded());
    project.edit(|manifest| {
        manifest["baseline"] = json!({"path": "baseline.json"});
        manifest["checks"] = json!([{"check": "structure"}, {"check": "content"}]);
    });
    project
}

/// The dump without a statement.
fn without_statement(start: &'static str) -> impl Fn(&str) -> String {
    move |sql| {
        let at = sql.find(start).unwrap_or_else(|| panic!("{start}"));
        let end = at + sql[at..].find(';').unwrap() + 1;
        format!("{}{}", &sql[..at], &sql[end..])
    }
}

#[test]
fn a_database_is_what_it_was() {
    let project = with_baseline(str::to_owned);
    let output = drill(&project);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let grown = with_baseline(|sql| {
        sql.replacen(
            "CREATE SCHEMA sales;",
            "CREATE SCHEMA sales;\nCREATE TABLE public.more (a int);",
            1,
        )
    });
    assert_eq!(drill(&grown).code(), 0, "what is new is no loss");
}

#[test]
fn whatever_is_missing_doubled_or_changed_differs_from_the_baseline() {
    let row = "17\tÆrø 船 17\tc17@example.org";
    let changes: [(&str, Change<'_>); 10] = [
        (
            "the index sales.orders_by_customer is missing",
            &without_statement("CREATE INDEX orders_by_customer"),
        ),
        (
            "the trigger sales.orders order_logged is missing",
            &without_statement("CREATE TRIGGER order_logged"),
        ),
        (
            "orders_customer_id_fkey is missing",
            &without_statement(
                "ALTER TABLE ONLY sales.orders\n    ADD CONSTRAINT orders_customer_id_fkey",
            ),
        ),
        ("the view open_orders is missing", &|sql| {
            let sql = without_statement("CREATE VIEW public.open_orders")(sql);
            without_statement("ALTER TABLE public.open_orders")(&sql)
        }),
        ("has no column `amount numeric(10,2)`", &|sql| {
            sql.replace("amount numeric(10,2)", "amount numeric(11,2)")
        }),
        ("the check sales.orders orders_amount_check is another", &|sql| {
            sql.replace("CHECK ((amount > (0)::numeric))", "CHECK ((amount >= (0)::numeric))")
        }),
        ("public.event has 399 row(s), it had 400", &|sql| without("\te250")(sql)),
        ("public.audit has 1000 row(s), it had 999", &|sql| {
            let line = sql.lines().find(|line| line.ends_with("\torder 500")).unwrap();
            sql.replace(line, &format!("{line}\n{line}"))
        }),
        ("public.customer has as many rows as it had, but not the same", &|sql| {
            sql.replace(row, "17\tÆrø 船 1７\tc17@example.org")
        }),
        ("public.customer has as many rows as it had, but not the same", &|sql| {
            sql.replace(row, "17\tÆrø 船 17\t\\N")
        }),
    ];
    for (wanted, change) in changes {
        let project = with_baseline(|sql| {
            let changed = change(sql);
            assert_ne!(changed, sql, "{wanted}: the change changes nothing");
            changed
        });
        let message = fails(&project, "run_checks");
        assert!(message.contains(wanted), "{wanted}: {message}");
    }
}

#[test]
fn a_baseline_that_cannot_be_used_is_said_to_be() {
    let project = with_baseline(str::to_owned);
    project.edit(|manifest| {
        manifest["checks"] =
            json!([{"check": "content", "tables": ["event", "nowhere"], "tolerance_percent": 5}]);
    });
    assert!(fails(&project, "run_checks").contains("public.nowhere is not in the baseline"));
    project.write(
        "data/dr/baseline.json",
        r#"{"schema": "x", "engine": "", "tables": {}, "objects": {}}"#,
    );
    assert!(fails(&project, "run_checks").contains("its schema is `x`"));
    let nothing = r#"{"schema": "dr_drill.baseline.v1", "engine": "postgresql", "tables": {}, "objects": {}}"#;
    project.write("data/dr/baseline.json", nothing);
    assert!(fails(&project, "run_checks").contains("nothing could differ from it"));
    project.write("data/dr/baseline.json", r#"{"schema": 1, "schema": 2}"#);
    assert!(fails(&project, "run_checks").contains("cannot be read"));
    project.edit(|manifest| manifest["baseline"]["sha256"] = json!("d".repeat(64)));
    assert!(fails(&project, "run_checks").contains("the manifest pins dddd"));
    project.edit(|manifest| manifest["checks"] = json!([]));
    let output = project.run(&["check", "manifest", "data/dr/manifest.json", "--root", "."]);
    assert!(output.stdout.contains("no check looks at it"), "{}", output.snapshot());
    project.edit(|manifest| {
        manifest["checks"] = json!([{"check": "structure"}]);
        drop(manifest.as_object_mut().unwrap().remove("baseline"));
    });
    let output = project.run(&["check", "manifest", "data/dr/manifest.json", "--root", "."]);
    assert!(output.stdout.contains("no baseline to compare with"), "{}", output.snapshot());
}

#[test]
fn sqlite_has_a_baseline_too() {
    let project = Project::empty();
    sqlite(&project, SQLITE);
    project.manifest_for("sqlite", "shop.db");
    let recorded = project.run(&["run", "--current-time", NOW, "--root", ".", "--record-baseline"]);
    assert_eq!(recorded.code(), 0, "{}", recorded.snapshot());
    let baseline = project.text("artifacts/dr/restore/baseline.json");
    project.write("data/dr/baseline.json", baseline);
    let held = |sql: &str| {
        sqlite(&project, sql);
        project.manifest_for("sqlite", "shop.db");
        project.edit(|manifest| {
            manifest["baseline"] = json!({"path": "baseline.json"});
            manifest["checks"] = json!([{"check": "structure"}, {"check": "content"}]);
        });
    };
    held("VACUUM");
    assert_eq!(drill(&project).code(), 0);
    held("UPDATE customer SET name = NULL WHERE id = 3");
    let message = fails(&project, "run_checks");
    assert!(message.contains("customer has as many rows as it had, but not the same"), "{message}");
}

/// A SQLite database with keys, made by the real program.
fn sqlite(project: &Project, sql: &str) {
    let made = Command::new("sqlite3").arg(project.path("shop.db")).arg(sql).status().unwrap();
    assert!(made.success());
}

const SQLITE: &str = "CREATE TABLE customer (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INT REFERENCES customer, placed_at TEXT);
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500)
      INSERT INTO customer (name) SELECT 'Ærø ' || n FROM n;
    INSERT INTO orders SELECT id, id, datetime('2026-11-20 07:00:00', '-' || id || ' minutes') FROM customer;";

fn sqlite_checks() -> Value {
    json!([
        {"check": "required_tables", "tables": ["customer", "orders"]},
        {"check": "row_count", "table": "orders", "exact": 500},
        {"check": "foreign_keys"}, {"check": "indexes"}, {"check": "sequences"},
        {"check": "integrity"},
        {"check": "newest_row", "table": "orders", "column": "placed_at", "max_age_minutes": 130},
        {"check": "query", "sql": "SELECT count(DISTINCT customer) FROM orders", "expected": "500"},
    ])
}

#[test]
fn sqlite_comes_back_from_its_file_and_from_its_dump() {
    let project = Project::empty();
    sqlite(&project, SQLITE);
    let dump = Command::new("sqlite3").arg(project.path("shop.db")).arg(".dump").output().unwrap();
    project.write("shop.sql", dump.stdout);
    let packed = Command::new("gzip").arg("-k").arg(project.path("shop.db")).status().unwrap();
    assert!(packed.success());
    for name in ["shop.db", "shop.sql", "shop.db.gz"] {
        project.manifest_for("sqlite", name);
        project.edit(|manifest| manifest["checks"] = sqlite_checks());
        let output = drill(&project);
        assert_eq!(output.code(), 0, "{name}: {}", output.snapshot());
        assert_eq!(project.report()["checks"].as_array().unwrap().len(), 10);
        project.verifies();
        assert_eq!(project.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn a_damaged_sqlite_database_is_noticed() {
    let change = |sql: &str| {
        let project = Project::empty();
        sqlite(&project, &format!("PRAGMA foreign_keys = OFF;{SQLITE};{sql}"));
        project.manifest_for("sqlite", "shop.db");
        project.edit(|manifest| manifest["checks"] = sqlite_checks());
        project
    };
    for (sql, wanted) in [
        ("DELETE FROM customer WHERE id = 7", "orders (1 orphan(s))"),
        ("UPDATE sqlite_sequence SET seq = 499", "the sequence of customer"),
        ("INSERT INTO orders VALUES (501, 1, '2026-11-20')", "501 row(s), 500 row(s) expected"),
        ("UPDATE orders SET placed_at = '2026-11-21 00:00:00' WHERE id = 1", "in the future"),
        ("DROP TABLE orders", "tables are missing"),
    ] {
        let message = fails(&change(sql), "run_checks");
        let wanted = if sql.starts_with("DROP") { "table(s) are missing: orders" } else { wanted };
        assert!(message.contains(wanted), "{sql}: {message}");
    }
    let project = change("");
    let mut bytes = fs::read(project.path("shop.db")).unwrap();
    let page = 3 * 4096;
    bytes[page..page + 4096].fill(0);
    project.write("shop.db", bytes);
    project.manifest_for("sqlite", "shop.db");
    project.edit(|manifest| manifest["checks"] = json!([{"check": "integrity"}]));
    let message = fails(&project, "run_checks");
    assert!(message.contains("damage") || message.contains("malformed"), "{message}");
}

const MARIADB: &str = include_str!("../../fixtures/real/shop.mariadb.sql");

/// The shop as MariaDB dumps it, changed so. The dump says when it was made.
fn mariadb(change: impl FnOnce(&str) -> String) -> (Project, String) {
    let project = Project::database("mysql", "shop.sql", change(MARIADB));
    let made = MARIADB.lines().last().unwrap().split(" on ").nth(1).unwrap();
    let made = format!("{}Z", made.replace("  ", "T0").replace(' ', "T"));
    project.edit(|manifest| {
        manifest["backup"]["captured_at"] = json!(made);
        manifest["instance"] = json!({"profile": "fast"});
        manifest["checks"] = json!([
            {"check": "required_tables", "tables": ["customer", "orders", "audit"]},
            {"check": "row_count", "table": "orders", "exact": 999},
            {"check": "foreign_keys"}, {"check": "indexes"}, {"check": "sequences"},
            {"check": "integrity"},
            {"check": "newest_row", "table": "orders", "column": "placed_at",
                "max_age_minutes": 10_000_000},
            {"check": "query", "sql": "SELECT sum(amount) FROM orders", "expected": "499500.00"},
            {"check": "query", "sql": "SELECT name FROM customer WHERE id = 1",
                "expected_sha256":
                    dr_drill::digest::Digest::of("Ærø 船 1".as_bytes()).to_string()},
        ]);
    });
    (project, made)
}

fn mariadb_fails(change: impl FnOnce(&str) -> String, step: &str) -> (Project, String) {
    let (project, made) = mariadb(change);
    let output = project.run(&["run", "--current-time", &made, "--root", "."]);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    let first = project.report()["reasons"][0].clone();
    assert_eq!(first["step"], step, "{}", output.snapshot());
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
    (project, first["message"].as_str().unwrap().to_owned())
}

#[test]
fn mariadb_comes_back_and_has_a_baseline() {
    let (project, made) = mariadb(str::to_owned);
    let run = ["run", "--current-time", &made, "--root", ".", "--record-baseline"];
    let output = project.run(&run);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let report = project.report();
    assert_eq!(report["checks"].as_array().unwrap().len(), 11);
    assert_eq!(report["instance"]["engine"], "mariadb");
    assert_eq!(report["instance"]["roles"], json!(["app@%", "root@localhost"]));
    let baseline = project.text("artifacts/dr/restore/baseline.json");
    for object in ["index orders by_customer", "trigger orders order_logged", "event forget"] {
        assert!(baseline.contains(object), "{object}: {baseline}");
    }
    let changed = |change: &dyn Fn(&str) -> String| {
        let (project, made) = mariadb(change);
        project.write("data/dr/baseline.json", &baseline);
        project.edit(|manifest| {
            manifest["baseline"] = json!({"path": "baseline.json"});
            manifest["checks"] = json!([{"check": "structure"}, {"check": "content"}]);
        });
        let output = project.run(&["run", "--current-time", &made, "--root", "."]);
        (output.code(), project.report()["reasons"][0]["message"].to_string())
    };
    assert_eq!(changed(&str::to_owned).0, 0);
    for (from, to, wanted) in [
        ("'Ærø 船 17'", "'Ærø 船 l7'", "customer has as many rows as it had, but not the same"),
        ("'c17@example.org'", "NULL", "customer has as many rows as it had, but not the same"),
        ("  KEY `by_customer` (`customer_id`),\n", "", "the index orders by_customer is missing"),
        ("AFTER INSERT ON orders", "BEFORE INSERT ON orders", "orders order_logged is another"),
    ] {
        let (code, message) = changed(&|sql| sql.replace(from, to));
        assert_eq!(code, 1, "{from}");
        assert!(message.contains(wanted), "{from}: {message}");
    }
}

#[test]
fn a_damaged_dump_of_mariadb_is_noticed_and_no_row_is_quoted() {
    let twice = |sql: &str| sql.replace("(18,'Ærø 船 18'", "(17,'Ærø 船 18'");
    let (project, message) = mariadb_fails(twice, "restore_artifact");
    assert!(message.contains("mariadb ended with exit status 1: ERROR "), "{message}");
    let log = project.text("artifacts/dr/restore/restore.log");
    assert!(!log.contains("Ærø"), "a row stands in the log: {log}");
    let orphan = |sql: &str| sql.replace("(17,'Ærø 船 17'", "(1700,'Ærø 船 17'");
    let (_, message) = mariadb_fails(orphan, "run_checks");
    assert!(message.contains("of_customer on `orders` (5 orphan(s))"), "{message}");
    let empty = |sql: &str| {
        sql.lines()
            .filter(|l| !l.starts_with("INSERT INTO") && !l.starts_with('('))
            .fold(String::new(), |text, line| text + line + "\n")
    };
    let (_, message) = mariadb_fails(empty, "run_checks");
    assert_eq!(message, "not_empty: all of its 3 table(s) are empty");
    let cut = |sql: &str| sql[..sql.len() / 2].to_owned();
    let project = Project::empty();
    project.write("shop.sql", cut(MARIADB));
    let output = project.run(&["init", "shop.sql", "--manifest", "m.json"]);
    assert!(output.stderr.contains("is cut off"), "{}", output.snapshot());
    let stops = |sql: &str| sql.replacen("DROP TABLE IF EXISTS", "\\q\nDROP TABLE IF EXISTS", 1);
    let (_, message) = mariadb_fails(stops, "restore_artifact");
    assert!(message.contains("mariadb"), "{message}");
}

#[test]
fn init_knows_a_dump_when_it_sees_one() {
    let project = Project::empty();
    project.write("shop.sql", SQL);
    let output = project.run(&["init", "shop.sql", "--manifest", "m.json"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(project.json("m.json")["restore"], json!({"driver": "postgres"}));
    for name in ["shop.tar", "shop", "shop.pgdump"] {
        let project = real(name);
        let output = project.run(&["init", name, "--manifest", "m.json"]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
        assert_eq!(project.json("m.json")["restore"], json!({"driver": "postgres"}), "{name}");
    }
    sqlite(&project, SQLITE);
    let output = project.run(&["init", "shop.db", "--manifest", "s.json"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(project.json("s.json")["restore"], json!({"driver": "sqlite"}));
}

#[test]
fn a_drill_that_is_killed_leaves_no_server_behind() {
    let project = changed(|sql| {
        sql.replacen("CREATE SCHEMA sales;", "SELECT pg_sleep(600.25);\nCREATE SCHEMA sales;", 1)
    });
    for signal in [Signal::KILL, Signal::TERM] {
        let mut child = project
            .command(&["run", "--current-time", NOW, "--root", ".", "--quiet"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        project.wait_for_event(r#""step":"restore_artifact","#);
        let socket = format!("{}/dr-drill-run-", project.path("tmp").display());
        crate::common::wait_until("the server runs", || crate::common::running(&socket));
        let output = project.run(&["gc", "--output-dir", "tmp"]);
        assert!(output.stdout.contains("in use by a drill that runs"), "{}", output.snapshot());
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, signal).unwrap();
        child.wait().unwrap();
        crate::common::wait_until("all has ended", || !crate::common::running(&socket));
        if signal == Signal::KILL {
            assert_eq!(project.leftovers().len(), 1);
            let output = project.run(&["gc"]);
            assert_eq!(output.code(), 0, "{}", output.snapshot());
            assert!(output.stdout.contains(": removed"), "{}", output.snapshot());
            assert_eq!(project.leftovers(), Vec::<String>::new());
            assert!(project.run(&["gc"]).stdout.contains("nothing is left of any drill"));
        } else {
            assert_eq!(project.leftovers(), Vec::<String>::new());
            project.verifies();
        }
    }
    let healthy = real("shop.sql");
    all_hold(&healthy);
}

/// The files of new servers are kept once for each version, whatever a server warns of while it says which it is.
#[test]
fn files_of_new_servers_are_kept_once() {
    let project = Project::database("mysql", "shop.sql", MARIADB);
    for _ in 0..2 {
        let mut run = project.command(&["run", "--current-time", NOW, "-q"]);
        let output = project.finish(run.env("XDG_CACHE_HOME", project.path("cache")));
        assert_eq!(output.code(), 0, "{}", output.snapshot());
    }
    assert_eq!(fs::read_dir(project.path("cache/dr-drill")).unwrap().count(), 1);
}
