//! Time as a parameter: the wall clock can be fixed for a run, durations are always measured.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A moment on the wall clock, in UTC, kept to the millisecond.
///
/// Written as RFC 3339 with milliseconds (`2026-11-20T08:00:00.000Z`); read from any RFC 3339
/// text with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(OffsetDateTime);

/// A text that is not an RFC 3339 time with an offset.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a time in ISO 8601 with an offset, such as 2026-11-20T08:00:00Z")]
pub struct InvalidTimestamp(String);

impl Timestamp {
    /// The moment a number of whole seconds after the Unix epoch; `None` beyond year 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp(seconds).ok().map(Self)
    }

    /// Minutes from `earlier` to this moment; negative if `earlier` is later.
    #[must_use]
    pub fn minutes_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0).as_seconds_f64() / 60.0
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// The moment so many days later; `None` beyond year 9999.
    #[must_use]
    pub fn plus_days(self, days: f64) -> Option<Self> {
        self.0.checked_add(time::Duration::checked_seconds_f64(days * 86_400.0)?).map(Self)
    }

    /// The moment as it stands in names of files: `20261120T080000.000Z`.
    #[must_use]
    pub fn compact(self) -> String {
        self.to_string().replace(['-', ':'], "")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.0;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.millisecond()
        )
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| InvalidTimestamp(text.chars().take(64).collect()))?
            .checked_to_offset(UtcOffset::UTC)
            .filter(|t| (0..=9999).contains(&t.year()))
            .ok_or_else(|| InvalidTimestamp(text.to_owned()))?;
        let whole_milliseconds = u32::from(parsed.millisecond()) * 1_000_000;
        parsed
            .replace_nanosecond(whole_milliseconds)
            .map(Self)
            .map_err(|_| InvalidTimestamp(text.to_owned()))
    }
}

/// Where the wall-clock time of a run comes from.
pub trait Clock: Send + Sync {
    /// The current moment.
    fn now(&self) -> Timestamp;
    /// Whether a caller fixed the time; the evidence of a run says so.
    fn is_overridden(&self) -> bool;
}

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let now = OffsetDateTime::now_utc();
        let whole_milliseconds = u32::from(now.millisecond()) * 1_000_000;
        Timestamp(now.replace_nanosecond(whole_milliseconds).unwrap_or(now))
    }

    fn is_overridden(&self) -> bool {
        false
    }
}

/// A clock that always says the same time (`--current-time`).
#[derive(Debug)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn is_overridden(&self) -> bool {
        true
    }
}

/// Measures a duration on the monotonic clock, whatever the wall clock says.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Seconds since the start, to the microsecond.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        round_seconds(self.elapsed().as_secs_f64())
    }
}

/// Seconds rounded to the microsecond, as they are written in events and reports.
#[must_use]
pub fn round_seconds(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_offsets_and_writes_utc_to_the_millisecond() {
        let t: Timestamp = "2026-11-20T09:30:00.123456+01:00".parse().unwrap();
        assert_eq!(t.to_string(), "2026-11-20T08:30:00.123Z");
        assert_eq!(t.compact(), "20261120T083000.123Z");
        assert_eq!(t.to_string().parse::<Timestamp>().unwrap(), t);
    }

    #[test]
    fn refuses_a_time_without_offset_and_other_text() {
        for text in ["2026-11-20T09:30:00", "2026-11-20", "yesterday", ""] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn minutes_are_signed() {
        let early: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let late: Timestamp = "2026-11-20T09:30:00Z".parse().unwrap();
        assert!((late.minutes_since(early) - 90.0).abs() < 1e-9);
        assert!((early.minutes_since(late) + 90.0).abs() < 1e-9);
    }
}
