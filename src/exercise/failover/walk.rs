//! The way of a failover: component by component, move by move, each noted before it is made; and the way back.

use std::io;
use std::time::Duration;

use super::super::Rehearsal;
use super::observe::Series;
use super::switch::{Goal, Switch, switch_of};
use crate::clock::{Clock, Timestamp};
use crate::engine::StepResult;
use crate::manifest::Request;
use crate::manifest::exercise::{Component, Failover};
use crate::plan::exercise::Stage;
use crate::request::Hands;
use crate::wire::event::{ActionPlan, Class, Context, Status};
use crate::wire::exercise::Mode;

/// Most moves of a component towards one goal: what needs more goes round in a circle.
const MOVES: usize = 24;

/// How a part of the way went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// As it was to.
    Well,
    /// Not: the first state has to be brought back.
    Wrong,
    /// It was interrupted: somebody goes on later.
    Paused,
}

impl Went {
    fn of(status: Status) -> Self {
        if status == Status::Passed { Self::Well } else { Self::Wrong }
    }
}

/// What work for a goal came to.
enum Work {
    Done(String),
    Failed(String),
    Paused,
}

/// A failover under way.
pub(super) struct Walk<'a, 'b> {
    pub(super) rehearsal: &'a mut Rehearsal<'b>,
    pub(super) failover: &'a Failover,
    pub(super) components: Vec<&'a Component>,
    pub(super) hands: &'a Hands<'a>,
    pub(super) clock: &'a dyn Clock,
}

impl Walk<'_, '_> {
    /// How an ended step went; `None` where it has not ended.
    fn ended(&self, stage: Stage) -> Option<Went> {
        let end = self.rehearsal.engine.outcome.end_of(stage.id())?;
        Some(Went::of(end.status))
    }

    /// Ends a step by what its work came to. One that was interrupted stays open.
    fn finish(
        &mut self,
        stage: Stage,
        work: impl FnOnce(&mut Self) -> io::Result<Work>,
    ) -> io::Result<Went> {
        if !self.rehearsal.stages.contains(&stage) {
            return Ok(Went::Well);
        }
        if let Some(went) = self.ended(stage) {
            return Ok(went);
        }
        let begun = self.rehearsal.engine.begin_step(stage.id())?;
        let result = match work(self)? {
            Work::Paused => return Ok(Went::Paused),
            Work::Done(notes) => StepResult::passed(notes, Context::default()),
            Work::Failed(message) => {
                let hint = if stage == Stage::PreChecks {
                    "mend it, and run the failover again"
                } else {
                    "what was begun is rolled back; the actions in the report tell how far it came"
                };
                StepResult::failed(
                    Class::Exercise,
                    &message,
                    Some(hint.to_owned()),
                    Context::default(),
                )
            }
        };
        let status = self.rehearsal.engine.end_step(begun, result, true)?;
        Ok(Went::of(status))
    }

    /// Ends what was planned and is not done any more.
    pub(super) fn give_up(&mut self, why: &str) -> io::Result<()> {
        for stage in
            [Stage::PreChecks, Stage::DrainTraffic, Stage::SyncData, Stage::Switch, Stage::Validate]
        {
            if self.rehearsal.stages.contains(&stage) && self.ended(stage).is_none() {
                let steps = &self.rehearsal.engine.outcome.steps;
                let begun = steps.iter().any(|s| s.id == stage.id() && s.started_at.is_some());
                self.rehearsal.step(stage, |_| {
                    let message = format!("it was cut off, and not gone on with: {why}");
                    Ok(if begun {
                        StepResult::inconclusive(&message, "run the failover again")
                    } else {
                        StepResult::skipped(why)
                    })
                })?;
            }
        }
        Ok(())
    }

    /// Does one thing for a component, and notes it before and after.
    fn act(
        &mut self,
        (stage, component): (Stage, &str),
        (action, undo): (&str, Option<String>),
        work: impl FnOnce() -> Result<String, String>,
    ) -> io::Result<Result<String, String>> {
        let plan = ActionPlan {
            step: stage.id().to_owned(),
            of: component.to_owned(),
            action: action.to_owned(),
            started_at: self.rehearsal.engine.now(),
            undo,
        };
        let (status, message) = self.rehearsal.act(plan, || match work() {
            Ok(message) => (Status::Passed, message),
            Err(message) => (Status::Failed, message),
        })?;
        Ok(if status == Status::Passed { Ok(message) } else { Err(message) })
    }

    fn request(
        &mut self,
        at: (Stage, &str),
        name: &str,
        request: &Request,
    ) -> io::Result<Result<String, String>> {
        let hands = self.hands;
        self.act(at, (name, None), || {
            hands.perform(request, &[], Duration::MAX).map(|_| "as it has to be".to_owned())
        })
    }

    /// Looks at everything before anything is begun.
    pub(super) fn pre_checks(&mut self, probe: Option<&Series<'_>>) -> io::Result<Went> {
        let gates = self.failover.mode == Mode::Planned;
        self.finish(Stage::PreChecks, |walk| {
            let mut wrong = Vec::new();
            let mut checked = 0;
            for component in walk.components.clone() {
                if walk.rehearsal.engine.interrupted() {
                    return Ok(Work::Paused);
                }
                let at = (Stage::PreChecks, component.name.as_str());
                let switch = walk.switch(component);
                if switch.can_look() {
                    checked += 1;
                    if let Err(error) = walk.act(at, ("look", None), || switch.look())? {
                        wrong.push(format!("{}: {error}", component.name));
                    }
                }
                if let Some(request) = &component.pre_check {
                    checked += 1;
                    if let Err(error) = walk.request(at, "pre_check", request)? {
                        wrong.push(format!("{}: {error}", component.name));
                    }
                }
            }
            if gates && probe.is_some_and(|probe| probe.newest() == Some(false)) {
                wrong.push("the service does not answer".to_owned());
            }
            Ok(match (wrong.first(), gates) {
                (None, _) => Work::Done(format!("{checked} check(s) hold")),
                (Some(first), true) => Work::Failed(format!("nothing was begun: {first}")),
                (Some(first), false) => {
                    let count = wrong.len();
                    Work::Done(format!(
                        "{count} of {checked} check(s) do not hold, as is to be expected: {first}"
                    ))
                }
            })
        })
    }

    fn switch<'c>(&self, component: &'c Component) -> Box<dyn Switch + 'c>
    where
        Self: 'c,
    {
        switch_of(component, self.failover.mode, self.hands, &self.rehearsal.engine.outcome)
    }

    /// Works for a goal, for each component in order.
    pub(super) fn stage(&mut self, goal: Goal) -> io::Result<Went> {
        self.finish(goal.stage(), |walk| {
            let mut moves = 0;
            for component in walk.components.clone() {
                match walk.reach(component, goal)? {
                    Ok(made) => moves += made,
                    Err(Stop::Paused) => return Ok(Work::Paused),
                    Err(Stop::Failed(why)) => {
                        return Ok(Work::Failed(format!("{}: {why}", component.name)));
                    }
                }
            }
            Ok(Work::Done(format!("{moves} move(s)")))
        })
    }

    /// Moves a component until it is where it is to get, and proves it.
    fn reach(&mut self, component: &Component, goal: Goal) -> io::Result<Result<usize, Stop>> {
        let at = (goal.stage(), component.name.as_str());
        for made in 0..MOVES {
            // On the way back nothing but its own limits ends it.
            if goal != Goal::First {
                if self.rehearsal.engine.interrupted() {
                    return Ok(Err(Stop::Paused));
                }
                if let Some(late) = self.late() {
                    return Ok(Err(Stop::Failed(late)));
                }
            }
            let switch = self.switch(component);
            let step = match switch.next(goal) {
                Ok(Some(step)) => step,
                Ok(None) => {
                    // What is brought back is proven when all is: the last to be brought back is what the first needs.
                    if matches!(goal, Goal::Switched | Goal::Paired) {
                        let proven = self.act(at, ("verify", None), || switch.prove(goal))?;
                        return Ok(proven.map(|_| made).map_err(Stop::Failed));
                    }
                    return Ok(Ok(made));
                }
                Err(error) => return Ok(Err(Stop::Failed(error))),
            };
            let what = (step.name, Some(step.undo));
            if let Err(error) = self.act(at, what, || switch.make(goal, step.name))? {
                return Ok(Err(Stop::Failed(format!("{}: {error}", step.name))));
            }
        }
        Ok(Err(Stop::Failed(format!("{MOVES} moves did not bring it there"))))
    }

    /// Whether the whole has taken longer than it may.
    fn late(&self) -> Option<String> {
        let began: Timestamp = self.rehearsal.engine.outcome.started_at.parse().ok()?;
        let seconds = self.clock.now().minutes_since(began) * 60.0;
        let limit = self.failover.written.max_duration_seconds;
        (seconds > limit).then(|| format!("it took longer than {limit} s altogether"))
    }

    /// Proves that everything works where it is now.
    pub(super) fn validate(&mut self) -> io::Result<Went> {
        self.finish(Stage::Validate, |walk| {
            let mut proven = 0;
            for component in walk.components.clone() {
                let mut went = walk.reach(component, Goal::Paired)?;
                if let (Ok(_), Some(request)) = (&went, &component.health) {
                    let at = (Stage::Validate, component.name.as_str());
                    went = walk.request(at, "health", request)?.map(|_| 0).map_err(Stop::Failed);
                }
                match went {
                    Ok(_) => proven += 1,
                    Err(Stop::Paused) => return Ok(Work::Paused),
                    Err(Stop::Failed(error)) => {
                        return Ok(Work::Failed(format!("{}: {error}", component.name)));
                    }
                }
            }
            Ok(match walk.late() {
                Some(late) => Work::Failed(late),
                None => Work::Done(format!("{proven} component(s) work")),
            })
        })
    }

    /// Brings back the first state, in reverse order, of `all` components or of those that were touched.
    pub(super) fn roll_back(&mut self, wanted: bool, all: bool) -> io::Result<Went> {
        if let Some(went) = self.ended(Stage::RollBack) {
            return Ok(went);
        }
        let touched: Vec<&Component> = self.components.clone().into_iter().rev().collect();
        let touched: Vec<&Component> =
            touched.into_iter().filter(|one| all || self.is_touched(&one.name)).collect();
        let begun = self.rehearsal.engine.begin_step(Stage::RollBack.id())?;
        let mut wrong = None;
        if wanted {
            for (number, component) in touched.iter().enumerate() {
                if let Err(Stop::Failed(why)) = self.reach(component, Goal::First)? {
                    wrong = Some((number, why));
                    break;
                }
            }
            for (number, component) in touched.iter().enumerate().rev() {
                if wrong.is_none()
                    && let Err(why) = self.is_back(component)?
                {
                    wrong = Some((number, why));
                }
            }
        }
        let result = match (wrong, wanted) {
            (_, false) => StepResult::passed("not needed", Context::default()),
            (None, true) if touched.is_empty() => {
                StepResult::passed("nothing had been changed", Context::default())
            }
            (None, true) => {
                let notes = format!("{} component(s) are in their first state", touched.len());
                StepResult::passed(notes, Context::default())
            }
            (Some((number, why)), true) => self.not_brought_back(&touched[number..], &why),
        };
        let status = self.rehearsal.engine.end_step(begun, result, true)?;
        Ok(Went::of(status))
    }

    /// Proves that a component is in its first state, and works.
    fn is_back(&mut self, component: &Component) -> io::Result<Result<String, String>> {
        let at = (Stage::RollBack, component.name.as_str());
        let switch = self.switch(component);
        let proven = self.act(at, ("verify", None), || switch.prove(Goal::First))?;
        match (&proven, &component.health) {
            (Ok(_), Some(request)) => self.request(at, "health", request),
            _ => Ok(proven),
        }
    }

    /// The loudest thing that can be said.
    fn not_brought_back(&self, left: &[&Component], why: &str) -> StepResult {
        let names: Vec<&str> = left.iter().map(|component| component.name.as_str()).collect();
        let first = names.first().copied().unwrap_or_default();
        let message = format!(
            "THE ROLLBACK FAILED at {first}: {why}. NOT BROUGHT BACK, AND TO BE LOOKED AT NOW: {}",
            names.join(", ")
        );
        let by_hand: Vec<String> = left
            .iter()
            .map(|component| {
                let own = component.by_hand.clone();
                format!(
                    "{}: {}",
                    component.name,
                    own.unwrap_or_else(|| self.switch(component).by_hand())
                )
            })
            .collect();
        let hint = format!(
            "by hand, in this order: {}. Or mend what stands in the way, and run: dr-drill exercise rollback",
            by_hand.join(". Then ")
        );
        StepResult::failed(Class::Rollback, &message, Some(hint), Context::default())
    }

    /// Whether anything may have been changed.
    fn is_touched(&self, name: &str) -> bool {
        let changing = [Stage::DrainTraffic, Stage::SyncData, Stage::Switch].map(Stage::id);
        let looks = ["verify", "wait_for_standby"];
        self.rehearsal.engine.outcome.actions.iter().any(|action| {
            let plan = &action.plan;
            plan.of == name
                && changing.contains(&plan.step.as_str())
                && !looks.contains(&plan.action.as_str())
        })
    }
}

/// Why a component did not get where it was to.
enum Stop {
    Failed(String),
    Paused,
}
