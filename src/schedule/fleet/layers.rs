//! What holds for a drill: what it says itself, else what its type says, else the defaults.

use super::{Room, Rules};
use crate::schedule::opening::Hours;
use crate::schedule::times::Times;
use crate::wire::fleet::Schedule;

const START_WITHIN_MINUTES: u64 = 60;
const PRIORITY: u8 = 5;
const EXPECTED_MINUTES: f64 = 10.0;
const TIMEOUT_MINUTES: f64 = 1440.0;
const RETRIES: u32 = 1;
const BACKOFF_MINUTES: f64 = 1.0;

/// Schedules, the first of which to say something holds, each with its place in the file.
pub(super) struct Layers<'a>(pub(super) Vec<(&'a Schedule, String)>);

impl<'a> Layers<'a> {
    /// What is said under a key, and where.
    pub(super) fn pick<T>(
        &self,
        key: &str,
        part: impl Fn(&'a Schedule) -> Option<T>,
    ) -> Option<(T, String)> {
        let said = |(schedule, place): &(&'a Schedule, String)| {
            Some((part(schedule)?, format!("{place}/{key}")))
        };
        self.0.iter().find_map(said)
    }

    fn value<T>(&self, part: impl Fn(&'a Schedule) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|(schedule, _)| part(schedule))
    }

    /// Minutes to start within.
    pub(super) fn start_within(&self) -> u64 {
        self.value(|s| s.start_within_minutes).unwrap_or(START_WITHIN_MINUTES)
    }

    /// Everything together.
    pub(super) fn rules(&self, cron: String, times: std::sync::Arc<Times>, hours: Hours) -> Rules {
        let seconds = |minutes: u64| i64::try_from(minutes.saturating_mul(60)).unwrap_or(i64::MAX);
        let retries = self.value(|s| s.retries.as_ref());
        Rules {
            cron,
            zone: hours.zone.clone(),
            times,
            hours,
            start_within: seconds(self.start_within()),
            jitter: seconds(self.value(|s| s.jitter_minutes).unwrap_or_default()),
            priority: self.value(|s| s.priority).unwrap_or(PRIORITY),
            expected: self.value(|s| s.expected_minutes).unwrap_or(EXPECTED_MINUTES) * 60.0,
            timeout: self.value(|s| s.timeout_minutes).unwrap_or(TIMEOUT_MINUTES) * 60.0,
            retries: retries.map_or(RETRIES, |retries| retries.max),
            backoff: retries.and_then(|r| r.backoff_minutes).unwrap_or(BACKOFF_MINUTES) * 60.0,
            needs: self.value(|s| s.needs.as_ref()).map(Room::from).unwrap_or_default(),
            workers: self.value(|s| s.needs.as_ref()).map(|n| n.labels.clone()).unwrap_or_default(),
            catch_up: self.value(|s| s.catch_up).unwrap_or_default(),
            restore_point: self.value(|s| s.restore_point.clone()),
            max_age_days: self.value(|s| s.max_age_days),
            success: self.value(|s| s.success.clone()),
        }
    }
}
