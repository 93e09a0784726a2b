//! Alertmanager: its API, version 2. An alert ends by itself if nothing is heard of it, so that each says until when it
//! is to be believed: after the deadline of the next slot.

use serde_json::{Value, json};

use super::Request;
use crate::wire::alerts::{Notice, Standing};

pub(super) fn request(url: &str, notices: &[Notice]) -> Request {
    let alerts: Vec<Value> = notices.iter().map(alert).collect();
    Request {
        method: "POST",
        url: format!("{}/api/v2/alerts", url.trim_end_matches('/')),
        headers: Vec::new(),
        body: Value::from(alerts).to_string().into_bytes(),
    }
}

/// The labels of an alert are its identity: nothing in them changes until it is resolved.
fn alert(notice: &Notice) -> Value {
    let ends_at = match notice.standing {
        Standing::Firing => &notice.until,
        Standing::Resolved => &notice.at,
    };
    json!({
        "labels": {
            "alertname": "RestoreDrillNotPassing",
            "drill": notice.drill,
            "fleet": notice.fleet.as_deref().unwrap_or_default(),
        },
        "annotations": {
            "summary": notice.summary,
            "severity": notice.severity.word(),
            "reason": notice.reason.as_deref().unwrap_or_default(),
            "due_at": notice.due_at,
            "run_id": notice.run_id.as_deref().unwrap_or_default(),
        },
        "startsAt": notice.since,
        "endsAt": ends_at,
    })
}
