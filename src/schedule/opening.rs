//! When a drill may start: inside its windows, outside all blackouts.

use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::wire::fleet::Day;

/// When a drill may start.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    pub(super) zone: TimeZone,
    pub(super) spans: Arc<[Span]>,
    pub(super) blackouts: Vec<Arc<Blackout>>,
}

/// A window: minutes of the day, on some days.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// Every day, if there is none.
    pub(super) days: Vec<Day>,
    pub(super) from: i16,
    /// On the next day, if it is not later than `from`.
    pub(super) to: i16,
}

/// A period in which no drill starts, in seconds since the Unix epoch; the end is outside.
#[derive(Clone, Debug)]
pub(super) struct Blackout {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) reason: String,
}

/// What keeps a drill from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// A blackout, with its reason.
    Blackout(String),
    /// No window is open.
    Window,
}

impl Hours {
    /// The first instant from one to another, both included, at which a drill may start.
    ///
    /// # Errors
    /// What keeps it from starting, the last thing.
    pub(super) fn opening(&self, from: i64, until: i64) -> Result<i64, Closed> {
        let mut at = from;
        let mut closed = Closed::Window;
        while at <= until {
            if let Some(blackout) = self.blackouts.iter().find(|one| one.from <= at && at < one.to)
            {
                at = blackout.to;
                closed = Closed::Blackout(blackout.reason.clone());
                continue;
            }
            let open = self.window_from(at).ok_or(Closed::Window)?;
            if open == at {
                return Ok(at);
            }
            at = open;
            closed = Closed::Window;
        }
        Err(closed)
    }

    /// Until when the window is open that is open at an instant, if one is.
    pub(super) fn open_until(&self, at: i64) -> Option<i64> {
        self.windows(at).filter(|(from, to)| *from <= at && at < *to).map(|(_, to)| to).max()
    }

    /// Whether a window that is open at one instant still is at another.
    pub(super) fn is_open_until(&self, at: i64, until: i64) -> bool {
        self.spans.is_empty() || self.windows(at).any(|(from, to)| from <= at && until <= to)
    }

    /// The first instant, from one on, at which a window is open.
    fn window_from(&self, at: i64) -> Option<i64> {
        if self.spans.is_empty() {
            return Some(at);
        }
        self.windows(at).filter(|(_, to)| at < *to).map(|(from, _)| from.max(at)).min()
    }

    /// From when to when windows are open around an instant, and in the days after it.
    fn windows(&self, at: i64) -> impl Iterator<Item = (i64, i64)> {
        let today = Timestamp::from_second(at).map(|at| self.zone.to_datetime(at).date());
        let days = today
            .into_iter()
            .flat_map(|today| (-1..=8).filter_map(move |days| today.checked_add(days.days()).ok()));
        let each = days.flat_map(|date| self.spans.iter().map(move |span| (date, span)));
        each.filter_map(|(date, span)| self.bounds(date, span))
    }

    /// From when to when a window is open that opens on a day.
    fn bounds(&self, date: Date, span: &Span) -> Option<(i64, i64)> {
        let day = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        let here = span.days.is_empty() || span.days.iter().any(|one| *one as usize == day);
        let instant = |date: Date, minutes: i16| {
            let time = Time::new((minutes / 60) as i8, (minutes % 60) as i8, 0, 0).ok()?;
            let zoned = date.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
            Some(zoned.timestamp().as_second())
        };
        let last = if span.to > span.from { date } else { date.tomorrow().ok()? };
        here.then(|| Some((instant(date, span.from)?, instant(last, span.to)?)))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn unix(text: &str) -> i64 {
        text.parse::<clock::Timestamp>().unwrap().unix()
    }

    fn opening(hours: &Hours, from: &str, until: &str) -> Result<String, Closed> {
        let opening = hours.opening(unix(from), unix(until))?;
        Ok(clock::Timestamp::from_unix(opening).unwrap().to_string())
    }

    fn nights() -> Hours {
        Hours {
            zone: TimeZone::get("Europe/Berlin").unwrap(),
            spans: Arc::new([Span { days: vec![Day::Fri, Day::Sat], from: 22 * 60, to: 6 * 60 }]),
            blackouts: vec![Arc::new(Blackout {
                from: unix("2026-12-18T00:00:00Z"),
                to: unix("2026-12-26T23:00:00Z"),
                reason: "freeze".to_owned(),
            })],
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_opens_on() {
        let hours = nights();
        // 2026-11-20 is a Friday, in Berlin one hour before UTC.
        for (from, open) in [
            ("2026-11-20T12:00:00Z", "2026-11-20T21:00:00.000Z"),
            ("2026-11-21T04:59:59Z", "2026-11-21T04:59:59.000Z"),
            ("2026-11-21T05:00:00Z", "2026-11-21T21:00:00.000Z"),
            ("2026-11-22T05:00:00Z", "2026-11-27T21:00:00.000Z"),
        ] {
            assert_eq!(
                opening(&hours, from, "2026-12-01T00:00:00Z"),
                Ok(open.to_owned()),
                "{from}"
            );
        }
        let closed = opening(&hours, "2026-11-22T05:00:00Z", "2026-11-27T20:59:59Z");
        assert_eq!(closed, Err(Closed::Window));
    }

    #[test]
    fn a_blackout_moves_the_start_and_tells_why_if_it_moves_it_too_far() {
        let hours = nights();
        let from = "2026-12-18T21:00:00Z";
        let open = opening(&hours, from, "2026-12-31T00:00:00Z");
        assert_eq!(open, Ok("2026-12-26T23:00:00.000Z".to_owned()));
        let closed = opening(&hours, from, "2026-12-20T00:00:00Z");
        assert_eq!(closed, Err(Closed::Blackout("freeze".to_owned())));
    }
}
