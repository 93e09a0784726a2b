//! Failovers for real: PostgreSQL with a standby, HAProxy, BIND; and components of commands, of which each action fails
//! in turn.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::common::{Output, Project, assert_follows, wait_until};

const LAB: &str = "scripts/failover.py";
const EVIDENCE: &str = "artifacts/exercise";

/// Servers on loopback, ended with this.
struct Lab {
    project: Project,
    key: String,
}

impl Lab {
    fn up() -> Self {
        let project = Project::empty();
        let folder = project.path("lab");
        // Servers do not run as root: their user has to be able to get there.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(project.path(""), open).unwrap();
        let output = Command::new("python3").args([LAB, "up"]).arg(&folder).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        let lab: Value = serde_json::from_slice(&output.stdout).unwrap();
        Self { project, key: lab["key"].as_str().unwrap().to_owned() }
    }

    fn ask(&self, what: &[&str]) -> String {
        let folder = self.project.path("lab");
        let mut command = Command::new("python3");
        let output = command.args([LAB, what[0]]).arg(folder).args(&what[1..]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Found out by writing to both.
    fn state(&self) -> (String, String) {
        let state: Value = serde_json::from_str(&self.ask(&["state"])).unwrap();
        let of = |name: &str| state[name].as_str().unwrap().to_owned();
        (of("a"), of("b"))
    }

    /// Somebody else who uses the service meanwhile.
    fn observe(&self) -> Child {
        let mut command = Command::new("python3");
        command.args([LAB, "observe"]).arg(self.project.path("lab"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn exercise(&self, arguments: &[&str]) -> Output {
        let all = [&["exercise"], arguments].concat();
        self.project.finish(self.project.command(&all).env("FAILOVER_KEY", &self.key))
    }

    fn report(&self) -> Value {
        report(&self.project, EVIDENCE)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let folder = self.project.path("lab");
        let _ = Command::new("python3").args([LAB, "down"]).arg(folder).output();
    }
}

fn report(project: &Project, place: &str) -> Value {
    let report = project.json(&format!("{place}/dr-report.json"));
    assert_follows("report", &report);
    for line in project.text(&format!("{place}/dr-events.ndjson")).lines() {
        assert_follows("event", &serde_json::from_str(line).unwrap());
    }
    let verified = project.run(&["verify", place]);
    assert_eq!(verified.code(), 0, "{}", verified.snapshot());
    report
}

/// What the observer saw, once it is told to end.
fn seen(observer: Child) -> Value {
    let output = observer.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether the two saw the same downtime: each sees the edges of an outage only to its interval and to how long its own
/// requests took.
fn agree(report: &Value, observed: &Value) {
    let own = &report["exercise"]["availability"];
    let (one, other) =
        (own["downtime_seconds"].as_f64().unwrap(), observed["downtime_seconds"].as_f64().unwrap());
    // Both give up a request after a second.
    let edges = 2.0 * (0.1 + 0.1 + observed["slowest"].as_f64().unwrap().min(1.1));
    assert!((one - other).abs() <= edges, "{one} s and {other} s: {observed:#} {own:#}");
    assert!(one > 0.0 && other > 0.0);
}

#[test]
fn a_planned_failover_and_back_lose_nothing_and_the_downtime_is_what_others_see() {
    let lab = Lab::up();
    for (file, after) in
        [("lab/failover.yaml", ("standby", "primary")), ("lab/back.yaml", ("primary", "standby"))]
    {
        let observer = lab.observe();
        let output = lab.exercise(&["failover", file, "--history", "h"]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
        let observed = seen(observer);
        let report = lab.report();
        agree(&report, &observed);
        let markers = &report["exercise"]["markers"];
        assert!(markers["promised"].as_u64() > Some(0), "{markers}");
        assert_eq!((markers["lost"].as_u64(), observed["lost"].as_u64()), (Some(0), Some(0)));
        assert_eq!(report["exercise"]["availability"]["answers"], true);
        let (a, b) = lab.state();
        assert_eq!((a.as_str(), b.as_str()), after);
    }
    let list = lab.project.run(&["history", "list", "--history", "h"]).stdout;
    assert_eq!(list.matches("shop  (failover)").count(), 2, "{list}");
    let controls = lab.project.run(&[
        "controls",
        "--history",
        "h",
        "--period",
        "2000-01-01..2100-01-01",
        "--format",
        "json",
    ]);
    let controls: Value = serde_json::from_str(&controls.stdout)
        .unwrap_or_else(|_| panic!("{}", controls.snapshot()));
    let redundancy = controls["controls"]
        .as_array()
        .unwrap()
        .iter()
        .find(|control| control["id"] == "ISO 27001:2022 A.8.14");
    assert_eq!(redundancy.unwrap()["met"], true, "{controls:#}");
    let site = lab.project.run(&["dashboard", "--history", "h", "--out", "site"]);
    assert_eq!(site.code(), 0, "{}", site.snapshot());
    assert!(lab.project.text("site/index.html").contains("failover"));
    // There and back in one.
    let output = lab.exercise(&["failover", "lab/failover.yaml", "--then-roll-back"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(lab.state(), ("primary".to_owned(), "standby".to_owned()));
    // What a fence that was cut off has left does not lie in wait for the next restart.
    lab.project.write("lab/servers/a/standby.signal", "");
    let output = lab.exercise(&["rollback", "lab/failover.yaml"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert!(!lab.project.path("lab/servers/a/standby.signal").exists(), "{}", output.snapshot());
}

#[test]
fn what_a_primary_takes_with_it_is_counted_and_it_comes_back_as_a_standby() {
    let lab = Lab::up();
    let observer = lab.observe();
    let output = lab.exercise(&["failover", "lab/unplanned.yaml"]);
    // It worked; and that more was lost than nothing is told.
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(lab.state().1, "primary");
    let report = lab.report();
    agree(&report, &seen(observer));
    let markers = &report["exercise"]["markers"];
    // Counted by somebody else: what the dead server had taken and the new one has not.
    let run = report["run_id"].as_str().unwrap();
    let of_run = |text: &str| -> BTreeSet<u64> {
        text.lines()
            .filter_map(|line| line.trim().strip_prefix(run)?.strip_prefix('.')?.parse().ok())
            .collect()
    };
    let dead = of_run(&lab.ask(&["salvage", "a"]));
    let log = lab.project.text(&format!("{EVIDENCE}/exercise/markers.csv"));
    let promised: BTreeSet<u64> = log
        .lines()
        .filter(|line| line.ends_with(",ok"))
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect();
    let lost: Vec<u64> =
        markers["first_lost"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    assert!(markers["lost"].as_u64() > Some(0), "{markers:#}");
    let last_kept = lost[0] - 1;
    let gone: BTreeSet<u64> =
        dead.iter().filter(|n| **n > last_kept && promised.contains(n)).copied().collect();
    assert_eq!(markers["lost"].as_u64().unwrap(), gone.len() as u64, "{markers:#} {dead:?}");
    assert!(report["metrics"]["rpo_minutes"].as_f64() > Some(0.0));
    // Back, although the dead one has gone another way: it is rewound.
    let output = lab.exercise(&["rollback", "lab/unplanned.yaml"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(lab.state(), ("primary".to_owned(), "standby".to_owned()));
    let back = self::report(&lab.project, "artifacts/exercise-rollback");
    assert!(back["exercise"]["actions"].to_string().contains("was rewound"), "{back:#}");
    assert!(back["exercise"]["failover"]["rollback_only"] == true);
}

#[test]
fn a_failover_that_is_killed_goes_on_or_back_and_never_has_two_primaries() {
    let lab = Lab::up();
    // Commands reach the servers as through `ssh`, which hands them to a shell as one line.
    let via: Vec<String> = lab.project.json("lab/lab.json")["via"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap().to_owned())
        .collect();
    lab.project
        .executable("lab/ssh", &format!("#!/bin/sh\nshift\nexec {} sh -c \"$*\"\n", via.join(" ")));
    for file in ["lab/failover.yaml", "lab/back.yaml"] {
        lab.project.edit_json(file, |file| {
            for side in ["from", "to"] {
                file["components"][0]["postgres"][side]["via"] = json!(["./ssh", "db"]);
            }
        });
    }
    let events = lab.project.path(&format!("{EVIDENCE}/dr-events.ndjson"));
    let mut leader = "a";
    for (wanted, verb) in
        [("promote", "resume"), ("fence", "rollback"), ("open", "rollback"), ("update", "resume")]
    {
        let file = if leader == "a" { "lab/failover.yaml" } else { "lab/back.yaml" };
        let _ = std::fs::remove_dir_all(lab.project.path(EVIDENCE));
        let mut command = lab.project.command(&["exercise", "failover", file]);
        command.env("FAILOVER_KEY", &lab.key).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.process_group(0).spawn().unwrap();
        let said = format!("\"action\":\"{wanted}\"");
        wait_until(wanted, || {
            std::fs::read_to_string(&events).is_ok_and(|text| text.contains(&said))
        });
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        child.wait().unwrap();
        // It is not thrown away by beginning again.
        let again = lab.exercise(&["failover", file]);
        assert_eq!(again.code(), 2, "{}", again.snapshot());
        let output = lab.exercise(&[verb, file]);
        let report = lab.report();
        if verb == "resume" {
            assert_eq!(output.code(), 0, "{}", output.snapshot());
            leader = if leader == "a" { "b" } else { "a" };
        } else {
            assert_eq!(output.code(), 4, "{}", output.snapshot());
        }
        assert_eq!(report["exercise"]["resumed"].as_array().unwrap().len(), 1);
        let (a, b) = lab.state();
        let (lead, follow) = if leader == "a" { (a, b) } else { (b, a) };
        assert_eq!((lead.as_str(), follow.as_str()), ("primary", "standby"), "{wanted}, {verb}");
        // And so they would be after a restart by whomever.
        let is_marked =
            |name: &str| lab.project.path(&format!("lab/servers/{name}/standby.signal")).exists();
        let other = if leader == "a" { "b" } else { "a" };
        assert!(!is_marked(leader) && is_marked(other), "{wanted}, {verb}");
    }
}

/// Three components whose sides are files, and whose actions fail where a file says so.
fn components(project: &Project) -> Value {
    project.executable(
        "act.sh",
        "#!/bin/sh\nset -e\ncd \"$(dirname \"$0\")\"\n[ -e \"fail.$1.$2\" ] && [ \"$2 $(cat side.$1)\" != \"health from\" ] && { echo \"$2 of $1 was told to fail\"; exit 3; }\n\
         [ -e \"hang.$1.$2\" ] && sleep NAP\n[ -e \"slow.$1.$2\" ] && sleep 2\n\
         case $2 in execute) echo to > side.$1;; drain) echo drained > side.$1;; rollback) echo from > side.$1;;\n\
         verify) [ \"$(cat side.$1)\" = to ];; esac\necho \"$2 $1\" >> log\n",
    );
    let component = |name: &str| {
        project.write(&format!("side.{name}"), "from\n");
        let action =
            |what: &str| json!({"command": ["./act.sh", name, what], "timeout_seconds": 20});
        json!({"name": name, "pre_check": action("pre_check"), "drain": action("drain"), "sync": action("sync"),
            "execute": action("execute"), "verify": action("verify"), "rollback": action("rollback"), "health": action("health")})
    };
    let file = json!({"exercise": "failover", "name": "three", "production": false, "max_duration_seconds": 60,
        "components": [component("one"), component("two"), component("three")]});
    project.write("failover.json", file.to_string());
    file
}

fn sides(project: &Project) -> Vec<String> {
    ["one", "two", "three"]
        .map(|name| project.text(&format!("side.{name}")).trim().to_owned())
        .to_vec()
}

#[test]
fn whichever_step_fails_the_first_state_is_brought_back() {
    let project = Project::empty();
    components(&project);
    let failover = ["exercise", "failover", "failover.json"];
    for action in ["pre_check", "drain", "sync", "execute", "verify", "health"] {
        for name in ["one", "two", "three"] {
            let switch = format!("fail.{name}.{action}");
            project.write(&switch, "");
            let output = project.run(&failover);
            std::fs::remove_file(project.path(&switch)).unwrap();
            assert_eq!(output.code(), 1, "{}", output.snapshot());
            assert!(
                output.stderr.contains(&format!("{action} of {name} was told to fail")),
                "{}",
                output.snapshot()
            );
            assert_eq!(sides(&project), ["from", "from", "from"], "{}", output.snapshot());
            let report = report(&project, EVIDENCE);
            let back = report["steps"]
                .as_array()
                .unwrap()
                .iter()
                .find(|step| step["step"] == "roll_back")
                .unwrap();
            assert_eq!(back["status"], "passed", "{report:#}");
            assert_eq!(
                back["notes"] == "nothing had been changed",
                action == "pre_check",
                "{back}"
            );
        }
    }
    std::fs::remove_file(project.path("log")).ok();
    let output = project.run(&failover);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(sides(&project), ["to", "to", "to"]);
    let back = project.run(&["exercise", "rollback", "failover.json"]);
    assert_eq!(back.code(), 0, "{}", back.snapshot());
    assert_eq!(sides(&project), ["from", "from", "from"]);
    // In reverse order.
    let log = project.text("log");
    let rolled: Vec<&str> = log.lines().filter(|line| line.starts_with("rollback")).collect();
    assert_eq!(rolled, ["rollback three", "rollback two", "rollback one"]);
    // Only one of them.
    let output = project.run(&["exercise", "failover", "failover.json", "--component", "two"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(sides(&project), ["from", "to", "from"]);
    assert!(output.stdout.contains("not proven: anything about the components that were left out"));
}

#[test]
fn a_rollback_that_fails_is_the_loudest_and_says_what_to_do_by_hand() {
    let project = Project::empty();
    let mut file = components(&project);
    file["components"][1]["by_hand"] = json!("call the vendor: +49 30 1234");
    project.write("failover.json", file.to_string());
    project.write("fail.three.execute", "").write("fail.two.rollback", "");
    let output = project.run(&["exercise", "failover", "failover.json"]);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    insta::assert_snapshot!("rollback_failed", output.snapshot());
    let report = report(&project, EVIDENCE);
    assert_eq!(report["reasons"][0]["class"], "rollback");
    assert_eq!(sides(&project), ["to", "to", "from"]);
    // Mended, it can be run again.
    std::fs::remove_file(project.path("fail.two.rollback")).unwrap();
    let output = project.run(&["exercise", "rollback", "failover.json"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(sides(&project), ["from", "from", "from"]);
}

#[test]
fn bad_input_and_bad_surroundings_each_have_an_outcome_of_their_own() {
    let project = Project::empty();
    let file = components(&project);
    let outcome = |change: &dyn Fn(&mut Value), code: i32, wanted: &str| {
        let mut changed = file.clone();
        change(&mut changed);
        project.write("changed.json", changed.to_string());
        let output = project.run(&["exercise", "failover", "changed.json", "--evidence-dir", "e"]);
        assert_eq!(output.code(), code, "{wanted}: {}", output.snapshot());
        let all = format!("{}{}", output.stdout, output.stderr);
        assert!(all.contains(wanted), "{wanted}: {all}");
        assert_eq!(sides(&project), ["from", "from", "from"], "{wanted}");
        let _ = std::fs::remove_dir_all(project.path("e"));
    };
    outcome(
        &|f| {
            f["components"][0]["depends_on"] = json!(["three"]);
            f["components"][2]["depends_on"] = json!(["one"]);
        },
        2,
        "a cycle, so that none could begin: one needs three needs one",
    );
    outcome(&|f| f["components"][1]["name"] = json!("one"), 2, "`one` is there twice");
    outcome(&|f| f["components"][1]["depends_on"] = json!(["four"]), 2, "there is no `four`");
    outcome(&|f| f["components"][1]["rollback"] = json!(null), 2, "`two` has no `rollback`");
    outcome(&|f| f["production"] = json!(null), 2, "was not confirmed");
    outcome(
        &|f| {
            f["components"][1]["execute"] =
                json!({"sql": "SELECT 1", "conninfo": "host=x password=secret"});
        },
        2,
        "holds a password",
    );
    outcome(
        &|f| f["policies"] = json!({"max_rto_seconds": 1}),
        2,
        "there is no `probe`: nothing would be measured",
    );
    // A command that hangs is ended, with what it started.
    project.write("hang.two.execute", "");
    outcome(
        &|f| f["components"][1]["execute"]["timeout_seconds"] = json!(0.5),
        1,
        "took longer than 0.5 s, and was killed",
    );
    assert!(!crate::common::running("sleep NAP"));
    std::fs::remove_file(project.path("hang.two.execute")).unwrap();
    outcome(
        &|f| f["max_duration_seconds"] = json!(0.001),
        1,
        "it took longer than 0.001 s altogether",
    );
    // Nobody listens there.
    let dns = json!({"name": "address", "dns": {"server": "127.0.0.1:1", "zone": "example.test.", "name": "db.example.test.",
        "from": "127.0.0.2", "to": "127.0.0.3", "ttl_seconds": 5}});
    outcome(
        &|f| f["components"].as_array_mut().unwrap().push(dns.clone()),
        1,
        "the DNS server 127.0.0.1:1 cannot be reached",
    );
    let proxy = json!({"name": "proxy", "haproxy": {"socket": "/nowhere.sock", "backend": "db", "from": "a", "to": "b"}});
    outcome(
        &|f| f["components"].as_array_mut().unwrap().push(proxy.clone()),
        1,
        "HAProxy (/nowhere.sock) cannot be asked",
    );
}

#[test]
fn an_interruption_stops_between_two_actions_and_can_be_gone_on_from() {
    let project = Project::empty();
    components(&project);
    project.write("slow.two.execute", "");
    let mut command = project.command(&["exercise", "failover", "failover.json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let events = project.path(&format!("{EVIDENCE}/dr-events.ndjson"));
    wait_until("execute", || {
        std::fs::read_to_string(&events)
            .is_ok_and(|text| text.contains("\"of\":\"two\",\"action\":\"execute\""))
    });
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // What is under way comes to its end; nothing new is begun.
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("dr-drill exercise resume failover.json"), "{said}");
    assert_eq!(sides(&project), ["to", "to", "drained"]);
    let changed = project.text("failover.json");
    project.edit_json("failover.json", |file| file["name"] = json!("another"));
    let other = project.run(&["exercise", "resume", "failover.json"]);
    assert_eq!(other.code(), 2, "{}", other.snapshot());
    assert!(other.stderr.contains("was changed since it began"), "{}", other.snapshot());
    project.write("failover.json", changed);
    let output = project.run(&["exercise", "resume", "failover.json"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(sides(&project), ["to", "to", "to"]);
    let again = project.run(&["exercise", "resume", "failover.json"]);
    assert_eq!(again.code(), 2, "{}", again.snapshot());
    assert!(again.stderr.contains("has ended and is sealed"), "{}", again.snapshot());
}

#[test]
fn the_whole_plan_is_told_without_doing_anything() {
    let project = Project::empty();
    components(&project);
    let output = project.run(&["exercise", "failover", "failover.json", "--dry-run"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    insta::assert_snapshot!("failover_dry_run", output.snapshot());
    assert!(!project.path("log").exists() && !project.path("artifacts").exists());
    let production = project.edit_json("failover.json", |file| file["production"] = json!(true));
    let output = production.run(&["exercise", "failover", "failover.json", "--confirm", "four"]);
    assert_eq!(output.code(), 2, "{}", output.snapshot());
    let output = production.run(&["exercise", "failover", "failover.json", "--confirm", "three"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
}

/// People at a terminal.
fn talk(project: &Project, arguments: &[&str], typed: &str) -> Output {
    let mut command = project.command(&[&["exercise", "tabletop", "run"], arguments].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let status = output.status;
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    Output::of(project, stdout, stderr, status)
}

#[test]
fn a_tabletop_is_talked_through_broken_off_and_gone_on_with() {
    let project = Project::empty();
    let new = project.run(&["exercise", "tabletop", "new", "--scenario", "key-person-absent"]);
    assert_eq!(new.code(), 0, "{}", new.snapshot());
    let run = ["tabletop.yaml", "--history", "h", "--current-time", crate::common::NOW];
    let gap = "g nobody knows the code of the safe\npeople\nP2\nput it into the envelope\nEli\n2026-12-31\n";
    let paused = talk(&project, &run, &format!("\no the list is old\n{gap}\np\n"));
    assert_eq!(paused.code(), 4, "{}", paused.snapshot());
    assert!(!project.path(&format!("{EVIDENCE}/SHA256SUMS")).exists());
    let again = talk(&project, &run, "");
    assert_eq!(again.code(), 2, "{}", again.snapshot());
    let resumed = talk(&project, &[&run[..], &["--resume"]].concat(), "\n\n\n");
    assert_eq!(resumed.code(), 0, "{}", resumed.snapshot());
    let found = report(&project, EVIDENCE);
    assert_eq!(found["exercise"]["actions"].as_array().unwrap().len(), 5);
    assert_eq!(found["exercise"]["gaps"][0]["gap"]["owner"], "Eli");
    assert_eq!(found["exercise"]["observations"][0]["text"], "the list is old");
    insta::assert_snapshot!(
        "minutes",
        crate::common::stable(&project.text(&format!("{EVIDENCE}/dr-report.md")))
    );
    assert!(
        project
            .text(&format!("{EVIDENCE}/dr-report.html"))
            .contains("nobody knows the code of the safe")
    );
    let actions = ["history", "actions", "--history", "h", "--current-time"];
    let open = project.run(&[&actions[..], &["2026-12-31T12:00:00Z"]].concat());
    assert_eq!(open.code(), 0, "{}", open.snapshot());
    assert!(open.stdout.contains("owner Eli, due 2026-12-31T23:59:59.999Z"), "{}", open.stdout);
    assert_eq!(project.run(&[&actions[..], &["2027-01-01T00:00:00Z"]].concat()).code(), 1);
    // The next one asks whether it is closed, and what was found again is the same gap.
    let later = ["tabletop.yaml", "--history", "h"];
    let kept = talk(&project, &later, &format!("n\n\n\n\n\n\n{gap}"));
    assert_eq!(kept.code(), 0, "{}", kept.snapshot());
    assert!(
        kept.stderr
            .contains("Open since 2026-11-20: P2 nobody knows the code of the safe (Eli). Closed?")
    );
    let closed = talk(&project, &later, "y\n\n\n\n\n\n");
    assert_eq!(closed.code(), 0, "{}", closed.snapshot());
    assert_eq!(project.run(&["history", "actions", "--history", "h"]).stdout, "");
    let list = project.run(&["history", "list", "--history", "h"]).stdout;
    assert_eq!(list.matches("Key person absent  (tabletop)").count(), 3, "{list}");
    let verified = project.run(&["history", "verify", "--history", "h"]);
    assert_eq!(verified.code(), 0, "{}", verified.snapshot());
}

#[test]
fn what_people_miss_is_told_before_they_talk() {
    let project = Project::empty();
    for scenario in
        ["database-corruption", "ransomware", "region-outage", "key-person-absent", "bad-backups"]
    {
        let file = format!("{scenario}.yaml");
        assert_eq!(
            project
                .run(&["exercise", "tabletop", "new", "--scenario", scenario, "--out", &file])
                .code(),
            0
        );
        let checked = project.run(&["exercise", "tabletop", "check", &file, "--format", "json"]);
        let wanted = if scenario == "bad-backups" { 3 } else { 0 };
        assert_eq!(checked.code(), wanted, "{}", checked.snapshot());
        assert_follows("tabletop-check", &serde_json::from_str(&checked.stdout).unwrap());
        let agenda = project.run(&["exercise", "tabletop", "agenda", &file, "--as", "html"]);
        assert!(agenda.code() == 0 && agenda.stdout.starts_with("<!doctype html>"));
    }
    let step = |id: &str, role: &str, needs: &[&str], tools: &[&str]| json!({"id": id, "action": "does", "role": role, "minutes": 10, "depends_on": needs, "tools": tools});
    let file = |steps: Value| {
        json!({"exercise": "tabletop", "name": "t", "facilitator": "F", "participants": [{"name": "A", "roles": ["dba", "network"]}],
            "scenarios": [{"name": "s", "description": "d", "severity": "high", "affected_systems": ["x"], "triggers": ["y"],
                "expected_rto_minutes": 15, "expected_rpo_minutes": 5, "estimated_data_loss_minutes": 7, "steps": steps}]})
    };
    let check = |steps: Value| {
        project.write("t.json", file(steps).to_string());
        project.run(&["exercise", "tabletop", "check", "t.json"])
    };
    let found = check(json!([
        step("a", "dba", &[], &["console"]),
        step("b", "dba", &[], &["console"]),
        step("c", "network", &[], &[]),
        step("d", "lawyer", &["a", "c"], &[]),
    ]));
    assert_eq!(found.code(), 1, "{}", found.snapshot());
    insta::assert_snapshot!("tabletop_check", found.snapshot());
    let cycle = check(json!([
        step("a", "dba", &["b"], &[]),
        step("b", "dba", &["a"], &[]),
        step("c", "dba", &["z"], &[])
    ]));
    assert_eq!(cycle.code(), 2, "{}", cycle.snapshot());
    assert!(cycle.stderr.contains("there is no `z`"), "{}", cycle.snapshot());
    let cycle = check(json!([step("a", "dba", &["b"], &[]), step("b", "dba", &["a"], &[])]));
    assert!(cycle.stderr.contains("a needs b needs a"), "{}", cycle.snapshot());
    let twice = check(json!([step("a", "dba", &[], &[]), step("a", "dba", &[], &[])]));
    assert!(
        twice.code() == 2 && twice.stderr.contains("`a` is there twice"),
        "{}",
        twice.snapshot()
    );
    // A step that would not work fails it; one that was skipped leaves it open; a P1 fails it.
    project.write("t.json", file(json!([step("a", "dba", &[], &[])])).to_string());
    project
        .edit_json("t.json", |file| file["scenarios"][0]["estimated_data_loss_minutes"] = json!(1));
    for (typed, code) in
        [("n no license\n", 1), ("s\n", 4), ("g x\npeople\nP1\n\n\n\n\n", 1), ("?\n\n", 0), ("", 4)]
    {
        let output = talk(&project, &["t.json", "--evidence-dir", "e"], typed);
        assert_eq!(output.code(), code, "{typed}: {}", output.snapshot());
        let _ = std::fs::remove_dir_all(project.path("e"));
    }
}

#[test]
fn nothing_is_promoted_beside_a_server_that_may_still_take_writes() {
    let lab = Lab::up();
    let edit = |change: &dyn Fn(&mut Value)| {
        let mut file = lab.project.json("lab/unplanned.yaml");
        file["components"].as_array_mut().unwrap().remove(0);
        change(&mut file);
        lab.project.write("lab/changed.json", file.to_string());
        let _ = std::fs::remove_dir_all(lab.project.path(EVIDENCE));
        lab.exercise(&["failover", "lab/changed.json"])
    };
    // Its machine does not answer; the server there may run on.
    let unreachable = |file: &mut Value| {
        file["components"][0]["postgres"]["from"]["via"] = json!(["/bin/false"]);
    };
    let output = edit(&unreachable);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    assert!(
        output.stderr.contains("may still take writes: nothing was promoted"),
        "{}",
        output.snapshot()
    );
    assert_eq!(lab.state(), ("primary".to_owned(), "standby".to_owned()));
    // With its power off it is.
    let output = edit(&|file| {
        unreachable(file);
        let script = std::fs::canonicalize(LAB).unwrap();
        let (script, place) = (script.to_str().unwrap(), lab.project.path("lab"));
        file["components"][0]["postgres"]["from"]["power_off"] =
            json!(["python3", script, "crash", place.to_str().unwrap(), "a"]);
    });
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(lab.state(), ("stopped".to_owned(), "primary".to_owned()));
}

#[test]
fn two_primaries_that_somebody_else_made_are_left_alone_and_told() {
    let lab = Lab::up();
    lab.ask(&["sql", "b", "SELECT pg_promote()"]);
    assert_eq!(lab.state(), ("primary".to_owned(), "primary".to_owned()));
    let planned = lab.exercise(&["failover", "lab/failover.yaml"]);
    assert_eq!(planned.code(), 1, "{}", planned.snapshot());
    assert!(planned.stdout.contains("is a primary, and not a standby"), "{}", planned.snapshot());
    let back = lab.exercise(&["rollback", "lab/failover.yaml"]);
    assert_eq!(back.code(), 1, "{}", back.snapshot());
    assert!(back.stdout.contains("TWO PRIMARIES"), "{}", back.snapshot());
    assert!(back.stderr.contains("THE ROLLBACK FAILED"), "{}", back.snapshot());
    assert_eq!(lab.state(), ("primary".to_owned(), "primary".to_owned()));
}

/// A service that answers over HTTP as long as a file is there, and whose markers are lines of another.
#[test]
fn a_service_over_http_is_asked_and_markers_that_are_gone_are_counted() {
    let project = Project::empty();
    project.write("www/health", "all ok\n").write("markers", "");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("python3")
        .args(["-m", "http.server", "--bind", "127.0.0.1", "-d"])
        .arg(project.path("www"))
        .arg(port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("http", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let run = |execute: &str, max_rto: f64, mode: &str| {
        let sh = |text: &str| json!({"command": ["sh", "-c", text]});
        let file = json!({"exercise": "failover", "name": "site", "production": false, "max_duration_seconds": 60, "mode": mode,
            "probe": {"request": {"http": format!("http://127.0.0.1:{port}/health"), "contains": "ok"}, "every_milliseconds": 20},
            "marker": {"write": sh("echo {marker} >> markers"), "read": sh("cat markers"), "every_milliseconds": 20},
            "policies": {"max_rto_seconds": max_rto, "max_rpo_minutes": 1},
            "components": [{"name": "site", "execute": sh(execute), "verify": sh("true"), "rollback": sh("true")}]});
        project.write("site.json", file.to_string());
        project.run(&["exercise", "failover", "site.json"])
    };
    let away = "mv www/health www/gone; sleep 0.5; mv www/gone www/health; sleep 0.5";
    let output = run(away, 50.0, "planned");
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let found = report(&project, EVIDENCE);
    let seen = &found["exercise"]["availability"];
    assert!(
        seen["outages"].as_array().unwrap().len() == 1 && seen["lost"].as_u64() > Some(0),
        "{seen:#}"
    );
    assert_eq!(found["metrics"]["rto_seconds"], seen["downtime_seconds"]);
    assert_eq!(found["exercise"]["markers"]["lost"], 0);
    let output = run(away, 0.001, "planned");
    assert_eq!(output.code(), 3, "{}", output.snapshot());
    // A planned one may lose nothing; of an unplanned one it is told.
    let forgets = "sleep 0.5; : > markers; sleep 0.2";
    let output = run(forgets, 50.0, "planned");
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    assert!(
        output.stdout.contains("promised transactions were lost, although both sides were there"),
        "{}",
        output.snapshot()
    );
    let output = run(forgets, 50.0, "unplanned");
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let found = report(&project, EVIDENCE);
    assert_eq!(found["findings"][0]["id"], "data_lost", "{found:#}");
    assert!(found["metrics"]["rpo_minutes"].as_f64() > Some(0.0));
    server.kill().unwrap();
    server.wait().unwrap();
    let output = run("true", 50.0, "planned");
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    assert!(
        output.stdout.contains("nothing was begun: the service does not answer"),
        "{}",
        output.snapshot()
    );
}

#[test]
fn a_run_that_lacks_only_its_seal_is_sealed_before_it_is_taken_back() {
    let project = Project::empty();
    components(&project);
    let unsealed = || {
        let output = project.run(&["exercise", "failover", "failover.json"]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
        std::fs::remove_file(project.path(&format!("{EVIDENCE}/SHA256SUMS"))).unwrap();
    };
    unsealed();
    let output = project.run(&["exercise", "resume", "failover.json"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(sides(&project), ["to", "to", "to"]);
    report(&project, EVIDENCE);
    unsealed();
    let output = project.run(&["exercise", "rollback", "failover.json"]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(sides(&project), ["from", "from", "from"]);
    for place in [EVIDENCE, "artifacts/exercise-rollback"] {
        assert_eq!(report(&project, place)["status"], "passed");
    }
    // The last line was cut off in the middle: it was never acted upon.
    unsealed();
    let events = project.path(&format!("{EVIDENCE}/dr-events.ndjson"));
    let text = std::fs::read_to_string(&events).unwrap();
    let at = text.find("\"event\":\"action_started\",\"step\":\"switch\"").unwrap();
    std::fs::write(&events, &text[..at + 20]).unwrap();
    let output = project.run(&["exercise", "rollback", "failover.json"]);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    assert_eq!(sides(&project), ["from", "from", "from"]);
    report(&project, EVIDENCE);
    // One that had begun nothing is begun again: what was asked for may not have been written down.
    unsealed();
    let text = std::fs::read_to_string(&events).unwrap();
    let three: String = text.split_inclusive('\n').take(3).collect();
    std::fs::write(&events, three).unwrap();
    let output = project.run(&["exercise", "resume", "failover.json"]);
    assert_eq!(output.code(), 2, "{}", output.snapshot());
    assert!(
        output.stderr.contains("had not begun anything: begin it again"),
        "{}",
        output.snapshot()
    );
    // Nobody sets the clock of what is measured.
    let output = project.run(&[
        "exercise",
        "failover",
        "failover.json",
        "--current-time",
        crate::common::NOW,
    ]);
    assert_eq!(output.code(), 2, "{}", output.snapshot());
}
