//! One page for people: it loads nothing from elsewhere, says the verdict first, and what was not proven
//! before the details. Whatever text comes from elsewhere is escaped.

use std::io::{self, Write};

use minijinja::value::{Serde, Value};
use minijinja::{Environment, context};

use super::minutes::{plain, title};
use super::{Renderer, drill_name, slot_told, to_be_done, verdict_word};
use crate::clock::Timestamp;
use crate::wire::event::{PolicyStatus, Status};
use crate::wire::report::{Report, Step};

/// The page; its name tells the engine to escape as HTML wants it.
const NAME: &str = "page.html";
const PAGE: &str = include_str!("page.html");
/// How pages look: light and dark, on a phone, on paper.
pub const STYLE: &str = include_str!("style.css");
/// The narrowest mark on a time line, in percent.
const NARROWEST: f64 = 0.5;

#[derive(Debug)]
pub(super) struct Html;

impl Renderer for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let mut environment = Environment::new();
        environment.add_filter("plain", plain);
        environment.add_template(NAME, PAGE).map_err(io::Error::other)?;
        let page = environment.get_template(NAME).map_err(io::Error::other)?;
        let text = page
            .render(context! {
                style => STYLE,
                report => Value::from(Serde(report)),
                word => verdict_word(report),
                kind => title(report),
                title => drill_name(report),
                slot => report.slot.as_ref().map(slot_told),
                to_be_done => report.corrective_action.as_ref().map(to_be_done),
                bars => bars(report),
                steps => steps(report),
                checks => checks(report),
            })
            .map_err(io::Error::other)?;
        out.write_all(text.as_bytes())
    }
}

/// Each limit and what was measured; what has no limit is shown, too.
fn bars(report: &Report) -> Vec<Value> {
    let mut bars: Vec<Value> = report
        .policies
        .iter()
        .map(|policy| {
            let observed = policy.observed.filter(|_| policy.limit > 0.0);
            let percent = observed.map(|observed| observed / policy.limit * 100.0);
            context! {
                name => policy.policy.clone(),
                value => policy.message.clone(),
                percent => percent.map(|percent| format!("{percent:.0}")),
                share => percent.map(|percent| format!("{:.2}", percent.clamp(0.0, 100.0))),
                over => policy.status == PolicyStatus::Failed,
            }
        })
        .collect();
    let metrics = &report.metrics;
    if report.exercise.as_ref().is_some_and(|exercise| exercise.tabletop.is_some()) {
        return bars;
    }
    for (name, policy, value, unit) in [
        ("RTO", "max_rto_seconds", metrics.rto_seconds, "seconds"),
        ("RPO", "max_rpo_minutes", metrics.rpo_minutes, "minutes"),
    ] {
        if report.policies.iter().all(|result| result.policy != policy) {
            let measured = value.map_or_else(
                || "was not measured".to_owned(),
                |value| format!("{value:.3} {unit}, and no limit is set"),
            );
            let none = None::<String>;
            bars.push(context! { name => name, value => measured, share => none });
        }
    }
    bars
}

/// Each step on the time line of the run, in percent of its duration.
fn steps(report: &Report) -> Vec<Value> {
    let instant = |text: &Option<String>| text.as_ref()?.parse::<Timestamp>().ok();
    let began = report.started_at.parse::<Timestamp>().ok();
    let whole = report.metrics.duration_seconds.max(f64::MIN_POSITIVE);
    let percent = |seconds: f64| (seconds / whole * 100.0).clamp(0.0, 100.0);
    let place = |step: &Step| {
        let since = instant(&step.started_at).zip(began).map(|(at, began)| at.minutes_since(began));
        let start = percent(since.unwrap_or_default() * 60.0).min(100.0 - NARROWEST);
        let width = percent(step.duration_seconds.unwrap_or_default()).max(NARROWEST);
        (start, width.min(100.0 - start))
    };
    let each = report.steps.iter().map(|step| {
        let (status, class) = match step.status {
            Some(Status::Passed) => ("passed", "passed"),
            Some(Status::Failed) => ("failed", "failed"),
            Some(Status::Inconclusive) => ("inconclusive", "inconclusive"),
            Some(Status::Skipped) => ("skipped", "open"),
            None => ("cut off", "inconclusive"),
        };
        let (start, width) = place(step);
        context! {
            id => step.step.clone(),
            status => status,
            class => class,
            notes => step.notes.clone(),
            seconds => step.duration_seconds.map(|seconds| format!("{seconds:.3} s")),
            start => format!("{start:.2}"),
            width => format!("{width:.2}"),
        }
    });
    each.collect()
}

fn checks(report: &Report) -> Vec<Value> {
    let each = report.checks.iter().map(|check| {
        let (status, class) = match (check.status, check.critical) {
            (Status::Passed, _) => ("holds", "holds"),
            (Status::Failed, true) => ("does not hold", "broken"),
            (Status::Failed, false) => ("warning", "open"),
            (Status::Inconclusive | Status::Skipped, _) => ("not asked", "open"),
        };
        context! {
            id => check.id.clone(),
            status => status,
            class => class,
            message => check.message.clone(),
            expected => check.expected.clone(),
            observed => check.observed.clone(),
        }
    });
    each.collect()
}
