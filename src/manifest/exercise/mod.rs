//! The file of a rehearsal as it was understood: every problem at once, each at its place.

mod failover;
mod tabletop;

use std::collections::{BTreeMap, BTreeSet};

pub use failover::{Actions, Component, Failover, Switch};
pub use tabletop::{Scenario, Tabletop};

use crate::document::{Document, Problem};
use crate::graph::{Node, Timetable, timetable};
use crate::wire;
use crate::wire::manifest::{CorrectiveAction, Policies};

/// What is rehearsed.
#[derive(Clone, Debug)]
pub enum Exercise {
    /// People talk scenarios through.
    Tabletop(Box<Tabletop>),
    /// A service is switched for real.
    Failover(Box<Failover>),
}

impl Exercise {
    /// Understands the file of a rehearsal.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text.
    pub fn parse(document: &Document) -> Result<Self, Vec<Problem>> {
        let kind = document.to_value();
        let kind = kind.get("exercise").and_then(serde_json::Value::as_str);
        match kind {
            Some("tabletop") => Ok(Self::Tabletop(Box::new(tabletop::parse(document)?))),
            Some("failover") => Ok(Self::Failover(Box::new(failover::parse(document)?))),
            _ => {
                let message = "says not what is rehearsed";
                let hint = Some("write `exercise: tabletop` or `exercise: failover`");
                Err(vec![Problem::at(document, "/exercise", message, hint)])
            }
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Tabletop(tabletop) => &tabletop.written.name,
            Self::Failover(failover) => &failover.written.name,
        }
    }

    /// What has to follow where it does not pass.
    #[must_use]
    pub fn corrective_action(&self) -> CorrectiveAction {
        let wanted = match self {
            Self::Tabletop(tabletop) => &tabletop.written.corrective_action,
            Self::Failover(failover) => &failover.written.corrective_action,
        };
        wanted.clone().unwrap_or_default()
    }

    /// The limits on what is measured, as those of a drill are written.
    #[must_use]
    pub fn policies(&self) -> Option<Policies> {
        let Self::Failover(failover) = self else { return None };
        let written = failover.written.policies.as_ref()?;
        let (max_rto_seconds, max_rpo_minutes) = (written.max_rto_seconds, written.max_rpo_minutes);
        Some(Policies { max_rto_seconds, max_rpo_minutes, ..Policies::default() })
    }
}

/// Reads what follows a schema: the value, and what is wrong with it so far.
fn read<T: serde::de::DeserializeOwned>(
    document: &Document,
    schema: &str,
) -> (Option<T>, Vec<Problem>) {
    document.understand(wire::schema(schema).unwrap_or_default())
}

/// The value, if nothing is wrong.
fn finish<T>(value: Option<T>, mut problems: Vec<Problem>) -> Result<T, Vec<Problem>> {
    problems.sort_by_key(|problem| problem.place);
    value.filter(|_| problems.is_empty()).ok_or(problems)
}

/// Things that are named and need others of their list.
struct Named<'a> {
    name: &'a str,
    needs: &'a [String],
    length: f64,
}

/// Finds out in which order things can be done, and tells what is named twice, not there, or in a cycle. `key` is what
/// a thing is named by.
fn ordered(
    list: &[Named<'_>],
    pointer: &str,
    key: &str,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Option<Timetable> {
    let before = problems.len();
    let mut seen = BTreeSet::new();
    let mut nodes = Vec::with_capacity(list.len());
    let numbered: BTreeMap<&str, usize> =
        list.iter().enumerate().map(|(at, thing)| (thing.name, at)).collect();
    for (at, thing) in list.iter().enumerate() {
        if !seen.insert(thing.name) {
            let message = format!("`{}` is there twice", thing.name);
            let place = format!("{pointer}/{at}/{key}");
            problems.push(Problem::at(document, &place, &message, Some("give it another name")));
        }
        let mut needs = BTreeSet::new();
        for (index, needed) in thing.needs.iter().enumerate() {
            match numbered.get(needed.as_str()) {
                Some(found) => {
                    needs.insert(*found);
                }
                None => {
                    let message = format!("there is no `{needed}`");
                    let place = format!("{pointer}/{at}/depends_on/{index}");
                    problems.push(Problem::at(document, &place, &message, None));
                }
            }
        }
        nodes.push(Node { length: thing.length, needs: needs.into_iter().collect() });
    }
    if problems.len() > before {
        return None;
    }
    match timetable(&nodes) {
        Ok(table) => Some(table),
        Err(cycle) => {
            let mut names: Vec<&str> = cycle.iter().map(|number| list[*number].name).collect();
            names.extend(names.first().copied());
            let message = format!("a cycle, so that none could begin: {}", names.join(" needs "));
            let place = format!("{pointer}/{}/depends_on", cycle.first().copied().unwrap_or(0));
            problems.push(Problem::at(document, &place, &message, Some("take one of them out")));
            None
        }
    }
}
