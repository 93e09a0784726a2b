//! A database that is there already is only replaced if three agree, and is put back if the drill fails.

use serde_json::{Value, json};

use crate::common::{NOW, Output, Project};
use crate::servers::Server;

/// A staging database with rows of its own, and a manifest that restores the shop into it.
fn staging(marked: bool) -> (Server, Project) {
    let server = Server::postgres();
    server.psql("CREATE ROLE drill LOGIN CREATEDB SUPERUSER");
    server.psql("CREATE DATABASE staging OWNER drill");
    if marked {
        server.psql("COMMENT ON DATABASE staging IS 'dr-drill target'");
    }
    server.in_database("staging", "CREATE TABLE own (n int PRIMARY KEY, text text)");
    server.in_database("staging", "INSERT INTO own VALUES (1, 'was here')");
    let project = Project::empty();
    project.copy_real("shop.pgdump");
    project.manifest_for("postgres", "shop.pgdump");
    let url = format!("postgres://drill@{}/staging", server.in_url(""));
    project.edit(|manifest| {
        manifest.as_object_mut().unwrap().remove("instance");
        manifest["restore"]["existing_target"] = json!({"database_url": url});
        manifest["checks"] = json!([{"check": "row_count", "table": "sales.orders", "exact": 999}]);
    });
    (server, project)
}

fn drill(project: &Project) -> Output {
    project.run(&["run", "--current-time", NOW, "--root", ".", "--allow-existing-target"])
}

/// Whether the staging database is what it was.
fn is_untouched(server: &Server) -> bool {
    server.in_database("staging", "SELECT text FROM own") == "was here"
        && server.in_database("staging", "SELECT to_regclass('sales.orders') IS NULL") == "t"
}

fn reason(project: &Project) -> (String, String) {
    let reason = &project.report()["reasons"][0];
    let text = |key: &str| reason[key].as_str().unwrap().to_owned();
    (text("step"), text("message"))
}

#[test]
fn nothing_is_done_to_it_unless_three_agree() {
    let (server, project) = staging(false);
    let output = project.run(&["run", "--current-time", NOW, "--root", "."]);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    assert!(output.snapshot().contains("--allow-existing-target"), "{}", output.snapshot());
    assert!(reason(&project).1.contains("nothing was done to it"));
    let output = drill(&project);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    assert!(reason(&project).1.contains("does not say that it is there for drills"));
    assert!(output.snapshot().contains("COMMENT ON DATABASE"), "{}", output.snapshot());
    project.edit(|manifest| {
        manifest["restore"]["existing_target"]["password_env"] = json!("NO_SUCH_VARIABLE");
    });
    assert_eq!(drill(&project).code(), 4);
    assert!(reason(&project).1.contains("NO_SUCH_VARIABLE"));
    project.edit(|manifest| {
        manifest["restore"]["existing_target"] =
            json!({"database_url": "postgres://me:secret@localhost/staging"});
    });
    let output = drill(&project);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    assert!(reason(&project).1.contains("it holds a password"));
    assert!(is_untouched(&server));
    project.verifies();
}

#[test]
fn what_was_restored_stays_if_the_drill_passes() {
    let (server, project) = staging(true);
    let output = drill(&project);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let report = project.report();
    assert_eq!(report["instance"]["existing"], true);
    let not_proven = report["not_proven"].to_string();
    assert!(not_proven.contains("into a server of others"), "{not_proven}");
    assert_eq!(server.in_database("staging", "SELECT count(*) FROM sales.orders"), "999");
    assert_eq!(server.in_database("staging", "SELECT to_regclass('own') IS NULL"), "t");
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
    // It still says that it is there for drills.
    assert_eq!(drill(&project).code(), 0);
}

#[test]
fn it_is_what_it_was_if_the_drill_fails() {
    let (server, project) = staging(true);
    project.edit(|manifest| manifest["checks"][0]["exact"] = json!(1000));
    let output = drill(&project);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    assert_eq!(reason(&project).0, "run_checks");
    assert!(is_untouched(&server));
    let put_back = |report: &Value| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().any(|finding| finding["id"] == "target_put_back")
    };
    assert!(put_back(&project.report()));
    // A dump that does not come back at all.
    let mut dump = std::fs::read("fixtures/real/shop.pgdump").unwrap();
    let at = dump.windows(2).position(|bytes| bytes == [0x78, 0x9c]).unwrap() + 40;
    dump[at] ^= 0xff;
    project.write("shop.pgdump", &dump);
    let digest = dr_drill::digest::Digest::of(&dump).to_string();
    project.edit(|manifest| manifest["backup"]["sha256"] = json!(digest));
    let output = drill(&project);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    assert_eq!(reason(&project).0, "restore_artifact");
    assert!(is_untouched(&server));
    assert!(put_back(&project.report()));
    project.verifies();
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn what_an_earlier_drill_left_aside_is_not_touched() {
    let (server, project) = staging(true);
    server.psql("CREATE DATABASE staging_before_drill OWNER drill");
    let output = drill(&project);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    assert!(output.snapshot().contains("as a drill that was killed leaves it"));
    assert!(is_untouched(&server));
    let all =
        "SELECT string_agg(datname, ' ' ORDER BY 1) FROM pg_database WHERE datname LIKE 'stag%'";
    assert_eq!(server.in_database("postgres", all), "staging staging_before_drill");
    // Others are in it all the time: they are put out, and it is still what it was afterwards.
    server.psql("DROP DATABASE staging_before_drill");
    project.edit(|manifest| manifest["checks"][0]["exact"] = json!(1000));
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            let mut psql = std::process::Command::new("psql");
            psql.args(["-U", "postgres", "-d", "staging", "-c", "SELECT pg_sleep(60)", "-h"]);
            psql.arg(server.path("")).output().unwrap()
        });
        while server.answer("SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sl'")
            == "0"
        {}
        assert_eq!(drill(&project).code(), 1);
        assert!(!busy.join().unwrap().status.success());
    });
    assert!(is_untouched(&server));
    assert_eq!(server.in_database("postgres", all), "staging");
}

#[test]
fn a_role_that_may_not_says_nothing_of_the_backup() {
    let (server, project) = staging(true);
    server.psql("CREATE ROLE weak LOGIN");
    server.in_database("staging", "GRANT SELECT ON own TO weak");
    project.edit(|manifest| {
        let url = format!("postgres://weak@{}/staging", server.in_url(""));
        manifest["restore"]["existing_target"] = json!({"database_url": url});
    });
    let output = drill(&project);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    assert!(reason(&project).1.contains("must be owner"), "{}", output.snapshot());
    assert!(is_untouched(&server));
    project.verifies();
}

#[test]
fn what_cannot_go_into_it_is_refused() {
    let (server, project) = staging(true);
    project.edit(|manifest| manifest["restore"]["isolation"] = json!("required"));
    let output = drill(&project);
    assert_eq!(output.code(), 2, "{}", output.snapshot());
    assert!(output.snapshot().contains("the manifest requires isolation"));
    let url = format!("postgres://drill@{}/staging", server.in_url(""));
    let project =
        Project::database("postgres", "shop.sql", include_str!("../../fixtures/real/shop.sql"));
    project.edit(|manifest| {
        manifest.as_object_mut().unwrap().remove("instance");
        manifest["restore"]["existing_target"] = json!({"database_url": url});
    });
    assert_eq!(drill(&project).code(), 1);
    assert!(reason(&project).1.contains("an archive is needed here"));
    assert!(is_untouched(&server));
}

#[test]
fn services_that_depend_on_it_are_asked_and_what_holds_is_counted() {
    let (server, project) = staging(true);
    let ask = format!(
        "#!/bin/sh\nn=$(psql -XAt -h '{}' -U drill -d staging -c 'SELECT count(*) FROM sales.orders')\necho \"$n order(s)\"\n[ \"$n\" = 999 ]\n",
        server.path("").display()
    );
    project.executable("data/dr/billing.sh", &ask);
    let checks = |critical: bool, shop: &str| {
        json!([
            {"check": "row_count", "table": "sales.orders", "exact": 999},
            {"check": "connection", "service": "shop", "http": shop, "timeout_seconds": 2, "critical": critical},
            {"check": "connection", "service": "billing", "command": ["./billing.sh"]},
        ])
    };
    let nobody = "http://127.0.0.1:1/health";
    project.edit(|manifest| {
        manifest["checks"] = checks(false, nobody);
        manifest["policies"] = json!({"min_pass_rate": 0.8});
    });
    let output = drill(&project);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let report = project.report();
    // Of five, with the two that are always asked, one only warns.
    assert_eq!(report["metrics"]["check_pass_rate"], 0.8);
    let statuses = |report: &Value| -> Vec<String> {
        let checks = report["checks"].as_array().unwrap().iter();
        checks.map(|check| check["status"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(statuses(&report), ["passed", "passed", "passed", "failed", "passed"]);
    assert!(report["checks"][4]["message"].as_str().unwrap().contains("billing works"));
    assert!(
        project.text("artifacts/dr/dr-report.md").contains("| checks | 4 of 5 hold (80.0 %) |")
    );
    // A limit above it is broken, although everything that is critical holds; the target keeps what was restored.
    project.edit(|manifest| manifest["policies"] = json!({"min_pass_rate": 0.81}));
    let output = drill(&project);
    assert_eq!(output.code(), 3, "{}", output.snapshot());
    // After a critical one that does not hold the rest is skipped, and the target is what it was.
    project.edit(|manifest| manifest["checks"] = checks(true, nobody));
    let output = drill(&project);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    let report = project.report();
    assert_eq!(statuses(&report), ["passed", "passed", "passed", "failed", "skipped"]);
    assert_eq!(report["metrics"]["check_pass_rate"], 0.6);
    assert!(reason(&project).1.contains("shop: "), "{:?}", reason(&project));
    project.verifies();
    // A service that answers what it should not.
    project.executable("data/dr/billing.sh", "#!/bin/sh\necho no rows here\nexit 7\n");
    project.edit(|manifest| {
        manifest["checks"].as_array_mut().unwrap().remove(1);
    });
    assert_eq!(drill(&project).code(), 1);
    assert!(reason(&project).1.contains("ended with 7: no rows here"), "{:?}", reason(&project));
    // Nobody can reach a throwaway server, and a question that asks nobody is none.
    for (change, wanted) in [
        (
            json!({"check": "connection", "service": "s", "command": ["true"]}),
            "cannot reach a throwaway server",
        ),
        (json!({"check": "connection", "service": "s"}), "asks nobody"),
        (
            json!({"check": "connection", "service": "s", "command": ["true"], "http": "http://x"}),
            "asks in two ways",
        ),
        (json!({"check": "connection", "service": "s", "http": "ftp://x"}), "is no plain address"),
    ] {
        project.edit(|manifest| {
            manifest["checks"] = json!([change]);
            if wanted.contains("throwaway") {
                manifest["restore"].as_object_mut().unwrap().remove("existing_target");
            }
        });
        let output = drill(&project);
        assert_eq!(output.code(), 2, "{wanted}: {}", output.snapshot());
        assert!(output.snapshot().contains(wanted), "{wanted}: {}", output.snapshot());
    }
}
