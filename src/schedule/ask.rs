//! What a calendar answers: what comes next, and why a drill runs or does not at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

use super::fleet::{Drill, Fleet};
use super::opening::Closed;
use super::written;
use crate::wire::schedule::{ComingSlot, EndedSlot, Explanation};

/// The slots of some drills after a moment and until another, the earliest first.
pub fn coming(
    fleet: &Fleet,
    wanted: impl Fn(&Drill) -> bool,
    after: i64,
    until: i64,
) -> impl Iterator<Item = (&Drill, i64)> {
    let mut next: BinaryHeap<_> = fleet
        .drills
        .iter()
        .enumerate()
        .filter(|(_, drill)| wanted(drill))
        .filter_map(|(at, drill)| Some(Reverse((drill.slots_after(after).next()?, at))))
        .collect();
    std::iter::from_fn(move || {
        let Reverse((due, at)) = next.pop()?;
        let drill = &fleet.drills[at];
        next.extend(drill.slots_after(due).next().map(|due| Reverse((due, at))));
        (due <= until).then_some((drill, due))
    })
}

/// What can be said of a slot before it comes.
#[must_use]
pub fn told(drill: &Drill, due: i64) -> ComingSlot {
    let opening = drill.rules.hours.opening(drill.wanted_at(due), drill.deadline(due));
    let local = Timestamp::from_second(due).map(|at| at.to_zoned(drill.rules.zone.clone()));
    ComingSlot {
        drill: drill.name.clone(),
        due_at: written(due),
        local: local.map(|at| at.strftime("%Y-%m-%d %H:%M %:z").to_string()).unwrap_or_default(),
        starts_at: opening.as_ref().ok().map(|at| written(*at)),
        deadline_at: written(drill.deadline(due)),
        closed: opening.err().map(|closed| match closed {
            Closed::Blackout(reason) => format!("blackout: {reason}"),
            Closed::Window => "no window is open until its deadline".to_owned(),
        }),
    }
}

/// Why a drill runs or does not at a moment. `ended` tells how a slot ended, as the history has it.
pub fn explain<E>(
    fleet: &Fleet,
    drill: &Drill,
    at: i64,
    ended: impl FnOnce(i64) -> Result<Option<EndedSlot>, E>,
) -> Result<Explanation, E> {
    let last = last_until(drill, at);
    let next = drill.slots_after(at).next();
    let last_ended = last.map(ended).transpose()?.flatten();
    let zone = drill.rules.zone.iana_name().unwrap_or("UTC");
    let mut because = vec![format!("{} is due by `{}` in {zone}", drill.name, drill.rules.cron)];
    if let Some(due) = last {
        because.extend(tell_last(drill, due, at, last_ended.as_ref()));
    }
    match next {
        Some(due) => because.push(tell_next(&told(drill, due))),
        None => because.push("it is never due again".to_owned()),
    }
    if !drill.after.is_empty() {
        let before: Vec<&str> =
            drill.after.iter().map(|at| fleet.drills[*at].name.as_str()).collect();
        because.push(format!("it waits until these have passed: {}", before.join(", ")));
    }
    Ok(Explanation {
        drill: drill.name.clone(),
        cron: drill.rules.cron.clone(),
        time_zone: zone.to_owned(),
        last: last.map(|due| told(drill, due)),
        last_ended,
        next: next.map(|due| told(drill, due)),
        because,
    })
}

/// The last slot until a moment: looked for in longer and longer periods before it.
fn last_until(drill: &Drill, at: i64) -> Option<i64> {
    let periods = [3_600, 86_400, 40 * 86_400, 400 * 86_400, 10 * 366 * 86_400];
    periods
        .iter()
        .find_map(|period| drill.slots_after(at - period - 1).take_while(|due| *due <= at).last())
}

fn tell_last(drill: &Drill, due: i64, at: i64, ended: Option<&EndedSlot>) -> Vec<String> {
    let slot = told(drill, due);
    let mut lines = vec![format!("its last slot was due at {} ({})", slot.due_at, slot.local)];
    if let Some(ended) = ended {
        let how = match (&ended.verdict, &ended.cause) {
            (Some(verdict), _) => format!("it ran: {}", verdict.word()),
            (None, Some(cause)) => format!("it was {} ({})", cause.end().word(), cause.word()),
            (None, None) => "it ended".to_owned(),
        };
        let reason = ended.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        lines.push(how + &reason);
        return lines;
    }
    lines.push(match (&slot.closed, &slot.starts_at) {
        (Some(closed), _) => format!("it may not start: {closed}"),
        (None, Some(starts)) if *starts > written(at) => format!("it may start from {starts} on"),
        _ if drill.deadline(due) < at => {
            format!("it had to start until {}, and the history does not hold it", slot.deadline_at)
        }
        _ => format!("it is due now, and has to start until {}", slot.deadline_at),
    });
    lines
}

fn tell_next(slot: &ComingSlot) -> String {
    let start = match (&slot.closed, &slot.starts_at) {
        (Some(closed), _) => format!("will not run: {closed}"),
        (None, Some(starts)) => {
            format!("starts at {starts}, or until {} as there is room", slot.deadline_at)
        }
        (None, None) => "will not run".to_owned(),
    };
    format!("its next slot is due at {} ({}) and {start}", slot.due_at, slot.local)
}
