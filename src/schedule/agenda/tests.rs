//! The agenda: every slot ends once, whatever happens.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::{Agenda, Begun, Decision, Ended, Past, Slot, Spent};
use crate::clock::Timestamp;
use crate::schedule::fleet::{Fleet, read};

fn fleet(text: &str) -> Fleet {
    match read(Path::new("fleet.yaml"), text.as_bytes()) {
        Ok(fleet) => fleet,
        Err(problems) => panic!("{problems:#?}"),
    }
}

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().unix()
}

fn since(fleet: &Fleet, from: &str) -> Vec<Past> {
    let past = Past { settled_until: at(from), ..Past::default() };
    vec![past; fleet.drills.len()]
}

/// What was decided, in words.
fn words(fleet: &Fleet, decisions: &[Decision]) -> Vec<String> {
    let time = |at: i64| crate::schedule::written(at)[5..16].replace('T', " ");
    let tell = |decision: &Decision| match decision {
        Decision::Start { slot, attempt, late } => {
            let late = if *late { " late" } else { "" };
            let name = &fleet.drills[slot.drill].name;
            format!("start {name} of {} ({attempt}){late}", time(slot.due))
        }
        Decision::Settle(settled) => {
            let due: Vec<String> = settled.due.iter().map(|due| time(*due)).collect();
            let name = &fleet.drills[settled.drill].name;
            format!("{} {name} of {}", settled.cause.word(), due.join(", "))
        }
    };
    decisions.iter().map(tell).collect()
}

const HOURLY: &str = "
defaults: {cron: '0 * * * *', start_within_minutes: 30}
drills:
  - {name: a, manifest: a.json}
";

#[test]
fn a_slot_starts_when_it_is_due_and_the_next_waits_for_it() {
    let fleet = fleet(HOURLY);
    let mut agenda = Agenda::new(&fleet, since(&fleet, "2026-11-20T00:00:00Z"), Spent::default());
    assert!(agenda.advance(at("2026-11-20T00:59:59Z")).is_empty());
    assert_eq!(agenda.next_moment(), Some(at("2026-11-20T01:00:00Z")));
    let started = agenda.advance(at("2026-11-20T01:00:00Z"));
    assert_eq!(words(&fleet, &started), ["start a of 11-20 01:00 (1)"]);
    assert!(agenda.advance(at("2026-11-20T02:00:00Z")).is_empty());
    let missed = agenda.advance(at("2026-11-20T02:30:01Z"));
    assert_eq!(words(&fleet, &missed), ["running a of 11-20 02:00"]);
    let slot = Slot { drill: 0, due: at("2026-11-20T01:00:00Z") };
    assert!(agenda.ended(slot, Ended::Passed, 91.0, 0, at("2026-11-20T02:31:00Z")).is_empty());
    assert_eq!(agenda.settled_until(0, 7), 7);
}

#[test]
fn what_nobody_looked_at_is_missed_or_run_late_as_the_fleet_wants_it() {
    for (policy, wanted) in [
        ("skip", vec!["downtime a of 11-20 01:00, 11-20 02:00, 11-20 03:00"]),
        ("once", vec!["downtime a of 11-20 01:00, 11-20 02:00", "start a of 11-20 03:00 (1) late"]),
        ("all", vec!["start a of 11-20 01:00 (1) late"]),
    ] {
        let fleet = fleet(&HOURLY.replace("cron:", &format!("catch_up: {policy}, cron:")));
        let past = since(&fleet, "2026-11-20T00:00:00Z");
        let mut agenda = Agenda::new(&fleet, past, Spent::default());
        let decisions = agenda.advance(at("2026-11-20T03:45:00Z"));
        assert_eq!(words(&fleet, &decisions), wanted, "{policy}");
    }
    // One that still is in time is run in place of a late one.
    let fleet = fleet(HOURLY);
    let past = since(&fleet, "2026-11-20T00:00:00Z");
    let decisions = Agenda::new(&fleet, past, Spent::default()).advance(at("2026-11-20T03:10:00Z"));
    let wanted = ["downtime a of 11-20 01:00, 11-20 02:00", "start a of 11-20 03:00 (1)"];
    assert_eq!(words(&fleet, &decisions), wanted);
}

#[test]
fn a_drill_without_a_verdict_is_run_again_and_one_that_failed_is_not() {
    let fleet = fleet(&HOURLY.replace("cron:", "retries: {max: 2, backoff_minutes: 5}, cron:"));
    let past = since(&fleet, "2026-11-20T00:00:00Z");
    let mut agenda = Agenda::new(&fleet, past, Spent::default());
    let slot = Slot { drill: 0, due: at("2026-11-20T01:00:00Z") };
    agenda.advance(slot.due);
    assert!(agenda.ended(slot, Ended::Inconclusive, 1.0, 0, slot.due + 60).is_empty());
    assert_eq!(agenda.next_moment(), Some(slot.due + 360));
    assert_eq!(words(&fleet, &agenda.advance(slot.due + 360)), ["start a of 11-20 01:00 (2)"]);
    agenda.ended(slot, Ended::Interrupted, 1.0, 0, slot.due + 400);
    assert_eq!(words(&fleet, &agenda.advance(slot.due + 1000)), ["start a of 11-20 01:00 (3)"]);
    // The first left evidence: the slot has ended as that did.
    assert!(agenda.ended(slot, Ended::Interrupted, 1.0, 0, slot.due + 1100).is_empty());
    assert_eq!(agenda.open(), 0);
    let next = Slot { drill: 0, due: slot.due + 3600 };
    agenda.advance(next.due);
    assert!(agenda.ended(next, Ended::Failed, 1.0, 0, next.due + 60).is_empty());
    assert_eq!(agenda.open(), 0);
}

#[test]
fn what_was_begun_and_cut_off_is_run_again_or_missed() {
    for (retries, wanted) in
        [(0, "interrupted a of 11-20 01:00"), (1, "start a of 11-20 01:00 (2)")]
    {
        let text = HOURLY.replace("cron:", &format!("retries: {{max: {retries}}}, cron:"));
        let fleet = fleet(&text);
        let mut past = since(&fleet, "2026-11-20T00:00:00Z");
        past[0].begun.push(Begun {
            due: at("2026-11-20T01:00:00Z"),
            attempts: 1,
            ran: None,
            runs: false,
        });
        let mut agenda = Agenda::new(&fleet, past, Spent::default());
        let decisions = agenda.advance(at("2026-11-20T01:10:00Z"));
        assert_eq!(words(&fleet, &decisions), [wanted]);
    }
}

#[test]
fn order_is_by_dependency_then_priority_then_age_and_room_is_kept() {
    let fleet = fleet(
        "
machine: {drills: 2, cpus: 3}
defaults: {cron: '0 1 * * *'}
drills:
  - {name: app, manifest: a.json, after: [db], schedule: {priority: 9}}
  - {name: big, manifest: a.json, schedule: {priority: 8, needs: {cpus: 2}}}
  - {name: db, manifest: a.json, schedule: {priority: 7, needs: {cpus: 2}}}
  - {name: low, manifest: a.json, schedule: {priority: 1}}
",
    );
    let due = at("2026-11-20T01:00:00Z");
    let slot = |drill| Slot { drill, due };
    let past = since(&fleet, "2026-11-20T00:00:00Z");
    let mut agenda = Agenda::new(&fleet, past.clone(), Spent::default());
    assert_eq!(words(&fleet, &agenda.advance(due)), ["start big of 11-20 01:00 (1)"]);
    agenda.ended(slot(1), Ended::Passed, 1.0, 0, due + 60);
    let started = words(&fleet, &agenda.advance(due + 60));
    assert_eq!(started, ["start db of 11-20 01:00 (1)", "start low of 11-20 01:00 (1)"]);
    agenda.ended(slot(2), Ended::Failed, 1.0, 0, due + 120);
    let decisions = agenda.advance(due + 120);
    assert_eq!(words(&fleet, &decisions), ["dependency app of 11-20 01:00"]);
    let Decision::Settle(settled) = &decisions[0] else { panic!("{decisions:?}") };
    assert_eq!(settled.reason, "db comes before it, and failed");
}

#[test]
fn a_budget_that_is_used_up_holds_until_midnight() {
    let fleet = fleet(
        "
budgets: {minutes_per_day: 10}
defaults: {cron: '0 23 * * *', start_within_minutes: 90}
drills:
  - {name: a, manifest: a.json}
  - {name: b, manifest: a.json}
  - {name: c, manifest: a.json, schedule: {start_within_minutes: 30}}
",
    );
    let due = at("2026-11-20T23:00:00Z");
    let past = since(&fleet, "2026-11-20T00:00:00Z");
    let mut agenda = Agenda::new(&fleet, past, Spent::default());
    assert_eq!(words(&fleet, &agenda.advance(due)), ["start a of 11-20 23:00 (1)"]);
    agenda.ended(Slot { drill: 0, due }, Ended::Passed, 12.0, 0, due + 720);
    assert!(agenda.advance(due + 720).is_empty());
    assert_eq!(words(&fleet, &agenda.advance(due + 1801)), ["budget c of 11-20 23:00"]);
    assert_eq!(agenda.next_moment(), Some(at("2026-11-21T00:00:00Z")));
    let started = agenda.advance(at("2026-11-21T00:00:00Z"));
    assert_eq!(words(&fleet, &started), ["start b of 11-20 23:00 (1)"]);
}

#[test]
fn a_window_that_closes_while_a_slot_waits_is_held() {
    let fleet = fleet(
        "
time_zone: Europe/Berlin
defaults: {cron: '0 2 * * *', start_within_minutes: 600, windows: [{from: '01:00', to: '04:00'}]}
drills:
  - {name: a, manifest: a.json}
  - {name: b, manifest: a.json}
",
    );
    let due = at("2026-11-20T01:00:00Z");
    let past = since(&fleet, "2026-11-20T00:00:00Z");
    let mut agenda = Agenda::new(&fleet, past, Spent::default());
    agenda.advance(due);
    agenda.ended(Slot { drill: 0, due }, Ended::Passed, 121.0, 0, due + 2 * 3600 + 1);
    let missed = agenda.advance(due + 2 * 3600 + 1);
    assert_eq!(words(&fleet, &missed), ["window b of 11-20 02:00".replace("02:00", "01:00")]);
}

/// How every slot of a fleet ended that was run with restarts, jumps of the clock and drills that end in any way.
fn play(fleet: &Fleet, from: i64, steps: &[(u16, u8)]) -> BTreeMap<(usize, i64), u32> {
    let mut ends = BTreeMap::new();
    let mut begun = BTreeMap::<Slot, u32>::new();
    let mut past = vec![Past { settled_until: from, ..Past::default() }; fleet.drills.len()];
    let mut now = from;
    // Then every drill passes, until none is left.
    let last = [(u16::MAX, 0)].into_iter().chain(std::iter::repeat_n((601, 0), 500));
    let mut agenda = Agenda::new(fleet, past.clone(), Spent::default());
    for (seconds, what) in steps.iter().copied().chain(last) {
        // The clock can stand still, too, and jump back.
        now += i64::from(seconds) - 600;
        let mut decisions = agenda.advance(now);
        let running: Vec<Slot> = begun.keys().copied().collect();
        for (number, slot) in running.into_iter().enumerate() {
            let ended = match (usize::from(what) + number) % 5 {
                0 => Ended::Passed,
                1 => Ended::Failed,
                2 => Ended::Inconclusive,
                3 => Ended::Interrupted,
                _ => continue,
            };
            begun.remove(&slot);
            let filed = !matches!(ended, Ended::Interrupted);
            decisions.extend(agenda.ended(slot, ended, 1.0, 1, now));
            if filed {
                // Whatever comes after it is the same slot.
                *ends.entry((slot.drill, slot.due)).or_default() = 1;
            }
        }
        decisions.extend(agenda.advance(now));
        for decision in decisions {
            match decision {
                Decision::Start { slot, attempt, .. } => {
                    assert!(begun.insert(slot, attempt).is_none(), "{slot:?} runs twice");
                }
                Decision::Settle(settled) => {
                    for due in settled.due {
                        *ends.entry((settled.drill, due)).or_default() += 1;
                    }
                }
            }
        }
        for (drill, past) in past.iter_mut().enumerate() {
            past.settled_until = agenda.settled_until(drill, now).max(past.settled_until);
        }
        if what >= 250 {
            // A new start knows what was recorded, and what was begun.
            for (drill, past) in past.iter_mut().enumerate() {
                let of_it = ends.range((drill, past.settled_until + 1)..(drill + 1, i64::MIN));
                past.ended = of_it.map(|((_, due), _)| (*due, Ended::Settled)).collect();
                past.begun = begun
                    .iter()
                    .filter(|(slot, _)| {
                        slot.drill == drill && !ends.contains_key(&(drill, slot.due))
                    })
                    .map(|(slot, attempts)| Begun {
                        due: slot.due,
                        attempts: *attempts,
                        ran: None,
                        runs: attempts % 2 == 0,
                    })
                    .collect();
            }
            begun.clear();
            agenda = Agenda::new(fleet, past.clone(), Spent::default());
        }
    }
    ends
}

proptest! {
    #[test]
    fn every_slot_ends_once(
        steps in prop::collection::vec((0u16..9000, any::<u8>()), 1..60),
        catch_up in prop::sample::select(vec!["skip", "once", "all"]),
        places in 1u32..3,
    ) {
        let text = format!("
machine: {{drills: {places}}}
blackouts: [{{from: 2026-11-20T05:00:00Z, to: 2026-11-20T07:00:00Z, reason: freeze}}]
defaults: {{catch_up: {catch_up}, start_within_minutes: 40, retries: {{max: 1}}}}
drills:
  - {{name: a, manifest: a.json, schedule: {{cron: '*/50 * * * *'}}}}
  - {{name: b, manifest: a.json, after: [a], schedule: {{cron: '0 * * * *', jitter_minutes: 20}}}}
  - {{name: c, manifest: a.json, schedule: {{cron: '30 */3 * * *', priority: 9}}}}
");
        let fleet = fleet(&text);
        let from = at("2026-11-20T00:00:00Z");
        let ends = play(&fleet, from, &steps);
        let twice: Vec<_> = ends.iter().filter(|(_, times)| **times != 1).collect();
        prop_assert!(twice.is_empty(), "{twice:?}");
        // Whatever was due half a day before the end has ended.
        let played: i64 = steps.iter().map(|(seconds, _)| i64::from(*seconds) - 600).sum();
        for (at, drill) in fleet.drills.iter().enumerate() {
            for due in drill.slots_after(from).take_while(|due| *due <= from + played) {
                prop_assert!(ends.contains_key(&(at, due)), "{} of {due} is lost", drill.name);
            }
        }
    }
}
