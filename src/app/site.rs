//! The pages over a history: what they show is read from its index, and written whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::RecordError;
use crate::clock::Timestamp;
use crate::dashboard::{Day, Name, Site, pages};
use crate::fs::write_whole;
use crate::history::{History, catalogue, matrix, trend};
use crate::wire::controls::{DrillLine, EvidenceStanding};

/// How many drills of each name are shown.
const NEWEST: u64 = 100;
/// Days that the calendar and the controls look back.
const YEAR: f64 = 371.0;
/// Lies in a directory of pages, so that no other is ever emptied.
const OURS: &str = ".dr-drill-dashboard";

/// Makes the pages in a new directory, or in one that holds pages already. Gives their number.
///
/// # Errors
/// When the history cannot be read, the directory holds something else, or cannot be written.
pub fn site(history: &History, out: &Path, now: Timestamp) -> Result<usize, RecordError> {
    let shown = out.display().to_string();
    let fail = |error| RecordError::Write(shown.clone(), error);
    let ours = out.join(OURS).exists();
    let empty = fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
    if !ours && !empty {
        return Err(RecordError::Exists(shown));
    }
    let pages = live_pages(history, now)?;
    // Pages of names that are not there any more go.
    let _ = fs::remove_dir_all(out.join("names"));
    write_whole(&out.join(OURS), b"").map_err(fail)?;
    for (path, text) in &pages {
        write_whole(&out.join(path), text.as_bytes()).map_err(fail)?;
    }
    Ok(pages.len())
}

/// Every page, by its path, as the history stands.
///
/// # Errors
/// When the history cannot be read.
pub(super) fn live_pages(
    history: &History,
    now: Timestamp,
) -> Result<Vec<(String, String)>, RecordError> {
    let since = now.plus_days(-YEAR).map(|at| at.to_string()).unwrap_or_default();
    let mut names = Vec::new();
    for (standing, drills) in history.each_newest(NEWEST)? {
        names.push(Name { trend: trend(&standing.name, &drills), standing, drills });
    }
    let mut days: BTreeMap<String, Day> = BTreeMap::new();
    for (date, passed, failed, inconclusive) in history.days(&since)? {
        days.insert(date, Day { passed, failed, inconclusive });
    }
    let lines =
        names.iter().flat_map(|name| &name.drills).filter(|drill| drill.started_at >= since);
    let lines = lines.map(|drill| DrillLine {
        kind: drill.kind.into(),
        name: drill.name.clone(),
        run_id: drill.run_id.clone(),
        started_at: drill.started_at.clone(),
        verdict: drill.verdict,
        evidence: EvidenceStanding::SignerUnknown,
        facts: drill.facts.clone(),
    });
    let catalog = catalogue(None)
        .map_err(|error| RecordError::Content("the catalogue of controls".to_owned(), error))?;
    let controls = matrix(&since, &now.to_string(), catalog, lines.collect());
    let site = Site { now, actions: history.actions(false, now)?, names, days, controls };
    pages(&site).map_err(|error| {
        RecordError::Content("a page".to_owned(), format!("was not made: {error}"))
    })
}
