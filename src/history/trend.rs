//! How drills develop: robust statistics over the drills of one name, and when a limit will be broken.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::wire::event::Verdict;
use crate::wire::history::{Entry, Forecast, Point, Series, TREND, Trend};

/// With fewer drills that passed nothing is foretold.
const FEWEST: usize = 5;
/// Newest drills that a forecast is made of: it looks at each pair of them.
const MOST: usize = 200;
/// Nothing is foretold further ahead, in days.
const HORIZON: f64 = 3650.0;

/// The median; `None` of nothing.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value below which a share of the values lies, between two of them by proportion.
fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    #[expect(clippy::cast_precision_loss, reason = "no history has 2^52 drills")]
    let place = share * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the list")]
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * place.fract())
}

/// How the drills of a name develop. `drills` are in the order of their start.
#[must_use]
pub fn trend(name: &str, drills: &[Entry]) -> Trend {
    let passed: Vec<&Entry> =
        drills.iter().filter(|drill| drill.verdict == Verdict::Passed).collect();
    let series = |value: &dyn Fn(&Entry) -> Option<f64>, limit: &dyn Fn(&Entry) -> Option<f64>| {
        series(&passed, value, limit)
    };
    let none = |_: &Entry| None;
    #[expect(clippy::cast_precision_loss, reason = "sizes are shown with four digits")]
    let bytes = |drill: &Entry| drill.backup_bytes.map(|bytes| bytes as f64);
    Trend {
        schema: TREND.to_owned(),
        name: name.to_owned(),
        drills: drills.len() as u64,
        passed: passed.len() as u64,
        rto_seconds: series(&|drill| drill.rto_seconds, &|drill| drill.max_rto_seconds),
        rpo_minutes: series(&|drill| drill.rpo_minutes, &|drill| drill.max_rpo_minutes),
        restore_seconds_per_gb: series(&|drill| drill.restore_seconds_per_gb, &none),
        backup_bytes: series(&bytes, &none),
        phases: phases(&passed),
        points: drills.iter().map(point).collect(),
    }
}

fn point(drill: &Entry) -> Point {
    Point {
        run_id: drill.run_id.clone(),
        started_at: drill.started_at.clone(),
        verdict: drill.verdict,
        rto_seconds: drill.rto_seconds,
        rpo_minutes: drill.rpo_minutes,
        backup_bytes: drill.backup_bytes,
    }
}

fn phases(passed: &[&Entry]) -> BTreeMap<String, f64> {
    let mut seconds: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (phase, value) in passed.iter().flat_map(|drill| &drill.phases) {
        seconds.entry(phase).or_default().push(*value);
    }
    seconds.into_iter().filter_map(|(phase, all)| Some((phase.to_owned(), median(&all)?))).collect()
}

fn series(
    passed: &[&Entry],
    value: &dyn Fn(&Entry) -> Option<f64>,
    limit: &dyn Fn(&Entry) -> Option<f64>,
) -> Option<Series> {
    let values: Vec<f64> = passed.iter().filter_map(|drill| value(drill)).collect();
    let (last, before) = values.split_last()?;
    let change = median(before).filter(|median| *median > 0.0);
    let limit = passed.last().and_then(|drill| limit(drill));
    let times: Vec<(f64, f64)> =
        passed.iter().filter_map(|drill| Some((days(&drill.started_at)?, value(drill)?))).collect();
    Some(Series {
        last: *last,
        median: median(&values)?,
        p95: quantile(&values, 0.95)?,
        change_percent: change.map(|median| (last - median) / median * 100.0),
        limit,
        forecast: forecast(&times, limit),
    })
}

/// Days since the Unix epoch.
fn days(at: &str) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "seconds until the year 9999 fit")]
    at.parse::<Timestamp>().ok().map(|at| at.unix() as f64 / 86_400.0)
}

/// The median slope between all pairs (Theil 1950, Sen 1968): a few odd drills do not move it.
fn forecast(points: &[(f64, f64)], limit: Option<f64>) -> Option<Forecast> {
    let points = &points[points.len().saturating_sub(MOST)..];
    if points.len() < FEWEST {
        return None;
    }
    let mut slopes = Vec::new();
    for (index, (day, value)) in points.iter().enumerate() {
        for (later, other) in &points[index + 1..] {
            if later - day > 0.0 {
                slopes.push((other - value) / (later - day));
            }
        }
    }
    let [low, slope, high] = [0.1, 0.5, 0.9].map(|share| quantile(&slopes, share));
    let (low, slope, high) = (low?, slope?, high?);
    let rests: Vec<f64> = points.iter().map(|(day, value)| value - slope * day).collect();
    let (today, now) = (points.last()?.0, median(&rests)? + slope * points.last()?.0);
    let reached = |slope: f64| {
        let ahead = if now >= limit? { 0.0 } else { (limit? - now) / slope };
        let ahead = Some(ahead).filter(|ahead| (0.0..HORIZON).contains(ahead))?;
        #[expect(clippy::cast_possible_truncation, reason = "within the horizon")]
        Timestamp::from_unix(((today + ahead) * 86_400.0) as i64).map(|at| at.to_string())
    };
    Some(Forecast {
        per_day: slope,
        per_day_low: low,
        per_day_high: high,
        limit_at: reached(slope),
        limit_at_earliest: reached(high),
        limit_at_latest: reached(low),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_few_and_of_none() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, f64::NAN]), Some(2.5));
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.95), Some(3.8));
    }

    #[test]
    fn a_line_with_odd_points_is_foretold() {
        // One second a day from 10 on; two drills were odd. The limit of 100 is 80 days after day 10.
        let mut points: Vec<(f64, f64)> =
            (0..=10).map(|day| (f64::from(day), 10.0 + f64::from(day))).collect();
        points[3].1 = 500.0;
        points[7].1 = 1.0;
        let found = forecast(&points, Some(100.0)).unwrap();
        assert!((found.per_day - 1.0).abs() < 1e-9, "{found:?}");
        assert_eq!(found.limit_at.as_deref(), Some("1970-04-01T00:00:00.000Z"));
        assert!(found.limit_at_earliest <= found.limit_at && found.limit_at.is_some());
        assert!(forecast(&points[..4], Some(100.0)).is_none());
    }

    #[test]
    fn what_does_not_grow_never_comes_to_its_limit() {
        let flat: Vec<(f64, f64)> = (0..9).map(|day| (f64::from(day), 5.0)).collect();
        let found = forecast(&flat, Some(6.0)).unwrap();
        assert_eq!((found.per_day, found.limit_at), (0.0, None));
        let over = forecast(&flat, Some(5.0)).unwrap();
        assert_eq!(over.limit_at.as_deref(), Some("1970-01-09T00:00:00.000Z"));
    }
}
