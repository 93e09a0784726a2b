//! A static site over a history: how each name stands, a calendar, trends, what has to follow, and controls.
//! Every page loads nothing from elsewhere; whatever text comes from elsewhere is escaped.

mod calendar;
mod chart;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, context};

use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::report::{STYLE, amount};
use crate::wire::controls::Matrix;
use crate::wire::event::Verdict;
use crate::wire::history::{Action, Entry, Standing, Trend};
use crate::wire::report::ExerciseKind;

pub use calendar::Day;

/// What the names of the pages of drills begin with.
const FOLDER: &str = "names";

const TEMPLATES: [(&str, &str); 4] = [
    ("frame.html", include_str!("frame.html")),
    ("index.html", include_str!("index.html")),
    ("name.html", include_str!("name.html")),
    ("controls.html", include_str!("controls.html")),
];

/// All that the pages show.
#[derive(Debug)]
pub struct Site {
    /// When the pages are made.
    pub now: Timestamp,
    /// Each name, with its newest drills, the oldest first.
    pub names: Vec<Name>,
    /// Corrective actions that are open.
    pub actions: Vec<Action>,
    /// Days with drills, by date.
    pub days: BTreeMap<String, Day>,
    /// Controls of the last year.
    pub controls: Matrix,
}

/// One name.
#[derive(Debug)]
pub struct Name {
    /// How its drills stand.
    pub standing: Standing,
    /// How they develop.
    pub trend: Trend,
    /// Its newest drills, the oldest first.
    pub drills: Vec<Entry>,
}

/// Every page, by its path below the site.
///
/// # Errors
/// When a template cannot be rendered: a defect of this program.
pub fn pages(site: &Site) -> Result<Vec<(String, String)>, Error> {
    let mut environment = Environment::new();
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    environment.add_filter("minute", minute);
    environment.add_global("style", STYLE);
    environment.add_global("made_at", site.now.to_string());
    let render = |name: &str, with: Value| environment.get_template(name)?.render(with);
    let mut pages = Vec::with_capacity(site.names.len() + 2);
    let rows: Vec<Value> = site.names.iter().map(row).collect();
    let count =
        |verdict| site.names.iter().filter(|name| name.standing.last.verdict == verdict).count();
    let index = context! {
        root => "",
        rows => rows,
        passed => count(Verdict::Passed),
        failed => count(Verdict::Failed),
        inconclusive => count(Verdict::Inconclusive),
        actions => Value::from(Serde(&site.actions)),
        calendar => calendar::svg(&site.days, site.now),
        met => site.controls.controls.iter().filter(|control| control.met).count(),
        controls => site.controls.controls.len(),
    };
    pages.push(("index.html".to_owned(), render("index.html", index)?));
    let controls = context! { root => "", matrix => Value::from(Serde(&site.controls)) };
    pages.push(("controls.html".to_owned(), render("controls.html", controls)?));
    let page = |name: &Name| -> Result<_, Error> {
        Ok((path_of(&name.standing.name), render("name.html", page_of(name))?))
    };
    for each in on_all_cores(&site.names, &page) {
        pages.push(each?);
    }
    Ok(pages)
}

/// What `work` makes of each item, in their order.
fn on_all_cores<T: Sync, R: Send>(items: &[T], work: &(impl Fn(&T) -> R + Sync)) -> Vec<R> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(workers).max(1);
    thread::scope(|scope| {
        let parts = items.chunks(share);
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<R>>()))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

/// Where the page of a name lies.
fn path_of(name: &str) -> String {
    format!("{FOLDER}/{}.html", Digest::of(name.as_bytes()).short())
}

/// A moment as people read it, to the minute: `2026-11-20 09:00 UTC`.
fn minute(at: Option<String>) -> Option<String> {
    let at = at?;
    Some(format!("{} {} UTC", at.get(..10)?, at.get(11..16)?))
}

/// A mark that is not only a color.
fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "✓",
        Verdict::Failed => "✗",
        Verdict::Inconclusive => "?",
    }
}

fn row(name: &Name) -> Value {
    let standing = &name.standing;
    context! {
        name => standing.name.clone(),
        path => path_of(&standing.name),
        kind => standing.last.kind.map(ExerciseKind::word),
        verdict => standing.last.verdict.word(),
        mark => mark(standing.last.verdict),
        at => standing.last.started_at.clone(),
        last_passed_at => standing.last_passed_at.clone(),
        rto => figure(standing.last.rto_seconds),
        rpo => figure(standing.last.rpo_minutes),
        passed => standing.passed,
        drills => standing.drills,
        sparkline => chart::sparkline(&name.trend.points),
    }
}

fn page_of(name: &Name) -> Value {
    let trend = &name.trend;
    let series = [
        ("RTO", "seconds", &trend.rto_seconds, chart::rto as chart::Measure),
        ("RPO", "minutes", &trend.rpo_minutes, chart::rpo as chart::Measure),
        ("Size of the backup", "bytes", &trend.backup_bytes, chart::size as chart::Measure),
    ];
    let charts = series.into_iter().filter_map(|(title, unit, series, measure)| {
        let series = series.as_ref()?;
        Some(context! {
            title => title,
            says => says(series, unit),
            svg => chart::line(title, unit, &trend.points, measure, series.limit),
            from => trend.points.first().map(|point| point.started_at.clone()),
            to => trend.points.last().map(|point| point.started_at.clone()),
        })
    });
    let drills = name.drills.iter().rev().map(|drill| {
        context! {
            at => drill.started_at.clone(),
            verdict => drill.verdict.word(),
            mark => mark(drill.verdict),
            rto => figure(drill.rto_seconds),
            rpo => figure(drill.rpo_minutes),
            bytes => drill.backup_bytes,
            run => drill.run_id.clone(),
            reason => drill.reason.clone(),
            sequence => drill.sequence,
            signer => drill.signer.clone(),
            sign_offs => drill.sign_offs,
        }
    });
    context! {
        root => "../",
        name => name.standing.name.clone(),
        kind => name.standing.last.kind.map(ExerciseKind::word),
        standing => Value::from(Serde(&name.standing)),
        mark => mark(name.standing.last.verdict),
        charts => charts.collect::<Vec<_>>(),
        phases => Value::from(Serde(&trend.phases)),
        drills => drills.collect::<Vec<_>>(),
    }
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

/// A measure in a sentence.
fn says(series: &crate::wire::history::Series, unit: &str) -> String {
    let mut text = format!(
        "newest {} {unit}, median {}, 95 % below {}",
        amount(series.last),
        amount(series.median),
        amount(series.p95)
    );
    if let Some(limit) = series.limit {
        let _ = write!(text, "; limit {limit} (dashed)");
    }
    if let Some(forecast) = &series.forecast {
        let _ = write!(text, "; {} a day", amount(forecast.per_day));
        if let Some(at) = &forecast.limit_at {
            let _ = write!(text, ", at the limit on {}", &at[..10.min(at.len())]);
        }
    }
    text
}
