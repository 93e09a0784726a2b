//! How much of the restored data was looked at.

use crate::manifest::Policies;
use crate::outcome::Outcome;
use crate::wire::event::{PolicyResult, PolicyStatus};

pub(super) fn enforce(outcome: &Outcome, policies: &Policies) -> Option<PolicyResult> {
    let limit = policies.min_coverage?;
    let facts = outcome.fact(|context| context.coverage.as_ref());
    let observed = facts.filter(|facts| facts.tables > 0).map(|facts| {
        let seen = facts.tables.saturating_sub(facts.unchecked);
        seen as f64 / facts.tables as f64
    });
    let (status, message) = match (observed, facts) {
        (Some(observed), Some(facts)) => {
            let seen = facts.tables - facts.unchecked;
            let message = format!(
                "checks looked into {seen} of {} table(s), {:.0} % are wanted",
                facts.tables,
                limit * 100.0
            );
            let holds = observed >= limit;
            (if holds { PolicyStatus::Passed } else { PolicyStatus::Failed }, message)
        }
        _ => (PolicyStatus::NotMeasured, "it is not known what checks looked into".to_owned()),
    };
    Some(PolicyResult {
        policy: "min_coverage".to_owned(),
        limit,
        observed,
        unit: "share of the tables".to_owned(),
        status,
        message,
    })
}
