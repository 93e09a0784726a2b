//! What of old drills can go: a pure plan. Seal, signatures and report of every drill stay, so that the chain
//! is whole and the index can be made anew.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Timestamp;
use crate::wire::event::Verdict;
use crate::wire::history::Entry;

/// What is kept whole.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Drills of the last so many days.
    pub keep_days: f64,
    /// The newest so many of each name.
    pub keep_last: usize,
}

/// The drills that can be reduced to seal and report. Besides what the retention keeps, the newest that passed
/// of each name is kept, and whatever has not passed since. `drills` are in the order of their start.
#[must_use]
pub fn prune(drills: &[Entry], retention: Retention, now: Timestamp) -> Vec<&Entry> {
    let since = now.plus_days(-retention.keep_days).map(|at| at.to_string()).unwrap_or_default();
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut passed = BTreeSet::new();
    let mut reduced: Vec<&Entry> = drills
        .iter()
        .rev()
        .filter(|drill| {
            let count = counts.entry(&drill.name).or_default();
            *count += 1;
            let settled = passed.contains(drill.name.as_str());
            if drill.verdict == Verdict::Passed {
                passed.insert(drill.name.as_str());
            }
            settled && *count > retention.keep_last && drill.started_at < since
        })
        .collect();
    reduced.reverse();
    reduced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(name: &str, day: u32, verdict: Verdict) -> Entry {
        let text = format!(
            r#"{{"name": "{name}", "run_id": "{name}-{day}", "sequence": 1, "seal_sha256": "", "verdict": "{}",
            "started_at": "2026-11-{day:02}T08:00:00.000Z", "ended_at": "", "duration_seconds": 1.0, "phases": {{}},
            "sign_offs": 0, "clock_overridden": false, "facts": [], "file": ""}}"#,
            verdict.word()
        );
        serde_json::from_str(&text).unwrap()
    }

    fn reduced(drills: &[Entry], keep_days: f64, keep_last: usize) -> Vec<String> {
        let now = "2026-11-21T00:00:00Z".parse().unwrap();
        let plan = prune(drills, Retention { keep_days, keep_last }, now);
        plan.iter().map(|drill| drill.run_id.clone()).collect()
    }

    #[test]
    fn what_is_young_or_newest_or_not_settled_is_kept() {
        use Verdict::{Failed, Inconclusive, Passed};
        let drills = [
            drill("a", 1, Passed),
            drill("b", 2, Passed),
            drill("a", 3, Failed),
            drill("a", 4, Passed),
            drill("b", 5, Failed),
            drill("b", 6, Inconclusive),
        ];
        // The newest that passed of each, and all since, are kept even where nothing asks for it.
        assert_eq!(reduced(&drills, 0.0, 0), ["a-1", "a-3"]);
        assert_eq!(reduced(&drills, 0.0, 2), ["a-1"]);
        assert_eq!(reduced(&drills, 18.0, 0), ["a-1"]);
        assert_eq!(reduced(&drills, 20.0, 0), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_never_passed_is_kept_whole() {
        let drills: Vec<Entry> = (1..9).map(|day| drill("a", day, Verdict::Failed)).collect();
        assert_eq!(reduced(&drills, 0.0, 0), Vec::<String>::new());
    }
}
