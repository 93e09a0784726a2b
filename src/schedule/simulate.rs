//! A calendar played over a virtual clock: what would run, and what would be missed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::agenda::{Agenda, Decision, Ended, Past, Slot, Spent};
use super::fleet::Fleet;
use super::written;
use crate::wire::schedule::{Beyond, Missed, SIMULATION, Simulation};
use crate::wire::slot::{Cause, SlotEnd};

/// Drills that are listed at most.
const LISTED: usize = 50;
/// No more workers are tried.
const MOST_WORKERS: usize = 4096;

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Play<'a> {
    /// From when, in seconds since the Unix epoch.
    pub from: i64,
    /// Until when.
    pub to: i64,
    /// How many drills can run side by side.
    pub workers: usize,
    /// Seconds that each drill takes, in the order of the fleet, where the history tells.
    pub expected: &'a [Option<f64>],
}

/// What is counted of one drill.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    missed: u64,
    first: Option<(i64, Cause)>,
    beyond: u64,
}

/// Plays a calendar: every drill passes after the time that it is thought to take.
#[must_use]
pub fn simulate(fleet: &Fleet, play: Play<'_>) -> Simulation {
    let past = |at: usize| Past {
        settled_until: play.from - 1,
        expected: play.expected.get(at).copied().flatten(),
        ..Past::default()
    };
    let past = (0..fleet.drills.len()).map(past).collect();
    let mut agenda = Agenda::new(fleet, past, Spent::default()).with_places(play.workers);
    let mut found = Simulation { drills: fleet.drills.len() as u64, ..Simulation::default() };
    let mut counts = vec![Count::default(); fleet.drills.len()];
    let mut kept = BTreeMap::<Cause, u64>::new();
    let mut ends: BinaryHeap<Reverse<(i64, i64, Slot)>> = BinaryHeap::new();
    let mut decisions = Vec::new();
    loop {
        let end = ends.peek().map(|Reverse((end, ..))| *end);
        let Some(now) = agenda.next_moment().into_iter().chain(end).min() else { break };
        if now > play.to {
            break;
        }
        if end == Some(now)
            && let Some(Reverse((_, began, slot))) = ends.pop()
        {
            let minutes = (now - began) as f64 / 60.0;
            found.hours += minutes / 60.0;
            decisions.extend(agenda.ended(slot, Ended::Passed, minutes, 0, now));
        }
        decisions.extend(agenda.advance(now));
        for decision in decisions.drain(..) {
            match decision {
                Decision::Start { slot, .. } => {
                    let drill = &fleet.drills[slot.drill];
                    let takes = agenda.expected(slot.drill).ceil().max(1.0) as i64;
                    ends.push(Reverse((now + takes, now, slot)));
                    found.ran += 1;
                    let waited = now.saturating_sub(drill.wanted_at(slot.due)).max(0);
                    found.longest_wait_seconds =
                        found.longest_wait_seconds.max(waited.unsigned_abs());
                    if !drill.rules.hours.is_open_until(now, now + takes) {
                        counts[slot.drill].beyond += 1;
                    }
                }
                Decision::Settle(settled) => {
                    let slots = settled.due.len() as u64;
                    *kept.entry(settled.cause).or_default() += slots;
                    if settled.cause.end() == SlotEnd::Missed {
                        let count = &mut counts[settled.drill];
                        count.missed += slots;
                        let first = settled.due.first().map(|due| (*due, settled.cause));
                        count.first = count.first.or(first);
                    }
                }
            }
        }
        found.most_at_once = found.most_at_once.max(agenda.running() as u64);
    }
    found.open = agenda.open() as u64 - ends.len() as u64;
    found.slots = found.ran + found.open + kept.values().sum::<u64>();
    found.kept = kept.iter().map(|(cause, slots)| (cause.word().to_owned(), *slots)).collect();
    found.missed = missed(fleet, &counts);
    found.beyond_windows = beyond(fleet, &counts);
    Simulation {
        schema: SIMULATION.to_owned(),
        fleet_sha256: fleet.sha256.to_string(),
        from: written(play.from),
        to: written(play.to),
        workers: play.workers as u64,
        ..found
    }
}

/// How few workers would do for nothing to be missed that more can help: the fewest with no more missed slots
/// than there are with as many as can be.
#[must_use]
pub fn workers_needed(fleet: &Fleet, play: Play<'_>) -> usize {
    let missed = |workers| {
        let kept = simulate(fleet, Play { workers, ..play }).kept;
        let of = |cause: Cause| kept.get(cause.word()).copied().unwrap_or_default();
        of(Cause::Busy) + of(Cause::Window) + of(Cause::Running) + of(Cause::Dependency)
    };
    let least = missed(MOST_WORKERS);
    let (mut low, mut high) = (1, MOST_WORKERS);
    while low < high {
        let middle = low.midpoint(high);
        if missed(middle) > least { low = middle + 1 } else { high = middle }
    }
    low
}

fn missed(fleet: &Fleet, counts: &[Count]) -> Vec<Missed> {
    let mut all: Vec<Missed> = counts
        .iter()
        .zip(&fleet.drills)
        .filter_map(|(count, drill)| {
            let (first, cause) = count.first?;
            let first_due_at = written(first);
            Some(Missed { drill: drill.name.clone(), slots: count.missed, first_due_at, cause })
        })
        .collect();
    all.sort_by(|a, b| b.slots.cmp(&a.slots).then_with(|| a.drill.cmp(&b.drill)));
    all.truncate(LISTED);
    all
}

fn beyond(fleet: &Fleet, counts: &[Count]) -> Vec<Beyond> {
    let some = counts.iter().zip(&fleet.drills).filter(|(count, _)| count.beyond > 0);
    let mut all: Vec<Beyond> = some
        .map(|(count, drill)| Beyond { drill: drill.name.clone(), times: count.beyond })
        .collect();
    all.sort_by(|a, b| b.times.cmp(&a.times).then_with(|| a.drill.cmp(&b.drill)));
    all.truncate(LISTED);
    all
}
