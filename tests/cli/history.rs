//! The history of drills: its chain, its index, and what follows from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dr_drill::history::{Demands, History, audit};
use serde_json::{Value, json};

use crate::common::{Project, assert_follows};

const NAME: &str = "sample service status";
const HISTORY: &str = "dr-history";

/// Drills the sample into its history, at this minute after nine.
fn drill(project: &Project, minute: usize, more: &[&str]) -> i32 {
    let now = format!("2026-11-20T09:{minute:02}:00Z");
    let run = ["run", "--history", HISTORY, "--current-time", &now, "--quiet"];
    project.run(&[&run, more].concat()).code()
}

/// A sample with a chain of drills that passed.
fn chain(drills: usize) -> Project {
    let project = Project::sample();
    for minute in 0..drills {
        assert_eq!(drill(&project, minute, &[]), 0);
    }
    project
}

/// The packs of a history, in the order of their chain.
fn packs(project: &Project) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(project.path(HISTORY).join("drills")).sort_by_file_name();
    let files = files.into_iter().flatten().map(walkdir::DirEntry::into_path);
    files.filter(|path| path.to_str().unwrap().ends_with(".tar.zst")).collect()
}

fn ask(project: &Project, arguments: &[&str]) -> (i32, String) {
    let output = project.run(&[&["history"], arguments].concat());
    (output.code(), output.stdout + &output.stderr)
}

fn answer(project: &Project, arguments: &[&str], schema: &str) -> Value {
    let output = project.run(&[&["history"], arguments, &["--format", "json"]].concat());
    let answer =
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.snapshot()));
    assert_follows(schema, &answer);
    answer
}

/// What is wrong with a history, by the library: the binary calls the same.
fn problems(folder: &Path) -> Vec<String> {
    let found = audit(&History::open(folder).unwrap(), Demands::default()).unwrap();
    found.problems.iter().map(|problem| format!("{}: {}", problem.file, problem.message)).collect()
}

#[test]
fn drills_of_a_name_stand_in_a_chain_that_is_verified() {
    let project = chain(3);
    let report = project.report();
    assert_eq!(report["chain"]["sequence"], 3);
    let (code, text) = ask(&project, &["verify"]);
    assert_eq!(code, 0, "{text}");
    insta::assert_snapshot!("history_verify", text);
    let found = answer(&project, &["verify"], "history-verification");
    assert_eq!((&found["intact"], &found["drills"]), (&json!(true), &json!(3)));
    let output = project.run(&["verify"]);
    assert!(
        output.stdout.contains("it is drill 3 of sample service status"),
        "{}",
        output.snapshot()
    );
    // A drill of another name begins a chain of its own.
    project.edit(|manifest| manifest["name"] = json!("../other/../name"));
    assert_eq!(drill(&project, 9, &[]), 0);
    assert_eq!(project.report()["chain"], json!({"sequence": 1, "previous": null}));
    assert!(problems(&project.path(HISTORY)).is_empty());
    assert_eq!(packs(&project).len(), 4);
    // Without a history it stands nowhere, and says so.
    assert_eq!(project.drill().code(), 0);
    assert!(project.report().get("chain").is_none());
    let not_proven = project.report()["not_proven"].to_string();
    assert!(not_proven.contains("that no drill was left out"), "{not_proven}");
}

/// Every drop, every swap and every replay in a chain; `scripts/history.py` does the same with one of a thousand.
#[test]
fn whatever_is_dropped_swapped_or_replayed_is_noticed() {
    let project = chain(6);
    let folder = project.path(HISTORY);
    let packs = packs(&project);
    let whole: Vec<Vec<u8>> = packs.iter().map(|pack| fs::read(pack).unwrap()).collect();
    let restore = || {
        for (pack, bytes) in packs.iter().zip(&whole) {
            fs::write(pack, bytes).unwrap();
        }
    };
    for at in 0..packs.len() {
        fs::remove_file(&packs[at]).unwrap();
        // The newest can be missed by nothing but a checkpoint.
        assert_eq!(problems(&folder).is_empty(), at == packs.len() - 1, "{at} dropped");
        restore();
        for other in 0..packs.len() {
            if other == at {
                continue;
            }
            fs::write(&packs[at], &whole[other]).unwrap();
            assert!(problems(&folder).len() >= 2, "{other} replayed over {at}");
            fs::write(&packs[other], &whole[at]).unwrap();
            assert!(problems(&folder).len() >= 2, "{other} and {at} swapped");
            restore();
        }
        let extra = packs[at].with_file_name(format!("{:08}-copy.tar.zst", 7 + at));
        fs::write(&extra, &whole[at]).unwrap();
        let found = problems(&folder).join("\n");
        assert!(found.contains("is the same drill as"), "{found}");
        fs::remove_file(&extra).unwrap();
    }
    assert!(problems(&folder).is_empty());
}

#[test]
fn drills_side_by_side_stand_one_behind_the_other() {
    let project = Project::sample();
    let running: Vec<_> = (0..6)
        .map(|number| {
            let now = format!("2026-11-20T09:{number:02}:00Z");
            let evidence = format!("evidence-{number}");
            let places = [
                "--evidence-dir",
                &evidence,
                "--output",
                &format!("{evidence}/dr-report.json"),
                "--ndjson",
                &format!("{evidence}/dr-events.ndjson"),
            ]
            .map(str::to_owned);
            let run = ["run", "--quiet", "--history", HISTORY, "--current-time", &now];
            project.command(&run).args(places).spawn().unwrap()
        })
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(problems(&project.path(HISTORY)), Vec::<String>::new());
    let mut numbers: Vec<u64> = (0..6)
        .map(|number| project.json(&format!("evidence-{number}/dr-report.json")))
        .map(|report| report["chain"]["sequence"].as_u64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert_eq!(ask(&project, &["list"]).1.lines().count(), 6);
}

#[test]
fn a_fork_and_a_rewrite_are_noticed() {
    let (project, other) = (chain(3), chain(2));
    // Another history of the same name goes on otherwise: its third drill is whole in itself.
    assert_eq!(drill(&other, 30, &[]), 0);
    let theirs = packs(&other).pop().unwrap();
    let ours = packs(&project).pop().unwrap();
    fs::copy(&theirs, ours.with_file_name(theirs.file_name().unwrap())).unwrap();
    let found = problems(&project.path(HISTORY)).join("\n");
    assert!(found.contains("is a second drill 3: the chain is forked"), "{found}");
    fs::remove_file(&ours).unwrap();
    // Its first two drills took other times than ours: what it follows is not there.
    let found = problems(&project.path(HISTORY)).join("\n");
    assert!(found.contains("one of the two was rewritten"), "{found}");
    // It is not taken in by the front door either.
    let project = chain(1);
    assert_eq!(other.run(&["evidence", "pack", "--out", "third.tar.zst"]).code(), 0);
    fs::copy(other.path("third.tar.zst"), project.path("third.tar.zst")).unwrap();
    let (code, text) = ask(&project, &["add", "third.tar.zst"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("does not follow drill 1 of this history"), "{text}");
}

#[test]
fn a_checkpoint_pins_all_so_far() {
    let project = chain(2);
    for name in ["me", "other"] {
        assert_eq!(project.run(&["keygen", name]).code(), 0);
    }
    let pin = [
        "history",
        "checkpoint",
        "--signing-key",
        "me.key",
        "--current-time",
        "2026-11-20T10:00:00Z",
    ];
    let note = project.run(&pin);
    assert_eq!(note.code(), 0, "{}", note.snapshot());
    assert!(note.stdout.len() < 1000 && note.stdout.lines().count() == 1, "{}", note.stdout);
    project.write("note", &note.stdout);
    let verify =
        |key: &str| ask(&project, &["verify", "--checkpoint", "note", "--checkpoint-key", key]);
    let (code, text) = verify("me.pub");
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("everything that the checkpoint of 2026-11-20T10:00:00.000Z pins"),
        "{text}"
    );
    // The history may go on; another key has not signed.
    assert_eq!(drill(&project, 5, &[]), 0);
    assert_eq!(verify("me.pub").0, 0);
    let (code, text) = verify("other.pub");
    assert!(code == 1 && text.contains("signed by none of the keys"), "{text}");
    // The newest two are dropped, which the chain alone cannot show.
    let packs = packs(&project);
    let last = fs::read(&packs[1]).unwrap();
    for pack in &packs[1..] {
        fs::remove_file(pack).unwrap();
    }
    assert!(problems(&project.path(HISTORY)).is_empty());
    let (code, text) = verify("me.pub");
    assert!(
        code == 1 && text.contains("drill 2 of sample service status was removed since"),
        "{text}"
    );
    // Another second drill is no better.
    assert_eq!(drill(&project, 40, &[]), 0);
    let (code, text) = verify("me.pub");
    assert!(code == 1 && text.contains("was rewritten since"), "{text}");
    fs::write(&packs[1], last).unwrap();
    // Nor is a list that was changed, or that is gone.
    let lists: Vec<PathBuf> = fs::read_dir(project.path(HISTORY).join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let list = fs::read_to_string(&lists[0]).unwrap();
    assert_follows("heads", &serde_json::from_str(&list).unwrap());
    fs::write(&lists[0], list.replace('2', "1")).unwrap();
    assert!(verify("me.pub").1.contains("was changed in the history"));
    fs::remove_file(&lists[0]).unwrap();
    assert!(verify("me.pub").1.contains("is not in the history any more"));
    project.write("note", "{}");
    assert!(verify("me.pub").1.contains("is no checkpoint"));
}

#[test]
fn each_drill_must_be_signed_by_a_key_that_is_given() {
    let project = Project::sample();
    for name in ["me", "next", "other"] {
        assert_eq!(project.run(&["keygen", name]).code(), 0);
    }
    assert_eq!(drill(&project, 0, &["--signing-key", "me.key"]), 0);
    assert_eq!(drill(&project, 1, &["--signing-key", "next.key"]), 0);
    let verify = |keys: &[&str]| ask(&project, &[&["verify"], keys].concat());
    assert_eq!(verify(&["--key", "me.pub", "--key", "next.pub"]).0, 0);
    let (code, text) = verify(&["--key", "me.pub"]);
    assert!(code == 1 && text.contains("00000002"), "{text}");
    assert_eq!(verify(&["--key", "other.pub"]).0, 1);
    assert_eq!(verify(&[]).0, 0);
    assert_eq!(drill(&project, 2, &[]), 0);
    let (code, text) = verify(&["--key", "me.pub", "--key", "next.pub"]);
    assert!(code == 1 && text.contains("00000003"), "{text}");
}

#[test]
fn the_index_is_nothing_but_what_the_packs_say() {
    let project = chain(2);
    project.script("#!/bin/sh\nexit 1\n");
    assert_eq!(drill(&project, 3, &[]), 1);
    let export = || ask(&project, &["export", "--form", "ndjson"]).1;
    let before = export();
    assert_eq!(before.lines().count(), 3);
    let index = project.path(HISTORY).join("index.sqlite");
    let rebuild = || {
        let (code, text) = ask(&project, &["rebuild"]);
        assert!(code == 0 && text.contains("3 drill(s) are in the index"), "{text}");
    };
    rebuild();
    assert_eq!(export(), before);
    for damage in [None, Some(&b"no database"[..]), Some(b"")] {
        match damage {
            None => fs::remove_file(&index).unwrap(),
            Some(bytes) => fs::write(&index, bytes).unwrap(),
        }
        assert_eq!(export(), before, "{damage:?}");
    }
    // A pack that cannot be read is left out, loudly.
    let pack = &packs(&project)[1];
    fs::write(pack, "no pack").unwrap();
    let (code, text) = ask(&project, &["rebuild"]);
    assert!(code == 1 && text.contains("2 drill(s)") && text.contains("left out: "), "{text}");
    // And a drill does not follow one that cannot be read.
    for pack in &packs(&project)[1..] {
        fs::write(pack, "no pack").unwrap();
    }
    project.script("#!/bin/sh\ncp \"$BACKUP_PATH\" \"$RESTORE_DIR/recovered-backup.json\"\n");
    assert_eq!(drill(&project, 4, &[]), 5);
}

#[test]
fn lists_trends_and_differences() {
    let project = chain(6);
    let good = project.text("data/dr/recall.sh");
    project.script("#!/bin/sh\necho wrong; exit 1\n");
    assert_eq!(drill(&project, 30, &[]), 1);
    let drills = answer(&project, &["list"], "history")["drills"].as_array().unwrap().clone();
    assert_eq!(drills.len(), 7);
    assert_eq!((&drills[0]["verdict"], &drills[0]["sequence"]), (&json!("failed"), &json!(7)));
    assert_eq!(drills[6]["started_at"], "2026-11-20T09:00:00.000Z");
    let count =
        |arguments: &[&str]| ask(&project, &[&["list"], arguments].concat()).1.lines().count();
    assert_eq!(count(&["--status", "passed"]), 6);
    assert_eq!(count(&["--status", "inconclusive"]), 0);
    assert_eq!(count(&["--limit", "2"]), 2);
    assert_eq!(count(&["--name", NAME, "--status", "failed"]), 1);
    assert_eq!(count(&["--name", "another"]), 0);
    let names = answer(&project, &["names"], "history")["names"].clone();
    assert_eq!((&names[0]["drills"], &names[0]["passed"]), (&json!(7), &json!(6)));
    assert_eq!(names[0]["last_passed_at"], "2026-11-20T09:05:00.000Z");
    let trend = answer(&project, &["trend", NAME], "trend");
    assert_eq!((&trend["drills"], &trend["passed"]), (&json!(7), &json!(6)));
    let rpo = &trend["rpo_minutes"];
    assert_eq!(
        (&rpo["last"], &rpo["median"], &rpo["limit"]),
        (&json!(65.0), &json!(62.5), &json!(1440.0))
    );
    // The data is never captured again: it grows older by a day each day, and the limit is hit on the next.
    assert!((rpo["forecast"]["per_day"].as_f64().unwrap() - 1440.0).abs() < 1.0, "{rpo}");
    assert!(
        rpo["forecast"]["limit_at"].as_str().unwrap().starts_with("2026-11-21T08:00:0"),
        "{rpo}"
    );
    // A warning on the way to the limit does not hide the limit.
    project.edit(|manifest| manifest["policies"]["warn_rpo_minutes"] = json!(90));
    project.script(&good);
    assert_eq!(drill(&project, 31, &[]), 0);
    assert_eq!(answer(&project, &["trend", NAME], "trend")["rpo_minutes"]["limit"], json!(1440.0));
    let (code, text) = ask(&project, &["trend", "another"]);
    assert!(code == 2 && text.contains("no drill of the name another"), "{text}");
    let (first, failed) = ("20261120T090000", "20261120T093000");
    let (code, text) = ask(&project, &["show", failed]);
    assert!(code == 0 && text.contains("FAILED") && text.contains(".tar.zst"), "{text}");
    assert_eq!(ask(&project, &["show", "2026"]).0, 2, "several runs begin so");
    assert_eq!(ask(&project, &["show", "1999"]).0, 2);
    let (_, text) = ask(&project, &["diff", first, failed]);
    for wanted in ["passed -> failed", "step restore_artifact", "RPO ", "(+50.0 %)"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let (_, text) = ask(&project, &["diff", first, first]);
    assert!(!text.contains("passed ->") && text.contains("RTO"), "{text}");
    assert_eq!(ask(&project, &["list", "--history", "nowhere"]).0, 2);
}

#[test]
fn figures_for_other_programs() {
    let project = chain(2);
    project.edit(|manifest| manifest["name"] = json!("=cmd|'a,\"b\\\n"));
    assert_eq!(drill(&project, 5, &[]), 0);
    let csv = ask(&project, &["export"]).1;
    assert_eq!(csv.split("\r\n").filter(|line| line.contains("passed")).count(), 3, "{csv}");
    assert!(csv.contains("\"'=cmd|'a,\"\"b\\\n\","), "{csv}");
    assert_eq!(ask(&project, &["export", "--name", NAME]).1.lines().count(), 3);
    let metrics = ask(&project, &["export", "--form", "openmetrics"]).1;
    assert!(
        metrics.contains("dr_drill_status{drill=\"sample service status\",status=\"passed\"} 1\n")
    );
    assert!(
        metrics.contains(
            "dr_drill_last_passed_timestamp_seconds{drill=\"=cmd|'a,\\\"b\\\\\\n\"} 1795165500\n"
        ),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"));
    // Both as Prometheus itself reads them: also the report of one drill.
    let one = project.run(&["report", "--form", "openmetrics"]).stdout;
    for text in [metrics, one] {
        project.write("metrics", text);
        let stdin = fs::File::open(project.path("metrics")).unwrap();
        let mut promtool = std::process::Command::new("promtool");
        let checked = promtool.args(["check", "metrics"]).stdin(stdin).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn evidence_from_elsewhere_stands_beside_the_chain() {
    let project = chain(1);
    assert_eq!(project.run(&["run", "--current-time", "2026-11-20T11:00:00Z", "-q"]).code(), 0);
    let (code, text) = ask(&project, &["add", "artifacts/dr"]);
    assert!(code == 0 && text.contains("filed"), "{text}");
    assert!(ask(&project, &["add", "artifacts/dr"]).1.contains("was filed before"));
    let (code, text) = ask(&project, &["verify"]);
    assert!(code == 0 && text.contains("out of the 1 that stand in no chain"), "{text}");
    // The chain goes on as if it were not there.
    assert_eq!(drill(&project, 59, &[]), 0);
    assert_eq!(project.report()["chain"]["sequence"], 2);
    // A run that was killed after its seal: its directory is there, its pack is not.
    fs::remove_file(packs(&project).remove(1)).unwrap();
    assert_eq!(ask(&project, &["add", "artifacts/dr"]).0, 0);
    assert!(problems(&project.path(HISTORY)).is_empty());
    assert_eq!(packs(&project).len(), 3);
    // What was changed is not filed.
    project.write("artifacts/dr/dr-report.md", "changed");
    let (code, text) = ask(&project, &["add", "artifacts/dr"]);
    assert!(code == 2 && text.contains("dr-report.md"), "{text}");
}

#[test]
fn a_drill_that_does_not_pass_opens_an_action_and_the_next_that_does_closes_it() {
    let project = chain(1);
    let good = project.text("data/dr/recall.sh");
    project.edit(|manifest| {
        manifest["corrective_action"] = json!({"owner": "dba@example.org", "due_days": 1});
    });
    let due = |at: &str, more: &[&str]| {
        let asked =
            [&["history", "actions", "--format", "json", "--current-time", at], more].concat();
        let output = project.run(&asked);
        let list: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_follows("history", &list);
        (output.code(), list["actions"].clone())
    };
    assert_eq!(due("2026-11-20T12:00:00Z", &[]), (0, json!([])));
    project.script("#!/bin/sh\nexit 3\n");
    assert_eq!(drill(&project, 10, &[]), 1);
    assert_eq!(project.report()["corrective_action"]["due_at"], "2026-11-21T09:10:00.000Z");
    assert_eq!(drill(&project, 11, &[]), 1);
    let (code, actions) = due("2026-11-21T09:09:00Z", &[]);
    assert_eq!((code, actions.as_array().unwrap().len()), (0, 1));
    assert_eq!(actions[0]["owner"], "dba@example.org");
    assert_eq!((&actions[0]["repeated"], &actions[0]["overdue"]), (&json!(1), &json!(false)));
    assert_eq!(due("2026-11-21T09:11:00Z", &[]).0, 1, "it is overdue");
    let (_, text) = ask(&project, &["actions", "--current-time", "2026-11-21T09:11:00Z"]);
    assert!(text.contains("OVERDUE") && text.contains("owner dba@example.org"), "{text}");
    project.script(&good);
    assert_eq!(drill(&project, 12, &[]), 0);
    assert!(project.report().get("corrective_action").is_none());
    assert_eq!(due("2026-12-21T09:11:00Z", &[]), (0, json!([])));
    let (_, all) = due("2026-12-21T09:11:00Z", &["--all"]);
    assert!(all[0]["opened_by"].as_str().unwrap().starts_with("20261120T091000"), "{all}");
    assert!(all[0]["closed_by"].as_str().unwrap().starts_with("20261120T091200"), "{all}");
    assert_eq!(all[0]["overdue"], false);
}

#[test]
fn a_drill_that_takes_much_longer_than_those_before_it_breaks_the_policy() {
    let project = Project::sample();
    project.edit(|manifest| manifest["policies"]["max_rto_regression_percent"] = json!(50));
    // Without a history nothing can be compared; with a short one not yet.
    assert_eq!(project.drill().code(), 4);
    assert!(project.step("enforce_policies").1.contains("could not be measured"));
    let policy = || {
        let policies = project.report()["policies"].as_array().unwrap().clone();
        policies.into_iter().find(|p| p["policy"] == "max_rto_regression_percent").unwrap()
    };
    for minute in 0..3 {
        assert_eq!(drill(&project, minute, &[]), 0);
        assert_eq!(policy()["status"], "warned");
    }
    assert_eq!(drill(&project, 3, &[]), 0);
    assert_eq!(policy()["status"], "passed", "noise is no regression: {}", policy());
    let good = project.text("data/dr/recall.sh");
    project.script(&good.replacen('\n', "\nsleep 1.5\n", 1));
    assert_eq!(drill(&project, 4, &[]), 3);
    assert_eq!(policy()["status"], "failed");
    assert_eq!(project.report()["past"]["passed"], 4);
    project.verifies();
    // What was slow did not pass, and is no measure for the next.
    project.script(&good);
    assert_eq!(drill(&project, 5, &[]), 0);
    assert!(problems(&project.path(HISTORY)).is_empty());
}

#[test]
fn a_second_person_signs_off_and_the_drills_own_key_cannot() {
    let project = Project::sample();
    for name in ["me", "auditor", "other"] {
        assert_eq!(project.run(&["keygen", name]).code(), 0);
    }
    assert_eq!(drill(&project, 0, &["--signing-key", "me.key"]), 0);
    let sign = |key: &str, note: &str| project.run(&["sign-off", "--key", key, "--note", note]);
    assert_eq!(sign("me.key", "fine").code(), 2);
    assert_eq!(sign("auditor.key", " ").code(), 2);
    let verify = |key: &str| {
        let output = project.run(&["verify", "--key", "me.pub", "--reviewer-key", key]);
        (output.code(), output.stdout)
    };
    let (code, text) = verify("auditor.pub");
    assert!(code == 1 && text.contains("has not signed it off"), "{text}");
    let output = sign("auditor.key", "seen,\nand agreed");
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let (code, text) = verify("auditor.pub");
    assert!(code == 0 && text.contains("clock: seen, and agreed\n"), "{text}");
    assert_eq!(verify("other.pub").0, 1);
    let text = project.run(&["verify", "--key", "me.pub"]).stdout;
    assert!(text.contains("1 signature(s) in sign-offs.intoto.jsonl are by none"), "{text}");
    let line = project.text("artifacts/dr/sign-offs.intoto.jsonl");
    let envelope: Value = serde_json::from_str(&line).unwrap();
    let payload = data_encoding::BASE64.decode(envelope["payload"].as_str().unwrap().as_bytes());
    let statement: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
    assert_follows("sign-off", &statement["predicate"]);
    // It is over this seal: on another drill it is none.
    assert_eq!(drill(&project, 1, &["--signing-key", "me.key"]), 0);
    project.write("artifacts/dr/sign-offs.intoto.jsonl", &line);
    let (code, text) = verify("auditor.pub");
    assert!(code == 1 && text.contains("does not sign off this evidence"), "{text}");
    // In the history, too.
    let asked = ["sign-off", "20261120T090000", "--key", "auditor.key", "--note", "late"];
    let (code, text) = ask(&project, &asked);
    assert_eq!(code, 0, "{text}");
    assert_eq!(ask(&project, &["verify", "--key", "me.pub"]).0, 0);
    let drills = answer(&project, &["list"], "history")["drills"].clone();
    assert_eq!((&drills[0]["sign_offs"], &drills[1]["sign_offs"]), (&json!(0), &json!(1)));
    let before = ask(&project, &["export", "--form", "ndjson"]).1;
    assert_eq!(ask(&project, &["rebuild"]).0, 0);
    assert_eq!(ask(&project, &["export", "--form", "ndjson"]).1, before);
}

#[test]
fn backups_that_never_came_back_are_named() {
    let project = chain(1);
    let digest = project.report()["backup"]["sha256"].as_str().unwrap().to_owned();
    project.write("kept", format!("{digest}  monday\n"));
    let (code, text) = ask(&project, &["coverage", "--sums", "kept"]);
    assert!(code == 0 && text.contains("monday  came back at 2026-11-20T09:00:00.000Z"), "{text}");
    project.write("kept", format!("{digest}  monday\n{} *tuesday\n", "0".repeat(64)));
    let (code, text) = ask(&project, &["coverage", "--sums", "kept"]);
    assert!(code == 1 && text.contains("tuesday  NEVER came back\n1 of 2 came back"), "{text}");
    assert_eq!(
        answer(&project, &["coverage", "--sums", "kept"], "history")["backups"][1]["run_id"],
        json!(null)
    );
    for wrong in ["", "no digest\n"] {
        project.write("kept", wrong);
        assert_eq!(ask(&project, &["coverage", "--sums", "kept"]).0, 2, "{wrong}");
    }
}

#[test]
fn pruning_leaves_chain_index_and_signatures_whole() {
    let project = Project::sample();
    assert_eq!(project.run(&["keygen", "me"]).code(), 0);
    for minute in 0..4 {
        assert_eq!(drill(&project, minute, &["--signing-key", "me.key"]), 0);
    }
    let before = ask(&project, &["export", "--form", "ndjson"]).1;
    let prune = |more: &[&str]| {
        let keep = ["evidence", "prune", "--keep-days", "1", "--keep-last", "1"];
        project.run(&[&keep, more].concat()).stdout
    };
    let later = ["--current-time", "2026-12-20T00:00:00Z"];
    assert_eq!(prune(&["--current-time", "2026-11-20T12:00:00Z"]), "", "they are too young");
    let sizes =
        || packs(&project).iter().map(|p| fs::metadata(p).unwrap().len()).collect::<Vec<_>>();
    let whole = sizes();
    assert_eq!(prune(&[&later[..], &["--dry-run"]].concat()).lines().count(), 3);
    assert_eq!(sizes(), whole);
    assert_eq!(prune(&later).lines().count(), 3);
    let reduced = sizes();
    assert!(reduced[..3].iter().zip(&whole).all(|(now, then)| now < then), "{reduced:?} {whole:?}");
    assert_eq!(reduced[3], whole[3]);
    let (code, text) = ask(&project, &["verify", "--key", "me.pub"]);
    assert!(code == 0 && text.contains("what 3 pruned drills held"), "{text}");
    assert_eq!(ask(&project, &["rebuild"]).0, 0);
    assert_eq!(ask(&project, &["export", "--form", "ndjson"]).1, before);
    let first = packs(&project)[0].clone();
    let output = project.run(&["verify", first.to_str().unwrap(), "--key", "me.pub"]);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    assert!(output.stdout.contains("PRUNED"), "{}", output.snapshot());
    // What is left can be changed no more than before, and a damaged pack is not reduced.
    let output = project.run(&["evidence", "unpack", first.to_str().unwrap(), "--out", "first"]);
    assert_eq!(output.code(), 0);
    let report = project.text("first/dr-report.json");
    project.write("first/dr-report.json", report.replace("\"passed\"", "\"failed\""));
    assert_eq!(project.run(&["verify", "first"]).code(), 1);
    project.write("first/dr-report.json", report);
    assert_eq!(project.run(&["verify", "first", "--key", "me.pub"]).code(), 4);
}

/// A drill with everything that controls can ask of one, by the machine's own clock.
fn complete() -> Project {
    let project = Project::empty();
    for name in ["me", "auditor"] {
        assert_eq!(project.run(&["keygen", name]).code(), 0);
    }
    project.write("data/dr/manifest.json", "{}").write("orders/2026.csv", "id,total\n1,2\n");
    let now = time::OffsetDateTime::now_utc() - time::Duration::minutes(5);
    let captured = now.format(&time::format_description::well_known::Rfc3339).unwrap();
    project.edit(|manifest| {
        *manifest = json!({
            "backup": {"path": "../../orders", "sha256": "0".repeat(64), "captured_at": captured},
            "restore": {"driver": "files"},
            "policies": {"max_rto_seconds": 60, "max_rpo_minutes": 60},
        });
    });
    let output = project.run(&["pin", "--captured-at", &captured, "--root", "."]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let run = ["run", "--history", HISTORY, "--signing-key", "me.key", "--quiet"];
    let output = project.run(&run);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    project
}

#[test]
fn controls_are_met_by_what_evidence_holds_and_by_nothing_else() {
    static YEAR: OnceLock<String> = OnceLock::new();
    let year = YEAR.get_or_init(|| time::OffsetDateTime::now_utc().year().to_string());
    let project = complete();
    let controls = |more: &[&str]| {
        let asked = [&["controls", "--period", year, "--format", "json"], more].concat();
        let output = project.run(&asked);
        let found: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_follows("controls", &found);
        let met = found["controls"].as_array().unwrap().iter().filter(|c| c["met"] == true);
        (output.code(), met.map(|c| c["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
    };
    let signed = ["--key", "me.pub"];
    let before = controls(&signed).1;
    assert!(before.contains(&"ISO 27001:2022 A.8.13".to_owned()), "{before:?}");
    assert!(!before.iter().any(|id| id.starts_with("HIPAA") || id.starts_with("DORA Art. 11")));
    let (_, text) = ask(&project, &["list"]);
    let run = text.split_whitespace().last().unwrap().to_owned();
    assert_eq!(ask(&project, &["sign-off", &run, "--key", "auditor.key", "--note", "ok"]).0, 0);
    let after = controls(&signed).1;
    assert!(after.iter().any(|id| id.starts_with("HIPAA")), "{after:?}");
    assert!(after.iter().any(|id| id.starts_with("DORA Art. 11")), "{after:?}");
    // Nothing proves an alternate site, so not all are met.
    assert_eq!(controls(&signed).0, 1);
    // Without a key nobody knows who signed; with a wrong one nothing counts; nor in another year.
    assert!(!controls(&[]).1.iter().any(|id| id.starts_with("HIPAA")));
    assert!(controls(&["--key", "auditor.pub"]).1.is_empty());
    let output = project.run(&["controls", "--period", "1999"]);
    assert!(
        output.code() == 1 && output.stdout.contains("no drill at all"),
        "{}",
        output.snapshot()
    );
    // A catalogue of one's own.
    project
        .write("own.json", r#"[{"id": "own", "title": "t", "asks": "a", "needs": ["restored"]}]"#);
    assert_eq!(controls(&["--catalogue", "own.json"]), (0, vec!["own".to_owned()]));
    for wrong in [r#"[{"id": "own", "title": "t", "asks": "a", "needs": ["luck"]}]"#, "{}"] {
        project.write("own.json", wrong);
        let output = project.run(&["controls", "--period", year, "--catalogue", "own.json"]);
        assert_eq!(output.code(), 2, "{}", output.snapshot());
    }
    // Evidence that does not verify counts for nothing.
    let pack = packs(&project).remove(0);
    let whole = fs::read(&pack).unwrap();
    let mut cut = whole.clone();
    cut.truncate(whole.len() - 1);
    fs::write(&pack, cut).unwrap();
    assert!(controls(&signed).1.is_empty());
}

/// A database of so many rows, as the backup of a project.
fn rows(project: &Project, count: usize) {
    let _ = fs::remove_file(project.path("shop.db"));
    let values: Vec<String> = (1..=count).map(|id| format!("({id}, 'n{id}')")).collect();
    let sql = format!(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO customer VALUES {};",
        values.join(", ")
    );
    let made = std::process::Command::new("sqlite3").arg(project.path("shop.db")).arg(sql).status();
    assert!(made.unwrap().success());
    if project.path("data/dr/manifest.json").exists() {
        let pin = ["pin", "--captured-at", "2026-11-20T08:00:00Z", "--root", "."];
        assert_eq!(project.run(&pin).code(), 0);
    }
}

#[test]
fn the_data_can_be_held_against_what_the_last_good_drill_found() {
    let project = Project::empty();
    rows(&project, 100);
    project.manifest_for("sqlite", "shop.db");
    let of_last = |manifest: &mut Value, first: Option<&str>| {
        manifest["checks"] = json!([{"check": "content", "tolerance_percent": 5}]);
        manifest["baseline"] = json!({"last_good_drill": true});
        if let Some(path) = first {
            manifest["baseline"]["path"] = json!(path);
        }
    };
    let root = ["--root", "."];
    assert_eq!(drill(&project, 0, &[&root[..], &["--record-baseline"]].concat()), 0);
    project.write("data/dr/first.json", project.text("artifacts/dr/restore/baseline.json"));
    fs::remove_dir_all(project.path(HISTORY)).unwrap();
    // Nobody has said what it should be: that is no pass.
    project.edit(|manifest| of_last(manifest, None));
    assert_eq!(drill(&project, 1, &root), 4);
    assert!(
        project.step("run_checks").1.contains("there is none"),
        "{:?}",
        project.step("run_checks")
    );
    project.edit(|manifest| of_last(manifest, Some("first.json")));
    assert_eq!(drill(&project, 2, &root), 0);
    let first = project.report()["run_id"].clone();
    // It may grow by five percent each time, and shrink by no more.
    for (minute, count, code) in [(3, 104, 0), (4, 108, 0), (5, 100, 1), (6, 50, 1), (7, 109, 0)] {
        rows(&project, count);
        assert_eq!(drill(&project, minute, &root), code, "{count} rows");
        let compared = project.report()["past"]["baseline_run_id"].clone();
        if minute == 3 {
            assert_eq!(compared, first);
        }
        project.verifies();
    }
    assert_eq!(
        project.report()["past"]["baseline_run_id"].as_str().unwrap()[..15],
        *"20261120T090400"
    );
    // A baseline that was changed in its pack is none.
    project.edit(|manifest| manifest["baseline"] = json!({}));
    assert_eq!(drill(&project, 8, &root), 2);
}
