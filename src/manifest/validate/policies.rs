//! Limits, and the exceptions from them.

use super::Reader;
use crate::manifest::{Limit, Policies, Waiver};
use crate::wire::manifest as written;

/// Policies that a waiver can name.
const WAIVABLE: [&str; 12] = [
    "max_rpo_minutes",
    "max_rto_seconds",
    "max_rto_regression_percent",
    "max_phase_seconds",
    "min_restore_bytes_per_second",
    "min_coverage",
    "min_pass_rate",
    "allow_clock_override",
    "sbom_profiles",
    "allowed_licenses",
    "denied_licenses",
    "max_sbom_age_days",
];

impl Reader<'_> {
    /// `for_database` says whether there are tables to look into.
    pub(super) fn policies(
        &mut self,
        policies: Option<&written::Policies>,
        for_database: bool,
    ) -> Policies {
        let default = written::Policies::default();
        let policies = policies.unwrap_or(&default);
        for (key, max, warn) in [
            ("rpo_minutes", policies.max_rpo_minutes, policies.warn_rpo_minutes),
            ("rto_seconds", policies.max_rto_seconds, policies.warn_rto_seconds),
        ] {
            if let (Some(max), Some(warn)) = (max, warn)
                && warn >= max
            {
                self.problem(
                    &format!("/policies/warn_{key}"),
                    &format!("a warning at {warn} never comes before the limit of {max}"),
                    Some("set it below the limit"),
                );
            }
        }
        if policies.min_coverage.is_some() && !for_database {
            let message = "there is no database: nothing would be measured";
            self.problem("/policies/min_coverage", message, Some("remove it"));
        }
        if policies.min_pass_rate.is_some() && !for_database {
            let message = "there is no database: nothing would be asked";
            self.problem("/policies/min_pass_rate", message, Some("remove it"));
        }
        for (phase, seconds) in &policies.max_phase_seconds {
            if *seconds <= 0.0 {
                let phase = serde_json::to_value(phase).unwrap_or_default();
                let pointer =
                    format!("/policies/max_phase_seconds/{}", phase.as_str().unwrap_or(""));
                self.problem(&pointer, "is not greater than 0: it could never hold", None);
            }
        }
        Policies {
            rpo: Limit { max: policies.max_rpo_minutes, warn: policies.warn_rpo_minutes },
            rto: Limit { max: policies.max_rto_seconds, warn: policies.warn_rto_seconds },
            max_rto_regression_percent: policies.max_rto_regression_percent,
            phases: policies.max_phase_seconds.iter().map(|(phase, max)| (*phase, *max)).collect(),
            min_restore_bytes_per_second: policies.min_restore_bytes_per_second,
            min_coverage: policies.min_coverage,
            min_pass_rate: policies.min_pass_rate,
            allow_clock_override: policies.allow_clock_override.unwrap_or(true),
            sbom_profiles: policies.sbom_profiles.clone(),
            allowed_licenses: policies.allowed_licenses.clone(),
            denied_licenses: policies.denied_licenses.clone(),
            max_sbom_age_days: policies.max_sbom_age_days,
            require_signature: policies.require_signature.unwrap_or(false),
            waiver: policies.waiver.as_ref().and_then(|waiver| self.waiver(waiver)),
        }
    }

    fn waiver(&mut self, waiver: &written::Waiver) -> Option<Waiver> {
        for (index, policy) in waiver.policies.iter().enumerate() {
            if !WAIVABLE.contains(&policy.as_str()) {
                let pointer = format!("/policies/waiver/policies/{index}");
                let hint = format!("policies that can be waived: {}", WAIVABLE.join(", "));
                self.problem(&pointer, &format!("`{policy}` is no policy"), Some(&hint));
            }
        }
        let until = self.read("/policies/waiver/until", Some(&waiver.until));
        let makeup = self.read("/policies/waiver/makeup_drill_at", Some(&waiver.makeup_drill_at));
        Some(Waiver {
            approved_by: waiver.approved_by.clone(),
            reason: waiver.reason.clone(),
            until: until?,
            makeup_drill_at: makeup?,
            policies: waiver.policies.clone(),
        })
    }
}
