//! JUnit XML: steps and checks as test cases, for whatever shows those of a pipeline. What is inconclusive
//! is an error, which every reader of the format counts as not passed.

use std::io::{self, Write};

use super::Renderer;
use crate::wire::event::{Status, Verdict};
use crate::wire::report::Report;

#[derive(Debug)]
pub(super) struct Junit;

/// A step or a check.
struct Case<'a> {
    suite: &'a str,
    name: &'a str,
    seconds: f64,
    outcome: Option<(&'static str, &'a str)>,
}

impl Renderer for Junit {
    fn name(&self) -> &'static str {
        "junit"
    }

    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let mut cases: Vec<Case<'_>> = Vec::new();
        for step in &report.steps {
            let outcome = match step.status {
                Some(Status::Passed) => None,
                Some(Status::Failed) => Some(("failure", step.notes.as_str())),
                Some(Status::Inconclusive) => Some(("error", step.notes.as_str())),
                Some(Status::Skipped) => Some(("skipped", step.notes.as_str())),
                None => Some(("error", "it was cut off")),
            };
            let seconds = step.duration_seconds.unwrap_or_default();
            cases.push(Case { suite: "steps", name: &step.step, seconds, outcome });
        }
        for check in &report.checks {
            let message = check.message.as_str();
            let outcome = match (check.status, check.critical) {
                (Status::Passed, _) => None,
                (Status::Failed, true) => Some(("failure", message)),
                (Status::Inconclusive, true) => Some(("error", message)),
                // A check that only warns fails nobody's pipeline.
                (Status::Skipped, _) | (_, false) => Some(("skipped", message)),
            };
            let seconds = check.duration_seconds;
            cases.push(Case { suite: "checks", name: &check.id, seconds, outcome });
        }
        let (verdict, first) = (verdict(report), report.reasons.first());
        let why = first.map_or("", |reason| reason.message.as_str());
        let outcome = verdict.map(|kind| (kind, why));
        cases.push(Case { suite: "steps", name: "verdict", seconds: 0.0, outcome });
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(out, "<testsuites name=\"dr-drill\">")?;
        for suite in ["steps", "checks"] {
            let of_suite = || cases.iter().filter(|case| case.suite == suite);
            if of_suite().next().is_some() {
                write_suite(out, report, suite, of_suite())?;
            }
        }
        writeln!(out, "</testsuites>")
    }
}

/// What the whole drill is, be each step as it may.
fn verdict(report: &Report) -> Option<&'static str> {
    match report.status {
        Verdict::Passed => None,
        Verdict::Failed => Some("failure"),
        Verdict::Inconclusive => Some("error"),
    }
}

fn write_suite<'a>(
    out: &mut dyn Write,
    report: &Report,
    suite: &str,
    cases: impl Iterator<Item = &'a Case<'a>> + Clone,
) -> io::Result<()> {
    let count = |kind: &str| {
        let of_kind = |case: &&Case<'_>| case.outcome.is_some_and(|(name, _)| name == kind);
        cases.clone().filter(of_kind).count()
    };
    let name = report.name.as_deref().unwrap_or(&report.manifest);
    writeln!(
        out,
        "  <testsuite name=\"{}: {suite}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" \
         skipped=\"{}\" time=\"{:.3}\" timestamp=\"{}\">",
        escaped(name),
        cases.clone().count(),
        count("failure"),
        count("error"),
        count("skipped"),
        cases.clone().map(|case| case.seconds).sum::<f64>(),
        escaped(&report.started_at),
    )?;
    for case in cases {
        let (name, seconds) = (escaped(case.name), case.seconds);
        write!(
            out,
            "    <testcase classname=\"dr-drill.{suite}\" name=\"{name}\" time=\"{seconds:.3}\""
        )?;
        match case.outcome {
            None => writeln!(out, "/>")?,
            Some((kind, message)) => {
                writeln!(out, "><{kind} message=\"{}\"/></testcase>", escaped(message))?;
            }
        }
    }
    writeln!(out, "  </testsuite>")
}

/// Text in an attribute. Characters that XML does not allow at all are taken away.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\r' | '\t' => safe.push(' '),
            other if other.is_control() || matches!(other, '\u{fffe}' | '\u{ffff}') => {}
            other => safe.push(other),
        }
    }
    safe
}
