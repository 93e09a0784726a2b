//! What is to be done at a moment: a state machine without clock, disk or threads. The same one plans a real
//! fleet, a simulated one, and answers what comes next.
//!
//! A slot comes when it is due, opens when it may start, waits for its turn, and ends: a drill of it runs, or it is
//! settled with what kept it from running. Nothing leaves the agenda in another way.

mod model;
mod start;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::fleet::{Fleet, Room, Used};
use super::opening::Closed;
use crate::wire::fleet::CatchUp;
use crate::wire::slot::Cause;

pub use model::{Begun, Decision, Ended, Past, Settled, Slot, Spent};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Why a slot is missed whose drill still ran for the slot before.
const BEFORE: &str = "its drill of the slot before still ran";

/// A slot that has come and has not ended.
#[derive(Debug)]
struct Open {
    /// Until when it has to start.
    deadline: i64,
    /// How often its drill was begun.
    attempts: u32,
    late: bool,
    state: State,
    /// What its last drill came to, if that left evidence.
    ran: Option<Ended>,
}

/// What a slot waits for.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Until it may start.
    Closed,
    /// For room on the machine.
    Turn,
    /// For the drill of an earlier slot.
    Running,
    /// For a drill that has to pass before.
    Dependency(usize),
    /// It runs.
    Begun,
}

/// A drill in the agenda.
#[derive(Debug, Default)]
struct Standing {
    /// The newest slot that has ended.
    last: Option<(i64, Ended)>,
    /// Slots that have come and have not, by when they were due.
    open: BTreeMap<i64, Open>,
    running: bool,
    expected: f64,
    /// Slots that wait for it.
    awaited: Vec<Slot>,
    /// Slots to come that are known to have ended.
    ended: BTreeSet<i64>,
    /// Slots to come whose drill was begun.
    begun: BTreeMap<i64, Begun>,
}

/// The place of a slot among those that wait for their turn: the highest priority first, then the oldest.
type Turn = (Reverse<u8>, i64, usize);

/// All slots that have come and not ended, and the next of each drill.
#[derive(Debug)]
pub struct Agenda<'f> {
    fleet: &'f Fleet,
    places: usize,
    machine: Room,
    drills: Vec<Standing>,
    coming: BinaryHeap<Reverse<(i64, usize)>>,
    opening: BinaryHeap<Reverse<(i64, Slot)>>,
    deadlines: BinaryHeap<Reverse<(i64, Slot)>>,
    turns: BTreeSet<Turn>,
    /// Slots that have just come: most start at once, and need no deadline.
    fresh: Vec<Slot>,
    running: usize,
    used: Used,
    spent: Spent,
    decided: Vec<Decision>,
}

impl<'f> Agenda<'f> {
    /// The agenda of a fleet. `past` tells of each drill, in the order of the fleet.
    #[must_use]
    pub fn new(fleet: &'f Fleet, past: Vec<Past>, spent: Spent) -> Self {
        let mut coming = Vec::new();
        let mut drills = Vec::new();
        for (at, (drill, past)) in fleet.drills.iter().zip(past).enumerate() {
            let next = drill.slots_after(past.settled_until).next();
            coming.extend(next.map(|due| Reverse((due, at))));
            drills.push(Standing {
                last: past.ended.iter().copied().max_by_key(|(due, _)| *due).or(past.last),
                expected: past.expected.unwrap_or(drill.rules.expected),
                ended: past.ended.iter().map(|(due, _)| *due).collect(),
                begun: past.begun.into_iter().map(|begun| (begun.due, begun)).collect(),
                ..Standing::default()
            });
        }
        Self {
            fleet,
            places: fleet.places,
            machine: fleet.machine,
            drills,
            coming: coming.into(),
            opening: BinaryHeap::new(),
            deadlines: BinaryHeap::new(),
            turns: BTreeSet::new(),
            fresh: Vec::new(),
            running: 0,
            used: Used::default(),
            spent,
            decided: Vec::new(),
        }
    }

    /// The same with a machine for each drill.
    #[must_use]
    pub fn anywhere(self) -> Self {
        Self { places: usize::MAX, machine: Room::default(), ..self }
    }

    /// The same with room for another number of drills side by side.
    #[must_use]
    pub fn with_places(self, places: usize) -> Self {
        Self { places, ..self }
    }

    /// Goes on to a moment, in seconds since the Unix epoch: what is to be done now, in this order.
    pub fn advance(&mut self, now: i64) -> Vec<Decision> {
        let day = now.div_euclid(DAY);
        if day > self.spent.day {
            self.spent = Spent { day, ..Spent::default() };
        }
        while let Some(Reverse((due, at))) = self.coming.peek().copied()
            && due <= now
        {
            self.coming.pop();
            self.come(at, due, now);
        }
        while let Some(Reverse((opens, slot))) = self.opening.peek().copied()
            && opens <= now
        {
            self.opening.pop();
            // It may have ended meanwhile, or wait for another opening.
            if self.get(slot).is_some_and(|open| open.state == State::Closed) {
                self.take_turn(slot);
            }
        }
        while let Some(Reverse((deadline, slot))) = self.deadlines.peek().copied()
            && deadline < now
        {
            self.deadlines.pop();
            self.expire(slot, now);
        }
        self.start(now);
        for slot in std::mem::take(&mut self.fresh) {
            let open = self.get(slot).filter(|open| open.state != State::Begun);
            let deadline = open.map(|open| open.deadline).filter(|at| *at < i64::MAX);
            self.deadlines.extend(deadline.map(|deadline| Reverse((deadline, slot))));
        }
        std::mem::take(&mut self.decided)
    }

    /// The next moment at which something is to be done, if no drill ends before; `None` if there is none.
    #[must_use]
    pub fn next_moment(&self) -> Option<i64> {
        let coming = self.coming.peek().map(|Reverse((due, _))| *due);
        let opening = self.opening.peek().map(|Reverse((opens, _))| *opens);
        let deadline = self.deadlines.peek().map(|Reverse((deadline, _))| deadline + 1);
        let midnight =
            (!self.turns.is_empty() && self.spent_all()).then(|| (self.spent.day + 1) * DAY);
        [coming, opening, deadline, midnight].into_iter().flatten().min()
    }

    /// What was used of the budgets of the day.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.spent
    }

    /// How many drills run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many slots have come and not ended.
    #[must_use]
    pub fn open(&self) -> usize {
        self.drills.iter().map(|drill| drill.open.len()).sum()
    }

    /// Whether a slot has come and not ended.
    #[must_use]
    pub fn is_open(&self, slot: Slot) -> bool {
        self.get(slot).is_some()
    }

    /// Whether a drill is to be run again that came to no verdict.
    #[must_use]
    pub fn is_retrying(&self) -> bool {
        let mut open = self.drills.iter().flat_map(|drill| drill.open.values());
        open.any(|open| open.attempts > 0 && open.state != State::Begun)
    }

    /// Until when every slot of a drill has ended, as of a moment.
    #[must_use]
    pub fn settled_until(&self, drill: usize, now: i64) -> i64 {
        self.drills[drill].open.keys().next().map_or(now, |due| due - 1)
    }

    /// Slots of a drill have come: the one that is due, and those after it that nobody looked at.
    fn come(&mut self, at: usize, due: i64, now: i64) {
        let drill = &self.fleet.drills[at];
        let (mut overslept, mut fresh, mut next) = (Vec::new(), Vec::new(), None);
        for due in std::iter::once(due).chain(drill.slots_after(due)) {
            if due > now {
                next = Some(due);
                break;
            }
            if self.drills[at].ended.remove(&due) {
                continue;
            }
            let slot = Slot { drill: at, due };
            if let Some(begun) = self.drills[at].begun.remove(&due) {
                let Begun { attempts, ran, runs, .. } = begun;
                self.admit(slot, Open { attempts, ran, ..Open::new(drill.deadline(due)) });
                if runs {
                    self.go_on(slot);
                } else {
                    // Time has passed since.
                    self.again(slot, Ended::Interrupted, now);
                }
            } else if drill.deadline(due) < now {
                overslept.push(due);
            } else {
                fresh.push(slot);
            }
        }
        self.coming.extend(next.map(|due| Reverse((due, at))));
        let kept = match drill.rules.catch_up {
            CatchUp::Skip => overslept.len(),
            // A slot that still is in time is run in its place.
            CatchUp::Once if !fresh.is_empty() => overslept.len(),
            CatchUp::Once => overslept.len().saturating_sub(1),
            CatchUp::All => 0,
        };
        let late = overslept.split_off(kept);
        if !overslept.is_empty() {
            let reason = "nothing looked at the calendar until it was too late".to_owned();
            self.settle(at, overslept, Cause::Downtime, reason, 0);
        }
        for due in late {
            let deadline = match drill.rules.catch_up {
                CatchUp::All => i64::MAX,
                // Then the next is there.
                CatchUp::Once | CatchUp::Skip => next.unwrap_or(i64::MAX),
            };
            let slot = Slot { drill: at, due };
            self.admit(slot, Open { late: true, ..Open::new(deadline) });
            self.open_at(slot, now.max(drill.wanted_at(due)));
        }
        for slot in fresh {
            self.admit(slot, Open::new(drill.deadline(slot.due)));
            self.open_at(slot, drill.wanted_at(slot.due));
        }
    }

    fn admit(&mut self, slot: Slot, open: Open) {
        self.drills[slot.drill].open.insert(slot.due, open);
        self.fresh.push(slot);
    }

    fn get(&self, slot: Slot) -> Option<&Open> {
        self.drills[slot.drill].open.get(&slot.due)
    }

    fn get_mut(&mut self, slot: Slot) -> Option<&mut Open> {
        self.drills[slot.drill].open.get_mut(&slot.due)
    }

    /// Lets a slot wait until it may start, from a moment on; settles it if that is never.
    fn open_at(&mut self, slot: Slot, from: i64) {
        let drill = &self.fleet.drills[slot.drill];
        let Some(open) = self.drills[slot.drill].open.get_mut(&slot.due) else { return };
        open.state = State::Closed;
        match drill.rules.hours.opening(from, open.deadline) {
            Ok(opens) => self.opening.push(Reverse((opens, slot))),
            Err(closed) => {
                let (cause, reason) = match closed {
                    Closed::Blackout(reason) => (Cause::Blackout, reason),
                    Closed::Window => {
                        (Cause::Window, "no window was open until its deadline".to_owned())
                    }
                };
                self.end(slot, cause, reason);
            }
        }
    }

    fn take_turn(&mut self, slot: Slot) {
        let priority = Reverse(self.fleet.drills[slot.drill].rules.priority);
        if let Some(open) = self.get_mut(slot) {
            open.state = State::Turn;
            self.turns.insert((priority, slot.due, slot.drill));
        }
    }

    /// The deadline of a slot is over.
    fn expire(&mut self, slot: Slot, now: i64) {
        let Some(open) = self.get(slot) else { return };
        if open.state == State::Begun || open.deadline >= now {
            return;
        }
        let name = |at: usize| self.fleet.drills[at].name.as_str();
        let (cause, reason) = match &open.state {
            State::Begun => return,
            State::Turn | State::Closed if self.drills[slot.drill].running => {
                (Cause::Running, BEFORE.to_owned())
            }
            State::Turn if self.spent_all() => {
                (Cause::Budget, "the budget of the day was used up".to_owned())
            }
            State::Closed | State::Turn => {
                (Cause::Busy, "the machine had no room for it until its deadline".to_owned())
            }
            State::Running => (Cause::Running, BEFORE.to_owned()),
            State::Dependency(other) => {
                (Cause::Dependency, format!("{} comes before it, and had not ended", name(*other)))
            }
        };
        self.end(slot, cause, reason);
    }

    /// Ends a slot without another drill. If one has left evidence, the slot has ended as that did.
    fn end(&mut self, slot: Slot, cause: Cause, reason: String) {
        let Some(open) = self.get(slot) else { return };
        match open.ran {
            Some(ran) => self.close(slot, ran),
            None => {
                let attempts = open.attempts;
                self.settle(slot.drill, vec![slot.due], cause, reason, attempts);
            }
        }
    }

    fn settle(&mut self, drill: usize, due: Vec<i64>, cause: Cause, reason: String, attempts: u32) {
        for due in &due {
            self.close(Slot { drill, due: *due }, Ended::Settled);
        }
        self.decided.push(Decision::Settle(Settled { drill, due, cause, reason, attempts }));
    }

    /// A slot has ended: whoever waited for it has its turn.
    fn close(&mut self, slot: Slot, ended: Ended) {
        let priority = Reverse(self.fleet.drills[slot.drill].rules.priority);
        let drill = &mut self.drills[slot.drill];
        if drill.open.remove(&slot.due).is_some_and(|open| open.state == State::Turn) {
            self.turns.remove(&(priority, slot.due, slot.drill));
        }
        if drill.last.is_none_or(|(due, _)| due <= slot.due) {
            drill.last = Some((slot.due, ended));
        }
        self.wake(slot.drill);
    }

    fn wake(&mut self, drill: usize) {
        for waiting in std::mem::take(&mut self.drills[drill].awaited) {
            self.take_turn(waiting);
        }
    }
}

impl Open {
    fn new(deadline: i64) -> Self {
        Self { deadline, attempts: 0, late: false, state: State::Closed, ran: None }
    }
}

#[cfg(test)]
mod tests;
