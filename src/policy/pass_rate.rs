//! How many of the checks of restored data have to hold.

use crate::manifest::Policies;
use crate::wire::event::{PolicyResult, PolicyStatus};
use crate::wire::report::Metrics;

pub(super) fn enforce(metrics: &Metrics, policies: &Policies) -> Option<PolicyResult> {
    let limit = policies.min_pass_rate?;
    let observed = metrics.check_pass_rate;
    let wanted = limit * 100.0;
    let (status, message) = match observed {
        None => (PolicyStatus::NotMeasured, "no check was asked".to_owned()),
        Some(rate) => {
            let message =
                format!("{:.1} % of the checks hold, {wanted:.1} % are wanted", rate * 100.0);
            let holds = rate >= limit;
            (if holds { PolicyStatus::Passed } else { PolicyStatus::Failed }, message)
        }
    };
    Some(PolicyResult {
        policy: "min_pass_rate".to_owned(),
        limit,
        observed,
        unit: "share of the checks".to_owned(),
        status,
        message,
    })
}
