//! A tabletop in which every step can be reached.

use std::collections::BTreeSet;

use super::{Named, finish, ordered, read};
use crate::clock::Timestamp;
use crate::document::{Document, Problem};
use crate::graph::Timetable;
use crate::wire::exercise as written;

/// A tabletop in which everything that can be checked without people holds.
#[derive(Clone, Debug)]
pub struct Tabletop {
    /// As it was written.
    pub written: written::Tabletop,
    /// When the steps of each scenario would begin.
    pub timetables: Vec<Timetable>,
}

/// A scenario, and when its steps would begin.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// As it was written.
    pub written: &'a written::Scenario,
    /// When its steps would begin.
    pub timetable: &'a Timetable,
}

impl Tabletop {
    /// Each scenario.
    pub fn scenarios(&self) -> impl Iterator<Item = Scenario<'_>> {
        let both = self.written.scenarios.iter().zip(&self.timetables);
        both.map(|(written, timetable)| Scenario { written, timetable })
    }
}

pub(super) fn parse(document: &Document) -> Result<Tabletop, Vec<Problem>> {
    let (tabletop, mut problems) = read::<written::Tabletop>(document, "tabletop");
    let tabletop = tabletop.and_then(|written| {
        let timetables = validate(&written, document, &mut problems)?;
        Some(Tabletop { written, timetables })
    });
    finish(tabletop, problems)
}

fn validate(
    tabletop: &written::Tabletop,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Option<Vec<Timetable>> {
    if let Some(Err(error)) = tabletop.scheduled_at.as_ref().map(|at| at.parse::<Timestamp>()) {
        problems.push(Problem::at(document, "/scheduled_at", &error.to_string(), None));
    }
    let mut twice = |names: &mut dyn Iterator<Item = &String>, list: &str| {
        let mut seen = BTreeSet::new();
        for (at, name) in names.enumerate().filter(|(_, name)| !seen.insert(*name)) {
            let message = format!("`{name}` is there twice");
            let place = format!("/{list}/{at}/name");
            problems.push(Problem::at(document, &place, &message, Some("give it another name")));
        }
    };
    twice(&mut tabletop.participants.iter().map(|person| &person.name), "participants");
    twice(&mut tabletop.scenarios.iter().map(|scenario| &scenario.name), "scenarios");
    let mut tables = Vec::new();
    for (at, scenario) in tabletop.scenarios.iter().enumerate() {
        for (index, gap) in scenario.gaps.iter().enumerate() {
            let due = gap.due.as_ref().map(|day| format!("{day}T00:00:00Z").parse::<Timestamp>());
            if let Some(Err(_)) = due {
                let place = format!("/scenarios/{at}/gaps/{index}/due");
                problems.push(Problem::at(document, &place, "there is no such day", None));
            }
        }
        let steps = scenario.steps.iter().map(|step| Named {
            name: &step.id,
            needs: &step.depends_on,
            length: step.minutes,
        });
        let steps: Vec<Named<'_>> = steps.collect();
        let pointer = format!("/scenarios/{at}/steps");
        tables.push(ordered(&steps, &pointer, "id", document, problems));
    }
    tables.into_iter().collect()
}
