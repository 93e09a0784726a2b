//! What has to hold of a fleet as a whole: how long ago each drill last passed, how many of its slots did, and that
//! somebody looks at the calendar.

use super::fleet::Drill;
use super::written;
use crate::clock::Timestamp;
use crate::wire::event::Verdict;
use crate::wire::schedule::{EndedSlot, GateLine};
use crate::wire::slot::SlotEnd;

/// What the history tells of a drill.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// When a drill of it that passed last began.
    pub last_passed_at: Option<String>,
    /// How its newest slots ended, the newest first.
    pub slots: Vec<EndedSlot>,
}

/// Whether the fleet asks anything of a drill: without that a gate could not fail.
#[must_use]
pub fn has_limit(drill: &Drill) -> bool {
    drill.rules.max_age_days.is_some() || drill.rules.success.is_some()
}

/// How many of the newest slots of a drill are looked at: those that were skipped count for nothing, so that more are.
#[must_use]
pub fn slots_wanted(drill: &Drill) -> u64 {
    drill.rules.success.as_ref().map_or(1, |success| 10 * u64::from(success.of_last))
}

/// Holds a drill against what the fleet asks of it.
#[must_use]
pub fn gate(drill: &Drill, record: &Record, now: Timestamp) -> GateLine {
    let mut problems = Vec::new();
    let passed = record.last_passed_at.as_ref().and_then(|at| at.parse::<Timestamp>().ok());
    if let Some(limit) = drill.rules.max_age_days {
        match passed {
            None => problems.push("no drill of it has ever passed".to_owned()),
            Some(passed) => {
                let days = now.minutes_since(passed) / 1440.0;
                if days > limit {
                    problems.push(format!("last passed {days:.1} days ago, {limit} are allowed"));
                }
            }
        }
    }
    let success_percent = drill.rules.success.as_ref().and_then(|success| {
        let counted = record.slots.iter().filter(|slot| counts(slot));
        let newest: Vec<_> = counted.take(success.of_last as usize).collect();
        let passed = newest.iter().filter(|slot| slot.verdict == Some(Verdict::Passed)).count();
        (!newest.is_empty()).then(|| 100.0 * passed as f64 / newest.len() as f64)
    });
    if let (Some(found), Some(success)) = (success_percent, &drill.rules.success)
        && found < success.percent
    {
        problems.push(format!(
            "{found:.0} % of its last {} slots passed, {} % are wanted",
            success.of_last, success.percent
        ));
    }
    if let Some(due) = unlooked(drill, record, now) {
        problems.push(format!(
            "its slot of {} had to start until {}, and is not recorded: nothing looks at the calendar",
            written(due),
            written(drill.deadline(due))
        ));
    }
    GateLine {
        drill: drill.name.clone(),
        last_passed_at: record.last_passed_at.clone(),
        max_age_days: drill.rules.max_age_days,
        success_percent,
        min_success_percent: drill.rules.success.as_ref().map(|success| success.percent),
        problems,
    }
}

/// By when a slot has to be recorded, in seconds since the Unix epoch: after its deadline, and the longest that its
/// drill may take.
pub(super) fn recorded_by(drill: &Drill, due: i64) -> i64 {
    drill.deadline(due).saturating_add(drill.rules.timeout as i64)
}

/// What the fleet wants not to run counts for nothing.
fn counts(slot: &EndedSlot) -> bool {
    slot.cause.is_none_or(|cause| cause.end() == SlotEnd::Missed)
}

/// The first slot after the newest that is recorded, if it should have started by now. A drill may still run for
/// it, as long as it may take.
fn unlooked(drill: &Drill, record: &Record, now: Timestamp) -> Option<i64> {
    let newest = record.slots.first()?.due_at.parse::<Timestamp>().ok()?;
    let due = drill.slots_after(newest.unix()).next()?;
    (recorded_by(drill, due) < now.unix()).then_some(due)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::schedule::read;
    use crate::wire::slot::Cause;

    fn slot(due: &str, verdict: Option<Verdict>, cause: Option<Cause>) -> EndedSlot {
        EndedSlot {
            drill: "a".to_owned(),
            due_at: due.to_owned(),
            verdict,
            cause,
            reason: None,
            run_id: None,
        }
    }

    fn problems(record: &Record, now: &str) -> Vec<String> {
        let text =
            "drills: [{name: a, manifest: a.json, schedule: {cron: '0 1 * * *', max_age_days: 7,
            timeout_minutes: 60, success: {percent: 60, of_last: 3}}}]";
        let fleet = read(Path::new("f.yaml"), text.as_bytes()).unwrap();
        gate(&fleet.drills[0], record, now.parse().unwrap()).problems
    }

    #[test]
    fn age_rate_and_silence_are_noticed_and_nothing_else() {
        use Verdict::{Failed, Passed};
        let now = "2026-11-20T02:00:00Z";
        let slots = vec![
            slot("2026-11-20T01:00:00.000Z", Some(Passed), None),
            slot("2026-11-19T01:00:00.000Z", None, Some(Cause::Blackout)),
            slot("2026-11-18T01:00:00.000Z", Some(Failed), None),
            slot("2026-11-17T01:00:00.000Z", Some(Passed), None),
            slot("2026-11-16T01:00:00.000Z", Some(Failed), None),
        ];
        let last_passed_at = Some("2026-11-20T01:00:01.000Z".to_owned());
        let mut record = Record { last_passed_at, slots };
        assert_eq!(problems(&record, now), Vec::<String>::new());
        record.slots[3] = slot("2026-11-17T01:00:00.000Z", None, Some(Cause::Downtime));
        assert_eq!(problems(&record, now), ["33 % of its last 3 slots passed, 60 % are wanted"]);
        record.slots.truncate(1);
        let silent = problems(&record, "2026-11-27T02:00:00Z");
        assert_eq!(
            silent,
            [
                "last passed 7.0 days ago, 7 are allowed",
                "its slot of 2026-11-21T01:00:00.000Z had to start until 2026-11-21T02:00:00.000Z, and is not recorded: nothing looks at the calendar"
            ]
        );
        assert_eq!(problems(&Record::default(), now), ["no drill of it has ever passed"]);
    }
}
