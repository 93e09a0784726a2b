//! A check as SARIF 2.1.0, for code scanning.

use serde_json::json;

use crate::wire::answer::Check;

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
    let mut rules: Vec<&str> = check.problems.iter().map(|p| p.rule.as_str()).collect();
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
