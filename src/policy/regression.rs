//! How much slower than the drills before it a drill may be.

use crate::manifest::Policies;
use crate::outcome::Outcome;
use crate::wire::event::{PolicyResult, PolicyStatus};
use crate::wire::report::Metrics;

/// With fewer drills before it, there is no median worth the name.
const FEWEST: u64 = 3;
/// A difference of less than this is noise, whatever it is in percent.
const NOISE_SECONDS: f64 = 1.0;

const POLICY: &str = "max_rto_regression_percent";

pub(super) fn enforce(
    outcome: &Outcome,
    metrics: &Metrics,
    policies: &Policies,
) -> Option<PolicyResult> {
    let limit = policies.max_rto_regression_percent?;
    let past = outcome.fact(|context| context.past.as_ref());
    let median = past.and_then(|past| past.median_rto_seconds).filter(|median| *median > 0.0);
    let (status, observed, message) = match (past, median, metrics.rto_seconds) {
        (None, ..) => {
            let message = "how RTO compares with earlier drills was not measured: there is no \
                           history (--history)";
            (PolicyStatus::NotMeasured, None, message.to_owned())
        }
        (.., None) => (
            PolicyStatus::NotMeasured,
            None,
            "RTO was not measured, so it cannot be compared with earlier drills".to_owned(),
        ),
        (Some(past), median, Some(rto)) => match median.filter(|_| past.passed >= FEWEST) {
            None => {
                let message = format!(
                    "RTO is not compared yet: {} drill(s) of this name passed before, {FEWEST} are wanted",
                    past.passed
                );
                (PolicyStatus::Warned, None, message)
            }
            Some(median) => {
                let percent = (rto - median) / median * 100.0;
                let broken = percent > limit && rto - median >= NOISE_SECONDS;
                let status = if broken { PolicyStatus::Failed } else { PolicyStatus::Passed };
                let message = format!(
                    "RTO is {rto:.3} seconds, {percent:+.1} % of the median {median:.3} of {} drills \
                     before; the limit is +{limit} %",
                    past.passed
                );
                (status, Some(percent), message)
            }
        },
    };
    Some(PolicyResult {
        policy: POLICY.to_owned(),
        limit,
        observed,
        unit: "percent".to_owned(),
        status,
        message,
    })
}
