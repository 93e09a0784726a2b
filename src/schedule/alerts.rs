//! What is told of slots that have ended, and to whom: pure, like the agenda. A drill that does not pass is told once,
//! again when it becomes worse or after a while, and once more when it passes.

use super::fleet::{Drill, Fleet};
use super::written;
use crate::wire::alerts::{Notice, Route, Severity, Standing};
use crate::wire::event::Verdict;
use crate::wire::schedule::EndedSlot;
use crate::wire::slot::{Cause, SlotEnd};

/// Minutes after which it is told again.
const REPEAT_MINUTES: u64 = 1440;
/// Seconds that are waited for more to tell.
const GROUP_SECONDS: u64 = 10;

/// Seconds that a fleet waits for more to tell at once.
pub(super) fn group_seconds(fleet: &Fleet) -> i64 {
    let said = fleet.alerts.as_ref().and_then(|alerts| alerts.group_seconds);
    said.unwrap_or(GROUP_SECONDS).cast_signed()
}

/// A slot that has ended, for whoever is told.
#[derive(Clone, Debug)]
pub struct Close {
    /// The drill, by its place in the fleet.
    pub drill: usize,
    /// When it was due, in seconds since the Unix epoch.
    pub due: i64,
    /// How it ended.
    pub slot: EndedSlot,
    /// Whether all came back, and only a limit was broken.
    pub only_limits: bool,
}

/// What was told of a drill that does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The worst that was.
    pub severity: Severity,
    /// The first slot that did not pass.
    pub since: i64,
    /// When it was last told.
    pub at: i64,
}

/// A message to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The channel.
    pub channel: String,
    /// What it tells.
    pub notice: Notice,
    /// Whether it is the first of its key.
    pub first: bool,
    /// When it may go.
    pub ready_at: i64,
}

/// What a slot means for the data; `None` where the fleet wanted it so.
fn severity(close: &Close) -> Option<Severity> {
    match (close.slot.verdict, close.slot.cause) {
        (Some(Verdict::Passed), _) => Some(Severity::Info),
        (Some(Verdict::Failed), _) if close.only_limits => Some(Severity::Error),
        (Some(Verdict::Failed), _) | (None, Some(Cause::Unstarted)) => Some(Severity::Critical),
        (Some(Verdict::Inconclusive), _) => Some(Severity::Warning),
        (None, Some(cause)) if cause.end() == SlotEnd::Missed => Some(Severity::Warning),
        (None, _) => None,
    }
}

/// Notes how a slot ended: what is told of it, and what has been told of the drill then.
pub fn note(
    fleet: &Fleet,
    close: &Close,
    told: Option<Told>,
    now: i64,
) -> (Option<Told>, Vec<Outgoing>) {
    let Some(alerts) = &fleet.alerts else { return (None, Vec::new()) };
    let Some(severity) = severity(close) else { return (told, Vec::new()) };
    let drill = &fleet.drills[close.drill];
    if severity == Severity::Info {
        let Some(before) = told else { return (None, Vec::new()) };
        let notice = notice(fleet, drill, close, Standing::Resolved, severity, before.since, now);
        return (None, outgoing(fleet, drill, before.severity, &notice, false, now));
    }
    let repeat = alerts.repeat_minutes.unwrap_or(REPEAT_MINUTES).cast_signed() * 60;
    let again = told.is_none_or(|told| severity > told.severity || now - told.at >= repeat);
    let since = told.map_or(close.due, |told| told.since);
    let worst = told.map_or(severity, |told| told.severity.max(severity));
    if !again {
        return (told.map(|told| Told { severity: worst, ..told }), Vec::new());
    }
    let notice = notice(fleet, drill, close, Standing::Firing, severity, since, now);
    let messages = outgoing(fleet, drill, worst, &notice, told.is_none(), now);
    (Some(Told { severity: worst, since, at: now }), messages)
}

fn notice(
    fleet: &Fleet,
    drill: &Drill,
    close: &Close,
    standing: Standing,
    severity: Severity,
    since: i64,
    now: i64,
) -> Notice {
    let name = &drill.name;
    let summary = match (close.slot.verdict, close.slot.cause, severity) {
        (Some(Verdict::Passed), ..) => format!("{name} passes again: it was restored and checked"),
        (Some(Verdict::Failed), _, Severity::Error) => {
            format!("{name} came back, but broke a limit")
        }
        (Some(Verdict::Failed), ..) => {
            format!("{name} FAILED: its backup did not come back as it should")
        }
        (Some(Verdict::Inconclusive), ..) => {
            format!(
                "{name}: nobody knows whether its backup would come back: the drill came to no verdict"
            )
        }
        (None, Some(cause), _) => format!(
            "{name}: nobody knows whether its backup would come back: its slot was {} ({})",
            cause.end().word(),
            cause.word()
        ),
        (None, None, _) => format!("{name} was not drilled"),
    };
    // As long as somebody looks at the calendar, there is news of it before.
    let next = drill.slots_after(close.due.max(now)).next();
    let until = next.map_or(now, |next| drill.deadline(next));
    let until = until.saturating_add(drill.rules.timeout as i64);
    Notice {
        key: key_of(fleet, name),
        fleet: fleet.name.clone(),
        drill: name.clone(),
        labels: drill.labels.clone(),
        standing,
        severity,
        summary,
        reason: close.slot.reason.clone().filter(|_| standing == Standing::Firing),
        due_at: close.slot.due_at.clone(),
        run_id: close.slot.run_id.clone(),
        since: written(since),
        at: written(now),
        until: written(until),
    }
}

/// A notice for every channel that a route leads to.
fn outgoing(
    fleet: &Fleet,
    drill: &Drill,
    severity: Severity,
    notice: &Notice,
    first: bool,
    now: i64,
) -> Vec<Outgoing> {
    let Some(alerts) = &fleet.alerts else { return Vec::new() };
    let mut ready_at = now.saturating_add(group_seconds(fleet));
    if severity < Severity::Critical
        && let Some(quiet) = &fleet.quiet
        && let Some(until) = quiet.open_until(now)
    {
        ready_at = ready_at.max(until);
    }
    let fits = |route: &&Route| {
        let all = route.drills.is_empty() && route.labels.is_empty();
        route.severity.is_none_or(|least| severity >= least)
            && (all
                || route.drills.contains(&drill.name)
                || route.labels.iter().any(|label| drill.labels.contains(label)))
    };
    let led_to = |name: &String| {
        alerts.routes.is_empty()
            || alerts.routes.iter().filter(fits).any(|route| route.channels.contains(name))
    };
    let channels = alerts.channels.keys().filter(|name| led_to(name));
    channels
        .map(|channel| Outgoing {
            channel: channel.clone(),
            notice: notice.clone(),
            first,
            ready_at,
        })
        .collect()
}

/// What everything has in common that is told of a drill until it passes again.
#[must_use]
pub fn key_of(fleet: &Fleet, drill: &str) -> String {
    format!("dr-drill/{}/{drill}", fleet.name.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::schedule::read;

    const FLEET: &str = "
name: shop
alerts:
  channels:
    ops: {kind: webhook, url: 'http://127.0.0.1/'}
    pager: {kind: webhook, url: 'http://127.0.0.1/'}
    shop: {kind: webhook, url: 'http://127.0.0.1/'}
  routes:
    - {channels: [ops]}
    - {channels: [pager], severity: critical}
    - {channels: [shop], labels: [shop], severity: error}
  repeat_minutes: 120
  group_seconds: 0
  quiet_hours: [{from: '22:00', to: '06:00'}]
defaults: {cron: '0 * * * *'}
drills:
  - {name: a, manifest: a.json, labels: [shop]}
  - {name: b, manifest: a.json}
";

    fn close(drill: usize, hour: i64, verdict: Option<Verdict>, cause: Option<Cause>) -> Close {
        let slot = EndedSlot {
            drill: ["a", "b"][drill].to_owned(),
            due_at: written(hour * 3600),
            verdict,
            cause,
            reason: Some("why".to_owned()),
            run_id: None,
        };
        Close { drill, due: hour * 3600, slot, only_limits: false }
    }

    /// Notes one slot after another, each told an hour after the last; who is told what of each.
    fn play(closes: &[Close]) -> Vec<String> {
        let fleet = read(Path::new("f.yaml"), FLEET.as_bytes()).unwrap();
        let mut told = [None, None];
        let mut lines = Vec::new();
        for close in closes {
            let (then, outgoing) = note(&fleet, close, told[close.drill], close.due);
            told[close.drill] = then;
            let hour = |at: i64| at / 3600;
            let to: Vec<String> = outgoing
                .iter()
                .map(|one| format!("{}@{}", one.channel, hour(one.ready_at)))
                .collect();
            let what = outgoing.first().map(|one| {
                format!(
                    "{:?} {} since {}",
                    one.notice.standing,
                    one.notice.severity.word(),
                    &one.notice.since[11..13]
                )
            });
            lines.push(format!("{} {}", what.unwrap_or_default(), to.join(" ")).trim().to_owned());
        }
        lines
    }

    #[test]
    fn it_is_told_once_again_when_worse_after_a_while_and_when_it_passes() {
        use Verdict::{Failed, Inconclusive, Passed};
        let heard = play(&[
            close(0, 8, Some(Passed), None),
            close(0, 9, Some(Inconclusive), None),
            close(0, 10, None, Some(Cause::Busy)),
            close(0, 11, Some(Failed), None),
            close(0, 12, None, Some(Cause::Blackout)),
            close(0, 13, Some(Inconclusive), None),
            close(0, 14, Some(Passed), None),
            close(0, 15, Some(Passed), None),
        ]);
        assert_eq!(
            heard,
            [
                "",
                "Firing warning since 09 ops@9",
                "",
                "Firing critical since 09 ops@11 pager@11 shop@11",
                "",
                "Firing warning since 09 ops@13 pager@13 shop@13",
                // Whoever heard of the worst hears of its end.
                "Resolved info since 09 ops@14 pager@14 shop@14",
                "",
            ]
        );
    }

    #[test]
    fn what_is_not_critical_waits_for_the_end_of_quiet_hours() {
        let limit = Close { only_limits: true, ..close(1, 23, Some(Verdict::Failed), None) };
        let heard = play(&[limit, close(0, 23, Some(Verdict::Failed), None)]);
        assert_eq!(
            heard,
            ["Firing error since 23 ops@30", "Firing critical since 23 ops@23 pager@23 shop@23"]
        );
        let heard = play(&[close(1, 3, None, Some(Cause::Unstarted))]);
        assert_eq!(heard[0], "Firing critical since 03 ops@3 pager@3");
    }
}
