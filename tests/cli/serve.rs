//! `dr-drill serve`, asked over HTTP as a browser, a scraper and a stranger would.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::{Project, wait_until};

/// A server, which is ended with the test.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Server {
    fn start(project: &Project, args: &[&str]) -> Self {
        let mut command: Command = project.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.args(args).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut said).unwrap();
        let address = said.trim().strip_prefix("serving http://");
        let address = address.unwrap_or_else(|| panic!("{said}")).to_owned();
        // What it complains of is not read any more; nobody waits for it.
        std::thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
        Self { child, address }
    }

    /// Asks for a path, with more lines of the head.
    fn ask(&self, path: &str, head: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{head}", self.address))
    }

    fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(format!("{request}Connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }
}

fn drilled() -> Project {
    let project = Project::sample();
    let args = ["run", "--history", "dr-history", "--current-time", "2026-11-20T09:00:00Z", "-q"];
    assert_eq!(project.run(&args).code(), 0);
    project
}

#[test]
fn pages_metrics_and_probes_are_served_as_the_history_stands() {
    let project = drilled();
    let fleet = "defaults: {cron: '0 * * * *'}\n\
                 drills: [{name: sample, manifest: data/dr/manifest.json}]";
    project.write("fleet.yaml", fleet);
    let at = |time: &str| project.run(&["schedule", "run-due", "--current-time", time]);
    let _ = at("2026-11-20T09:30:00Z");
    let first = at("2026-11-20T10:00:00Z");
    assert_eq!(first.code(), 0, "{}", first.snapshot());
    let server = Server::start(&project, &["--fleet", "fleet.yaml"]);
    let index = server.ask("/", "");
    assert_eq!(index.status, 200);
    assert!(index.body.contains("sample service status"), "{}", index.body);
    for header in [
        "content-type: text/html; charset=utf-8",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "cache-control: no-store",
    ] {
        assert!(index.head.contains(header), "{}", index.head);
    }
    // Every page that the first one links to is there.
    let body = index.body.replace("&#x2f;", "/");
    let links: Vec<&str> = body.split("href=\"").skip(1).collect();
    let links = links.iter().filter_map(|link| link.split('"').next());
    let links: Vec<&str> = links.filter(|link| link.ends_with(".html")).collect();
    assert!(links.len() > 2, "{links:?}");
    for link in links {
        assert_eq!(server.ask(&format!("/{link}"), "").status, 200, "{link}");
    }
    for path in ["/nothing.html", "/../Cargo.toml", "/names/", "//"] {
        assert_eq!(server.ask(path, "").status, 404, "{path}");
    }
    let metrics = server.ask("/metrics", "");
    assert!(metrics.head.contains("application/openmetrics-text; version=1.0.0"));
    for wanted in [
        "dr_drill_status{drill=\"sample service status\",status=\"passed\"} 1",
        "dr_drill_slot_status{drill=\"sample\",status=\"passed\"} 1",
        "dr_drill_next_slot_recorded_by_timestamp_seconds{drill=\"sample\"}",
    ] {
        assert!(metrics.body.contains(wanted), "{}", metrics.body);
    }
    assert_eq!(metrics.body.matches("# EOF").count(), 1);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let older = metrics.body.replace("# EOF\n", "");
    promtool.stdin.take().unwrap().write_all(older.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(server.ask("/healthz", "").body, "ok\n");
    assert_eq!(server.ask("/readyz", "").body, "ready\n");
    // Only questions are answered.
    let host = format!("Host: {}\r\nContent-Length: 0\r\n", server.address);
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(server.send(&format!("{method} /metrics HTTP/1.1\r\n{host}")).status, 405);
    }
    assert_eq!(server.send(&format!("HEAD / HTTP/1.1\r\n{host}")).body, "");
    // A drill that comes later is seen.
    assert_eq!(at("2026-11-20T11:00:00Z").code(), 0);
    wait_until("the page to show the new drill", || server.ask("/", "").body.contains("2 of 2"));
}

#[test]
fn without_its_history_it_is_alive_and_not_ready_and_tells_strangers_no_paths() {
    let project = drilled();
    let server = Server::start(&project, &[]);
    fs::remove_dir_all(project.path("dr-history")).unwrap();
    assert_eq!(server.ask("/healthz", "").status, 200);
    for path in ["/readyz", "/", "/metrics"] {
        let answer = server.ask(path, "");
        assert_eq!(answer.status, 503, "{path}: {answer:?}");
        assert!(!answer.body.contains("dr-history"), "{answer:?}");
    }
}

#[test]
fn who_shows_no_token_or_calls_it_by_another_name_sees_probes_only() {
    let project = drilled();
    let token = "0123456789abcdef-0123456789abcdef";
    project.executable("token", token);
    let refused = project.run(&["serve", "--listen", "127.0.0.1:0", "--token-file", "token"]);
    assert_eq!(refused.code(), 2, "others can read it: {}", refused.snapshot());
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(project.path("token"), mode).unwrap();
    let server = Server::start(&project, &["--token-file", "token"]);
    let basic = data_encoding::BASE64.encode(format!("anyone:{token}").as_bytes());
    for (head, status) in [
        (String::new(), 401),
        (format!("Authorization: Bearer {token}\r\n"), 200),
        (format!("Authorization: Basic {basic}\r\n"), 200),
        (format!("Authorization: Bearer {token}0\r\n"), 401),
        (format!("Authorization: Bearer {}\r\n", &token[1..]), 401),
        ("Authorization: Basic !!\r\n".to_owned(), 401),
        (format!("Authorization: Digest {token}\r\n"), 401),
    ] {
        for path in ["/", "/metrics", "/nothing"] {
            let answer = server.ask(path, &head);
            let expected = if status == 200 && path == "/nothing" { 404 } else { status };
            assert_eq!(answer.status, expected, "{head}{path}");
            assert_eq!(answer.body.contains("sample service status"), expected == 200, "{path}");
        }
        assert_eq!(server.ask("/healthz", &head).status, 200);
        assert_eq!(server.ask("/readyz", &head).status, 200);
    }
    assert!(server.ask("/", "").head.contains("www-authenticate: basic"));
    // Without a token a page of elsewhere could ask by a name of its own that it made point here.
    let open = Server::start(&project, &[]);
    let by = |host: &str| open.send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n")).status;
    assert_eq!(by("evil.example"), 421);
    assert_eq!(by("evil.example:80"), 421);
    assert_eq!(by("localhost.evil.example"), 421);
    assert_eq!(by("localhost:1"), 200);
    assert_eq!(by("[::1]"), 200);
}

#[test]
fn it_does_not_listen_where_others_could_ask_without_a_token() {
    let project = drilled();
    let output = project.run(&["serve", "--listen", "0.0.0.0:0"]);
    insta::assert_snapshot!(output.snapshot());
    let output =
        project.finish(project.command(&["serve", "--token-env", "TOKEN"]).env("TOKEN", "short"));
    insta::assert_snapshot!(output.snapshot());
}

/// Whoever opens connections and says nothing keeps nobody else out for long, and SIGTERM ends it in good order.
#[test]
fn silent_clients_do_not_keep_others_out_and_it_ends_when_asked() {
    let project = drilled();
    let mut server = Server::start(&project, &[]);
    let silent: Vec<TcpStream> =
        (0..64).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    assert_eq!(server.ask("/healthz", "").status, 200, "once the silent ones are cut off");
    drop(silent);
    let ended = Command::new("kill").arg(server.child.id().to_string()).status().unwrap();
    assert!(ended.success());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}
