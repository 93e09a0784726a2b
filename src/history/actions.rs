//! Corrective actions: a drill that does not pass opens one, the next of its name that passes closes it. A gap that a
//! tabletop finds opens one, too, and is closed where a later one says so. They follow from what is filed alone.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::wire::event::{GapFacts, Verdict};
use crate::wire::history::{Action, Entry};

/// The corrective actions that follow from drills, which are in the order of their start. Open ones come
/// first, those that are due soonest before the others.
pub(super) fn actions(drills: &[Entry], now: Timestamp) -> Vec<Action> {
    let (mut open, mut closed): (BTreeMap<&str, Action>, Vec<Action>) = Default::default();
    let mut gaps: BTreeMap<&str, Action> = BTreeMap::new();
    for drill in drills {
        for gap in &drill.gaps {
            let found = gaps.entry(&gap.id).or_insert_with(|| of_gap(drill, gap));
            found.repeated += u64::from(found.opened_by != drill.run_id);
        }
        for gap in &drill.closed_gaps {
            if let Some(action) = gaps.remove(gap.id.as_str()) {
                closed.push(Action {
                    overdue: late(action.due_at.as_deref(), &gap.closed_at),
                    closed_by: Some(drill.run_id.clone()),
                    closed_at: Some(gap.closed_at.clone()),
                    ..action
                });
            }
        }
        let name = drill.name.as_str();
        match (drill.verdict, open.remove(name)) {
            (Verdict::Passed, None) => {}
            (Verdict::Passed, Some(action)) => closed.push(Action {
                overdue: late(action.due_at.as_deref(), &drill.started_at),
                closed_by: Some(drill.run_id.clone()),
                closed_at: Some(drill.started_at.clone()),
                ..action
            }),
            (_, Some(action)) => {
                open.insert(name, Action { repeated: action.repeated + 1, ..action });
            }
            (_, None) => {
                open.insert(name, opened(drill));
            }
        }
    }
    let now = now.to_string();
    let mut all: Vec<Action> = open
        .into_values()
        .chain(gaps.into_values())
        .map(|action| Action { overdue: late(action.due_at.as_deref(), &now), ..action })
        .collect();
    all.sort_by(|a, b| {
        (a.due_at.is_none(), &a.due_at, &a.opened_at).cmp(&(
            b.due_at.is_none(),
            &b.due_at,
            &b.opened_at,
        ))
    });
    closed.sort_by(|a, b| b.closed_at.cmp(&a.closed_at));
    all.extend(closed);
    all
}

/// What has to follow from a gap.
fn of_gap(exercise: &Entry, gap: &GapFacts) -> Action {
    let what = &gap.gap;
    let remediation = what.remediation.as_ref().map(|what| format!("; to be done: {what}"));
    Action {
        gap: Some(gap.clone()),
        reason: format!(
            "{} {}{}",
            what.priority.word(),
            what.description,
            remediation.unwrap_or_default()
        ),
        owner: what.owner.clone(),
        // Until the end of the day.
        due_at: what.due.as_ref().map(|day| format!("{day}T23:59:59.999Z")),
        ..opened(exercise)
    }
}

fn opened(drill: &Entry) -> Action {
    Action {
        name: drill.name.clone(),
        gap: None,
        opened_by: drill.run_id.clone(),
        opened_at: drill.started_at.clone(),
        reason: drill.reason.clone().unwrap_or_default(),
        owner: drill.owner.clone(),
        due_at: drill.due_at.clone(),
        repeated: 0,
        closed_by: None,
        closed_at: None,
        overdue: false,
    }
}

/// Whether a moment lies after the one that was wanted. Both are written by the tool, in one form.
fn late(due_at: Option<&str>, at: &str) -> bool {
    due_at.is_some_and(|due_at| at > due_at)
}
