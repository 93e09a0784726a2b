//! Times of capture: one in the future, or two that contradict each other, never pass.

use crate::clock::Timestamp;
use crate::manifest::Manifest;
use crate::outcome::Outcome;
use crate::wire::event::{Class, Finding, Severity, TimeMeaning};

/// How far clocks of two machines may disagree before a capture counts as future, in minutes.
pub(super) const SKEW_MINUTES: f64 = 5.0 / 60.0;
/// How far two records of one capture may lie apart, in minutes.
const TOLERANCE_MINUTES: f64 = 5.0;
/// Zones of the world in hours from UTC, west and east.
const ZONES: (f64, f64) = (-12.0, 14.0);
/// How long a dump may have taken that noted its end, in hours.
const LONGEST_DUMP: f64 = 24.0;

pub(super) fn contradictions(outcome: &Outcome, manifest: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    let claimed = manifest.backup.captured_at;
    let mut add = |id: &str, message: String| {
        findings.push(Finding {
            id: id.to_owned(),
            severity: Severity::Error,
            message,
            place: "backup.captured_at".to_owned(),
            class: Some(Class::CaptureTime),
        });
    };
    let started = outcome.started_at.parse::<Timestamp>().ok();
    if let Some(started) = started
        && claimed.minutes_since(started) > SKEW_MINUTES
    {
        let ahead = claimed.minutes_since(started);
        let message = format!(
            "the manifest says that the backup was captured at {claimed}, {ahead:.1} minutes after this \
             drill began at {started}: no RPO can be told"
        );
        add("capture_time_in_future", message);
    }
    let Some(time) = outcome.fact(|context| context.payload.as_ref()?.time.as_ref()) else {
        return findings;
    };
    let Ok(inside) = time.at.parse::<Timestamp>() else { return findings };
    let apart = inside.minutes_since(claimed);
    let contradicted = match time.meaning {
        TimeMeaning::Captured => apart.abs() > TOLERANCE_MINUTES,
        TimeMeaning::CapturedLocalTime => {
            let (west, east) = (ZONES.0 * 60.0, (ZONES.1 + LONGEST_DUMP) * 60.0);
            !(west - TOLERANCE_MINUTES..=east + TOLERANCE_MINUTES).contains(&apart)
        }
        TimeMeaning::NotBefore => apart > TOLERANCE_MINUTES,
    };
    if contradicted {
        let what = match time.meaning {
            TimeMeaning::Captured => "the backup itself says",
            TimeMeaning::CapturedLocalTime => "the backup itself says (on a local clock)",
            TimeMeaning::NotBefore => "the newest change in the backup is of",
        };
        let message =
            format!("the manifest says that the backup was captured at {claimed}, {what} {inside}");
        add("capture_time_contradicted", message);
    }
    findings
}
