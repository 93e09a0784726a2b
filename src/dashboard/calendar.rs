//! A year of drills, a square for each day: how the worst drill of that day ended.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::clock::Timestamp;

/// Weeks that are shown.
const WEEKS: i32 = 53;
/// Size of a square with the space beside it.
const CELL: i32 = 12;
const DAYS: i32 = 7;

/// How many drills of a day ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
    /// Inconclusive.
    pub inconclusive: u64,
}

/// The year until now. A day without drills is an empty square; a failed drill is a full one, what could not be told a
/// half one.
pub(super) fn svg(days: &BTreeMap<String, Day>, now: Timestamp) -> String {
    let (mut squares, mut failed, mut open, mut passed) = (String::new(), 0, 0, 0);
    let shown = WEEKS * DAYS;
    for back in (0..shown).rev() {
        let date = now.plus_days(f64::from(-back)).map(|at| at.to_string()).unwrap_or_default();
        let date = date.get(..10).unwrap_or_default();
        let place = shown - 1 - back;
        let (x, y) = (place / DAYS * CELL + 1, place % DAYS * CELL + 1);
        let day = days.get(date).copied().unwrap_or_default();
        let class = match day {
            Day { failed: 1.., .. } => {
                failed += 1;
                "bad"
            }
            Day { inconclusive: 1.., .. } => {
                open += 1;
                "open"
            }
            Day { passed: 1.., .. } => {
                passed += 1;
                "good"
            }
            Day { .. } => "none",
        };
        let size = CELL - 2;
        let Day { passed, failed, inconclusive } = day;
        let _ = write!(
            squares,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{size}\" height=\"{size}\"><title>{date}: \
             {passed} passed, {failed} failed, {inconclusive} inconclusive</title></rect>"
        );
        // A sign besides the color.
        if class == "bad" {
            let _ = write!(squares, "<path class=\"sign\" d=\"M{x} {y}m2 2l6 6m0-6l-6 6\"/>");
        } else if class == "open" {
            let _ = write!(squares, "<path class=\"sign\" d=\"M{x} {y}m2 5h6\"/>");
        }
    }
    format!(
        "<svg class=\"calendar\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"The last year: {passed} days on which all \
         drills passed, {failed} with one that failed, {open} with one that was inconclusive\">{squares}</svg>",
        WEEKS * CELL,
        DAYS * CELL
    )
}
