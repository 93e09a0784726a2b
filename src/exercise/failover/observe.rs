//! What a service did from start to end, as somebody outside sees it: it is asked all the time, and markers are written
//! through it. Each line is on the disk when it is known, so that a run that goes on later goes on from it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::clock::{Clock, Stopwatch, Timestamp, round_seconds};
use crate::manifest::Request;
use crate::request::Hands;
use crate::wire::event::{AvailabilityFacts, MarkerFacts, OutageFacts};

/// Where requests are written down.
pub(super) const PROBES: &str = "exercise/probes.csv";
/// Where markers are.
pub(super) const MARKERS: &str = "exercise/markers.csv";
/// How many numbers of lost markers are told.
const FIRST: usize = 10;
/// How often it is looked whether to end.
const LOOK: Duration = Duration::from_millis(5);

/// One request, or one marker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// The number of the marker; that of the request, from 1.
    number: u64,
    at: Timestamp,
    until: Timestamp,
    ok: bool,
}

impl Seen {
    fn line(self) -> String {
        let word = if self.ok { "ok" } else { "failed" };
        format!("{},{},{},{word}\n", self.number, self.at, self.until)
    }

    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split(',');
        let mut next = || fields.next();
        let (number, at, until, word) = (next()?, next()?, next()?, next()?);
        let (number, at, until) = (number.parse().ok()?, at.parse().ok()?, until.parse().ok()?);
        Some(Self { number, at, until, ok: word == "ok" })
    }
}

/// What another process has written down; a line that was cut off tells nothing.
pub(super) fn read(bytes: &[u8]) -> Vec<Seen> {
    String::from_utf8_lossy(bytes).lines().filter_map(Seen::read).collect()
}

/// Something that is done again and again, and what came of it.
pub(super) struct Series<'a> {
    hands: &'a Hands<'a>,
    /// When it began; from then on time is measured, whatever the wall clock does.
    base: Timestamp,
    watch: Stopwatch,
    request: &'a Request,
    every: Duration,
    run: String,
    first: u64,
    log: Mutex<File>,
    seen: Mutex<Vec<Seen>>,
}

impl<'a> Series<'a> {
    /// Goes on after what was seen before.
    pub(super) fn new(
        hands: &'a Hands<'a>,
        clock: &dyn Clock,
        (request, every): (&'a Request, Duration),
        run: &str,
        log: File,
        before: Vec<Seen>,
    ) -> Self {
        // One may have been sent and not be written down: its number is left out.
        let first = before.last().map_or(1, |last| last.number + 2);
        let (log, seen, run) = (Mutex::new(log), Mutex::new(before), run.to_owned());
        let (base, watch) = (clock.now(), Stopwatch::start());
        Self { hands, base, watch, request, every, run, first, log, seen }
    }

    /// Goes on until it is told to stop.
    pub(super) fn follow(&self, stop: &AtomicBool) {
        let watch = Stopwatch::start();
        for turn in 0_u32.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            self.once(self.first + u64::from(turn));
            // What was missed while one took long is not made up for.
            let passed = watch.elapsed().as_nanos() / self.every.as_nanos().max(1) + 1;
            let next = self.every * u32::try_from(passed).unwrap_or(u32::MAX);
            while watch.elapsed() < next && !stop.load(Ordering::Relaxed) {
                thread::sleep(LOOK.min(next.saturating_sub(watch.elapsed())));
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.base.plus_days(self.watch.seconds() / 86_400.0).unwrap_or(self.base)
    }

    fn once(&self, number: u64) {
        let marker = format!("{}.{number}", self.run);
        let texts = [("{marker}", marker.as_str()), ("{run}", self.run.as_str())];
        let at = self.now();
        let ok = self.hands.perform(self.request, &texts, Duration::MAX).is_ok();
        let seen = Seen { number, at, until: self.now(), ok };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        // What cannot be written down cannot be proven, and does not count.
        if log.write_all(seen.line().as_bytes()).is_ok() {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        }
    }

    /// Whether the newest has succeeded; `None` before the first.
    pub(super) fn newest(&self) -> Option<bool> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last().map(|seen| seen.ok)
    }

    /// All of it.
    pub(super) fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Seconds from one to the next.
    pub(super) fn every(&self) -> f64 {
        self.every.as_secs_f64()
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    round_seconds(to.minutes_since(from) * 60.0)
}

/// When the service was away.
pub(super) fn availability(seen: &[Seen], every: f64) -> AvailabilityFacts {
    let mut facts = AvailabilityFacts { every_seconds: every, ..AvailabilityFacts::default() };
    let mut away: Option<(Timestamp, u64)> = None;
    for (index, one) in seen.iter().enumerate() {
        facts.requests += 1;
        if let Some(before) = index.checked_sub(1).map(|index| &seen[index]) {
            let silence = seconds(before.until, one.at);
            if silence > 3.0 * every + 1.0 {
                facts.unobserved_seconds = round_seconds(facts.unobserved_seconds + silence);
            }
        }
        match (one.ok, away) {
            (true, None) => {}
            (true, Some((since, lost))) => {
                let first_success_at = Some(one.until.to_string());
                facts.outages.push(outage(since, one.until, first_success_at, lost));
                away = None;
            }
            (false, since) => {
                facts.lost += 1;
                away = Some(since.map_or((one.at, 1), |(since, lost)| (since, lost + 1)));
            }
        }
    }
    facts.answers = seen.last().is_some_and(|last| last.ok);
    if let (Some((since, lost)), Some(last)) = (away, seen.last()) {
        facts.outages.push(outage(since, last.until, None, lost));
    }
    facts.downtime_seconds =
        round_seconds(facts.outages.iter().fold(0.0, |sum, one| sum + one.seconds));
    facts
}

fn outage(
    since: Timestamp,
    until: Timestamp,
    first_success_at: Option<String>,
    lost: u64,
) -> OutageFacts {
    let first_failure_at = since.to_string();
    OutageFacts { first_failure_at, first_success_at, seconds: seconds(since, until), lost }
}

/// What of that which was promised is among the lines that were found.
pub(super) fn markers(sent: &[Seen], run: &str, found: &str) -> MarkerFacts {
    let number = |line: &str| -> Option<u64> {
        line.trim().strip_prefix(run)?.strip_prefix('.')?.parse().ok()
    };
    let found: BTreeSet<u64> = found.lines().filter_map(number).collect();
    let (promised, other): (Vec<&Seen>, Vec<&Seen>) = sent.iter().partition(|seen| seen.ok);
    let (kept, lost): (Vec<&Seen>, Vec<&Seen>) =
        promised.iter().partition(|seen| found.contains(&seen.number));
    let mut facts = MarkerFacts {
        sent: sent.len() as u64,
        promised: promised.len() as u64,
        found: kept.len() as u64,
        lost: lost.len() as u64,
        unpromised: other.iter().filter(|seen| found.contains(&seen.number)).count() as u64,
        first_lost: lost.iter().take(FIRST).map(|seen| seen.number).collect(),
        lost_span_seconds: 0.0,
    };
    if let (Some(first), Some(last)) = (lost.first(), lost.last()) {
        let before = kept.iter().rfind(|seen| seen.number < first.number);
        let since = before.map_or(first.at, |seen| seen.until);
        facts.lost_span_seconds = seconds(since, last.until);
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request each second, by what came of it.
    fn series(results: &str) -> Vec<Seen> {
        let at = |tenths: usize| {
            format!("2026-11-20T08:00:{:02}.{}00Z", tenths / 10, tenths % 10).parse().unwrap()
        };
        let each = results.chars().enumerate();
        each.filter(|(_, result)| *result != ' ')
            .map(|(n, result)| Seen {
                number: n as u64 + 1,
                at: at(n * 10),
                until: at(n * 10 + 1),
                ok: result == '+',
            })
            .collect()
    }

    #[test]
    fn an_outage_goes_from_the_first_failure_to_the_first_success() {
        let facts = availability(&series("++--+-+"), 1.0);
        assert_eq!((facts.requests, facts.lost, facts.answers), (7, 3, true));
        let seconds: Vec<f64> = facts.outages.iter().map(|outage| outage.seconds).collect();
        assert_eq!((seconds, facts.downtime_seconds), (vec![2.1, 1.1], 3.2));
        assert_eq!(facts.outages[0].first_failure_at, "2026-11-20T08:00:02.000Z");
        assert_eq!(facts.outages[0].first_success_at.as_deref(), Some("2026-11-20T08:00:04.100Z"));
        let open = availability(&series("+--"), 1.0);
        assert!(!open.answers && open.outages[0].first_success_at.is_none());
        assert_eq!(open.downtime_seconds, 1.1);
        assert_eq!(availability(&series("+++"), 1.0).downtime_seconds, 0.0);
        assert!(!availability(&[], 1.0).answers);
    }

    #[test]
    fn a_time_without_requests_is_told() {
        let facts = availability(&series("+     +"), 1.0);
        assert_eq!((facts.unobserved_seconds, facts.downtime_seconds), (5.9, 0.0));
        assert_eq!(availability(&series("-     -+"), 1.0).downtime_seconds, 7.1);
    }

    #[test]
    fn what_was_promised_and_is_not_there_is_lost() {
        let facts = markers(&series("+++-++"), "r", "r.1\nr.2\nr.4\nother.3\n r.6 \nr.x\n");
        assert_eq!((facts.sent, facts.promised, facts.found, facts.lost), (6, 5, 3, 2));
        assert_eq!((facts.unpromised, facts.first_lost), (1, vec![3, 5]));
        // From the answer to 2 to that to 5.
        assert_eq!(facts.lost_span_seconds, 3.0);
        assert_eq!(markers(&series("++"), "r", "r.1\nr.2").lost_span_seconds, 0.0);
    }

    #[test]
    fn lines_are_read_as_they_are_written_and_cut_ones_left_out() {
        let seen = series("+-");
        let text: String = seen.iter().map(|seen| seen.line()).collect();
        assert_eq!(read(text.as_bytes()), seen);
        assert_eq!(read(&text.as_bytes()[..text.len() - 10]).len(), 1);
    }
}
