//! A rehearsal for people: the agenda before a tabletop, and what was done, said and found.

use std::io::{self, Write};

use minijinja::value::{Serde, Value};
use minijinja::{Environment, context};

use super::html::STYLE;
use super::markdown::cell;
use crate::wire::event::{ScenarioFacts, Status, TabletopFacts};
use crate::wire::report::{Exercise, Report};

/// The page; its name tells the engine to escape as HTML wants it.
const AGENDA: (&str, &str) = ("agenda.html", include_str!("agenda.html"));

/// What stands at the top of a report, in place of a drill.
pub(super) fn title(report: &Report) -> &'static str {
    match report.exercise.as_ref().map(|exercise| exercise.kind.word()) {
        Some("tabletop") => "Tabletop",
        Some(_) => "Failover",
        None => "Restore drill",
    }
}

/// The agenda of a tabletop in Markdown.
#[must_use]
pub fn agenda_markdown(name: &str, facts: &TabletopFacts) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory cannot fail.
    let _ = write_agenda(name, facts, &mut out);
    out
}

fn write_agenda(name: &str, facts: &TabletopFacts, out: &mut Vec<u8>) -> io::Result<()> {
    writeln!(out, "# Agenda: {}\n", cell(name))?;
    if let Some(description) = &facts.description {
        writeln!(out, "{}\n", cell(description))?;
    }
    people(facts, out)?;
    for (number, scenario) in (1..).zip(&facts.scenarios) {
        writeln!(out, "\n## {number}. {}\n", cell(&scenario.name))?;
        writeln!(out, "{}\n", cell(&scenario.description))?;
        about(scenario, out)?;
        writeln!(out, "\n| step | after | takes | who | with | |\n|---|---:|---:|---|---|---|")?;
        for planned in &scenario.steps {
            let (step, mark) = (&planned.step, if planned.critical { "**critical**" } else { "" });
            let tools: Vec<String> = step.tools.iter().map(|tool| cell(tool)).collect();
            writeln!(
                out,
                "| {}: {} | {} min | {} min | {} | {} | {mark} |",
                cell(&step.id),
                cell(&step.action),
                planned.starts_after_minutes,
                step.minutes,
                cell(&step.role),
                tools.join(", "),
            )?;
        }
    }
    Ok(())
}

fn people(facts: &TabletopFacts, out: &mut dyn Write) -> io::Result<()> {
    if let Some(at) = &facts.scheduled_at {
        writeln!(out, "- when: {}", cell(at))?;
    }
    writeln!(out, "- led by: {}", cell(&facts.facilitator))?;
    for person in &facts.participants {
        writeln!(out, "- {}: {}", cell(&person.name), cell(&person.roles.join(", ")))?;
    }
    Ok(())
}

fn about(scenario: &ScenarioFacts, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "- severity: {}", severity(scenario))?;
    writeln!(out, "- affects: {}", cell(&scenario.affected_systems.join(", ")))?;
    writeln!(out, "- noticed by: {}", cell(&scenario.triggers.join("; ")))?;
    let (limit, path) = (scenario.expected_rto_minutes, scenario.critical_path_minutes);
    let gap = if scenario.gap_minutes > 0.0 {
        format!("**{} minutes too long**", scenario.gap_minutes)
    } else {
        "within the limit".to_owned()
    };
    writeln!(out, "- RTO: {limit} minutes are expected, the critical path takes {path}: {gap}")?;
    let (total, waiting) = (scenario.total_minutes, scenario.minutes_with_waiting);
    writeln!(
        out,
        "- one after the other: {total} minutes; waiting for roles and tools: {waiting}"
    )?;
    let loss = scenario.estimated_data_loss_minutes;
    let loss = loss.map_or_else(|| "not estimated".to_owned(), |loss| format!("{loss} estimated"));
    writeln!(out, "- RPO: {} minutes are expected, {loss}", scenario.expected_rpo_minutes)?;
    writeln!(out, "- critical path: {}", cell(&scenario.critical_path.join(" → ")))
}

fn severity(scenario: &ScenarioFacts) -> String {
    format!("{:?}", scenario.severity).to_lowercase()
}

/// The agenda of a tabletop as a page.
///
/// # Errors
/// When the template cannot be rendered: a defect of this program.
pub fn agenda_html(name: &str, facts: &TabletopFacts) -> io::Result<Vec<u8>> {
    let mut environment = Environment::new();
    environment.add_filter("plain", plain);
    environment.add_template(AGENDA.0, AGENDA.1).map_err(io::Error::other)?;
    let page = environment.get_template(AGENDA.0).map_err(io::Error::other)?;
    let facts = Value::from(Serde(facts));
    let text = page.render(context! { style => STYLE, title => name, facts => facts });
    Ok(text.map_err(io::Error::other)?.into_bytes())
}

/// A number as people write it: `90`, and not `90.0`.
pub(super) fn plain(number: f64) -> String {
    number.to_string()
}

/// What was done, said and found, in Markdown.
pub(super) fn markdown(exercise: &Exercise, out: &mut dyn Write) -> io::Result<()> {
    if let Some(facts) = &exercise.tabletop {
        writeln!(out, "\n### In the room\n")?;
        people(facts, out)?;
        for scenario in &facts.scenarios {
            writeln!(out, "\n### {}\n", cell(&scenario.name))?;
            about(scenario, out)?;
        }
    }
    if let Some(seen) = &exercise.availability {
        writeln!(out, "\n### The service\n")?;
        writeln!(
            out,
            "- {} requests, one each {} s, {} of them lost; away for {:.3} s",
            seen.requests, seen.every_seconds, seen.lost, seen.downtime_seconds
        )?;
        for outage in &seen.outages {
            let until = outage.first_success_at.as_deref().unwrap_or("the end");
            let (from, seconds, lost) = (&outage.first_failure_at, outage.seconds, outage.lost);
            writeln!(out, "- away from {from} to {until}: {seconds:.3} s, {lost} requests lost")?;
        }
    }
    if let Some(markers) = &exercise.markers {
        writeln!(
            out,
            "- {} transactions promised, {} found, **{} lost** (a span of {:.3} s)",
            markers.promised, markers.found, markers.lost, markers.lost_span_seconds
        )?;
    }
    if !exercise.actions.is_empty() {
        writeln!(out, "\n| at | of | what | status | seconds | |\n|---|---|---|---|---:|---|")?;
    }
    for action in &exercise.actions {
        let status = match action.status {
            Some(Status::Passed) => "done",
            Some(Status::Failed) => "**failed**",
            Some(Status::Inconclusive) => "**inconclusive**",
            Some(Status::Skipped) => "*skipped*",
            None => "**cut off**",
        };
        let seconds = action.duration_seconds.map(|s| format!("{s:.3}")).unwrap_or_default();
        let (of, what) = (cell(&action.plan.of), cell(&action.plan.action));
        let (at, message) = (&action.plan.started_at, cell(&action.message));
        writeln!(out, "| {at} | {of} | {what} | {status} | {seconds} | {message} |")?;
    }
    if !exercise.gaps.is_empty() {
        writeln!(
            out,
            "\n| gap | | category | to be done | owner | due |\n|---|---|---|---|---|---|"
        )?;
    }
    for found in &exercise.gaps {
        let gap = &found.gap;
        let or =
            |text: &Option<String>, other: &str| text.as_deref().map_or(other.to_owned(), cell);
        writeln!(
            out,
            "| {} | {}: {} | {} | {} | {} | {} |",
            gap.priority.word(),
            cell(&found.scenario),
            cell(&gap.description),
            cell(&gap.category),
            or(&gap.remediation, "not known"),
            or(&gap.owner, "**nobody**"),
            or(&gap.due, "at no time"),
        )?;
    }
    for gap in &exercise.closed_gaps {
        writeln!(out, "\n- closed: gap {}", cell(&gap.id))?;
    }
    for said in &exercise.observations {
        let step = said.step.as_ref().map(|step| format!(", {}", cell(step))).unwrap_or_default();
        writeln!(out, "\n> {}{step}: {}", cell(&said.scenario), cell(&said.text))?;
    }
    for resumed in &exercise.resumed {
        writeln!(out, "\n- it was cut off, and went on at {}", resumed.at)?;
    }
    if !exercise.recommendations.is_empty() {
        writeln!(out, "\nRecommended:\n")?;
    }
    for what in &exercise.recommendations {
        writeln!(out, "- {}", cell(what))?;
    }
    Ok(())
}
