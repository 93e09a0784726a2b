//! What is due, for machines that know nothing of each other: the jobs of a pipeline.

use super::agenda::{Agenda, Decision, Ended, Past, Settled, Slot, Spent};
use super::fleet::Fleet;

/// What is due at a moment.
#[derive(Debug, Default)]
pub struct Planned {
    /// Drills to be run.
    pub slots: Vec<PlannedStart>,
    /// Slots that have ended without one.
    pub settled: Vec<Settled>,
}

/// A drill to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedStart {
    /// Its slot.
    pub slot: Slot,
    /// Whether it is late.
    pub late: bool,
    /// How many drills have to pass before it, one after another: those of one level can run side by side.
    pub level: u32,
}

/// Plans what is due, as if every drill had a machine of its own and passed at once.
#[must_use]
pub fn matrix(fleet: &Fleet, past: Vec<Past>, now: i64) -> Planned {
    let mut agenda = Agenda::new(fleet, past, Spent::default()).anywhere();
    let mut planned = Planned::default();
    let mut level = 0;
    let mut decisions = agenda.advance(now);
    loop {
        let mut started = Vec::new();
        for decision in decisions {
            match decision {
                Decision::Start { slot, late, .. } => started.push((slot, late)),
                Decision::Settle(settled) => planned.settled.push(settled),
            }
        }
        if started.is_empty() {
            return planned;
        }
        decisions = Vec::new();
        for (slot, late) in started {
            planned.slots.push(PlannedStart { slot, late, level });
            decisions.extend(agenda.ended(slot, Ended::Passed, 0.0, 0, now));
        }
        decisions.extend(agenda.advance(now));
        level += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::schedule::read;

    #[test]
    fn levels_follow_dependencies_and_what_does_not_run_is_settled() {
        let text = "
machine: {drills: 1, cpus: 1}
blackouts: [{from: 1970-01-01T00:00:00Z, to: 1970-02-01T00:00:00Z, reason: freeze, drills: [frozen]}]
defaults: {cron: '0 * * * *', needs: {cpus: 1}}
drills:
  - {name: app, manifest: m, after: [db, cache]}
  - {name: db, manifest: m}
  - {name: cache, manifest: m, after: [db]}
  - {name: frozen, manifest: m}
";
        let fleet = read(Path::new("f.yaml"), text.as_bytes()).unwrap();
        let past = vec![Past { settled_until: 0, ..Past::default() }; 4];
        let planned = matrix(&fleet, past, 3700);
        let starts: Vec<_> = planned.slots.iter().map(|one| (one.slot.drill, one.level)).collect();
        assert_eq!(starts, [(1, 0), (2, 1), (0, 2)]);
        assert_eq!(planned.settled.len(), 1);
        assert_eq!(planned.settled[0].reason, "freeze");
    }
}
