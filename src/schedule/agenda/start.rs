//! Whose turn it is, and what becomes of a slot whose drill has ended.

use std::cmp::Reverse;

use super::{Agenda, Decision, Ended, Slot, State};
use crate::wire::slot::Cause;

impl Agenda<'_> {
    /// Starts drills in their order while the machine has room. A drill whose turn it is and that does not fit is
    /// waited for: smaller ones do not overtake it, or it could wait for ever.
    pub(super) fn start(&mut self, now: i64) {
        while self.running < self.places {
            let Some((_, due, drill)) = self.turns.first().copied() else { break };
            let slot = Slot { drill, due };
            if let Some(state) = self.keeps(slot) {
                self.wait(slot, state);
                continue;
            }
            if let Some((other, ended)) = self.not_passed(slot) {
                let other = &self.fleet.drills[other].name;
                let reason = format!("{other} comes before it, and {}", ended.told());
                self.end(slot, Cause::Dependency, reason);
                continue;
            }
            let rules = &self.fleet.drills[drill].rules;
            let Some(open) = self.get(slot) else { break };
            if rules.hours.opening(now, open.deadline) != Ok(now) {
                // It waited so long that its window has closed, or a blackout has begun.
                self.turns.pop_first();
                self.open_at(slot, now);
                continue;
            }
            if self.spent_all() || !self.used.leaves(self.machine, rules.needs) {
                break;
            }
            self.turns.pop_first();
            let Some(open) = self.get_mut(slot) else { break };
            open.state = State::Begun;
            open.attempts += 1;
            let (attempt, late) = (open.attempts, open.late);
            self.running += 1;
            self.used = self.used.with(rules.needs);
            self.drills[drill].running = true;
            self.decided.push(Decision::Start { slot, attempt, late });
        }
    }

    /// Waits for a drill that was begun before and runs without this machine.
    pub(super) fn go_on(&mut self, slot: Slot) {
        let Some(open) = self.get_mut(slot) else { return };
        open.state = State::Begun;
        let (attempt, late) = (open.attempts, open.late);
        self.running += 1;
        self.used = self.used.with(self.fleet.drills[slot.drill].rules.needs);
        self.drills[slot.drill].running = true;
        self.decided.push(Decision::Start { slot, attempt, late });
    }

    /// The drill of a slot has ended. `minutes` and `bytes` count into the budgets of the day.
    pub fn ended(
        &mut self,
        slot: Slot,
        ended: Ended,
        minutes: f64,
        bytes: u64,
        now: i64,
    ) -> Vec<Decision> {
        let rules = &self.fleet.drills[slot.drill].rules;
        self.running = self.running.saturating_sub(1);
        self.used = self.used.without(rules.needs);
        self.spent.minutes += minutes;
        self.spent.bytes = self.spent.bytes.saturating_add(bytes);
        self.drills[slot.drill].running = false;
        match ended {
            Ended::Passed | Ended::Failed | Ended::Settled => self.close(slot, ended),
            Ended::Inconclusive | Ended::Interrupted | Ended::Unstarted => {
                let attempts = self.get(slot).map_or(0, |open| open.attempts);
                let doubled = f64::from(1_u32 << attempts.saturating_sub(1).min(16));
                let wait = (self.fleet.drills[slot.drill].rules.backoff * doubled).min(1e9);
                self.again(slot, ended, now.saturating_add(wait as i64));
            }
        }
        self.wake(slot.drill);
        std::mem::take(&mut self.decided)
    }

    /// Runs the drill of a slot again from a moment on, if it may be, before the next slot of the drill.
    pub(super) fn again(&mut self, slot: Slot, ended: Ended, from: i64) {
        let drill = &self.fleet.drills[slot.drill];
        let Some(open) = self.drills[slot.drill].open.get_mut(&slot.due) else { return };
        if ended == Ended::Inconclusive {
            open.ran = Some(ended);
        }
        let until = drill.slots_after(slot.due).next().map_or(i64::MAX, |next| next - 1);
        let opens = drill.rules.hours.opening(from, until);
        if let (Ok(opens), true) = (opens, open.attempts <= drill.rules.retries) {
            open.state = State::Closed;
            open.deadline = until;
            self.opening.push(Reverse((opens, slot)));
            self.deadlines.push(Reverse((until, slot)));
            return;
        }
        let (cause, reason) = if ended == Ended::Unstarted {
            (Cause::Unstarted, "its drill could not be run, or left no evidence")
        } else {
            (Cause::Interrupted, "its drill was begun and cut off")
        };
        self.end(slot, cause, reason.to_owned());
    }

    /// What keeps a slot from having its turn, although it is open.
    fn keeps(&self, slot: Slot) -> Option<State> {
        if self.drills[slot.drill].running {
            return Some(State::Running);
        }
        let after = &self.fleet.drills[slot.drill].after;
        let open = |other: &&usize| {
            self.drills[**other].open.keys().next().is_some_and(|due| *due <= slot.due)
        };
        after.iter().find(open).map(|other| State::Dependency(*other))
    }

    fn wait(&mut self, slot: Slot, state: State) {
        let awaited = if let State::Dependency(other) = state { other } else { slot.drill };
        self.turns.pop_first();
        self.drills[awaited].awaited.push(slot);
        if let Some(open) = self.get_mut(slot) {
            open.state = state;
        }
    }

    /// A drill that has to pass before a slot, and whose last slot did not.
    fn not_passed(&self, slot: Slot) -> Option<(usize, Ended)> {
        self.fleet.drills[slot.drill].after.iter().find_map(|other| {
            let (_, ended) =
                self.drills[*other].last.filter(|(_, ended)| *ended != Ended::Passed)?;
            Some((*other, ended))
        })
    }

    /// Whether a budget of the day is used up.
    pub(super) fn spent_all(&self) -> bool {
        let budgets = &self.fleet.budgets;
        budgets.minutes_per_day.is_some_and(|budget| self.spent.minutes >= budget)
            || budgets.bytes_per_day.is_some_and(|budget| self.spent.bytes >= budget)
    }

    /// Seconds that the drill of a slot is thought to take.
    #[must_use]
    pub fn expected(&self, drill: usize) -> f64 {
        self.drills[drill].expected
    }
}

impl Ended {
    fn told(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "came to no verdict",
            Self::Interrupted => "was cut off",
            Self::Unstarted => "could not be run",
            Self::Settled => "did not run",
        }
    }
}
