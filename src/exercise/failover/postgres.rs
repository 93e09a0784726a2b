//! A primary and a standby of PostgreSQL: whatever state the two are in, the next move towards the one that is wanted.
//!
//! What is wanted is always the same: one server leads, the other follows it. Each move is small, can be made again, and
//! leaves at most one of them able to write: before one begins to lead, the other is stopped and marked as a standby, so
//! that it comes up as one whoever starts it. Nothing is remembered: both servers are asked before each move.

use std::time::Duration;

use super::control::Control;
use super::node::{Node, State};
use super::switch::{Goal, Move, Switch};
use super::told;
use crate::clock::Stopwatch;
use crate::request::{Hands, last_words};
use crate::wire::exercise::{Mode, PostgresPair};

/// How long a server may take, where the file does not say.
const PATIENCE: Duration = Duration::from_secs(60);
/// How far a standby may be behind, where the file does not say, in bytes.
const LAG: u64 = 16 << 20;
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);

/// The pair, and what moves it.
pub(super) struct Pair<'a> {
    pub(super) from: Node<'a>,
    pub(super) to: Node<'a>,
    mode: Mode,
    pub(super) max_lag: u64,
    pub(super) rejoin: bool,
    patience: Duration,
    power_is_off: bool,
}

impl<'a> Pair<'a> {
    /// `power_is_off` says whether this run has switched off the first server.
    pub(super) fn new(
        pair: &'a PostgresPair,
        mode: Mode,
        hands: &'a Hands<'a>,
        power_is_off: bool,
    ) -> Self {
        let patience = pair.timeout_seconds.map_or(PATIENCE, Duration::from_secs_f64);
        let node = |name, written| Node::new(name, written, hands, patience);
        Self {
            from: node("from", &pair.from),
            to: node("to", &pair.to),
            mode,
            max_lag: pair.max_lag_bytes.unwrap_or(LAG),
            rejoin: pair.rejoin.unwrap_or(mode == Mode::Planned),
            patience,
            power_is_off,
        }
    }

    /// Who is to lead, and who is to follow.
    pub(super) fn sides(&self, goal: Goal) -> (&Node<'a>, &Node<'a>) {
        match goal {
            Goal::First => (&self.from, &self.to),
            Goal::Drained | Goal::Level | Goal::Switched | Goal::Paired => (&self.to, &self.from),
        }
    }

    /// Whether what the old primary has not handed over may be given up.
    pub(super) fn may_lose(&self, goal: Goal) -> bool {
        matches!(goal, Goal::Switched | Goal::Paired) && self.mode == Mode::Unplanned
    }

    /// Whether the one that follows has to do so for the goal.
    fn is_paired(&self, goal: Goal) -> bool {
        goal == Goal::First || (goal == Goal::Paired && self.rejoin)
    }

    /// Bytes that the standby is behind the primary.
    fn lag(&self) -> Result<u64, String> {
        let written = self.from.ask("SELECT pg_current_wal_lsn()")?;
        let statement = format!(
            "SELECT greatest(0, pg_wal_lsn_diff('{}', coalesce(pg_last_wal_replay_lsn(), '0/0')))::bigint",
            written.trim()
        );
        let lag = self.to.ask(&statement)?;
        lag.trim().parse().map_err(|_| format!("the lag of {} cannot be told", self.to.place()))
    }

    /// Waits until something holds.
    fn wait(&self, what: &str, holds: impl Fn() -> Result<bool, String>) -> Result<(), String> {
        let watch = Stopwatch::start();
        loop {
            let last = holds();
            if let Ok(true) = last {
                return Ok(());
            }
            if watch.elapsed() > self.patience {
                let why = last.err().map(|why| format!(": {why}")).unwrap_or_default();
                return Err(format!("{what} took longer than {} s{why}", self.patience.as_secs()));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Whether a standby has all that the other, which does not run, has ever written or taken. A primary that was
    /// stopped in good order wrote a checkpoint last; what is replayed ends behind it.
    fn is_level(&self, leader: &Node<'a>, stopped: &Control) -> Result<bool, String> {
        let (wanted, than) =
            if stopped.was_standby { (&stopped.reached, ">=") } else { (&stopped.checkpoint, ">") };
        let statement =
            format!("SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '{wanted}') {than} 0");
        Ok(leader.ask(&statement)?.trim() == "t")
    }

    /// Whether the follower takes from the leader what that writes.
    fn streams(&self, leader: &Node<'a>, follower: &Node<'a>) -> Result<bool, String> {
        let written = leader.ask("SELECT pg_current_wal_lsn()")?;
        let statement = format!(
            "SELECT pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') \
             AND pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '{}') >= 0",
            written.trim()
        );
        Ok(follower.ask(&statement)?.trim() == "t")
    }

    fn told(leader: &Node<'a>, follower: &Node<'a>) -> String {
        format!("let {} lead again, and {} follow", follower.place(), leader.place())
    }
}

impl Switch for Pair<'_> {
    fn look(&self) -> Result<String, String> {
        let (from, to) = (self.from.state(), self.to.state()?);
        if to != State::Standby {
            return Err(format!("{} is {}, and not a standby", self.to.place(), to.told()));
        }
        let from = from?;
        if from != State::Primary {
            return Err(format!("{} is {}, and not a primary", self.from.place(), from.told()));
        }
        let same = "SELECT system_identifier FROM pg_control_system()";
        if self.from.ask(same)? != self.to.ask(same)? {
            let (one, other) = (self.from.place(), self.to.place());
            return Err(format!("{other} is no standby of {one}: it is of another cluster"));
        }
        if !self.streams(&self.from, &self.to)? {
            // Between two looks something was written: what counts is whether it comes.
            self.wait("the standby", || self.streams(&self.from, &self.to))?;
        }
        let lag = self.lag()?;
        if lag > self.max_lag {
            return Err(format!("the standby is {lag} bytes behind, {} are allowed", self.max_lag));
        }
        let rewinds = "SELECT current_setting('wal_log_hints') = 'on' OR current_setting('data_checksums') = 'on'";
        if self.from.ask(rewinds)?.trim() != "t" {
            let way = "set wal_log_hints = on, or use data checksums";
            return Err(format!("the servers cannot be rewound after a failover: {way}"));
        }
        Ok(format!("a primary, and a standby that is {lag} bytes behind"))
    }

    fn next(&self, goal: Goal) -> Result<Option<Move>, String> {
        match goal {
            Goal::Drained => return Ok(None),
            Goal::Level => {
                let undo = "nothing".to_owned();
                let behind = self.lag()? > self.max_lag;
                return Ok(behind.then_some(Move { name: "wait_for_standby", undo }));
            }
            Goal::Switched | Goal::Paired | Goal::First => {}
        }
        let (leader, follower) = self.sides(goal);
        let undo = Self::told(leader, follower);
        let step = |name| Ok(Some(Move { name, undo: undo.clone() }));
        // A machine that cannot be reached tells nothing: it counts as running, until its power is off.
        let unreachable = self.may_lose(goal) && !follower.is_reachable();
        let there = match follower.state() {
            _ if unreachable => State::Unknown,
            // It runs, and answers nothing: it may still take writes.
            Err(_) if self.may_lose(goal) => State::Primary,
            other => other?,
        };
        let here = leader.state()?;
        // A fence that was cut off, or taken back, must not lie in wait for the next restart.
        if here == State::Primary && there != State::Primary && leader.is_marked()? {
            return step("unmark");
        }
        match (here, there) {
            (State::Primary, State::Primary) => Err(format!(
                "TWO PRIMARIES: {} and {} both take writes. Nothing was done. Stop one of them by hand at once",
                leader.place(),
                follower.place()
            )),
            (State::Primary, State::Unknown) => Ok(None),
            // Traffic is let in first: the other side is looked after when all is switched.
            (State::Primary, _) if !self.is_paired(goal) => Ok(None),
            (State::Primary, State::Standby) if self.streams(leader, follower)? => Ok(None),
            (State::Primary, State::Standby) => step("follow"),
            (State::Primary, _) => step("rejoin"),
            (State::Standby, State::Primary) => step("fence"),
            (State::Standby, State::Unknown) if self.power_is_off => step("promote"),
            (State::Standby, State::Unknown) => step("power_off"),
            (State::Standby, State::Standby) => step("stop_follower"),
            (State::Standby, _) => {
                let control = follower.control()?;
                if !follower.is_marked()? {
                    return step("mark");
                }
                let lossless = !control.crashed && self.is_level(leader, &control)?;
                if lossless || self.may_lose(goal) {
                    return step("promote");
                }
                step("start_follower")
            }
            (_, State::Primary) => step("join"),
            (_, State::Standby) => step("stop_follower"),
            (_, State::Unknown) => step("start_leader_as_standby"),
            // Neither runs: whoever led last leads again, so that nothing is lost; the rest follows from there.
            (_, _) => {
                let (one, other) = (leader.control()?, follower.control()?);
                if one.led_after(&other) { step("start_leader") } else { step("start_follower") }
            }
        }
    }

    fn make(&self, goal: Goal, name: &str) -> Result<String, String> {
        let (leader, follower) = self.sides(goal);
        let (one, other) = (leader.place(), follower.place());
        match name {
            "wait_for_standby" => {
                self.wait("the standby", || Ok(self.lag()? <= self.max_lag))?;
                Ok(format!("{} is {} bytes behind", self.to.place(), self.lag()?))
            }
            "fence" => {
                if !self.may_lose(goal) {
                    self.wait("the standby", || self.streams(follower, leader))?;
                }
                follower.mark(&leader.written.conninfo)?;
                follower.stop(self.may_lose(goal))?;
                Ok(format!("{other} is stopped, and would come up as a standby"))
            }
            "mark" => {
                follower.mark(&leader.written.conninfo)?;
                Ok(format!("{other} would come up as a standby"))
            }
            "unmark" => {
                leader.unmark()?;
                Ok(format!("{one} would come up as a primary"))
            }
            "power_off" => {
                follower.power_off()?;
                Ok(format!("{other} is switched off"))
            }
            "stop_follower" => {
                follower.mark(&leader.written.conninfo)?;
                follower.stop(false)?;
                Ok(format!("{other} is stopped"))
            }
            "start_leader" => {
                // Neither runs: the other is marked first, so that only one can come up as primary.
                follower.mark(&leader.written.conninfo)?;
                leader.unmark()?;
                leader.start()?;
                Ok(format!("{one} leads"))
            }
            "start_leader_as_standby" => {
                leader.mark(&follower.written.conninfo)?;
                leader.start()?;
                Ok(format!("{one} runs as a standby"))
            }
            "start_follower" => {
                if follower.control()?.was_standby {
                    follower.mark(&leader.written.conninfo)?;
                } else {
                    if leader.state()?.runs() {
                        leader.stop(false)?;
                    }
                    leader.mark(&follower.written.conninfo)?;
                    follower.unmark()?;
                }
                follower.start()?;
                Ok(format!("{other} runs again"))
            }
            "promote" => {
                // Looked at once more, in the last moment: never two.
                if follower.is_reachable() && follower.state().map_or(true, State::runs) {
                    return Err(format!("{other} runs: {one} was not promoted"));
                }
                leader.promote()?;
                Ok(format!("{one} leads"))
            }
            "join" | "rejoin" | "follow" => {
                let (stays, joins) =
                    if name == "join" { (follower, leader) } else { (leader, follower) };
                self.join(stays, joins)
            }
            other => Err(format!("there is no move {other}")),
        }
    }

    fn prove(&self, goal: Goal) -> Result<String, String> {
        let (leader, follower) = self.sides(goal);
        leader.write()?;
        if follower.is_reachable() && follower.state()? == State::Primary {
            let (one, other) = (leader.place(), follower.place());
            return Err(format!("TWO PRIMARIES: {one} and {other} both take writes"));
        }
        let alone = !self.is_paired(goal);
        if !alone {
            self.wait("the standby", || self.streams(leader, follower))?;
        }
        let place = leader.place();
        Ok(if alone {
            format!("{place} took a write")
        } else {
            format!("{place} took a write, and {} follows it", follower.place())
        })
    }

    fn tell(&self, goal: Goal) -> Vec<String> {
        told::plan(self, goal)
    }

    fn by_hand(&self) -> String {
        told::by_hand(self)
    }
}

impl Pair<'_> {
    /// Makes one a standby of the other: as it is, else rewound to where the two parted.
    fn join(&self, stays: &Node<'_>, joins: &Node<'_>) -> Result<String, String> {
        let (to, place) = (&stays.written.conninfo, joins.place());
        let follows = || {
            self.wait(&format!("{place} to follow {}", stays.place()), || {
                self.streams(stays, joins)
            })
        };
        let running = joins.state()?.runs();
        if running && follows_already(joins, to) && self.streams(stays, joins)? {
            return Ok(format!("{place} follows {}", stays.place()));
        }
        if running {
            joins.stop(false)?;
        }
        joins.mark(to)?;
        // Until its first checkpoint a new primary says that it is still on the old time line.
        stays.ask("CHECKPOINT")?;
        // A standby goes on by itself, whatever death it died; also one that was rewound a moment ago and never ran since,
        // which must not be rewound again. Only a primary can have gone another way.
        let control = joins.control()?;
        let as_it_is = control.was_standby || (!control.crashed && !stays.parted_from(joins)?);
        if as_it_is {
            joins.start()?;
            if follows().is_ok() {
                return Ok(format!("{place} follows {}", stays.place()));
            }
            joins.stop(false)?;
        }
        let said = joins.rewind(to, stays.written.password_env.as_deref())?;
        joins.mark(to)?;
        joins.start()?;
        follows()?;
        Ok(format!("{place} was rewound, and follows {}{}", stays.place(), last_words(&said)))
    }
}

/// Whether a standby asks the server that it is to follow.
fn follows_already(standby: &Node<'_>, conninfo: &str) -> bool {
    let asked = standby.ask("SELECT current_setting('primary_conninfo')");
    asked.is_ok_and(|found| found.trim() == conninfo)
}
