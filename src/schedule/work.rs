//! The loop around the agenda: it starts drills, records how slots end, and waits for what comes next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, Scope};
use std::time::Duration;

use super::agenda::{Agenda, Decision, Ended, Slot};
use super::alerts::Close;
use super::books::Books;
use super::fleet::Fleet;
use super::ledger::{Ledger, LedgerError, believe};
use super::written;
use crate::clock::{Clock, Timestamp};
use crate::history::History;
use crate::signature::PrivateKey;
use crate::wire::event::{Class, Verdict};
use crate::wire::report::Report;
use crate::wire::schedule::EndedSlot;
use crate::wire::slot::Cause;

/// Longest time between two looks at the clock: it can be set at any time.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is tried again to write what could not be written.
const TRY_AGAIN: i64 = 10;

/// What a calendar works with.
pub struct Calendar<'a> {
    /// The fleet.
    pub fleet: &'a Fleet,
    /// Where drills and slots are filed.
    pub history: &'a History,
    /// The key that signs records.
    pub key: Option<&'a PrivateKey>,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Whether it goes on when nothing is due.
    pub forever: bool,
    /// Whether a clock that says a time long after the last look is believed.
    pub believe_clock: bool,
    /// Whether it is to come to an end: nothing is started then.
    pub ending: &'a (dyn Fn() -> bool + Sync),
}

/// A drill to be run.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The slot.
    pub slot: Slot,
    /// For the how manieth time, from 1.
    pub attempt: u32,
    /// Whether it is late.
    pub late: bool,
}

/// What became of an order.
#[derive(Clone, Debug)]
pub struct Done {
    /// How it ended.
    pub ended: Ended,
    /// The first reason, where it did not pass.
    pub reason: Option<String>,
    /// Minutes that it took.
    pub minutes: f64,
    /// Bytes of its backup.
    pub bytes: u64,
    /// The run, where there was one.
    pub run_id: Option<String>,
    /// Whether all came back, and only a limit was broken.
    pub only_limits: bool,
}

impl Done {
    /// What a drill came to that left evidence.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        Self {
            ended: match report.status {
                Verdict::Passed => Ended::Passed,
                Verdict::Failed => Ended::Failed,
                Verdict::Inconclusive => Ended::Inconclusive,
            },
            reason: report.reasons.first().map(|reason| reason.message.clone()),
            minutes: report.metrics.duration_seconds / 60.0,
            bytes: report.backup.as_ref().map_or(0, |backup| backup.bytes),
            run_id: Some(report.run_id.clone()),
            only_limits: only_limits(report),
        }
    }

    /// An order that left no evidence.
    #[must_use]
    pub fn without(ended: Ended, reason: Option<String>) -> Self {
        Self { ended, reason, minutes: 0.0, bytes: 0, run_id: None, only_limits: false }
    }
}

/// Whether all came back, and only a limit was broken.
#[must_use]
pub fn only_limits(report: &Report) -> bool {
    report.reasons.iter().all(|reason| reason.class == Class::Policy)
}

/// What happens, for whoever listens.
#[derive(Debug)]
pub enum Happening<'a> {
    /// A drill begins.
    Began(&'a Order),
    /// A drill has ended.
    Ended(&'a Order, &'a Done),
    /// A slot has ended.
    Closed(&'a EndedSlot),
    /// Something could not be written; it is tried again.
    Unwritten(&'a LedgerError),
}

/// Works a calendar: until nothing is due, or until it is to end. `run` carries out an order, on a thread of its own.
///
/// # Errors
/// When calendar or history cannot be read, or something could not be written to the end.
pub fn work(
    calendar: &Calendar<'_>,
    ledger: &mut Ledger,
    run: &(dyn Fn(&Order) -> Done + Sync),
    tell: &mut dyn FnMut(&Happening<'_>),
) -> Result<(), LedgerError> {
    let now = calendar.clock.now();
    let known = ledger.known(calendar.fleet, calendar.history, now, calendar.believe_clock)?;
    let agenda = Agenda::new(calendar.fleet, known.past, ledger.spent()?);
    let (sender, receiver) = channel();
    thread::scope(|scope| {
        let mut work = Work {
            calendar,
            books: Books {
                fleet: calendar.fleet,
                history: calendar.history,
                key: calendar.key,
                ledger,
                unrecorded: known.cut_off.into(),
                closed: known.recorded,
            },
            agenda,
            scope,
            sender,
            run,
            tell,
            failed: None,
        };
        let mut seen = now.unix();
        loop {
            let now = calendar.clock.now();
            if !calendar.believe_clock {
                believe(now, seen)?;
            }
            seen = seen.max(now.unix());
            let ending = (calendar.ending)();
            if !ending {
                let decisions = work.agenda.advance(now.unix());
                work.carry_out(decisions, now);
            }
            work.write(now);
            if matches!(work.failed, Some((_, LedgerError::Lost(_)))) {
                break;
            }
            let idle = work.agenda.running() == 0;
            // A clock that stands still comes to no other attempt.
            let again = work.agenda.is_retrying() && !calendar.clock.is_overridden();
            let written = work.books.is_written() || work.failed.is_some();
            if idle && written && (ending || !(calendar.forever || again)) {
                break;
            }
            match receiver.recv_timeout(work.patience(now)) {
                Ok((order, done)) => work.done(&order, &done),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        match work.failed {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    })
}

/// The work while it goes on.
struct Work<'scope, 'env, 'a> {
    calendar: &'a Calendar<'a>,
    books: Books<'a>,
    agenda: Agenda<'a>,
    scope: &'scope Scope<'scope, 'env>,
    sender: Sender<(Order, Done)>,
    run: &'env (dyn Fn(&Order) -> Done + Sync),
    tell: &'a mut dyn FnMut(&Happening<'_>),
    /// When something could last not be written, and why.
    failed: Option<(i64, LedgerError)>,
}

impl<'scope, 'env: 'scope> Work<'scope, 'env, '_> {
    fn carry_out(&mut self, decisions: Vec<Decision>, now: Timestamp) {
        for decision in decisions {
            match decision {
                Decision::Start { slot, attempt, late } => {
                    self.start(Order { slot, attempt, late }, now);
                }
                Decision::Settle(settled) => {
                    let name = &self.calendar.fleet.drills[settled.drill].name;
                    for slot in settled.slots(name) {
                        (self.tell)(&Happening::Closed(&slot));
                    }
                    self.books.unrecorded.push_back(settled);
                }
            }
        }
    }

    fn start(&mut self, order: Order, now: Timestamp) {
        let drill = &self.calendar.fleet.drills[order.slot.drill];
        // A drill that nobody would know of after a crash is not begun.
        if let Err(error) = self.books.ledger.begin(drill, order.slot, order.attempt) {
            (self.tell)(&Happening::Unwritten(&error));
            let decisions = self.agenda.ended(order.slot, Ended::Unstarted, 0.0, 0, now.unix());
            self.failed = Some((now.unix(), error));
            self.carry_out(decisions, now);
            return;
        }
        if self.books.is_written() {
            self.failed = None;
        }
        (self.tell)(&Happening::Began(&order));
        let (run, sender) = (self.run, self.sender.clone());
        self.scope.spawn(move || {
            let done = catch_unwind(AssertUnwindSafe(|| run(&order))).unwrap_or_else(|_| {
                let reason = "its drill was ended by a fault of the tool itself".to_owned();
                Done::without(Ended::Unstarted, Some(reason))
            });
            // Nobody listens any more only if the work has failed.
            let _ = sender.send((order, done));
        });
    }

    fn done(&mut self, order: &Order, done: &Done) {
        let now = self.calendar.clock.now();
        (self.tell)(&Happening::Ended(order, done));
        // A drill that is ended with the calendar is settled by the next start.
        let cut_off = (self.calendar.ending)() && done.ended == Ended::Inconclusive;
        let mut decisions =
            self.agenda.ended(order.slot, done.ended, done.minutes, done.bytes, now.unix());
        if cut_off {
            return;
        }
        for decision in &mut decisions {
            if let (Decision::Settle(settled), Some(reason)) = (decision, &done.reason)
                && settled.cause == Cause::Unstarted
            {
                settled.reason.clone_from(reason);
            }
        }
        self.carry_out(decisions, now);
        if !self.agenda.is_open(order.slot)
            && let Some(slot) = self.ran(order, done)
        {
            (self.tell)(&Happening::Closed(&slot));
            let Slot { drill, due } = order.slot;
            self.books.closed.push(Close { drill, due, slot, only_limits: done.only_limits });
        }
    }

    /// How the slot of a drill ended that left evidence.
    fn ran(&self, order: &Order, done: &Done) -> Option<EndedSlot> {
        Some(EndedSlot {
            drill: self.calendar.fleet.drills[order.slot.drill].name.clone(),
            due_at: written(order.slot.due),
            verdict: Some(done.ended.verdict()?),
            cause: None,
            reason: done.reason.clone(),
            run_id: done.run_id.clone(),
        })
    }

    /// Writes what is not written yet.
    fn write(&mut self, now: Timestamp) {
        let wait = self.failed.as_ref().is_some_and(|(last, _)| now.unix() - last < TRY_AGAIN);
        let ending = (self.calendar.ending)();
        if (wait && !ending) || self.books.is_written() {
            return;
        }
        let agenda = &self.agenda;
        let settled_until = |drill| agenda.settled_until(drill, now.unix());
        if let Err(error) = self.books.write(settled_until, agenda.spent(), now) {
            (self.tell)(&Happening::Unwritten(&error));
            self.failed = Some((now.unix(), error));
        } else {
            self.failed = None;
        }
    }

    /// How long to wait for a drill to end.
    fn patience(&self, now: Timestamp) -> Duration {
        if !self.books.is_written() && self.failed.is_none() {
            return Duration::ZERO;
        }
        let next = self.agenda.next_moment().map_or(i64::MAX, |next| next - now.unix());
        let seconds = u64::try_from(next).unwrap_or_default();
        Duration::from_secs(seconds).clamp(Duration::from_millis(10), LOOK)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::clock::FixedClock;
    use crate::schedule::read;

    /// Looks at the calendar of a history at this time, and gives what was done.
    fn look(folder: &Path, time: &str, run: &(dyn Fn(&Order) -> Done + Sync)) -> Vec<EndedSlot> {
        let text = "defaults: {cron: '0 * * * *', retries: {max: 0}}\n\
                    drills: [{name: a, manifest: m}, {name: b, manifest: m}]";
        let fleet = read(Path::new("f.yaml"), text.as_bytes()).unwrap();
        let history = History::create(folder).unwrap();
        let calendar = Calendar {
            fleet: &fleet,
            history: &history,
            key: None,
            clock: &FixedClock(time.parse().unwrap()),
            forever: false,
            believe_clock: false,
            ending: &|| false,
        };
        let mut ledger = Ledger::open(folder).unwrap();
        assert!(matches!(Ledger::open(folder), Err(LedgerError::Busy(_))));
        let mut closed = Vec::new();
        work(&calendar, &mut ledger, run, &mut |happening| {
            if let Happening::Closed(slot) = happening {
                closed.push((*slot).clone());
            }
        })
        .unwrap();
        closed
    }

    #[test]
    fn a_fault_of_the_tool_ends_its_own_slot_only() {
        let folder = tempfile::tempdir().unwrap();
        assert!(look(folder.path(), "2026-11-20T09:30:00Z", &|_| panic!("none is due")).is_empty());
        let run = |order: &Order| -> Done {
            assert_eq!(order.slot.drill, 1, "a fault");
            Done {
                ended: Ended::Passed,
                reason: None,
                minutes: 1.0,
                bytes: 1,
                run_id: None,
                only_limits: false,
            }
        };
        let closed = look(folder.path(), "2026-11-20T10:05:00Z", &run);
        let told: Vec<_> = closed.iter().map(|slot| (slot.drill.as_str(), slot.cause)).collect();
        assert_eq!(told, [("a", Some(Cause::Unstarted)), ("b", None)]);
        assert!(closed[0].reason.as_ref().unwrap().contains("fault of the tool"));
        // It is settled: the next look finds nothing to do.
        assert!(look(folder.path(), "2026-11-20T10:06:00Z", &run).is_empty());
    }
}
