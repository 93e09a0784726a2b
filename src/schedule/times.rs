//! When a pattern of cron is due in a time zone, as instants.
//!
//! The pattern is matched on the face of the clock, and the time zone says which instants show that. Where the
//! clock is put forward or back, the rule is that of Debian's cron (`docs/schedule.md`):
//!
//! - A pattern whose minute or hour begins with `*` goes with the time that passes: a face that does not exist is
//!   left out, one that comes twice counts twice.
//! - Any other happens once for each face that it names: one that does not exist is moved to the moment at which the
//!   clock is put forward, one that comes twice counts the first time.

use std::sync::{Arc, Mutex, PoisonError};

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan, Zoned};

/// How many instants are kept of those that were computed.
const KEPT: usize = 4096;
/// How many are computed one after another before it is begun anew.
const NEAR: usize = 4;

/// When something is due.
#[derive(Debug)]
pub(super) struct Times {
    cron: Cron,
    zone: TimeZone,
    /// Whether it goes with the time that passes, not with the face of the clock.
    passing: bool,
    /// Instants that follow each other without another between them: many drills ask for the same.
    known: Mutex<Vec<i64>>,
}

impl Times {
    /// Reads a pattern: five fields, or one of `@yearly`, `@monthly`, `@weekly`, `@daily`, `@hourly`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(pattern: &str, zone: &TimeZone) -> Result<Arc<Self>, String> {
        let mut days = pattern.split_ascii_whitespace().skip(2).step_by(2);
        // Two fields that both name days mean either; one that begins with `*` only restricts the other.
        let both = days.any(|days| days.starts_with('*'));
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .dom_and_dow(both)
            .build();
        let cron = parser.parse(pattern).map_err(|error| error.to_string())?;
        let mut fields = pattern.split_ascii_whitespace();
        let passing = match fields.next() {
            Some(nickname) if nickname.starts_with('@') => nickname.eq_ignore_ascii_case("@hourly"),
            Some(minute) => {
                minute.starts_with('*') || fields.next().is_some_and(|hour| hour.starts_with('*'))
            }
            None => false,
        };
        Ok(Arc::new(Self { cron, zone: zone.clone(), passing, known: Mutex::default() }))
    }

    /// The first instant after another, both in seconds since the Unix epoch; `None` if there is none in the
    /// years that can be counted.
    #[must_use]
    pub(super) fn next_after(&self, after: i64) -> Option<i64> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.first().is_some_and(|first| *first <= after) {
            let at = known.partition_point(|instant| *instant <= after);
            if let Some(next) = known.get(at) {
                return Some(*next);
            }
            if known.len() >= KEPT {
                known.drain(..KEPT / 2);
            }
            // From the last that is known on, so that none is left out between them; unless that is long ago.
            for _ in 0..NEAR {
                let next = self.compute(*known.last()?)?;
                known.push(next);
                if next > after {
                    return Some(next);
                }
            }
        }
        let next = self.compute(after)?;
        known.clear();
        known.push(next);
        Some(next)
    }

    fn compute(&self, after: i64) -> Option<i64> {
        let now = Timestamp::from_second(after).ok()?;
        let mut face = self.zone.to_datetime(now);
        // Where the clock is about to be put back, faces before this one come again.
        let again = if self.passing { self.put_back(now, face) } else { None };
        let again = again.and_then(|face| self.instant_after(self.face_from(face)?, after));
        loop {
            face = self.face_after(face)?;
            if let Some(next) = self.instant_after(face, after) {
                return Some(again.map_or(next, |again| again.min(next)));
            }
        }
    }

    /// The first face that comes again, if this instant is the first of two that show its face.
    fn put_back(&self, now: Timestamp, face: DateTime) -> Option<DateTime> {
        match self.zone.to_ambiguous_timestamp(face).offset() {
            AmbiguousOffset::Fold { before, after } if self.zone.to_offset(now) == before => {
                let change = self.zone.following(now).next()?;
                Some(after.to_datetime(change.timestamp()))
            }
            _ => None,
        }
    }

    /// The first instant at which the clock shows a face that counts and that is later than another.
    fn instant_after(&self, face: DateTime, after: i64) -> Option<i64> {
        let (first, second) = self.instants(face);
        first.filter(|at| *at > after).or(second.filter(|at| *at > after))
    }

    fn face_from(&self, face: DateTime) -> Option<DateTime> {
        self.face_after(face.checked_sub(1.second()).ok()?)
    }

    /// The next face of the clock that the pattern matches.
    fn face_after(&self, face: DateTime) -> Option<DateTime> {
        // As if it were UTC, where every face is there once.
        let zoned: Zoned = face.to_zoned(TimeZone::UTC).ok()?;
        Some(self.cron.find_next_occurrence(&zoned, false).ok()?.datetime())
    }

    /// The instants at which the clock shows a face that count, in their order.
    fn instants(&self, face: DateTime) -> (Option<i64>, Option<i64>) {
        let instant = |offset: Offset| offset.to_timestamp(face).ok();
        let at = |offset| instant(offset).map(Timestamp::as_second);
        match self.zone.to_ambiguous_timestamp(face).offset() {
            AmbiguousOffset::Unambiguous { offset } => (at(offset), None),
            AmbiguousOffset::Fold { before, after } => {
                (at(before), if self.passing { at(after) } else { None })
            }
            AmbiguousOffset::Gap { .. } if self.passing => (None, None),
            AmbiguousOffset::Gap { before, .. } => {
                // By the old offset, this is an instant soon after the change.
                let inside = instant(before).and_then(|inside| inside.checked_add(1.second()).ok());
                let change = inside.and_then(|inside| self.zone.preceding(inside).next());
                (change.map(|change| change.timestamp().as_second()), None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All instants of a pattern in Berlin within a day, as they are written there.
    fn berlin(pattern: &str, day: &str) -> Vec<String> {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let times = Times::new(pattern, &zone).unwrap();
        let midnight: jiff::civil::Date = day.parse().unwrap();
        let start = midnight.to_zoned(zone.clone()).unwrap();
        let end = start.tomorrow().unwrap().timestamp().as_second();
        let mut at = start.timestamp().as_second() - 1;
        let mut found = Vec::new();
        while let Some(next) = times.next_after(at)
            && next < end
        {
            let zoned = Timestamp::from_second(next).unwrap().to_zoned(zone.clone());
            found.push(zoned.strftime("%H:%M%:z").to_string());
            at = next;
        }
        found
    }

    #[test]
    fn where_the_clock_is_put_forward() {
        let day = "2026-03-29";
        assert_eq!(berlin("30 2 * * *", day), ["03:00+02:00"]);
        assert_eq!(berlin("0 3 * * *", day), ["03:00+02:00"]);
        assert_eq!(berlin("0,30 2,3 * * *", day), ["03:00+02:00", "03:30+02:00"]);
        assert_eq!(berlin("30 * * * *", day).len(), 23);
        assert_eq!(
            berlin("*/30 1-3 * * *", day),
            ["01:00+01:00", "01:30+01:00", "03:00+02:00", "03:30+02:00"]
        );
        // The hour of `0 */2` does not exist: it goes with the time that passes.
        assert_eq!(berlin("0 */2 * * *", day)[..2], ["00:00+01:00", "04:00+02:00"]);
    }

    #[test]
    fn where_the_clock_is_put_back() {
        let day = "2026-10-25";
        assert_eq!(berlin("30 2 * * *", day), ["02:30+02:00"]);
        assert_eq!(berlin("15 2,3 * * *", day), ["02:15+02:00", "03:15+01:00"]);
        assert_eq!(berlin("0 */2 * * *", day)[..3], ["00:00+02:00", "02:00+02:00", "02:00+01:00"]);
        assert_eq!(
            berlin("*/30 2 * * *", day),
            ["02:00+02:00", "02:30+02:00", "02:00+01:00", "02:30+01:00"]
        );
        assert_eq!(berlin("@daily", day), ["00:00+02:00"]);
        assert_eq!(berlin("@hourly", day).len(), 25);
    }

    #[test]
    fn what_is_known_is_what_is_computed() {
        let zone = TimeZone::get("America/Sao_Paulo").unwrap();
        let times = Times::new("*/17 * * * *", &zone).unwrap();
        for start in [1_700_000_000, 1_600_000_000, 1_600_300_000, 1_600_000_300, 1_900_000_000] {
            let mut at = start;
            for _ in 0..200 {
                let next = times.next_after(at).unwrap();
                assert_eq!(Some(next), times.compute(at));
                at = next;
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["", "* * * *", "61 * * * *", "* * * * * *", "0 0 31 2 x", "@sometimes"] {
            assert!(Times::new(pattern, &TimeZone::UTC).is_err(), "{pattern}");
        }
        // A day that never comes is never due.
        assert_eq!(Times::new("0 0 31 2 *", &TimeZone::UTC).unwrap().next_after(0), None);
    }
}
