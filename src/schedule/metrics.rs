//! How a calendar stands, for Prometheus: how the newest slot of each drill ended, and by when the next has to be
//! recorded. The second goes off by itself if nobody looks at the calendar any more.

use super::fleet::Fleet;
use super::gate::recorded_by;
use crate::clock::Timestamp;
use crate::report::Family;
use crate::wire::schedule::EndedSlot;

/// Words for how a slot ended.
const STATUS: [&str; 5] = ["passed", "failed", "inconclusive", "skipped", "missed"];

/// The metrics of a fleet. `newest` tells the newest slots of each drill, in the order of the fleet.
#[must_use]
pub fn calendar_families(fleet: &Fleet, newest: &[Vec<EndedSlot>]) -> Vec<Family> {
    let (mut status, mut due, mut by) = (Vec::new(), Vec::new(), Vec::new());
    for (drill, slots) in fleet.drills.iter().zip(newest) {
        let Some(slot) = slots.first() else { continue };
        let word = match (slot.verdict, slot.cause) {
            (Some(verdict), _) => verdict.word(),
            (None, cause) => cause.map_or("missed", |cause| cause.end().word()),
        };
        let of_it = || vec![("drill", drill.name.clone())];
        status.extend(STATUS.map(|one| {
            let labels = [of_it(), vec![("status", one.to_owned())]].concat();
            (labels, f64::from(u8::from(one == word)))
        }));
        let last = slot.due_at.parse::<Timestamp>().ok().map(Timestamp::unix);
        if let Some(next) = last.and_then(|last| drill.slots_after(last).next()) {
            due.push((of_it(), next as f64));
            by.push((of_it(), recorded_by(drill, next) as f64));
        }
    }
    vec![
        Family {
            name: "slot_status",
            help: "How the newest slot of the calendar ended: 1 for what holds.",
            samples: status,
        },
        Family {
            name: "next_slot_timestamp_seconds",
            help: "When the slot after the newest that is recorded is due.",
            samples: due,
        },
        Family {
            name: "next_slot_recorded_by_timestamp_seconds",
            help: "By when that has to be recorded: after its deadline, and the longest that its drill may take.",
            samples: by,
        },
    ]
}
