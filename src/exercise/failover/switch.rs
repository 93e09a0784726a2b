//! What every component can do, whatever it is: tell the next move towards a goal, make it, and prove the goal.

use std::time::Duration;

use super::dns::Record;
use super::haproxy::Backend;
use super::postgres::Pair;
use crate::manifest::Request;
use crate::manifest::exercise::{Actions, Component, Switch as Written};
use crate::outcome::Outcome;
use crate::plan::exercise::Stage;
use crate::request::Hands;
use crate::wire::event::Status;
use crate::wire::exercise::Mode;

/// Where a component is to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// It takes no new work on its first side.
    Drained,
    /// Its second side is level with the first.
    Level,
    /// It is on its second side.
    Switched,
    /// The side that it came from serves as the other one.
    Paired,
    /// It is on its first side again.
    First,
}

impl Goal {
    /// The stage in which it is worked for.
    pub(super) fn stage(self) -> Stage {
        match self {
            Self::Drained => Stage::DrainTraffic,
            Self::Level => Stage::SyncData,
            Self::Switched => Stage::Switch,
            Self::Paired => Stage::Validate,
            Self::First => Stage::RollBack,
        }
    }
}

/// One thing that has to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// What.
    pub(super) name: &'static str,
    /// What would undo it, for people.
    pub(super) undo: String,
}

/// Something that can be switched. Every answer follows from how things are, not from what was done before: so it can be
/// asked again by another process.
pub(super) trait Switch {
    /// Whether it can tell how things are.
    fn can_look(&self) -> bool {
        true
    }

    /// Looks whether it is as it has to be before anything is begun.
    fn look(&self) -> Result<String, String>;

    /// The next move towards a goal; nothing where it is there.
    fn next(&self, goal: Goal) -> Result<Option<Move>, String>;

    /// Makes a move.
    fn make(&self, goal: Goal, name: &str) -> Result<String, String>;

    /// Proves that it is where it was to get.
    fn prove(&self, goal: Goal) -> Result<String, String>;

    /// What people do where it cannot be brought back.
    fn by_hand(&self) -> String;

    /// What would be done for a goal, in order, for people.
    fn tell(&self, goal: Goal) -> Vec<String>;
}

/// What switches a component. `outcome` is what this run has done so far: actions of a file cannot be asked how things
/// are.
pub(super) fn switch_of<'a>(
    component: &'a Component,
    mode: Mode,
    hands: &'a Hands<'a>,
    outcome: &Outcome,
) -> Box<dyn Switch + 'a> {
    let done = done(outcome, &component.name);
    match &component.switch {
        Written::Postgres(pair) => {
            let off = done.iter().any(|(_, action)| action == "power_off");
            Box::new(Pair::new(pair, mode, hands, off))
        }
        Written::Haproxy(haproxy) => Box::new(Backend::new(haproxy)),
        Written::Dns(dns) => Box::new(Record::new(dns, hands)),
        Written::Actions(actions) => Box::new(Own { actions, hands, done }),
    }
}

/// Names of the moves of a component that were made, each with its stage.
fn done(outcome: &Outcome, name: &str) -> Vec<(String, String)> {
    let ended = outcome.actions.iter().filter(|action| action.plan.of == name);
    let ended =
        ended.filter(|action| action.end.as_ref().is_some_and(|end| end.status == Status::Passed));
    ended.map(|action| (action.plan.step.clone(), action.plan.action.clone())).collect()
}

/// A component that is switched by actions of the file.
struct Own<'a> {
    actions: &'a Actions,
    hands: &'a Hands<'a>,
    done: Vec<(String, String)>,
}

impl Own<'_> {
    fn request(&self, name: &str) -> Option<&Request> {
        match name {
            "drain" => self.actions.drain.as_ref(),
            "sync" => self.actions.sync.as_ref(),
            "execute" => Some(&self.actions.execute),
            "rollback" => Some(&self.actions.rollback),
            _ => None,
        }
    }

    fn perform(&self, request: &Request) -> Result<String, String> {
        let answer = self.hands.perform(request, &[], Duration::MAX)?;
        let answer = answer.trim().lines().last().unwrap_or_default().chars().take(200).collect();
        Ok(if String::is_empty(&answer) { "it succeeded".to_owned() } else { answer })
    }
}

impl Switch for Own<'_> {
    fn can_look(&self) -> bool {
        false
    }

    fn look(&self) -> Result<String, String> {
        Err("actions of a file cannot tell how things are".to_owned())
    }

    fn next(&self, goal: Goal) -> Result<Option<Move>, String> {
        let name = match goal {
            Goal::Drained => "drain",
            Goal::Level => "sync",
            Goal::Switched => "execute",
            Goal::First => "rollback",
            Goal::Paired => return Ok(None),
        };
        let made =
            |(stage, action): &(String, String)| stage == goal.stage().id() && action == name;
        if self.request(name).is_none() || self.done.iter().any(made) {
            return Ok(None);
        }
        let undo = self.actions.rollback.told();
        Ok(Some(Move { name, undo: if goal == Goal::First { "nothing".to_owned() } else { undo } }))
    }

    fn make(&self, _: Goal, name: &str) -> Result<String, String> {
        let request = self.request(name).ok_or_else(|| format!("there is no action {name}"))?;
        self.perform(request)
    }

    fn prove(&self, goal: Goal) -> Result<String, String> {
        match goal {
            Goal::Switched | Goal::Paired => self.perform(&self.actions.verify),
            Goal::First => Ok("its rollback succeeded".to_owned()),
            Goal::Drained | Goal::Level => Ok("it succeeded".to_owned()),
        }
    }

    fn tell(&self, goal: Goal) -> Vec<String> {
        let actions = self.actions;
        let requests = match goal {
            Goal::Drained => vec![actions.drain.as_ref()],
            Goal::Level => vec![actions.sync.as_ref()],
            Goal::Switched => vec![Some(&actions.execute), Some(&actions.verify)],
            Goal::First => vec![Some(&actions.rollback)],
            Goal::Paired => Vec::new(),
        };
        requests.into_iter().flatten().map(Request::told).collect()
    }

    fn by_hand(&self) -> String {
        format!("run its rollback until it succeeds: {}", self.actions.rollback.told())
    }
}
