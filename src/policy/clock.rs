//! `allow_clock_override`: whether a drill whose time was fixed by its caller may pass.

use crate::manifest::Policies;
use crate::outcome::Outcome;
use crate::wire::event::{PolicyResult, PolicyStatus};

pub(super) fn enforce(outcome: &Outcome, policies: &Policies) -> Option<PolicyResult> {
    let overridden = outcome.clock.as_ref().is_some_and(|clock| clock.overridden);
    if policies.allow_clock_override {
        return None;
    }
    let (status, message) = if overridden {
        (
            PolicyStatus::Failed,
            "the wall clock was fixed with --current-time, which the manifest forbids",
        )
    } else {
        (PolicyStatus::Passed, "the wall clock is that of the machine")
    };
    Some(PolicyResult {
        policy: "allow_clock_override".to_owned(),
        limit: 0.0,
        observed: Some(f64::from(u8::from(overridden))),
        unit: "overrides".to_owned(),
        status,
        message: message.to_owned(),
    })
}
