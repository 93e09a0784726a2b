//! A tabletop: each step of each scenario is put to the people in the room, and what they say is written down as they
//! say it.

use std::io;

use super::{Conclusion, Loaded, Rehearsal, Setup};
use crate::clock::{Stopwatch, Timestamp};
use crate::engine::StepResult;
use crate::event::Evidence;
use crate::manifest::exercise::{Scenario, Tabletop};
use crate::plan::exercise::{Stage, analysis, stages};
use crate::wire::event::{
    ActionFacts, ActionPlan, Body, Class, ClosedGapFacts, Context, Finding, GapFacts,
    ObservationFacts, Severity, Status,
};
use crate::wire::exercise::{Gap, GapPriority, ResponseStep};

/// Where people sit.
pub trait Room {
    /// Says something.
    fn say(&mut self, text: &str);

    /// Asks something, and waits for a line. `None` where nobody is there any more.
    ///
    /// # Errors
    /// When nothing can be read.
    fn ask(&mut self, question: &str) -> io::Result<Option<String>>;
}

/// What people can say of a step.
const HELP: &str = "  Enter  discussed: this would work
  n      this would not work
  g      note a gap
  o      note an observation
  s      skip this step
  p      pause: go on later with `--resume`
";

/// Talks a tabletop through to its end, or until people pause. `open` are the gaps that earlier exercises of the name
/// have left.
///
/// # Errors
/// When the evidence cannot be written, or the room not be heard.
pub fn talk(
    loaded: &Loaded,
    tabletop: &Tabletop,
    setup: &Setup<'_>,
    open: &[GapFacts],
    evidence: &mut dyn Evidence,
    room: &mut dyn Room,
) -> io::Result<Conclusion> {
    let mut rehearsal = Rehearsal::begin(loaded, setup, stages(&loaded.exercise), evidence)?;
    rehearsal.load(loaded, setup)?;
    rehearsal.step(Stage::AnalyseScenarios, |_| {
        let (facts, findings) = analysis(tabletop);
        let notes = format!("{} scenario(s), {} finding(s)", facts.scenarios.len(), findings.len());
        let context = Context { tabletop: Some(facts), ..Context::default() };
        Ok(StepResult { findings, ..StepResult::passed(notes, context) })
    })?;
    let mut talk = Talk { rehearsal: &mut rehearsal, room, open };
    if talk.walk_through(tabletop)?.is_none() {
        return Ok(Conclusion { outcome: rehearsal.engine.outcome, judgement: None });
    }
    rehearsal.conclude(&loaded.exercise)
}

/// People have asked to go on later.
enum Pause {
    No,
    Yes,
}

struct Talk<'a, 'b> {
    rehearsal: &'a mut Rehearsal<'b>,
    room: &'a mut dyn Room,
    open: &'a [GapFacts],
}

impl Talk<'_, '_> {
    /// `None` where people pause.
    fn walk_through(&mut self, tabletop: &Tabletop) -> io::Result<Option<Status>> {
        let stage = Stage::WalkThrough.id();
        if let Some(end) = self.rehearsal.engine.outcome.end_of(stage) {
            return Ok(Some(end.status));
        }
        let begun = self.rehearsal.engine.begin_step(stage)?;
        if self.rehearsal.engine.outcome.actions.is_empty() {
            if let Pause::Yes = self.look_back()? {
                return Ok(None);
            }
            self.known_gaps(tabletop)?;
        }
        let count = tabletop.written.scenarios.len();
        for (number, scenario) in (1..).zip(tabletop.scenarios()) {
            if let Pause::Yes = self.scenario(&format!("{number} of {count}"), scenario)? {
                return Ok(None);
            }
        }
        let result = self.came_to();
        self.rehearsal.engine.end_step(begun, result, true).map(Some)
    }

    /// What was missing the last time: is it still?
    fn look_back(&mut self) -> io::Result<Pause> {
        for gap in self.open {
            let closed = &self.rehearsal.engine.outcome.closed_gaps;
            if closed.iter().any(|closed| closed.id == gap.id) {
                continue;
            }
            let (what, owner) =
                (&gap.gap.description, gap.gap.owner.as_deref().unwrap_or("nobody"));
            let priority = gap.gap.priority.word();
            let question = format!(
                "Open since {}: {priority} {what} ({owner}). Closed? [y/N] ",
                day(&gap.found_at)
            );
            let Some(answer) = self.room.ask(&question)? else { return Ok(Pause::Yes) };
            if answer.trim().eq_ignore_ascii_case("y") {
                let (id, closed_at) = (gap.id.clone(), self.rehearsal.engine.now());
                self.rehearsal.engine.emit(Body::GapClosed(ClosedGapFacts { id, closed_at }))?;
            }
        }
        Ok(Pause::No)
    }

    /// What the file says is missing.
    fn known_gaps(&mut self, tabletop: &Tabletop) -> io::Result<()> {
        for scenario in tabletop.scenarios() {
            for gap in &scenario.written.gaps {
                let name = &scenario.written.name;
                let known = |found: &GapFacts| found.gap == *gap && found.scenario == *name;
                if !self.rehearsal.engine.outcome.gaps.iter().any(known) {
                    self.gap_found(name, None, gap.clone())?;
                }
            }
        }
        Ok(())
    }

    fn gap_found(&mut self, scenario: &str, step: Option<&str>, gap: Gap) -> io::Result<()> {
        let engine = &mut self.rehearsal.engine;
        let same =
            |open: &&GapFacts| open.scenario == scenario && open.gap.description == gap.description;
        let id = match self.open.iter().find(same) {
            Some(open) => open.id.clone(),
            None => format!("{}-g{}", engine.outcome.run_id, engine.outcome.gaps.len() + 1),
        };
        let (scenario, step) = (scenario.to_owned(), step.map(str::to_owned));
        let found_at = engine.now();
        engine.emit(Body::GapFound(GapFacts { id, scenario, step, gap, found_at }))
    }

    fn scenario(&mut self, number: &str, scenario: Scenario<'_>) -> io::Result<Pause> {
        let (written, table) = (scenario.written, scenario.timetable);
        let ended = |actions: &[crate::outcome::ActionOutcome], id: &str| {
            let of = |action: &&crate::outcome::ActionOutcome| {
                action.plan.of == written.name && action.plan.action == id && action.end.is_some()
            };
            actions.iter().any(|action| of(&action))
        };
        let left = |talk: &Self| {
            let actions = &talk.rehearsal.engine.outcome.actions;
            table
                .order
                .iter()
                .filter(|at| !ended(actions, &written.steps[**at].id))
                .copied()
                .collect::<Vec<_>>()
        };
        let open = left(self);
        if open.is_empty() {
            return Ok(Pause::No);
        }
        self.room.say(&format!(
            "\nScenario {number}: {} ({:?})\n{}\nIt is noticed by: {}\nIt affects: {}\nEverything has to be back within {} minutes; the steps take {} on the critical path, {} one after the other.\n{HELP}",
            written.name,
            written.severity,
            written.description.trim_end(),
            written.triggers.join("; "),
            written.affected_systems.join(", "),
            written.expected_rto_minutes,
            table.length,
            table.total,
        ));
        for at in open {
            let step = &written.steps[at];
            let starts = table.starts[at];
            if let Pause::Yes = self.response(&written.name, step, starts)? {
                return Ok(Pause::Yes);
            }
        }
        Ok(Pause::No)
    }

    /// One step, until people have done with it.
    fn response(&mut self, scenario: &str, step: &ResponseStep, starts: f64) -> io::Result<Pause> {
        let stage = Stage::WalkThrough.id().to_owned();
        let (of, action) = (scenario.to_owned(), step.id.clone());
        let started_at = self.rehearsal.engine.now();
        let plan = ActionPlan {
            step: stage.clone(),
            of: of.clone(),
            action: action.clone(),
            started_at,
            undo: None,
        };
        self.rehearsal.engine.emit(Body::ActionStarted(plan))?;
        let watch = Stopwatch::start();
        let tools =
            if step.tools.is_empty() { "nothing".to_owned() } else { step.tools.join(", ") };
        self.room.say(&format!(
            "\n[{}] {}\n  {} after {starts} minutes, for {} minutes, with {tools}",
            step.id, step.action, step.role, step.minutes
        ));
        let (status, message) = loop {
            let Some(answer) = self.room.ask("  > ")? else { return Ok(Pause::Yes) };
            let answer = answer.trim();
            let (word, rest) = answer.split_once(' ').unwrap_or((answer, ""));
            match word {
                "" | "d" => break (Status::Passed, "discussed".to_owned()),
                "n" => {
                    let Some(why) = self.text(rest, "  Why not? ")? else { return Ok(Pause::Yes) };
                    break (Status::Failed, why);
                }
                "s" => break (Status::Skipped, "not discussed".to_owned()),
                "p" => return Ok(Pause::Yes),
                "g" => {
                    let Some(gap) = self.gap(rest)? else { return Ok(Pause::Yes) };
                    self.gap_found(scenario, Some(&step.id), gap)?;
                }
                "o" => {
                    let Some(text) = self.text(rest, "  What? ")? else { return Ok(Pause::Yes) };
                    let (scenario, step) = (scenario.to_owned(), Some(step.id.clone()));
                    let at = self.rehearsal.engine.now();
                    let said = ObservationFacts { scenario, step, text, at };
                    self.rehearsal.engine.emit(Body::Observed(said))?;
                }
                _ => self.room.say(HELP),
            }
        };
        let (ended_at, duration_seconds) = (self.rehearsal.engine.now(), watch.seconds());
        let facts =
            ActionFacts { step: stage, of, action, ended_at, duration_seconds, status, message };
        self.rehearsal.engine.emit(Body::ActionFinished(facts))?;
        Ok(Pause::No)
    }

    /// What was given, else asked for until it is more than nothing.
    fn text(&mut self, given: &str, question: &str) -> io::Result<Option<String>> {
        let mut text = given.trim().to_owned();
        while text.is_empty() {
            let Some(answer) = self.room.ask(question)? else { return Ok(None) };
            text = answer.trim().to_owned();
        }
        Ok(Some(text))
    }

    fn gap(&mut self, given: &str) -> io::Result<Option<Gap>> {
        let Some(description) = self.text(given, "  What is missing? ")? else { return Ok(None) };
        let kinds = "  Of which kind (people, process, technology, documentation)? ";
        let Some(category) = self.text("", kinds)? else { return Ok(None) };
        let priority = loop {
            let how = "  How bad? P1: the recovery would fail, P2: it would be late, P3: it would be harder: ";
            let Some(answer) = self.room.ask(how)? else { return Ok(None) };
            match answer.trim().to_uppercase().as_str() {
                "P1" | "1" => break GapPriority::P1,
                "P2" | "2" => break GapPriority::P2,
                "P3" | "3" => break GapPriority::P3,
                _ => {}
            }
        };
        let mut optional = |question: &str| {
            let answer = self.room.ask(question)?;
            Ok::<_, io::Error>(
                answer.map(|text| Some(text.trim().to_owned()).filter(|t| !t.is_empty())),
            )
        };
        let Some(remediation) = optional("  What is to be done? ")? else { return Ok(None) };
        let Some(owner) = optional("  Who answers for it? ")? else { return Ok(None) };
        let due = loop {
            let Some(due) = optional("  Until when (as 2026-12-31)? ")? else { return Ok(None) };
            match due {
                Some(day) if format!("{day}T00:00:00Z").parse::<Timestamp>().is_err() => {}
                due => break due,
            }
        };
        Ok(Some(Gap { description, category, priority, remediation, owner, due }))
    }

    /// What was said of all steps together.
    fn came_to(&self) -> StepResult {
        let outcome = &self.rehearsal.engine.outcome;
        let ends = outcome.actions.iter().filter_map(|action| action.end.as_ref());
        let with = |status| ends.clone().filter(move |end| end.status == status);
        let severe = outcome.gaps.iter().filter(|gap| gap.gap.priority == GapPriority::P1);
        let findings = severe.map(|gap| Finding {
            id: "gap_p1".to_owned(),
            severity: Severity::Error,
            message: format!("{}: {}", gap.scenario, gap.gap.description),
            place: gap.step.clone().unwrap_or_default(),
            class: Some(Class::Exercise),
        });
        let findings = findings.collect();
        let (failed, skipped) = (with(Status::Failed).count(), with(Status::Skipped).count());
        let notes = format!(
            "{} step(s) discussed, {} gap(s)",
            with(Status::Passed).count() + failed,
            outcome.gaps.len()
        );
        if let Some(first) = with(Status::Failed).next() {
            let message = format!(
                "{failed} step(s) would not work, such as `{}` of {}: {}",
                first.action, first.of, first.message
            );
            let hint = Some("change the answer, and talk it through again".to_owned());
            let result = StepResult::failed(Class::Exercise, &message, hint, Context::default());
            return StepResult { findings, ..result };
        }
        if skipped > 0 {
            let message = format!("{skipped} step(s) were not discussed: nothing is known of them");
            let result = StepResult::inconclusive(&message, "talk them through, too");
            return StepResult { findings, ..result };
        }
        StepResult { findings, ..StepResult::passed(notes, Context::default()) }
    }
}

/// The day of a time as the tool writes it.
fn day(at: &str) -> &str {
    at.get(..10).unwrap_or(at)
}
