//! What goes to each kind of channel: snapshots of a message, and the limits of each service.

use serde_json::Value;

use super::{Request, alertmanager, email, github, pagerduty, short, slack, webhook};
use crate::wire::alerts::{Notice, Severity, Standing};

fn notice(drill: &str, standing: Standing, severity: Severity) -> Notice {
    Notice {
        key: format!("dr-drill/shop/{drill}"),
        fleet: Some("shop".to_owned()),
        drill: drill.to_owned(),
        labels: vec!["shop".to_owned()],
        standing,
        severity,
        summary: format!("{drill} FAILED: its backup did not come back as it should"),
        reason: Some("<b>3</b> rows of `t` & more are missing".to_owned()),
        due_at: "2026-11-20T10:00:00.000Z".to_owned(),
        run_id: Some("20261120T100000.000Z-0123456789ab".to_owned()),
        since: "2026-11-20T09:00:00.000Z".to_owned(),
        at: "2026-11-20T10:05:00.000Z".to_owned(),
        until: "2026-11-20T13:00:00.000Z".to_owned(),
    }
}

fn two() -> Vec<Notice> {
    vec![
        notice("orders", Standing::Firing, Severity::Critical),
        notice("shipping", Standing::Resolved, Severity::Info),
    ]
}

/// A request as it is made, its body laid out.
fn shown(request: &Request) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let headers: String =
        request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{} {}\n{headers}{body:#}", request.method, request.url)
}

#[test]
fn messages_are_as_they_were() {
    let hub = github::GitHub {
        api: github::API,
        repository: "shop/backups",
        token: "TOKEN",
        labels: &["drill".to_owned()],
    };
    let firing = notice("orders", Standing::Firing, Severity::Critical);
    insta::assert_snapshot!("slack", shown(&slack::request("https://slack.test/x", &two())));
    insta::assert_snapshot!("pagerduty", shown(&pagerduty::request(None, "KEY", &firing)));
    insta::assert_snapshot!(
        "alertmanager",
        shown(&alertmanager::request("http://am:9093/", &two()))
    );
    insta::assert_snapshot!("webhook", shown(&webhook::request("http://x/", Some("s"), &two())));
    insta::assert_snapshot!("github", shown(&hub.opening(&firing)));
    let mail = email::mail("drills@shop.test", &["ops@shop.test".to_owned()], &two()).unwrap();
    let mail = String::from_utf8(mail.formatted()).unwrap();
    let changing =
        regex::Regex::new("(?m)^(Date: .*|Message-ID: .*)\r\n|boundary=\"[^\"]+\"|^--.*").unwrap();
    insta::assert_snapshot!("email", changing.replace_all(&mail, "").replace('\r', ""));
}

#[test]
fn every_message_stays_within_the_limits_of_its_service() {
    let long = "ä<&>".repeat(20_000);
    let mut notices: Vec<Notice> = (0..200)
        .map(|number| notice(&format!("db-{number}"), Standing::Firing, Severity::Error))
        .collect();
    notices[0].summary.clone_from(&long);
    notices[0].reason = Some(long.clone());
    notices[0].key.clone_from(&long);
    let slack: Value = serde_json::from_slice(&slack::request("x", &notices).body).unwrap();
    let blocks = slack["blocks"].as_array().unwrap();
    let length = |block: &Value| block["text"]["text"].as_str().unwrap().chars().count();
    assert!(blocks.len() <= 50, "{}", blocks.len());
    assert!(length(&blocks[0]) <= 150 && blocks.iter().all(|block| length(block) <= 3000));
    assert!(blocks.iter().map(length).sum::<usize>() < 13_000);
    assert!(blocks.last().unwrap()["text"]["text"].as_str().unwrap().contains(" more: "));
    let event: Value =
        serde_json::from_slice(&pagerduty::request(None, "KEY", &notices[0]).body).unwrap();
    let count = |text: &Value| text.as_str().unwrap().chars().count();
    assert!(count(&event["dedup_key"]) <= 255 && count(&event["payload"]["summary"]) <= 1024);
    assert!(event.to_string().len() < 512 << 10);
    let hub = github::GitHub { api: github::API, repository: "a/b", token: "T", labels: &[] };
    let issue: Value = serde_json::from_slice(&hub.opening(&notices[0]).body).unwrap();
    assert!(count(&issue["title"]) <= 256 && count(&issue["body"]) <= 65_536);
    let mail = email::mail("a@b.test", &["c@d.test".to_owned()], &notices).unwrap().formatted();
    assert!(mail.split(|byte| *byte == b'\n').all(|line| line.len() <= 999), "RFC 5321, 4.5.3.1.6");
    assert_eq!(short("äöü", 2), "ä…");
}

#[test]
fn nothing_that_was_read_gets_a_meaning() {
    let mut bad = notice("x", Standing::Firing, Severity::Critical);
    bad.summary = "a\r\nBcc: all@shop.test <!channel> `@team` <script>".to_owned();
    let one = std::slice::from_ref(&bad);
    let slack = String::from_utf8(slack::request("x", one).body).unwrap();
    assert!(!slack.contains("*a\\r\\nBcc: all@shop.test <!channel>"), "{slack}");
    assert!(slack.contains("&lt;!channel&gt;"), "{slack}");
    let mail = email::mail("a@b.test", &["c@d.test".to_owned()], one).unwrap();
    let mail = String::from_utf8(mail.formatted()).unwrap();
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("\r\nBcc:"), "{head}");
    assert!(body.contains("&lt;script"), "{body}");
    let hub = github::GitHub { api: github::API, repository: "a/b", token: "T", labels: &[] };
    let issue: Value = serde_json::from_slice(&hub.opening(&bad).body).unwrap();
    assert!(
        issue["body"]
            .as_str()
            .unwrap()
            .contains("`a  Bcc: all@shop.test <!channel>  @team  <script>`"),
        "{issue}"
    );
}
