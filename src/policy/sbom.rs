//! What the SBOM must have: minimum elements, licences, an age.

use crate::clock::Timestamp;
use crate::manifest::Policies;
use crate::outcome::Outcome;
use crate::wire::event::{PolicyResult, PolicyStatus, ProfileFacts, SbomFacts};

pub(super) fn enforce(outcome: &Outcome, policies: &Policies) -> Vec<PolicyResult> {
    let sbom = outcome.fact(|context| context.sbom.as_ref());
    let mut results: Vec<_> = policies
        .sbom_profiles
        .iter()
        .map(|profile| {
            let facts = sbom.and_then(|s| s.profiles.iter().find(|p| p.profile == *profile));
            let name = serde_json::to_value(profile).unwrap_or_default();
            let name = name.as_str().unwrap_or_default().to_owned();
            profile_result(&name, facts)
        })
        .collect();
    // Both lists are looked at together: one result says what came of them.
    if !policies.allowed_licenses.is_empty() {
        results.push(licenses("allowed_licenses", sbom));
    } else if !policies.denied_licenses.is_empty() {
        results.push(licenses("denied_licenses", sbom));
    }
    if let Some(max) = policies.max_sbom_age_days {
        results.push(age(max, sbom, outcome));
    }
    results
}

fn profile_result(profile: &str, facts: Option<&ProfileFacts>) -> PolicyResult {
    let (observed, status, message) = match facts {
        None => (
            None,
            PolicyStatus::NotMeasured,
            format!("the SBOM was not held against {profile}: it was not accepted"),
        ),
        Some(facts) if facts.missing.is_empty() => {
            (Some(0), PolicyStatus::Passed, format!("the SBOM has every element of {profile}"))
        }
        Some(facts) => {
            let missing: Vec<String> = facts
                .missing
                .iter()
                .map(|missing| match (&missing.first, missing.components) {
                    (_, 0) => missing.element.clone(),
                    (Some(first), count) => {
                        format!("{} ({count} component(s), {first} first)", missing.element)
                    }
                    (None, count) => format!("{} ({count} component(s))", missing.element),
                })
                .collect();
            let message = format!("the SBOM lacks elements of {profile}: {}", missing.join(", "));
            (Some(facts.missing.len()), PolicyStatus::Failed, message)
        }
    };
    PolicyResult {
        policy: format!("sbom_profiles.{profile}"),
        limit: 0.0,
        observed: observed.map(|count| count as f64),
        unit: "missing elements".to_owned(),
        status,
        message,
    }
}

fn licenses(policy: &str, sbom: Option<&SbomFacts>) -> PolicyResult {
    let (observed, status, message) = match sbom {
        None => (
            None,
            PolicyStatus::NotMeasured,
            "the licenses were not looked at: the SBOM was not accepted".to_owned(),
        ),
        Some(sbom) if sbom.refused_licenses == 0 => {
            (Some(0), PolicyStatus::Passed, "every license is acceptable".to_owned())
        }
        Some(sbom) => (
            Some(sbom.refused_licenses),
            PolicyStatus::Failed,
            format!(
                "{} component(s) have licenses that are not acceptable: {}",
                sbom.refused_licenses,
                sbom.refused_components.join("; ")
            ),
        ),
    };
    PolicyResult {
        policy: policy.to_owned(),
        limit: 0.0,
        observed: observed.map(|count| count as f64),
        unit: "components".to_owned(),
        status,
        message,
    }
}

fn age(max: f64, sbom: Option<&SbomFacts>, outcome: &Outcome) -> PolicyResult {
    let created = sbom.and_then(|sbom| sbom.created.as_ref()?.parse::<Timestamp>().ok());
    let started = outcome.started_at.parse::<Timestamp>().ok();
    let days = created.zip(started).map(|(made, now)| now.minutes_since(made) / (24.0 * 60.0));
    let (status, message) = match days {
        None => (
            PolicyStatus::NotMeasured,
            "the age of the SBOM is not known: it does not say when it was made".to_owned(),
        ),
        Some(days) if days < 0.0 => {
            (PolicyStatus::Failed, "the SBOM says that it was made in the future".to_owned())
        }
        Some(days) if days > max => (
            PolicyStatus::Failed,
            format!("the SBOM is {days:.1} days old, the limit is {max} days"),
        ),
        Some(days) => (
            PolicyStatus::Passed,
            format!("the SBOM is {days:.1} days old, the limit is {max} days"),
        ),
    };
    PolicyResult {
        policy: "max_sbom_age_days".to_owned(),
        limit: max,
        observed: days,
        unit: "days".to_owned(),
        status,
        message,
    }
}
