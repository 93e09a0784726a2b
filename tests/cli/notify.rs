//! People are told: by a sink that holds messages to the limits of each service, by a real mail server and a real
//! Alertmanager, and whatever a dead or lying endpoint does, no drill and no verdict changes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::common::{Output, Project, assert_follows, wait_until};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    line: String,
    headers: String,
    body: String,
}

impl Heard {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// A server on this machine that writes down what it is asked, and answers as it is told.
pub(crate) struct Sink {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Sink {
    pub(crate) fn new(status: &'static str, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = read(&stream);
                kept.lock().unwrap().push(request);
                let length = answer.len();
                let _ = write!(
                    &stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
                );
            }
        });
        Self { port, heard }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Heard {
    let mut reader = BufReader::new(stream);
    let (mut line, mut headers, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut line).unwrap();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        headers.push_str(&header);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Heard { line: line.trim().to_owned(), headers, body: String::from_utf8(body).unwrap() }
}

/// A fleet of one drill each hour, with these alerts.
fn fleet(alerts: &Value) -> Project {
    let project = Project::sample();
    let fleet = json!({
        "name": "shop",
        "alerts": alerts,
        "defaults": {"cron": "0 * * * *"},
        "drills": [
            {"name": "orders", "manifest": "data/dr/manifest.json"},
            {"name": "yearly", "manifest": "data/dr/manifest.json", "labels": ["other"],
                "schedule": {"cron": "@yearly"}},
        ],
    });
    project.write("fleet.yaml", fleet.to_string());
    project
}

/// The same, looked at for the first time.
fn enrolled(alerts: &Value) -> Project {
    let project = fleet(alerts);
    assert_eq!(look(&project, "09:30").code(), 0);
    project
}

/// Looks at the calendar at this time of 2026-11-20.
fn look(project: &Project, time: &str) -> Output {
    let now = format!("2026-11-20T{time}:00Z");
    let mut command = project.command(&["schedule", "run-due", "--current-time", &now]);
    project.finish(
        command
            .env("TOKEN", "the-token")
            .env("PASSWORD", "pass word")
            .env("SSL_CERT_FILE", project.path("certificate.pem")),
    )
}

const FAILS: &str = "#!/bin/sh\nexit 1\n";
const PASSES: &str = "#!/bin/sh\ncat \"$1\" > \"$4/recovered-backup.json\"\n";

/// The drill passes, fails twice, and passes again.
fn passes_fails_and_passes(project: &Project) {
    assert_eq!(look(project, "10:05").code(), 0);
    project.script(FAILS);
    assert_eq!(look(project, "11:05").code(), 1);
    assert_eq!(look(project, "12:05").code(), 1);
    project.script(PASSES);
    assert_eq!(look(project, "13:05").code(), 0);
}

#[test]
fn each_service_is_told_once_of_a_failure_and_of_its_end() {
    let (slack, pager, hook) = (
        Sink::new("200 OK", "ok"),
        Sink::new("202 Accepted", "{}"),
        Sink::new("204 No Content", ""),
    );
    let hub = Sink::new("201 Created", "{\"number\": 7}");
    let project = enrolled(&json!({"channels": {
        "ops": {"kind": "slack", "url": {"file": "slack-url"}},
        "pager": {"kind": "pagerduty", "routing_key": {"env": "TOKEN"}, "url": pager.url()},
        "hub": {"kind": "github", "repository": "shop/backups", "token": {"env": "TOKEN"}, "url": hub.url()},
        "hook": {"kind": "webhook", "url": hook.url(), "secret": {"env": "TOKEN"}},
    }}));
    project.write("slack-url", slack.url() + "/services/secret\n");
    let chmod = Command::new("chmod").arg("600").arg(project.path("slack-url")).status().unwrap();
    assert!(chmod.success());
    passes_fails_and_passes(&project);

    let heard = slack.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert_eq!(heard[0].line, "POST /services/secret HTTP/1.1");
    assert!(heard[0].json()["text"].as_str().unwrap().contains("orders FAILED"));
    assert!(heard[1].json()["text"].as_str().unwrap().contains("orders passes again"));

    let events: Vec<Value> = pager.heard().iter().map(Heard::json).collect();
    assert_eq!(events.len(), 2);
    assert_eq!(
        (&events[0]["event_action"], &events[1]["event_action"]),
        (&json!("trigger"), &json!("resolve"))
    );
    assert_eq!(events[0]["dedup_key"], events[1]["dedup_key"]);
    assert_eq!(events[0]["routing_key"], "the-token");
    assert_eq!(events[0]["payload"]["severity"], "critical");

    let lines: Vec<String> = hub.heard().iter().map(|heard| heard.line.clone()).collect();
    assert_eq!(
        lines,
        [
            "POST /repos/shop/backups/issues HTTP/1.1",
            "POST /repos/shop/backups/issues/7/comments HTTP/1.1",
            "PATCH /repos/shop/backups/issues/7 HTTP/1.1",
        ]
    );
    assert!(hub.heard()[0].headers.contains("Bearer the-token"));

    let told = &hook.heard()[0];
    assert_follows("notice", &told.json());
    let header = told
        .headers
        .lines()
        .find(|line| line.to_lowercase().starts_with("x-dr-drill-signature"))
        .unwrap();
    let (time, tag) = header.split_once("t=").unwrap().1.trim().split_once(",v1=").unwrap();
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", "the-token"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    write!(openssl.stdin.take().unwrap(), "{time}.{}", told.body).unwrap();
    let theirs = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    assert!(theirs.trim().ends_with(tag), "{theirs} {tag}");

    let waiting = project.run(&["notify", "waiting"]);
    assert_eq!(waiting.stdout, "", "{}", waiting.snapshot());
    // Nothing that was kept holds a secret.
    for file in walkdir::WalkDir::new(project.path("dr-history")).into_iter().flatten() {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("the-token") && !text.contains("services/secret"), "{file:?}");
    }
}

/// Dead, lying, and too slow: the drills end as without them, others are told, and what waits goes when it can.
#[test]
fn an_endpoint_that_does_not_take_a_message_changes_no_drill_and_others_are_told() {
    let (lying, hook) = (Sink::new("500 Internal Server Error", "no"), Sink::new("200 OK", ""));
    let moved = Sink::new("302 Found", "");
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", dead.local_addr().unwrap());
    drop(dead);
    let channel = |url: &str| json!({"kind": "webhook", "url": url});
    let alerts = json!({
        "channels": {"dead": channel(&nobody), "lying": channel(&lying.url()), "moved": channel(&moved.url()),
            "unset": {"kind": "slack", "url": {"env": "NOT_SET"}}, "hook": channel(&hook.url())},
        "routes": [{"channels": ["dead", "lying", "moved", "unset"]}, {"channels": ["hook"], "labels": ["other"]}],
    });
    let project = enrolled(&alerts);
    project.script(FAILS);
    let output = look(&project, "10:05");
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    for wanted in [
        "dead was not told",
        "lying was not told",
        "answers 500",
        "moved was not told",
        "NOT_SET is not set",
    ] {
        assert!(output.stderr.contains(wanted), "{wanted}: {}", output.snapshot());
    }
    assert_eq!(hook.heard().len(), 0);
    let waiting = project.run(&["notify", "waiting"]);
    assert_eq!(waiting.stdout.lines().count(), 4, "{}", waiting.snapshot());
    // Each is tried again, and then those that can be reached are told in their place.
    for time in ["10:10", "10:20", "10:40"] {
        assert_eq!(look(&project, time).code(), 0);
    }
    let told: Vec<Value> = hook.heard().iter().map(Heard::json).collect();
    assert!(!told.is_empty());
    let all = told.iter().map(Value::to_string).collect::<String>();
    assert!(all.contains("the channel dead was to tell this"), "{all}");
    assert!(all.contains("orders FAILED"), "{all}");
    assert_eq!(project.run(&["history", "verify"]).code(), 0);
    // And they hear of the end.
    project.script(PASSES);
    assert_eq!(look(&project, "11:05").code(), 0);
    let last = hook.heard().last().unwrap().json();
    assert_eq!(last["notices"][0]["standing"], "resolved", "{last}");
}

#[test]
fn a_secret_goes_nowhere_without_tls_and_a_test_says_what_is_wrong() {
    let hook = Sink::new("200 OK", "");
    let project = fleet(&json!({"channels": {
        "plain": {"kind": "pagerduty", "routing_key": {"env": "TOKEN"}, "url": "http://example.com/x"},
        "odd": {"kind": "webhook", "url": "ftp://127.0.0.1/"},
        "open": {"kind": "slack", "url": {"file": "fleet.yaml"}},
        "hook": {"kind": "webhook", "url": hook.url()},
    }}));
    let test = |channel: &str| {
        let mut command = project.command(&["notify", "test", channel]);
        project.finish(command.env("TOKEN", "the-token"))
    };
    insta::assert_snapshot!("plain", test("plain").snapshot());
    insta::assert_snapshot!("odd", test("odd").snapshot());
    let open = test("open");
    assert!(open.stderr.contains("can be read by others"), "{}", open.snapshot());
    assert_eq!(test("nobody").code(), 2);
    assert_eq!(test("hook").code(), 0);
    assert_eq!(hook.heard().len(), 1);
}

/// Ends a server with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn mail_goes_over_starttls_with_a_password() {
    let project = enrolled(&json!({"channels": {"mail": {
        "kind": "email", "server": "localhost", "from": "drills@shop.test", "to": ["ops@shop.test"],
        "user": "drills", "password": {"env": "PASSWORD"},
    }}}));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(project.path(""))
        .output()
        .unwrap();
    assert!(made.status.success());
    let out = project.path("mails");
    let mut server = Command::new("/usr/bin/python3")
        .args(["tests/cli/mail_server.py".as_ref(), project.path("certificate.pem").as_os_str()])
        .args([project.path("key.pem"), out.clone()])
        .stdout(Stdio::piped())
        .spawn()
        .map(Server)
        .unwrap();
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let port: u16 = port.trim().parse().unwrap();
    project
        .edit_json("fleet.yaml", |fleet| fleet["alerts"]["channels"]["mail"]["port"] = json!(port));
    project.script(FAILS);
    let output = look(&project, "10:05");
    assert!(output.stderr.contains("told mail: 1 notice(s)"), "{}", output.snapshot());
    let mail = std::fs::read_to_string(&out).unwrap();
    for wanted in ["Subject: orders FAILED", "To: ops@shop.test", "text/plain", "text/html"] {
        assert!(mail.contains(wanted), "{wanted}: {mail}");
    }
    // Another password, and a certificate that nobody vouches for.
    let test = |password: &str, certificate: &str| {
        let mut command = project.command(&["notify", "test", "mail"]);
        command.env("PASSWORD", password).env("SSL_CERT_FILE", project.path(certificate));
        project.finish(&mut command)
    };
    assert_eq!(test("pass word", "certificate.pem").code(), 0);
    let wrong = test("wrong", "certificate.pem");
    assert!(wrong.code() == 1 && !wrong.stderr.contains("wrong\n"), "{}", wrong.snapshot());
    assert_eq!(test("pass word", "fleet.yaml").code(), 1, "a certificate that nobody vouches for");
}

#[test]
fn alertmanager_holds_an_alert_until_it_is_resolved() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let project = fleet(&json!({"channels": {"am": {"kind": "alertmanager", "url": url}}}));
    project.write("am.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n");
    let _server = Command::new("prometheus-alertmanager")
        .arg(format!("--config.file={}", project.path("am.yml").display()))
        .arg(format!("--storage.path={}", project.path("am").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Server)
        .unwrap();
    wait_until("alertmanager", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let alerts = || -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET /api/v2/alerts HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    // By the real clock: an alert of the past would have ended.
    project.edit(|manifest| manifest["policies"] = json!({"max_rpo_minutes": 1e9}));
    let hours_ago = |hours: f64| {
        use dr_drill::clock::Clock as _;
        let now = dr_drill::clock::SystemClock.now();
        let mut command = project.command(&["schedule", "run-due", "--current-time"]);
        command.arg(now.plus_days(-hours / 24.0).unwrap().to_string());
        project.finish(&mut command)
    };
    assert_eq!(hours_ago(4.0).code(), 0);
    project.script(FAILS);
    let output = hours_ago(1.1);
    assert!(output.stderr.contains("told am"), "{}", output.snapshot());
    let found = alerts();
    assert_eq!(found[0]["labels"]["drill"], "orders", "{found}");
    assert_eq!(found[0]["status"]["state"], "active", "{found}");
    project.script(PASSES);
    let output = hours_ago(0.0);
    assert!(output.stderr.contains("told am"), "{}", output.snapshot());
    assert_eq!(alerts().as_array().map(Vec::len), Some(0), "{}", alerts());
}

#[test]
fn somebody_says_that_they_look_after_a_drill() {
    let (pager, hook) = (Sink::new("202 Accepted", "{}"), Sink::new("200 OK", ""));
    let project = enrolled(&json!({"channels": {
        "pager": {"kind": "pagerduty", "routing_key": {"env": "TOKEN"}, "url": pager.url()},
        "hook": {"kind": "webhook", "url": hook.url()},
    }}));
    project.script(FAILS);
    assert_eq!(look(&project, "10:05").code(), 1);
    let heard = hook.heard().len();
    let acknowledge = |drill: &str| {
        let mut command = project.command(&["notify", "acknowledge", drill]);
        project.finish(command.env("TOKEN", "the-token"))
    };
    let output = acknowledge("orders");
    assert_eq!((output.code(), output.stdout.as_str()), (0, "pager: acknowledged orders\n"));
    let events: Vec<Value> = pager.heard().iter().map(Heard::json).collect();
    assert_eq!(events[1]["event_action"], "acknowledge");
    assert_eq!(events[1]["dedup_key"], events[0]["dedup_key"], "of what was triggered");
    assert_eq!(hook.heard().len(), heard, "the others have no word for it");
    assert_eq!(acknowledge("nobody").code(), 2);
    project.edit_json("fleet.yaml", |fleet| {
        fleet["alerts"]["channels"].as_object_mut().unwrap().remove("pager");
    });
    let output = acknowledge("orders");
    assert_eq!(output.code(), 2);
    assert!(output.stderr.contains("no channel of the fleet"), "{}", output.snapshot());
}

/// The figures of a drill, put to a real Pushgateway as docs/schedule.md says.
#[test]
fn a_pushgateway_takes_the_figures_of_a_drill() {
    let project = Project::sample();
    assert_eq!(project.drill().code(), 0);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("timeout");
    server
        .args(["120", "prometheus-pushgateway"])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Server).unwrap();
    wait_until("the server to listen", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let figures = project.run(&["report", "artifacts/dr", "--form", "openmetrics"]);
    assert_eq!(figures.code(), 0, "{}", figures.snapshot());
    let ask = |method: &str, path: &str, body: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = ask("PUT", "/metrics/job/dr-drill", &figures.stdout);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let metrics = ask("GET", "/metrics", "");
    assert!(metrics.contains("dr_drill_rto_seconds{drill=\"sample service status\""), "{metrics}");
    drop(server);
}
