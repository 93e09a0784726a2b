//! SARIF 2.1.0, for code scanning: a drill, and a check of what vouches for a backup.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Renderer;
use crate::wire::answer::Check;
use crate::wire::event::{Severity, Status};
use crate::wire::report::Report;

#[derive(Debug)]
pub(super) struct Sarif;

impl Renderer for Sarif {
    fn name(&self) -> &'static str {
        "sarif"
    }

    /// Why the drill did not pass, checks that do not hold without failing it, and what was found besides.
    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let result = |rule: &str, level: &str, message: &str, place: &str| {
            json!({
                "ruleId": rule,
                "level": level,
                "message": {"text": message},
                "locations": [{
                    "physicalLocation": {"artifactLocation": {"uri": report.manifest}},
                    "logicalLocations": [{"fullyQualifiedName": place}],
                }],
            })
        };
        let reasons = report.reasons.iter().map(|reason| {
            result(&format!("drill/{}", reason.step), "error", &reason.message, &reason.step)
        });
        let warnings = report
            .checks
            .iter()
            .filter(|check| check.status == Status::Failed && !check.critical)
            .map(|check| {
                result(&format!("check/{}", check.check), "warning", &check.message, &check.id)
            });
        let findings = report
            .findings
            .iter()
            .filter(|finding| finding.severity != Severity::Error)
            .map(|finding| {
                let level = if finding.severity == Severity::Warning { "warning" } else { "note" };
                result(&format!("finding/{}", finding.id), level, &finding.message, &finding.place)
            });
        let results: Vec<Value> = reasons.chain(warnings).chain(findings).collect();
        out.write_all(log(&results).as_bytes())
    }
}

/// Writes what a check found as a SARIF log; a check without problems has a log without results.
#[must_use]
pub fn sarif(check: &Check) -> String {
    let results: Vec<_> = check
        .problems
        .iter()
        .map(|problem| {
            let mut place = json!({"artifactLocation": {"uri": check.file}});
            if let Some(line) = problem.line {
                place["region"] =
                    json!({"startLine": line, "startColumn": problem.column.unwrap_or(1)});
            }
            let mut location = json!({"physicalLocation": place});
            if let Some(pointer) = &problem.pointer {
                location["logicalLocations"] = json!([{"fullyQualifiedName": pointer}]);
            }
            json!({
                "ruleId": problem.rule,
                "level": "error",
                "message": {"text": problem.message},
                "locations": [location],
            })
        })
        .collect();
    log(&results)
}

/// A log with these results, and the rules that they name.
fn log(results: &[Value]) -> String {
    let mut rules: Vec<&str> = results.iter().filter_map(|r| r["ruleId"].as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<_> = rules.into_iter().map(|rule| json!({"id": rule})).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}
