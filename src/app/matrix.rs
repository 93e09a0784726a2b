//! A calendar without any server: what is due is planned, each job of a pipeline runs one slot, and what the jobs left
//! is brought together.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use super::calendar::FleetError;
use super::records::{RecordError, add};
use crate::clock::Timestamp;
use crate::document::parse_json;
use crate::evidence::SealedEvidence;
use crate::fs::{ReadError, open_for_reading, read_capped, write_whole};
use crate::history::{History, HistoryError};
use crate::schedule::{
    Books, Close, Fleet, Ledger, LedgerError, Past, Settled, matrix as planned, only_limits,
    written,
};
use crate::signature::PrivateKey;
use crate::wire::schedule::{EndedSlot, MATRIX, MatrixPlan, MatrixSlot};
use crate::wire::slot::Cause;

/// Jobs that a matrix of GitHub Actions has at most.
pub const MATRIX_JOBS: usize = 256;
/// Largest plan that is read, in bytes.
const MAX_PLAN: u64 = 64 << 20;

/// Why what jobs left could not be brought together.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The plan cannot be read.
    #[error("the plan {0} {1}")]
    Plan(String, String),
    /// Evidence is not what it should be.
    #[error("{0}")]
    Evidence(#[from] RecordError),
    /// Calendar or history cannot be written.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
}

impl From<HistoryError> for AggregateError {
    fn from(error: HistoryError) -> Self {
        Self::Ledger(error.into())
    }
}

/// Plans what is due: slots after the newest that the history holds, else after `since`.
///
/// # Errors
/// When the history cannot be read.
pub fn matrix(
    fleet: &Fleet,
    history: Option<&History>,
    since: Timestamp,
    now: Timestamp,
) -> Result<MatrixPlan, HistoryError> {
    let names = fleet.drills.iter().map(|drill| (drill.name.as_str(), 1));
    let newest = history.map(|history| history.newest_slots(names)).transpose()?;
    let mut newest = newest.unwrap_or_default().into_iter();
    let past = fleet.drills.iter().map(|_| {
        let newest =
            newest.next().and_then(|slots| slots.first()?.due_at.parse::<Timestamp>().ok());
        Past { settled_until: newest.unwrap_or(since).unix(), ..Past::default() }
    });
    let plan = planned(fleet, past.collect(), now.unix());
    let name = |drill: usize| fleet.drills[drill].name.clone();
    Ok(MatrixPlan {
        schema: MATRIX.to_owned(),
        fleet_sha256: fleet.sha256.to_string(),
        at: now.to_string(),
        slots: plan
            .slots
            .iter()
            .map(|one| MatrixSlot {
                drill: name(one.slot.drill),
                due_at: written(one.slot.due),
                late: one.late,
                level: one.level,
            })
            .collect(),
        unrun: plan
            .settled
            .iter()
            .flat_map(|settled| settled.slots(&name(settled.drill)))
            .collect(),
    })
}

/// Writes a plan for [`aggregate`].
///
/// # Errors
/// When it cannot be written.
pub fn write_plan(plan: &MatrixPlan, path: &Path) -> Result<(), FleetError> {
    let bytes = serde_json::to_vec_pretty(plan).unwrap_or_default();
    write_whole(path, &bytes)
        .map_err(|error| FleetError::Read(path.display().to_string(), ReadError::Io(error)))
}

fn read_plan(path: &Path) -> Result<MatrixPlan, String> {
    let file = open_for_reading(path).map_err(ReadError::from);
    let bytes = file.and_then(|mut file| read_capped(&mut file, MAX_PLAN));
    let value = parse_json(&bytes.map_err(|error| error.to_string())?).map_err(|e| e.message)?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Files what jobs left, and records every slot of the plan that ended without a drill, also those whose job left
/// nothing. Gives how each ended.
///
/// # Errors
/// When the plan is of another fleet, evidence does not verify or is of none of its slots, or something cannot be
/// written.
pub fn aggregate(
    fleet: &Fleet,
    plan: &Path,
    history: &Path,
    evidence: &[PathBuf],
    key: Option<&PrivateKey>,
    temporary: &Path,
    now: Timestamp,
) -> Result<Vec<EndedSlot>, AggregateError> {
    let wrong = |message: String| AggregateError::Plan(plan.display().to_string(), message);
    let read = read_plan(plan).map_err(wrong)?;
    if read.fleet_sha256 != fleet.sha256.to_string() {
        return Err(wrong("was made of another fleet file".to_owned()));
    }
    let mut slots: BTreeMap<(String, String), Option<Close>> = BTreeMap::new();
    for slot in read.slots {
        slots.insert((slot.drill, slot.due_at), None);
    }
    for path in evidence {
        let shown = path.display().to_string();
        let sealed = SealedEvidence::read(path).map_err(|error| {
            RecordError::Content(shown.clone(), format!("is not filed: {error}"))
        })?;
        let close = close(fleet, &sealed);
        let place = close
            .as_ref()
            .and_then(|c| slots.get_mut(&(c.slot.drill.clone(), c.slot.due_at.clone())));
        let Some(place) = place else {
            let message = "is not filed: it is of no slot of the plan".to_owned();
            return Err(RecordError::Content(shown, message).into());
        };
        *place = close;
    }
    let folder = history;
    let history = History::create(folder)?;
    // Whoever keeps the calendar has to be waited for before anything is filed.
    let mut ledger = Ledger::open(folder)?;
    add(folder, evidence, temporary)?;
    ledger.known(fleet, &history, now, true)?;
    let mut unrecorded = VecDeque::new();
    for slot in &read.unrun {
        let cause = slot.cause.unwrap_or(Cause::Unstarted);
        unrecorded.extend(settled(fleet, &slot.drill, &slot.due_at, cause, slot.reason.as_deref()));
    }
    let left_nothing = Some("its job left no evidence");
    let missing = slots.iter().filter(|(_, close)| close.is_none());
    unrecorded.extend(missing.filter_map(|((drill, due_at), _)| {
        settled(fleet, drill, due_at, Cause::Unstarted, left_nothing)
    }));
    let closed: Vec<Close> = slots.into_values().flatten().collect();
    let told: Vec<EndedSlot> = closed
        .iter()
        .map(|close| close.slot.clone())
        .chain(unrecorded.iter().flat_map(|one| one.slots(&fleet.drills[one.drill].name)))
        .collect();
    let spent = ledger.spent()?;
    let mut books =
        Books { fleet, history: &history, key, ledger: &mut ledger, unrecorded, closed };
    while !books.is_written() {
        books.write(|_| now.unix(), spent, now)?;
    }
    Ok(told)
}

/// How the slot ended that evidence is of.
fn close(fleet: &Fleet, sealed: &SealedEvidence) -> Option<Close> {
    let report = sealed.report();
    let slot = report.slot.as_ref()?;
    Some(Close {
        drill: fleet.position(&slot.drill)?,
        due: slot.due_at.parse::<Timestamp>().ok()?.unix(),
        slot: EndedSlot {
            drill: slot.drill.clone(),
            due_at: slot.due_at.clone(),
            verdict: Some(report.status),
            cause: None,
            reason: report.reasons.first().map(|reason| reason.message.clone()),
            run_id: Some(report.run_id.clone()),
        },
        only_limits: only_limits(report),
    })
}

fn settled(
    fleet: &Fleet,
    drill: &str,
    due_at: &str,
    cause: Cause,
    reason: Option<&str>,
) -> Option<Settled> {
    let due = due_at.parse::<Timestamp>().ok()?.unix();
    let attempts = u32::from(cause == Cause::Unstarted);
    let reason = reason.unwrap_or_default().to_owned();
    Some(Settled { drill: fleet.position(drill)?, due: vec![due], cause, reason, attempts })
}
