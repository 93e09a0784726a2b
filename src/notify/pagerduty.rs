//! PagerDuty: its Events API, version 2. What belongs together has one key for deduplication.

use serde_json::json;

use super::{Request, details, short};
use crate::digest::Digest;
use crate::wire::alerts::{Notice, Standing};

const API: &str = "https://events.pagerduty.com/v2/enqueue";
/// Characters of a summary at most.
const SUMMARY: usize = 1024;
/// Characters of a key at most.
const KEY: usize = 255;

pub(super) fn request(url: Option<&str>, routing_key: &str, notice: &Notice) -> Request {
    let action = match notice.standing {
        Standing::Firing => "trigger",
        Standing::Resolved => "resolve",
    };
    let details: serde_json::Map<_, _> = details(notice)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), short(&value, 10_000).into()))
        .collect();
    let body = json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": shortened(&notice.key),
        "client": "dr-drill",
        "payload": {
            "summary": short(&notice.summary, SUMMARY),
            "source": notice.drill,
            "severity": notice.severity.word(),
            "timestamp": notice.at,
            "component": notice.drill,
            "group": notice.fleet,
            "class": "restore drill",
            "custom_details": details,
        },
    });
    post(url, &body)
}

/// Says that somebody looks after what belongs to a key: nobody else is called any more.
pub(super) fn acknowledge(url: Option<&str>, routing_key: &str, key: &str) -> Request {
    let body = json!({
        "routing_key": routing_key,
        "event_action": "acknowledge",
        "dedup_key": shortened(key),
    });
    post(url, &body)
}

/// A long key is shortened to what still tells it from all others.
fn shortened(key: &str) -> String {
    match key.chars().count() <= KEY {
        true => key.to_owned(),
        false => Digest::of(key.as_bytes()).to_string(),
    }
}

fn post(url: Option<&str>, body: &serde_json::Value) -> Request {
    Request {
        method: "POST",
        url: url.unwrap_or(API).to_owned(),
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
    }
}
