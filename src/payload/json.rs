//! JSON backups; above all a service status, in which every service must be ready.

use std::io::Read;

use serde_json::Value;

use super::{Found, PayloadError};
use crate::clock::Timestamp;
use crate::document::parse_json;
use crate::wire::event::{PayloadTime, TimeMeaning};

/// Larger JSON is not read into memory: it counts as opaque.
const MAX_BYTES: u64 = 8 << 20;

pub(super) fn recognised(head: &[u8], name: &str) -> bool {
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    let named = name.rsplit('.').next().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    matches!(first, Some(b'{' | b'[')) && named
}

pub(super) fn inspect(reader: &mut dyn Read) -> Result<Found, PayloadError> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Ok(Found { format: "opaque".to_owned(), ..Found::default() });
    }
    let value = parse_json(&bytes).map_err(|error| {
        let place = error.place.map(|place| format!(" at {place}")).unwrap_or_default();
        let detail = format!("{}{place}", error.message);
        if detail.starts_with("EOF") {
            PayloadError::Truncated { format: "JSON", detail: format!("it ends too early{place}") }
        } else {
            PayloadError::Damaged { format: "JSON", detail }
        }
    })?;
    let Some(services) = value.get("services") else {
        return Ok(Found { format: "json".to_owned(), complete: true, ..Found::default() });
    };
    let time = value
        .get("captured_at")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<Timestamp>().ok())
        .map(|at| PayloadTime { at: at.to_string(), meaning: TimeMeaning::Captured });
    let states = states(services)?;
    let not_ready: Vec<String> = states
        .iter()
        .filter(|(_, state)| state != "ready")
        .map(|(name, state)| format!("{name} ({state})"))
        .collect();
    if !not_ready.is_empty() {
        return Err(PayloadError::NotReady { total: states.len(), names: not_ready });
    }
    Ok(Found {
        format: "service-status".to_owned(),
        complete: true,
        services: Some(states.len() as u64),
        time,
        unpacked: None,
    })
}

/// Name and state of each service: a list of objects, or an object by name.
fn states(services: &Value) -> Result<Vec<(String, String)>, PayloadError> {
    let state = |service: &Value| {
        let state = service.as_str().or_else(|| service.get("status")?.as_str());
        state.or_else(|| service.get("state")?.as_str()).unwrap_or("no status").to_owned()
    };
    let states: Vec<_> = match services {
        Value::Array(list) => list
            .iter()
            .zip(1..)
            .map(|(service, number)| {
                let name = service.get("name").and_then(Value::as_str);
                (name.map_or_else(|| format!("number {number}"), str::to_owned), state(service))
            })
            .collect(),
        Value::Object(map) => {
            map.iter().map(|(name, service)| (name.clone(), state(service))).collect()
        }
        _ => {
            let detail = "`services` is neither a list nor an object".to_owned();
            return Err(PayloadError::Damaged { format: "service status", detail });
        }
    };
    if states.is_empty() { Err(PayloadError::NoServices) } else { Ok(states) }
}
