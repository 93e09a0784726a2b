//! A calendar that several machines work, over a real PostgreSQL server: whoever is killed, every slot ends once, and the
//! history is one.

use std::fs;
use std::process::{Child, Command, Stdio};

use dr_drill::history::History;
use dr_drill::schedule::team::{Awaited, Ordered, Team as Database};
use dr_drill::schedule::{Ledger, LedgerError, Outbox, Slot, Spent, read};
use serde_json::{Value, json};

use crate::common::{NOW, Output, Project, wait_until};
use crate::notify::Sink;
use crate::servers::Server;

const FLEET: &str = "
machine: {drills: 4}
defaults: {cron: '0 * * * *', start_within_minutes: 30, retries: {max: 2, backoff_minutes: 0.01}}
drills:
  - {name: orders, manifest: data/dr/manifest.json}
  - {name: payments, manifest: data/dr/manifest.json}
";

/// Takes long enough for whoever works at it to be ended meanwhile.
const SLOW: &str = "#!/bin/sh\nsleep 2\ncat \"$1\" > \"$4/recovered-backup.json\"\n";

/// A project, the database of its team, and whoever works for it.
struct Team {
    server: Server,
    project: Project,
    workers: Vec<Child>,
}

impl Drop for Team {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

impl Team {
    fn new(fleet: &str) -> Self {
        let project = Project::sample();
        project.edit(|manifest| {
            manifest["restore"].as_object_mut().unwrap().remove("output_dir");
            manifest["policies"] = json!({"max_rpo_minutes": 1e9});
        });
        project.write("fleet.yaml", fleet);
        Self { server: Server::postgres(), project, workers: Vec::new() }
    }

    fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.server.in_url(""))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.project.command(args);
        command.args(["--database-url-env", "DB"]).env("DB", self.url());
        command
    }

    /// Starts a worker; gives its place among them.
    fn worker(&mut self, more: &[&str]) -> usize {
        let history = format!("worker-{}", self.workers.len());
        let mut command = self.command(&["worker", "--history", &history, "--lost-after", "3"]);
        let child = command.args(more).stderr(Stdio::null()).spawn().unwrap();
        self.workers.push(child);
        self.workers.len() - 1
    }

    /// Whoever keeps the calendar, at this time of 2026-11-20, with a copy of the history of its own.
    fn keeper(&self, time: &str, history: &str) -> Command {
        let now = format!("2026-11-20T{time}:00Z");
        self.command(&["schedule", "run-due", "--history", history, "--current-time", &now])
    }

    fn look(&self, time: &str, history: &str) -> Output {
        self.project.finish(&mut self.keeper(time, history))
    }

    fn ask(&self, question: &str) -> String {
        self.server.in_database("postgres", question)
    }

    /// How the slots ended that a copy of the history knows of.
    fn ledger(&self, history: &str) -> Vec<String> {
        ledger(&self.project, history)
    }

    fn verifies(&self, history: &str) {
        let output = self.project.run(&["history", "verify", "--history", history]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
    }
}

fn ledger(project: &Project, history: &str) -> Vec<String> {
    let output = project.run(&["schedule", "ledger", "--history", history, "--format", "json"]);
    let calendar: Value = serde_json::from_str(&output.stdout).unwrap();
    let line = |slot: &Value| {
        let how = slot["verdict"].as_str().or(slot["cause"].as_str()).unwrap();
        let due = &slot["due_at"].as_str().unwrap()[11..16];
        format!("{} {due} {how}", slot["drill"].as_str().unwrap())
    };
    calendar["ended"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn workers_carry_out_what_is_due_and_every_copy_of_the_history_is_the_same() {
    let mut team = Team::new(FLEET);
    team.worker(&["--places", "2"]);
    assert_eq!(team.look("08:30", "one").code(), 0);
    let due = team.look("09:00", "one");
    assert_eq!(due.code(), 0, "{}", due.snapshot());
    assert_eq!(team.ledger("one"), ["orders 09:00 passed", "payments 09:00 passed"]);
    // On another machine nothing is run again, and all of it is there.
    let again = team.look("09:10", "two");
    assert_eq!((again.code(), again.stdout.as_str()), (0, ""), "{}", again.snapshot());
    let later = team.look("10:00", "two");
    assert_eq!(later.code(), 0, "{}", later.snapshot());
    assert_eq!(team.ledger("two").len(), 4);
    team.verifies("two");
    assert_eq!(team.look("10:10", "one").code(), 0);
    assert_eq!(team.ledger("one"), team.ledger("two"));
    team.verifies("one");
    // A slot that nobody looked at is recorded for all.
    let missed = team.look("13:45", "one");
    assert!(missed.stdout.contains("missed (downtime)"), "{}", missed.snapshot());
    assert_eq!(team.look("13:50", "two").code(), 0);
    assert_eq!(team.ledger("one"), team.ledger("two"));
    team.verifies("two");
    // Nobody else files in it.
    let run = team.project.run(&["run", "--current-time", NOW, "-q"]);
    assert_eq!(run.code(), 0);
    assert_eq!(team.ask("SELECT count(*) FROM dr_drill.attempt WHERE state <> 'done'"), "0");
}

/// Waits until a worker has an order.
fn wait_for_an_order(team: &Team) {
    wait_until("an order to be taken", || {
        team.ask("SELECT count(*) FROM dr_drill.attempt WHERE state = 'running'") != "0"
    });
}

#[test]
fn a_drill_of_a_worker_that_is_killed_is_taken_over_and_filed_once() {
    let mut team = Team::new(FLEET);
    team.project.script(SLOW);
    assert_eq!(team.look("08:30", "one").code(), 0);
    let first = team.worker(&[]);
    let mut keeper = team.keeper("09:00", "one").stdout(Stdio::null()).spawn().unwrap();
    wait_for_an_order(&team);
    team.workers[first].kill().unwrap();
    team.workers[first].wait().unwrap();
    team.worker(&["--places", "2"]);
    assert_eq!(keeper.wait().unwrap().code(), Some(0));
    assert_eq!(team.ledger("one"), ["orders 09:00 passed", "payments 09:00 passed"]);
    team.verifies("one");
    assert_eq!(team.ask("SELECT max(fence), count(*) FROM dr_drill.attempt"), "2|2");
    assert_eq!(team.ask("SELECT count(*) FROM dr_drill.record"), "2");
}

/// A worker that only seemed to be lost, and comes back when another has carried out its order, files nothing.
#[test]
fn a_worker_that_comes_back_too_late_files_nothing() {
    let mut team = Team::new(FLEET);
    team.project.script(SLOW);
    assert_eq!(team.look("08:30", "one").code(), 0);
    let first = team.worker(&[]);
    let mut keeper = team.keeper("09:00", "one").stdout(Stdio::null()).spawn().unwrap();
    wait_for_an_order(&team);
    let id = team.workers[first].id().to_string();
    let signal =
        |name: &str| assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    signal("-STOP");
    team.worker(&["--places", "2"]);
    assert_eq!(keeper.wait().unwrap().code(), Some(0));
    signal("-CONT");
    // It has to come to its end to be able to do harm.
    let works = team.project.path("worker-0/work");
    wait_until("the first worker to let go", || {
        walkdir::WalkDir::new(&works).into_iter().flatten().all(|entry| entry.depth() < 2)
    });
    assert_eq!(team.ask("SELECT count(*) FROM dr_drill.record"), "2");
    assert_eq!(team.ask("SELECT max(fence) FROM dr_drill.attempt"), "2");
    let next = team.look("09:10", "two");
    assert_eq!(next.code(), 0, "{}", next.snapshot());
    assert_eq!(team.ledger("two"), ["orders 09:00 passed", "payments 09:00 passed"]);
    team.verifies("two");
}

#[test]
fn a_drill_goes_on_when_whoever_ordered_it_is_killed_and_the_next_waits_for_it() {
    let mut team = Team::new(FLEET);
    team.project.script(SLOW);
    assert_eq!(team.look("08:30", "one").code(), 0);
    team.worker(&["--places", "2"]);
    let mut keeper = team.keeper("09:00", "one").stdout(Stdio::null()).spawn().unwrap();
    wait_for_an_order(&team);
    // One keeps the calendar, no other does meanwhile.
    let other = team.look("09:00", "two");
    assert_eq!(other.code(), 0);
    assert!(other.stderr.contains("another dr-drill keeps the calendar"), "{}", other.snapshot());
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    let next = team.look("09:01", "two");
    assert_eq!(next.code(), 0, "{}", next.snapshot());
    assert_eq!(team.ledger("two"), ["orders 09:00 passed", "payments 09:00 passed"]);
    assert_eq!(
        team.ask("SELECT max(attempt), max(fence), count(*) FROM dr_drill.attempt"),
        "1|1|2"
    );
    team.verifies("two");
}

#[test]
fn a_worker_takes_only_what_it_has_all_for() {
    let fleet =
        FLEET.replace("{name: orders,", "{name: orders, schedule: {needs: {labels: [vault]}},");
    let mut team = Team::new(&fleet);
    assert_eq!(team.look("08:30", "one").code(), 0);
    team.worker(&["--label", "other"]);
    let mut keeper = team.keeper("09:00", "one").stdout(Stdio::null()).spawn().unwrap();
    wait_until("the other drill", || {
        team.ask(
            "SELECT count(*) FROM dr_drill.attempt WHERE drill = 'payments' AND state = 'done'",
        ) == "1"
    });
    let orders = "SELECT state FROM dr_drill.attempt WHERE drill = 'orders'";
    assert_eq!(team.ask(orders), "queued");
    // Neither one with another fleet file, whatever else it has.
    team.project.write("other.yaml", format!("{fleet}\n# changed"));
    team.worker(&["--label", "vault", "--fleet", "other.yaml"]);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(team.ask(orders), "queued");
    team.worker(&["--label", "vault", "--label", "more"]);
    assert_eq!(keeper.wait().unwrap().code(), Some(0));
    assert_eq!(team.ask(orders), "done");
}

#[test]
fn a_worker_that_is_ended_hands_its_drill_back() {
    let mut team = Team::new(FLEET);
    team.project.script(SLOW);
    assert_eq!(team.look("08:30", "one").code(), 0);
    let first = team.worker(&["--places", "2"]);
    let mut keeper = team.keeper("09:00", "one").stdout(Stdio::null()).spawn().unwrap();
    wait_for_an_order(&team);
    let id = team.workers[first].id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    assert_eq!(team.workers[first].wait().unwrap().code(), Some(0));
    assert_eq!(team.ask("SELECT count(*) FROM dr_drill.record"), "0", "nothing was filed");
    team.worker(&["--places", "2"]);
    assert_eq!(keeper.wait().unwrap().code(), Some(0));
    assert_eq!(team.ledger("one"), ["orders 09:00 passed", "payments 09:00 passed"]);
    assert_eq!(team.project.leftovers(), Vec::<String>::new());
}

#[test]
fn the_right_people_are_told_of_what_a_worker_found() {
    let sink = Sink::new("200 OK", "");
    let alerts =
        format!("alerts: {{channels: {{hook: {{kind: webhook, url: '{}/'}}}}}}", sink.url());
    let mut team = Team::new(&format!("{alerts}{FLEET}"));
    team.worker(&["--places", "2"]);
    assert_eq!(team.look("08:30", "one").code(), 0);
    let whole = team.project.text("data/dr/recall.sh");
    team.project.script("#!/bin/sh\necho broken; exit 3\n");
    let failed = team.look("09:00", "one");
    assert_eq!(failed.code(), 1, "{}", failed.snapshot());
    team.project.script(&whole);
    // The end is told by whoever keeps the calendar then.
    let passed = team.look("10:00", "two");
    assert_eq!(passed.code(), 0, "{}", passed.snapshot());
    let heard: Vec<String> = sink.heard().iter().map(|heard| heard.json().to_string()).collect();
    let of = |word: &str| heard.iter().filter(|text| text.contains(word)).count();
    assert!(of("firing") >= 1 && of("resolved") >= 1, "{heard:#?}");
    let mut waiting = team.command(&["notify", "waiting"]);
    let waiting = team.project.finish(&mut waiting);
    assert_eq!((waiting.code(), waiting.stdout.as_str()), (0, ""), "{}", waiting.snapshot());
}

#[test]
fn the_address_of_the_database_is_never_shown() {
    let project = Project::sample();
    project.write("fleet.yaml", FLEET);
    for (url, said) in [
        ("postgres://me:hunter2@127.0.0.1:1/drills", "drills at 127.0.0.1 cannot be reached"),
        ("postgres://me:hunter2@[::1/drills", "is none"),
    ] {
        for command in [&["worker"][..], &["schedule", "run-due"], &["schedule", "daemon"]] {
            let mut command = project.command(command);
            command.args(["--database-url-env", "DB"]).env("DB", url);
            let output = project.finish(&mut command);
            assert_eq!(output.code(), 2, "{}", output.snapshot());
            assert!(output.stderr.contains(said), "{}", output.snapshot());
            assert!(!output.stderr.contains("hunter2"), "{}", output.snapshot());
        }
    }
}

/// What holds of every calendar, wherever it is kept. `open` opens it, and says so if another keeps it.
fn is_a_calendar(history: &History, open: &dyn Fn() -> Result<(Ledger, Outbox), LedgerError>) {
    let fleet = read("f.yaml".as_ref(), FLEET.as_bytes()).unwrap();
    let at = |time: &str| {
        format!("2026-11-20T{time}:00Z").parse::<dr_drill::clock::Timestamp>().unwrap()
    };
    let slot = |time: &str| Slot { drill: 0, due: at(time).unix() };
    {
        let (mut ledger, outbox) = open().unwrap();
        assert!(matches!(open(), Err(LedgerError::Busy(_))));
        let known = ledger.known(&fleet, history, at("08:30"), false).unwrap();
        assert!(known.past.iter().all(|past| past.settled_until == at("08:30").unix()));
        ledger.begin(&fleet.drills[0], slot("09:00"), 1).unwrap();
        ledger.begin(&fleet.drills[0], slot("09:00"), 2).unwrap();
        assert_eq!(ledger.spent().unwrap(), Spent::default());
        assert_eq!(ledger.told("orders").unwrap(), (i64::MIN, None));
        assert!(outbox.waiting().unwrap().is_empty());
    }
    {
        // What was begun is known to the next.
        let (mut ledger, _) = open().unwrap();
        let known = ledger.known(&fleet, history, at("09:30"), false).unwrap();
        let begun: Vec<_> = known.past[0].begun.iter().map(|one| (one.due, one.attempts)).collect();
        assert_eq!(begun, [(at("09:00").unix(), 2)]);
        assert!(known.past[1].begun.is_empty());
        let spent = Spent { day: 7, minutes: 1.5, bytes: 1 << 40 };
        let until = [("orders", at("09:00").unix()), ("payments", at("08:00").unix())];
        ledger.settle(&until, &[("orders", at("09:00").unix())], spent, &[]).unwrap();
        assert_eq!(ledger.spent().unwrap(), spent);
    }
    {
        // What has ended stays so: no slot comes back because a clock went back.
        let (mut ledger, _) = open().unwrap();
        let known = ledger.known(&fleet, history, at("09:30"), false).unwrap();
        assert_eq!(known.past[0].settled_until, at("09:00").unix());
        assert_eq!(known.past[1].settled_until, at("08:30").unix());
        assert!(known.past[0].begun.is_empty());
        // A pattern that is new counts from now on; what was begun of the old one is settled.
        ledger.begin(&fleet.drills[1], Slot { drill: 1, due: at("09:00").unix() }, 1).unwrap();
        let changed = FLEET.replace("cron: '0 * * * *'", "cron: '5 * * * *'");
        let changed = read("f.yaml".as_ref(), changed.as_bytes()).unwrap();
        let known = ledger.known(&changed, history, at("09:40"), false).unwrap();
        assert_eq!(known.past[0].settled_until, at("09:40").unix());
        assert_eq!(known.cut_off.len(), 1);
        assert!(matches!(
            ledger.known(&changed, history, at("09:40"), false).map(|known| known.past.len()),
            Ok(2)
        ));
        let far = "2029-01-01T00:00:00Z".parse().unwrap();
        assert!(matches!(
            ledger.known(&changed, history, far, false),
            Err(LedgerError::Clock { .. })
        ));
    }
}

#[test]
fn a_calendar_in_a_file_and_one_in_a_database_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::create(folder.path()).unwrap();
    is_a_calendar(&history, &|| Ok((Ledger::open(folder.path())?, Outbox::open(folder.path())?)));
    let server = Server::postgres();
    let url = format!("postgres://postgres@{}/postgres", server.in_url(""));
    is_a_calendar(&history, &|| {
        let team = Database::open(url.parse().unwrap()).unwrap();
        Ok((Ledger::shared(&team)?, Outbox::shared(&team)))
    });
}

/// Whoever was out of reach for so long that another keeps the calendar now changes nothing any more.
#[test]
fn who_lost_the_calendar_changes_nothing() {
    let server = Server::postgres();
    let url = format!("postgres://postgres@{}/postgres", server.in_url(""));
    let fleet = read("f.yaml".as_ref(), FLEET.as_bytes()).unwrap();
    let open = || Database::open(url.parse().unwrap()).unwrap();
    let (one, two) = (open(), open());
    let first = Ledger::shared(&one).unwrap();
    assert!(matches!(Ledger::shared(&two), Err(LedgerError::Busy(_))));
    server.in_database(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dr-drill'",
    );
    let second = wait_for(|| Ledger::shared(&two).ok());
    let slot = Slot { drill: 0, due: 0 };
    second.begin(&fleet.drills[0], slot, 1).unwrap();
    // The first try finds the connection gone.
    let error = wait_for(|| match first.begin(&fleet.drills[0], slot, 7) {
        Err(LedgerError::State { .. }) => None,
        other => Some(other),
    });
    assert!(matches!(error, Err(LedgerError::Lost(_))), "{error:?}");
    assert_eq!(server.in_database("postgres", "SELECT attempts FROM dr_drill.begun"), "1");
}

/// An order that nobody takes, and one whose worker is gone for good, are withdrawn: no slot stays open for ever.
#[test]
fn an_order_that_comes_to_nothing_is_withdrawn() {
    let server = Server::postgres();
    let url = format!("postgres://postgres@{}/postgres", server.in_url(""));
    let team = Database::open(url.parse().unwrap()).unwrap();
    let keeper = Ledger::shared(&team).unwrap().keeper().unwrap();
    let orders = team.orders(keeper);
    let order = |attempt| Ordered {
        drill: "orders",
        due: 0,
        attempt,
        late: false,
        needs: &[],
        priority: 5,
        take_within: 0.5,
        timeout: 0.5,
    };
    let give = |attempt| orders.give(&order(attempt), &|| false, &|error| panic!("{error}"));
    let sql = |text: &str| server.in_database("postgres", text);
    assert_eq!(give(1), Awaited::Untaken);
    assert_eq!(give(1), Awaited::Untaken, "it stays so");
    assert_eq!(sql("SELECT state FROM dr_drill.attempt"), "withdrawn");
    sql("INSERT INTO dr_drill.attempt (drill, due, attempt, late, state, seen_at)
         VALUES ('orders', 0, 2, false, 'running', now() - interval '1 hour')");
    assert_eq!(give(2), Awaited::Gone);
    // What a worker still files is refused: its fence is gone.
    assert_eq!(sql("SELECT state, fence FROM dr_drill.attempt WHERE attempt = 2"), "withdrawn|1");
    sql("INSERT INTO dr_drill.attempt (drill, due, attempt, late, state, reason)
         VALUES ('orders', 0, 3, false, 'done', 'no manifest')");
    assert_eq!(give(3), Awaited::Unstarted("no manifest".to_owned()));
    let jobs = "SELECT count(*) FROM dr_drill_queue.jobs";
    assert_eq!(sql(jobs), "1", "one order, one job");
    // Whoever lost the calendar gives no order.
    assert_eq!(
        team.orders(keeper - 1).give(&order(4), &|| false, &|error| panic!("{error}")),
        Awaited::Left
    );
    assert_eq!(sql(jobs), "1");
}

/// The same through the binary: it ends, and what it ordered is recorded by whoever keeps the calendar then.
#[test]
fn who_lost_the_calendar_ends() {
    let mut team = Team::new(FLEET);
    team.project.script("#!/bin/sh\nsleep 4\ncat \"$1\" > \"$4/recovered-backup.json\"\n");
    assert_eq!(team.look("08:30", "one").code(), 0);
    team.worker(&["--places", "2"]);
    let mut first = team.keeper("09:00", "one");
    let mut first = first
        .stdout(Stdio::null())
        .stderr(fs::File::create(team.project.path("said")).unwrap())
        .spawn()
        .unwrap();
    wait_for_an_order(&team);
    let mut second = team.command(&["schedule", "daemon", "--history", "two"]);
    let heard = team.project.path("heard");
    let second = second.stderr(fs::File::create(&heard).unwrap()).spawn().unwrap();
    team.workers.push(second);
    wait_until("the second to wait", || fs::read_to_string(&heard).unwrap().contains("waiting:"));
    team.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dr-drill'",
    );
    wait_until("the second to go on", || fs::read_to_string(&heard).unwrap().contains("keeping"));
    assert_eq!(first.wait().unwrap().code(), Some(5));
    let said = team.project.text("said");
    assert!(said.contains("another dr-drill keeps the calendar"), "{said}");
    wait_until("the slot to be recorded", || {
        team.ledger("two").iter().filter(|line| *line == "orders 09:00 passed").count() == 1
    });
}

fn wait_for<T>(mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("waited in vain");
}

/// The history of a team is fetched by an auditor, who needs no right to write.
#[test]
fn a_history_that_is_shared_can_be_fetched() {
    let mut team = Team::new(FLEET);
    team.worker(&["--places", "2"]);
    assert_eq!(team.look("08:30", "one").code(), 0);
    assert_eq!(team.look("09:00", "one").code(), 0);
    team.ask(
        "CREATE ROLE auditor LOGIN; GRANT USAGE ON SCHEMA dr_drill TO auditor;
         GRANT SELECT ON dr_drill.record TO auditor",
    );
    let pull = ["evidence", "pull", "--history", "audit", "--database-url-env", "AUDIT"];
    let mut pull = team.project.command(&pull);
    pull.env("AUDIT", team.url().replace("postgres@", "auditor@"));
    let pulled = team.project.finish(&mut pull);
    assert_eq!(
        (pulled.code(), pulled.stdout.as_str()),
        (0, "2 taken: audit\n"),
        "{}",
        pulled.snapshot()
    );
    team.verifies("audit");
    assert_eq!(team.ledger("audit"), team.ledger("one"));
    assert!(fs::read_dir(team.project.path("audit/drills")).unwrap().count() == 2);
}
