//! A fleet by its calendar: what it answers, what it runs, and that every slot ends once.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use dr_drill::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::common::{Output, Project, assert_follows, wait_until};

const FLEET: &str = "
name: shop
time_zone: Europe/Berlin
machine: {drills: 2}
defaults: {cron: '0 * * * *', start_within_minutes: 30, max_age_days: 35}
drills:
  - {name: orders, manifest: data/dr/manifest.json, labels: [shop]}
  - name: shipping
    manifest: data/dr/manifest.json
    after: [orders]
    schedule: {cron: '0 */2 * * *'}
";

fn fleet(text: &str) -> Project {
    let project = Project::sample();
    // Two drills of one manifest must not write to one place.
    project.edit(|manifest| {
        manifest["restore"].as_object_mut().unwrap().remove("output_dir");
    });
    project.write("fleet.yaml", text);
    project
}

/// Looks at the calendar at this time of 2026-11-20.
fn run_due(project: &Project, time: &str, more: &[&str]) -> Output {
    let now = format!("2026-11-20T{time}:00Z");
    project.run(&[&["schedule", "run-due", "--current-time", &now], more].concat())
}

/// The same, whatever became of the drills.
fn look(project: &Project, time: &str, more: &[&str]) {
    let output = run_due(project, time, more);
    assert!([0, 1, 4].contains(&output.code()), "{}", output.snapshot());
}

fn answer(project: &Project, arguments: &[&str]) -> Value {
    let output = project.run(&[&["schedule"], arguments, &["--format", "json"]].concat());
    let answer =
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.snapshot()));
    assert_follows("schedule", &answer);
    answer
}

/// How the slots of a history ended, a line each: drill, when it was due, how.
fn ledger(project: &Project) -> Vec<String> {
    let calendar = answer(project, &["ledger"]);
    let slots = calendar["ended"].as_array().unwrap().iter();
    let how = |slot: &Value| match slot["verdict"].as_str() {
        Some(verdict) => verdict.to_owned(),
        None => slot["cause"].as_str().unwrap().to_owned(),
    };
    slots
        .map(|slot| {
            let due = &slot["due_at"].as_str().unwrap()[11..16];
            format!("{} {due} {}", slot["drill"].as_str().unwrap(), how(slot))
        })
        .collect()
}

fn audit(project: &Project) -> Value {
    let output = project.run(&["history", "verify", "--format", "json"]);
    let found = serde_json::from_str(&output.stdout).unwrap();
    assert_follows("history-verification", &found);
    found
}

/// Files of a history with this ending, in the order of their chains.
fn files(project: &Project, ending: &str) -> Vec<std::path::PathBuf> {
    let found = walkdir::WalkDir::new(project.path("dr-history/drills")).sort_by_file_name();
    let files = found.into_iter().flatten().map(walkdir::DirEntry::into_path);
    files.filter(|path| path.to_str().unwrap().ends_with(ending)).collect()
}

#[test]
fn everything_that_is_wrong_with_a_fleet_is_told_at_once() {
    let project = fleet(
        "
time_zone: Europe/Berln
machine: {cpus: 2}
blackouts:
  - {from: 2026-12-24T00:00:00Z, to: 2026-12-20T00:00:00Z, reason: x, drills: [nobody], labels: [no]}
types: {pg: {schedule: {needs: {cpus: 4}}}}
defaults: {cron: '0 25 * * *', jitter_minutes: 90, windows: []}
drills:
  - {name: a, manifest: a.json, after: [b], type: pg}
  - {name: b, manifest: a.json, after: [c], schedule: {restore_point: {choose: random}}}
  - {name: c, manifest: a.json, after: [b, c, d], schedule: {time_zone: UTC, cron: '0 0 30 2 *'}}
  - {name: a, type: my, parameters: {x: '1'}}
  - {name: e, manifest: a.json, template: t.json, parameters: {x: '1'}}
",
    );
    let output = project.run(&["schedule", "next"]);
    assert_eq!(output.code(), 2);
    insta::assert_snapshot!(output.snapshot());
    let circle = fleet(
        "defaults: {cron: '@daily'}\ndrills: [{name: a, manifest: m, after: [b]}, {name: b, manifest: m, after: [a]}]",
    );
    let output = circle.run(&["schedule", "next"]);
    assert!(output.stderr.contains("it comes after itself"), "{}", output.snapshot());
    assert_eq!(circle.write("fleet.yaml", FLEET).run(&["schedule", "check"]).code(), 0);
    let missing = fleet(&FLEET.replace("data/dr/manifest.json", "none.json"));
    insta::assert_snapshot!(
        "fleet_without_manifests",
        missing.run(&["schedule", "check"]).snapshot()
    );
}

#[test]
fn a_calendar_says_what_comes_and_why() {
    let project = fleet(&FLEET.replace(
        "drills: 2}",
        "drills: 2}\nblackouts: [{from: 2026-11-20T11:30:00Z, to: 2026-11-20T13:45:00Z, reason: release, labels: [shop]}]",
    ));
    let from = ["--from", "2026-11-20T09:30:00Z", "--until", "2026-11-20T14:00:00Z"];
    insta::assert_snapshot!(
        "next",
        project.run(&[&["schedule", "next"], &from[..]].concat()).snapshot()
    );
    answer(&project, &[&["next"], &from[..]].concat());
    let at = ["explain", "orders", "--at", "2026-11-20T12:10:00Z"];
    insta::assert_snapshot!("explain", project.run(&[&["schedule"], &at[..]].concat()).snapshot());
    answer(&project, &at);
    let day = ["simulate", "--from", "2026-11-20T00:00:00Z", "--to", "2026-11-21T00:00:00Z"];
    let output = project.run(&[&["schedule"], &day[..], &["--find-workers"]].concat());
    insta::assert_snapshot!("simulate", output.snapshot());
    let json = project.run(&[&["schedule"], &day[..], &["--format", "json"]].concat());
    assert_follows("simulation", &serde_json::from_str(&json.stdout).unwrap());
    // A day has 26 drills of 10 minutes here, which one worker that is given 100 minutes each cannot do.
    let slow = FLEET.replace("cron: '0 *", "expected_minutes: 100, cron: '0 *");
    project.write("fleet.yaml", slow);
    let output = project.run(&[&["schedule"], &day[..], &["--find-workers"]].concat());
    assert_eq!(output.code(), 3, "{}", output.snapshot());
    assert!(output.stdout.contains("missed: orders"), "{}", output.snapshot());
    let output = project.run(&["schedule", "explain", "order"]);
    assert!(output.stderr.contains("these are: orders, shipping"), "{}", output.snapshot());
}

#[test]
fn slots_are_run_once_missed_when_nobody_looked_and_skipped_with_their_reason() {
    let project = fleet(FLEET);
    assert_eq!(run_due(&project, "09:30", &[]).code(), 0);
    assert_eq!(ledger(&project), Vec::<String>::new());
    let output = run_due(&project, "10:05", &[]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    insta::assert_snapshot!("run_due", output.stdout);
    assert_eq!(run_due(&project, "10:06", &[]).stdout, "");
    // Nobody looks until one. The clock then goes back, and forth.
    assert_eq!(run_due(&project, "13:05", &[]).code(), 4);
    assert_eq!(run_due(&project, "10:01", &[]).stdout, "");
    assert_eq!(run_due(&project, "13:06", &[]).stdout, "");
    let until_one = [
        "orders 10:00 passed",
        "orders 11:00 downtime",
        "shipping 11:00 downtime",
        "orders 12:00 downtime",
        "orders 13:00 passed",
        "shipping 13:00 passed",
    ];
    assert_eq!(ledger(&project), until_one);
    // One that fails keeps the other from running.
    project.script("#!/bin/sh\nexit 1\n");
    assert_eq!(run_due(&project, "15:05", &[]).code(), 1);
    let rest = ["orders 14:00 downtime", "orders 15:00 failed", "shipping 15:00 dependency"];
    assert_eq!(ledger(&project)[until_one.len()..], rest);
    let found = audit(&project);
    assert_eq!((&found["intact"], &found["unrun_slots"]), (&json!(true), &json!(5)), "{found}");
    // The index is made anew from the history alone.
    let before = ledger(&project);
    fs::remove_file(project.path("dr-history/index.sqlite")).unwrap();
    assert_eq!(ledger(&project), before);
    let explained = answer(
        &project,
        &["explain", "shipping", "--at", "2026-11-20T15:30:00Z", "--history", "dr-history"],
    );
    let because = explained["explanation"]["because"].to_string();
    assert!(
        because.contains("skipped (dependency): orders comes before it, and failed"),
        "{because}"
    );
    assert_eq!(project.leftovers(), Vec::<String>::new());
    assert_eq!(fs::read_dir(project.path("dr-history/work")).unwrap().count(), 0);
}

#[test]
fn a_drill_tells_the_slot_that_it_ran_for() {
    let project = fleet(FLEET);
    assert_eq!(run_due(&project, "09:30", &[]).code(), 0);
    assert_eq!(run_due(&project, "10:05", &[]).code(), 0);
    let list = project.run(&["history", "list", "--name", "orders", "--format", "json"]);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_follows("history", &list);
    let drill = &list["drills"][0];
    assert_eq!(drill["slot"]["due_at"], "2026-11-20T10:00:00.000Z");
    assert_eq!(drill["name"], "orders", "a drill is called as its fleet calls it");
    let shown = project.run(&["history", "show", drill["run_id"].as_str().unwrap()]);
    assert!(shown.stdout.contains("orders"), "{}", shown.snapshot());
    let pack = &files(&project, ".tar.zst")[0];
    assert_eq!(
        project.run(&["evidence", "unpack", pack.to_str().unwrap(), "--out", "out"]).code(),
        0
    );
    assert_eq!(project.run(&["verify", "out"]).code(), 0);
    assert_follows("report", &project.json("out/dr-report.json"));
    let markdown = project.text("out/dr-report.md");
    assert!(
        markdown.contains("| slot | due at 2026-11-20T10:00:00.000Z, attempt 1 |"),
        "{markdown}"
    );
}

#[test]
fn records_of_slots_stand_in_the_chain_and_are_signed() {
    let project = fleet(FLEET);
    assert_eq!(project.run(&["keygen", "me"]).code(), 0);
    let key = ["--signing-key", "me.key"];
    for time in ["09:30", "10:05", "13:05", "16:05"] {
        look(&project, time, &key);
    }
    let verified = |more: &[&str]| {
        let output = project.run(&[&["history", "verify"], more].concat());
        (output.code(), output.stdout)
    };
    assert_eq!(verified(&["--key", "me.pub"]).0, 0, "{}", verified(&["--key", "me.pub"]).1);
    let records = files(&project, ".slot.jsonl");
    let record = &records[0];
    let whole = fs::read_to_string(record).unwrap();
    assert_follows("slot", &serde_json::from_str(whole.lines().next().unwrap()).unwrap());
    for (change, wanted) in [
        (whole.replace("downtime", "blackout"), "the signature is of something else"),
        (whole.lines().next().unwrap().to_owned() + "\n", "the signature was taken away"),
        (whole.replacen('{', "{ ", 1), "not as the tool writes it"),
        (fs::read_to_string(&records[1]).unwrap(), "holds the drill that belongs to"),
        (String::new(), "is"),
    ] {
        fs::write(record, &change).unwrap();
        let (code, text) = verified(&["--key", "me.pub"]);
        assert!(code == 1 && text.contains(wanted), "{wanted}: {text}");
    }
    fs::remove_file(record).unwrap();
    let (code, text) = verified(&[]);
    assert!(code == 1 && text.contains("missing before it"), "{text}");
    fs::write(record, &whole).unwrap();
    assert_eq!(verified(&["--key", "me.pub"]).0, 0);
    // A slot that is there twice is one too many, even where its chain is whole.
    assert_eq!(project.run(&["keygen", "other"]).code(), 0);
    assert_eq!(verified(&["--key", "other.pub"]).0, 1);
}

#[test]
fn a_random_restore_point_can_be_computed_again() {
    let project = fleet(
        "
defaults: {cron: '0 * * * *', retries: {max: 0}}
drills:
  - name: orders
    manifest: backups/*/manifest.json
    schedule: {restore_point: {choose: random, within_days: 30}}
",
    );
    for day in 11..20 {
        for name in ["backup.json", "sbom.json", "provenance.json", "recall.sh"] {
            let target = project.path(&format!("backups/{day}/{name}"));
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(project.path("data/dr").join(name), target).unwrap();
        }
        let mut manifest = project.json("data/dr/manifest.json");
        manifest["backup"]["captured_at"] = json!(format!("2026-11-{day}T08:00:00Z"));
        manifest["policies"] = json!({"max_rpo_minutes": 100_000});
        project.write(&format!("backups/{day}/manifest.json"), manifest.to_string());
    }
    look(&project, "09:30", &[]);
    look(&project, "10:05", &[]);
    let list = project.run(&["history", "list", "--format", "json"]);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    let drill = &list["drills"][0];
    let point = &drill["slot"]["restore_point"];
    assert_eq!((&point["among"], &point["choose"]), (&json!(9), &json!("random")), "{list}");
    let seed = dr_drill::digest::Digest::of(point["seed"].as_str().unwrap().as_bytes());
    let day = 11 + u64::from_str_radix(&seed.to_string()[..16], 16).unwrap() % 9;
    assert_eq!(drill["backup_captured_at"], format!("2026-11-{day}T08:00:00.000Z"));
    // One that cannot be read is not left out.
    project.write("backups/12/manifest.json", "{");
    look(&project, "11:05", &[]);
    let slots = ledger(&project);
    assert!(!slots[1].ends_with("passed"), "{slots:?}");
    // And where none is young enough, no drill runs, and that is told.
    for day in 11..20 {
        fs::remove_dir_all(project.path(&format!("backups/{day}"))).unwrap();
    }
    look(&project, "12:05", &[]);
    let output = run_due(&project, "13:05", &[]);
    assert!(
        output.stdout.contains("no manifest is there: backups/*/manifest.json"),
        "{}",
        output.snapshot()
    );
}

#[test]
fn a_template_is_filled_in_for_each_drill() {
    let project = fleet(
        "
defaults: {cron: '0 * * * *'}
types: {status: {template: data/dr/template.json, parameters: {script: recall.sh, backup: none}}}
drills:
  - {name: orders, type: status, parameters: {backup: backup.json}}
  - {name: broken, type: status}
",
    );
    let manifest = project.text("data/dr/manifest.json");
    let template = manifest
        .replace("\"backup.json\"", "\"${backup}\"")
        .replace("\"recall.sh\"", "\"${script}\"")
        .replace("sample service status", "${name} of ${backup}");
    project.write("data/dr/template.json", &template);
    look(&project, "09:30", &[]);
    look(&project, "10:05", &[]);
    assert_eq!(ledger(&project), ["broken 10:00 failed", "orders 10:00 passed"]);
    assert_eq!(audit(&project)["intact"], true);
    project.write("data/dr/template.json", template.replace("${name}", "${nome}"));
    let output = project.run(&["schedule", "check"]);
    assert!(output.stderr.contains("`${nome}` has no value"), "{}", output.snapshot());
}

#[test]
fn a_gate_holds_a_fleet_to_its_limits() {
    let project = fleet(
        &FLEET.replace("max_age_days: 35", "max_age_days: 1, success: {percent: 50, of_last: 4}"),
    );
    let gate = |time: &str| {
        let output = project.run(&["schedule", "gate", "--current-time", time]);
        (output.code(), output.stdout)
    };
    look(&project, "09:30", &[]);
    assert_eq!(gate("2026-11-20T09:40:00Z").0, 3);
    for time in ["10:05", "11:05", "12:05"] {
        look(&project, time, &[]);
    }
    assert_eq!(gate("2026-11-20T12:30:00Z"), (0, "2 of 2 drills hold\n".to_owned()));
    insta::assert_snapshot!("gate", gate("2026-11-23T12:30:00Z").1);
    answer(&project, &["gate"]);
    project.write("fleet.yaml", FLEET.replace(", max_age_days: 35", ""));
    let output = project.run(&["schedule", "gate"]);
    assert_eq!(output.code(), 2, "{}", output.snapshot());
}

#[test]
fn a_clock_that_jumps_far_is_not_believed() {
    let project = fleet(FLEET);
    look(&project, "09:30", &[]);
    let far = ["schedule", "run-due", "--current-time", "2036-11-20T10:00:00Z"];
    let output = project.run(&far);
    assert_eq!(output.code(), 2);
    insta::assert_snapshot!("far_clock", output.snapshot());
    assert_eq!(run_due(&project, "10:05", &[]).code(), 0);
    assert_eq!(ledger(&project), ["orders 10:00 passed"]);
}

/// A run of the calendar that is not waited for.
fn start(project: &Project, arguments: &[&str]) -> Child {
    let mut command = project.command(&[&["schedule"], arguments].concat());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Killed at any moment, also while another looks at the same calendar: each slot ends once.
#[test]
fn whatever_is_killed_every_slot_ends_once() {
    let project =
        fleet(&FLEET.replace("cron: '0 * * * *'", "cron: '*/10 * * * *', retries: {max: 1}"));
    project.script("#!/bin/sh\nsleep 0.05\ncat \"$1\" > \"$4/recovered-backup.json\"\n");
    look(&project, "00:00", &[]);
    for round in 0..40u64 {
        let minute = 10 + round * 10;
        let now = format!("2026-11-20T{:02}:{:02}:30Z", minute / 60, minute % 60);
        let due = ["run-due", "--current-time", &now];
        let mut one = start(&project, &due);
        let mut other = start(&project, &due);
        thread::sleep(Duration::from_millis(round * 37 % 400));
        one.kill().unwrap();
        one.wait().unwrap();
        other.wait().unwrap();
    }
    // Once more, in peace: what was cut off is settled.
    look(&project, "07:00", &[]);
    look(&project, "07:05", &[]);
    let slots = ledger(&project);
    let mut ends = BTreeMap::<&str, u32>::new();
    for slot in &slots {
        *ends.entry(slot.rsplit_once(' ').unwrap().0).or_default() += 1;
    }
    for minute in (10..=420).step_by(10) {
        let slot = format!("orders {:02}:{:02}", minute / 60, minute % 60);
        assert_eq!(ends.get(slot.as_str()), Some(&1), "{slot}: {slots:#?}");
    }
    let found = audit(&project);
    assert_eq!(found["intact"], true, "{found}");
    assert_eq!(project.run(&["gc"]).code(), 0);
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn a_daemon_catches_up_hands_over_and_ends_in_good_order() {
    let project = fleet(FLEET);
    // Enrolled some hours ago by the real clock, so that a slot is late now.
    let hours_ago = SystemClock.now().plus_days(-0.2).unwrap().to_string();
    let enrolled = project.run(&["schedule", "run-due", "--current-time", &hours_ago]);
    assert_eq!(enrolled.code(), 0, "{}", enrolled.snapshot());
    project.edit(|manifest| manifest["policies"] = json!({"max_rpo_minutes": 1e9}));
    let mut first = start(&project, &["daemon"]);
    let second = project.command(&["schedule", "daemon"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("a drill of the daemon", || {
        ledger(&project).iter().any(|slot| slot.starts_with("orders") && slot.ends_with("passed"))
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let before = ledger(&project);
    // The other one takes over, and finds nothing to do again.
    thread::sleep(Duration::from_secs(3));
    let pid = rustix::process::Pid::from_child(&second);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = second.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    if said.contains("waiting:") {
        assert!(said.contains("keeping the calendar of 2 drill(s)"), "{said}");
    }
    let after = ledger(&project);
    assert!(before.iter().all(|slot| after.contains(slot)), "{before:?} {after:?}");
    assert_eq!(audit(&project)["intact"], true);
}

#[test]
fn jobs_of_a_pipeline_run_a_slot_each_and_what_they_leave_is_brought_together() {
    let project = fleet(
        &FLEET.replace("drills:\n", "drills:\n  - {name: lost, manifest: data/dr/manifest.json}\n"),
    );
    let at = |time: &str| format!("2026-11-20T{time}:00Z");
    let matrix = |time: &str, more: &[&str]| {
        let now = at(time);
        let base = [
            "schedule",
            "matrix",
            "--history",
            "dr-history",
            "--plan",
            "plan.json",
            "--current-time",
            &now,
        ];
        let output = project.run(&[&base[..], more].concat());
        assert_eq!(output.code(), 0, "{}", output.snapshot());
        assert_eq!(output.stdout.lines().count(), 1, "an output of a job is one line");
        serde_json::from_str::<Value>(&output.stdout).unwrap()
    };
    let since = ["--since", "2026-11-20T10:30:00Z"];
    let jobs = matrix("11:05", &since);
    assert_follows("matrix", &project.json("plan.json"));
    let slots = jobs["include"].as_array().unwrap();
    let told: Vec<_> = slots.iter().map(|slot| (&slot["drill"], &slot["level"])).collect();
    assert_eq!(
        told,
        [
            (&json!("lost"), &json!(0)),
            (&json!("orders"), &json!(0)),
            (&json!("shipping"), &json!(1))
        ]
    );
    assert_eq!(
        matrix("11:05", &[&since[..], &["--level", "1"]].concat())["include"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(matrix("11:05", &[&since[..], &["--chunks"]].concat()), json!([0]));
    for name in ["orders", "shipping"] {
        let due =
            slots.iter().find(|slot| slot["drill"] == name).unwrap()["due_at"].as_str().unwrap();
        let now = at("11:10");
        let output = project.run(&[
            "schedule",
            "run-slot",
            name,
            "--due",
            due,
            "--evidence-dir",
            name,
            "--current-time",
            &now,
        ]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
        assert_eq!(project.run(&["verify", name]).code(), 0);
    }
    let now = at("11:30");
    let aggregate = ["schedule", "aggregate", "--plan", "plan.json", "--current-time", &now];
    assert_eq!(project.drill().code(), 0);
    let other = project.run(&[&aggregate[..], &["artifacts/dr"]].concat());
    assert!(
        other.code() == 2 && other.stderr.contains("of no slot of the plan"),
        "{}",
        other.snapshot()
    );
    let output = project.run(&[&aggregate[..], &["orders", "shipping"]].concat());
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    insta::assert_snapshot!("aggregate", output.stdout);
    assert_eq!(
        ledger(&project),
        ["lost 11:00 unstarted", "orders 11:00 passed", "shipping 11:00 passed"]
    );
    assert_eq!(audit(&project)["intact"], true);
    // Evidence that comes too late can be kept, beside what was recorded.
    let due = slots[0]["due_at"].as_str().unwrap();
    let now_late = at("11:40");
    let late = [
        "schedule",
        "run-slot",
        "lost",
        "--due",
        due,
        "--evidence-dir",
        "lost",
        "--current-time",
        &now_late,
    ];
    assert_eq!(project.run(&late).code(), 0);
    assert_eq!(project.run(&["history", "add", "lost"]).code(), 0);
    assert_eq!(audit(&project)["intact"], true);
    assert_eq!(ledger(&project)[0], "lost 11:00 unstarted");
    fs::remove_file(project.path("dr-history/index.sqlite")).unwrap();
    assert_eq!(ledger(&project)[0], "lost 11:00 unstarted");
    // The next matrix begins where this one ended.
    assert_eq!(matrix("11:45", &[])["include"], json!([]));
    project.write("fleet.yaml", FLEET);
    let changed = project.run(&[&aggregate[..], &["orders"]].concat());
    assert!(changed.stderr.contains("made of another fleet file"), "{}", changed.snapshot());
}

/// Of a released package: the schemas of Kubernetes, each with its references beside it.
const KUBERNETES: &str =
    "target/test-tools/kubernetes_validate/kubernetes-json-schema/v1.33.0-local";

#[test]
fn timers_and_objects_are_such_as_systemd_and_kubernetes_take() {
    let alerts = "alerts: {channels: {ops: {kind: slack, url: {env: SLACK_URL}}}}\n";
    let project = fleet(&FLEET.replace(
        "machine: {drills: 2}",
        &format!("machine: {{drills: 2, cpus: 1.5, memory_mb: 900, disk_mb: 5000}}\n{alerts}"),
    ));
    let binary = env!("CARGO_BIN_EXE_dr-drill");
    let units = [
        "schedule",
        "export",
        "--systemd",
        "--out",
        "units",
        "--program",
        binary,
        "--history",
        "/var/lib/dr drill %h",
    ];
    assert_eq!(project.run(&units).code(), 0);
    let check = |name: &str| {
        let output = std::process::Command::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .arg(project.path("units").join(name))
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for name in ["dr-drill.service", "dr-drill.timer"] {
        let (good, said) = check(name);
        assert!(good && said.is_empty(), "{name}: {said}");
    }
    let service = project.text("units/dr-drill.service").replace(binary, "PROGRAM");
    let service =
        service.replace(&project.path("").canonicalize().unwrap().display().to_string(), "PROJECT");
    insta::assert_snapshot!("systemd", service + &project.text("units/dr-drill.timer"));
    let broken = project.text("units/dr-drill.service").replace("oneshot", "manyshot");
    project.write("units/dr-drill.service", broken);
    assert!(!check("dr-drill.service").1.is_empty(), "a unit that is wrong is noticed");

    let objects =
        ["schedule", "export", "--kubernetes", "--image", "example.com/dr-drill:1", "--out", "k"];
    assert_eq!(project.run(&objects).code(), 0);
    let list = project.json("k/dr-drill.json");
    insta::assert_snapshot!("kubernetes", format!("{list:#}"));
    let problems = |object: &Value, schema: &str| {
        let schema = fs::read(format!("{KUBERNETES}/{schema}.json")).unwrap();
        let schema: Value = serde_json::from_slice(&schema).unwrap();
        let validator = jsonschema::options().with_retriever(Beside).build(&schema).unwrap();
        let problems: Vec<String> =
            validator.iter_errors(object).map(|error| error.to_string()).collect();
        problems
    };
    assert_eq!(problems(&list["items"][0], "persistentvolumeclaim-v1"), Vec::<String>::new());
    let mut job = list["items"][1].clone();
    assert_eq!(problems(&job, "cronjob-batch-v1"), Vec::<String>::new());
    job["spec"]["startingDeadlineSeconds"] = json!("soon");
    assert!(!problems(&job, "cronjob-batch-v1").is_empty(), "an object that is wrong is noticed");
}

/// Reads a schema that another one names, from the files beside it.
struct Beside;

impl jsonschema::Retrieve for Beside {
    fn retrieve(
        &self,
        uri: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let name = uri.path().as_str().rsplit('/').next().unwrap_or_default();
        Ok(serde_json::from_slice(&fs::read(format!("{KUBERNETES}/{name}"))?)?)
    }
}

/// Starts a look at the calendar, and kills it in the middle of its drill.
fn killed_in_its_drill(project: &Project, time: &str) {
    project.script("#!/bin/sh\ntouch \"$RESTORE_DIR/begun\"\nsleep 30\n");
    let now = format!("2026-11-20T{time}:00Z");
    let mut running = start(project, &["run-due", "--current-time", &now]);
    let works = project.path("dr-history/work");
    wait_until("a drill", || {
        let files = walkdir::WalkDir::new(&works).into_iter().flatten();
        files.filter(|file| file.file_name() == "dr-events.ndjson").any(|file| {
            fs::read_to_string(file.path()).is_ok_and(|text| text.contains("restore_artifact"))
        })
    });
    running.kill().unwrap();
    running.wait().unwrap();
    project.script("#!/bin/sh\ncat \"$1\" > \"$4/recovered-backup.json\"\n");
}

#[test]
fn a_drill_that_was_cut_off_is_run_again_or_missed_also_if_its_pattern_was_changed() {
    let project = fleet(FLEET);
    look(&project, "09:30", &[]);
    killed_in_its_drill(&project, "10:05");
    look(&project, "10:10", &[]);
    assert_eq!(ledger(&project), ["orders 10:00 passed"]);
    killed_in_its_drill(&project, "11:05");
    project.write("fleet.yaml", FLEET.replace("'0 * * * *'", "'30 * * * *'"));
    look(&project, "11:10", &[]);
    let slots = ledger(&project);
    assert!(slots.contains(&"orders 11:00 interrupted".to_owned()), "{slots:?}");
    assert_eq!(audit(&project)["intact"], true);
}

#[test]
fn a_chain_that_is_damaged_keeps_no_other_from_being_written() {
    let project = fleet(&FLEET.replace("after: [orders]", "labels: []"));
    look(&project, "09:30", &[]);
    look(&project, "10:05", &[]);
    let packs = files(&project, ".tar.zst");
    let orders = packs.iter().find(|path| path.to_str().unwrap().contains("orders")).unwrap();
    let whole = fs::read(orders).unwrap();
    fs::write(orders, b"damaged").unwrap();
    let output = run_due(&project, "14:45", &["--root", "/"]);
    assert_eq!(output.code(), 5, "{}", output.snapshot());
    let slots = ledger(&project);
    assert!(slots.contains(&"shipping 11:00 downtime".to_owned()), "{slots:?}");
    assert!(!slots.contains(&"orders 11:00 downtime".to_owned()), "{slots:?}");
    // What could not be written is, as soon as it can be.
    fs::write(orders, &whole).unwrap();
    look(&project, "14:50", &[]);
    let slots = ledger(&project);
    assert!(slots.contains(&"orders 11:00 downtime".to_owned()), "{slots:?}");
    assert_eq!(audit(&project)["intact"], true);
}

#[test]
fn metrics_of_a_calendar_feed_rules_that_go_off_and_a_dashboard_of_what_is_there() {
    let project = fleet(FLEET);
    look(&project, "09:30", &[]);
    look(&project, "10:05", &[]);
    look(&project, "12:05", &[]);
    let calendar = project.run(&["schedule", "metrics"]).stdout;
    insta::assert_snapshot!("metrics", calendar);
    let drills = project.run(&["history", "export", "--form", "openmetrics"]).stdout;
    let promtool = |arguments: &[&str], input: &str| {
        project.write("metrics", input);
        let mut command = std::process::Command::new("promtool");
        command.args(arguments).stdin(fs::File::open(project.path("metrics")).unwrap());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    assert_eq!(promtool(&["check", "metrics"], &calendar), (true, String::new()));
    let (good, said) = promtool(&["test", "rules", "deploy/prometheus/rules.test.yaml"], "");
    assert!(good, "{said}");
    let rules = fs::read_to_string("deploy/prometheus/rules.yaml").unwrap();
    let dashboard = fs::read_to_string("deploy/grafana/dashboard.json").unwrap();
    let panels: Value = serde_json::from_str(&dashboard).unwrap();
    assert_eq!(panels["panels"].as_array().unwrap().len(), 10);
    let metric = regex::Regex::new("dr_drill_[a-z_]+").unwrap();
    for name in metric.find_iter(&(rules + &dashboard)) {
        let (name, is) =
            (name.as_str(), |text: &str| text.contains(&format!("{}{{", name.as_str())));
        assert!(is(&calendar) || is(&drills), "{name} is no metric");
    }
}
