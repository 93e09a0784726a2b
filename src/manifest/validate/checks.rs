//! Checks that could not fail are refused before anything is run.

use super::Reader;
use crate::manifest::DatabaseEngine;
use crate::wire::manifest::{Check, Checks, Subject};

impl Reader<'_> {
    /// The checks of a manifest. Every database is asked first whether it answers and whether it is
    /// empty: one that is did not come back.
    pub(super) fn checks(
        &mut self,
        checks: Checks,
        engine: Option<DatabaseEngine>,
        has_baseline: bool,
        existing: bool,
    ) -> Vec<Check> {
        let against_baseline =
            |check: &Check| matches!(check, Check::Structure { .. } | Check::Content { .. });
        let (checks, derived) = match checks {
            Checks::Derived(_) => (Vec::new(), true),
            Checks::Listed(list) => (list, false),
        };
        let no_baseline = "there is no baseline to compare with";
        let hint = "name one under `baseline`: dr-drill backup and dr-drill run --record-baseline \
                    make it";
        if derived && !has_baseline {
            self.problem("/checks", no_baseline, Some(hint));
        }
        if has_baseline && !derived && !checks.iter().any(against_baseline) {
            let message = "no check looks at it";
            self.problem("/baseline", message, Some("add the check `structure` or `content`"));
        }
        if engine.is_none() && (derived || !checks.is_empty()) {
            let message = "there is no database to ask: nothing would be checked";
            self.problem("/checks", message, Some("set restore.driver to that of a database"));
        }
        for (check, index) in checks.iter().zip(0_usize..) {
            if against_baseline(check) && !has_baseline {
                self.problem(&format!("/checks/{index}"), no_baseline, Some(hint));
            }
            let message = match (engine, check.subject()) {
                (Some(DatabaseEngine::Redis), Subject::Tables) => "asks for tables; Redis has none",
                (Some(DatabaseEngine::Redis) | None, _)
                | (Some(_), Subject::Tables | Subject::Both) => "",
                (Some(_), Subject::Keys) => "asks for keys of Redis",
            };
            if !message.is_empty() {
                self.problem(&format!("/checks/{index}"), message, Some("remove it"));
            }
            if matches!(check, Check::Connection { .. }) && !existing {
                let message = "asks a service that cannot reach a throwaway server";
                let hint = "it belongs to a restore into `existing_target`";
                self.problem(&format!("/checks/{index}"), message, Some(hint));
            }
            if let Some((message, hint)) = cannot_fail(check) {
                self.problem(&format!("/checks/{index}"), message, Some(hint));
            }
            let (key, digest) = match check {
                Check::Query { expected_sha256, .. } | Check::KeyValue { expected_sha256, .. } => {
                    ("expected_sha256", expected_sha256)
                }
                Check::Program { path, sha256, .. } => {
                    self.path(&format!("/checks/{index}/path"), path);
                    ("sha256", sha256)
                }
                _ => continue,
            };
            let pointer = format!("/checks/{index}/{key}");
            let _ = self.read::<crate::digest::Digest>(&pointer, digest.as_deref());
        }
        let always = [Check::Connectivity { critical: None }, Check::NotEmpty { critical: None }];
        let named = |kind: &str| checks.iter().any(|check| check.kind() == kind);
        let unnamed = always.into_iter().filter(|check| engine.is_some() && !named(check.kind()));
        let mut all: Vec<Check> = unnamed.collect();
        all.extend(checks);
        all
    }
}

/// Why a check would hold whatever came back, or never, and how to make it bite.
fn cannot_fail(check: &Check) -> Option<(&'static str, &'static str)> {
    match check {
        Check::RowCount { exact: None, min: None, max: None, .. }
        | Check::KeyCount { exact: None, min: None, max: None, .. } => {
            Some(("expects nothing: any number would do", "give `min` or `exact`"))
        }
        Check::RowCount { exact: None, min: None, .. }
        | Check::KeyCount { exact: None, min: None, .. } => Some((
            "holds where there is none: what is lost is not noticed",
            "give `min` besides `max`, or `exact`",
        )),
        Check::RowCount { exact: Some(_), min, max, .. }
        | Check::KeyCount { exact: Some(_), min, max, .. }
            if min.is_some() || max.is_some() =>
        {
            Some(("asks for an exact number and for bounds", "give `exact`, or `min` and `max`"))
        }
        Check::RowCount { min: Some(min), max: Some(max), .. }
        | Check::KeyCount { min: Some(min), max: Some(max), .. }
            if min > max =>
        {
            Some(("could never hold: `min` is greater than `max`", "exchange them"))
        }
        Check::Query { expected: None, expected_sha256: None, .. }
        | Check::KeyValue { expected: None, expected_sha256: None, .. } => Some((
            "expects nothing: any answer would do",
            "give `expected`, or `expected_sha256` for what is to stand nowhere",
        )),
        Check::Query { expected: Some(_), expected_sha256: Some(_), .. }
        | Check::KeyValue { expected: Some(_), expected_sha256: Some(_), .. } => {
            Some(("expects two things", "give `expected` or `expected_sha256`"))
        }
        Check::Query { expected, tolerance: Some(_), .. }
            if expected.as_deref().is_none_or(|text| text.trim().parse::<f64>().is_err()) =>
        {
            Some(("has a tolerance, and expects no number", "remove `tolerance`"))
        }
        Check::Connection { command, http, environment, expect_status, .. } => {
            match (command.is_empty(), http) {
                (true, None) => Some(("asks nobody", "give `command` or `http`")),
                (false, Some(_)) => Some(("asks in two ways", "give `command` or `http`")),
                (true, Some(_)) if !environment.is_empty() => {
                    Some(("gives variables to no command", "remove `environment`"))
                }
                (false, None) if expect_status.is_some() => {
                    Some(("expects a status of a command", "remove `expect_status`"))
                }
                (true, Some(address))
                    if !["http://", "https://"].iter().any(|start| address.starts_with(start))
                        || address.contains('@') =>
                {
                    let message = "is no plain address";
                    Some((message, "it begins with http:// or https://, without a user"))
                }
                _ => None,
            }
        }
        _ => None,
    }
}
