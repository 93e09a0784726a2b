//! What the steps of a restored database do: get it ready, and ask it.

use std::io;
use std::time::Duration;

use super::super::Run;
use super::Work;
use super::restore::restore_failed;
use super::vouchers::Read;
use crate::check;
use crate::document::parse_json;
use crate::engine::StepResult;
use crate::manifest::{DatabaseEngine, Request};
use crate::request::Hands;
use crate::restore::Failed;
use crate::restore::database::Throwaway;
use crate::restore::provision::Provision;
use crate::target::Target;
use crate::wire::baseline::{Baseline, SCHEMA};
use crate::wire::event::{
    Body, CheckFacts, Class, Context, CoverageFacts, Finding, RestoreFacts, Severity, Status,
};
use crate::wire::manifest::Check;

impl<'a> Work<'a> {
    pub(in super::super) fn provision(&mut self, run: &Run<'a>) -> StepResult {
        let Some(database) = self.manifest.database() else {
            return StepResult::skipped("no server is needed");
        };
        if !self.accept() {
            return StepResult::skipped("the backup was not verified");
        }
        let (Some(backup), Some(workspace)) = (&self.verified, &self.workspace) else {
            return StepResult::skipped("the backup was not verified");
        };
        let watch = run.setup.watch;
        let provision = Provision {
            database,
            workspace,
            search_path: run.setup.search_path.clone(),
            cache: run.setup.cache_directory.clone(),
            observer: watch,
            interrupt: watch,
            variable: run.setup.variable,
            allow_existing_target: run.setup.allow_existing_target,
            least_bytes: least_bytes(database.engine, run),
        };
        match Throwaway::provision(&provision, backup) {
            Ok(instance) => {
                let facts = instance.facts().clone();
                let ready = facts.ready_seconds.map(|s| format!(", ready in {s:.3} s"));
                let notes =
                    format!("{} {}{}", facts.engine, facts.version, ready.unwrap_or_default());
                let mut result = StepResult::passed(
                    notes,
                    Context { instance: Some(facts), ..Context::default() },
                );
                result.findings = missing_roles(&instance.facts().roles);
                self.instance = Some(instance);
                result
            }
            Err(error) => {
                let facts = Box::new(RestoreFacts::default());
                let failed = restore_failed(Failed { facts, error });
                let context = Box::new(Context { restore: None, ..*failed.context });
                StepResult { context, ..failed }
            }
        }
    }

    fn read_baseline(&self, run: &mut Run<'_>) -> Read<Option<Baseline>> {
        let Some(source) = &self.manifest.baseline else { return Ok(Ok(None)) };
        let last = run.setup.last_baseline.as_ref().filter(|_| source.last_good_drill);
        let (bytes, from) = match (last, &source.file) {
            (Some(bytes), _) => {
                run.engine.evidence.keep(LAST_BASELINE, bytes)?;
                (bytes.clone(), "of the newest drill that passed".to_owned())
            }
            (None, Some(input)) => {
                match self.read_input(run, input, "baseline", MAX_BASELINE_BYTES)? {
                    Ok(read) => (read.bytes, read.path),
                    Err(failed) => return Ok(Err(failed)),
                }
            }
            (None, None) => return Ok(Err(Box::new(no_good_drill()))),
        };
        let strict = parse_json(&bytes).map_err(|error| error.to_string());
        let baseline = strict.and_then(|value| {
            serde_json::from_value::<Baseline>(value).map_err(|error| error.to_string())
        });
        Ok(match baseline {
            Ok(baseline) if baseline.schema == SCHEMA && !baseline.tables.is_empty() => {
                Ok(Some(baseline))
            }
            Ok(baseline) if baseline.schema == SCHEMA => {
                Err("it holds no table: nothing could differ from it".to_owned())
            }
            Ok(other) => Err(format!("its schema is `{}`, `{SCHEMA}` is wanted", other.schema)),
            Err(error) => Err(error),
        }
        .map_err(|why| {
            let message = format!("the baseline {from} cannot be read: {why}");
            Box::new(StepResult::failed(Class::Check, &message, None, Context::default()))
        }))
    }

    /// Whether it is recorded what the database was found to be.
    fn records(&self, run: &Run<'_>) -> bool {
        let source = self.manifest.baseline.as_ref();
        run.setup.record_baseline || source.is_some_and(|source| source.last_good_drill)
    }

    pub(in super::super) fn run_checks(&self, run: &mut Run<'_>) -> io::Result<StepResult> {
        let Some(instance) = &self.instance else {
            return Ok(StepResult::skipped("there is no database to ask"));
        };
        let baseline = match self.read_baseline(run)? {
            Ok(baseline) => baseline,
            Err(failed) => return Ok(*failed),
        };
        let (root, watch) = (self.root, run.setup.watch);
        let start = |path: &str, pin: Option<&str>| instance.start(root, path, pin, watch);
        let Some(target) = instance.target() else {
            return Ok(StepResult::skipped("there is no database to ask"));
        };
        let now = run.setup.clock.now();
        let hands = Hands {
            search_path: run.setup.search_path.clone(),
            folder: root.folder(),
            variable: run.setup.variable,
        };
        let connect = |check: &Check| {
            let request = Request::of_check(check)?;
            let came = hands.perform(&request, &[], Duration::MAX);
            Some((request.told(), came.map(|_| ())))
        };
        let (baseline, connect) = (baseline.as_ref(), &connect);
        let asked = check::Asked { target, now, baseline, start: &start, connect };
        let mut checks = self.manifest.checks.clone();
        if let Some(baseline) = baseline.filter(|_| self.manifest.derives_checks) {
            checks.extend(check::derived(target, baseline));
        }
        let (mut held, mut failed, mut findings) = (0, None::<CheckFacts>, Vec::new());
        for (check, number) in checks.iter().zip(1..) {
            if run.setup.watch.interrupted() {
                let message = "the drill was interrupted while the data was asked";
                let context = Context::default();
                return Ok(StepResult::failed(Class::Incomplete, &message, None, context));
            }
            let facts = match &failed {
                Some(_) => check::skip(number, check),
                None => check::run(number, check, &asked),
            };
            match facts.status {
                Status::Passed => held += 1,
                Status::Failed if facts.critical => failed = Some(facts.clone()),
                Status::Failed => findings.push(warning(&facts)),
                Status::Skipped | Status::Inconclusive => {}
            }
            run.engine.emit(Body::CheckFinished(facts))?;
        }
        let coverage = coverage(target, &run.engine.outcome.checks);
        let context = || Context { coverage: coverage.clone(), ..Context::default() };
        let notes = format!("{held} of {} check(s) hold", checks.len());
        let result = match failed {
            None if self.records(run) => match check::record(target) {
                Ok(baseline) => {
                    let mut text = serde_json::to_vec_pretty(&baseline)?;
                    text.push(b'\n');
                    run.engine.evidence.keep(BASELINE, &text)?;
                    StepResult::passed(format!("{notes}; baseline recorded"), context())
                }
                Err(error) => {
                    let message = format!("the baseline cannot be recorded: {error}");
                    StepResult::failed(Class::Check, &message, None, context())
                }
            },
            None => StepResult::passed(notes, context()),
            Some(first) => {
                let message = format!("{}: {}", first.check, first.message);
                StepResult::failed(Class::Check, &message, None, context())
            }
        };
        Ok(StepResult { findings, ..result })
    }
}

/// What the data takes on the disk at the very least, in bytes: a file of a database is copied as it
/// is; of a dump the text goes, which is not more than half in the worst case; of what is compressed
/// nothing more is known than its size.
fn least_bytes(engine: DatabaseEngine, run: &Run<'_>) -> u64 {
    let payload = run.engine.outcome.fact(|context| context.payload.as_ref());
    let backup = run.engine.outcome.fact(|context| context.backup.as_ref());
    let bytes = backup.map_or(0, |facts| facts.bytes);
    let unpacked = payload.and_then(|facts| facts.unpacked_bytes).unwrap_or(bytes);
    let is_text = payload.is_some_and(|facts| {
        ["PostgreSQL ", "MySQL ", "SQLite "].iter().any(|start| facts.format.starts_with(start))
    });
    match engine {
        _ if is_text => unpacked / 2,
        DatabaseEngine::Postgres | DatabaseEngine::MariaDb => bytes,
        DatabaseEngine::Redis | DatabaseEngine::Sqlite => unpacked,
    }
}

/// Tables that are named at most.
const NAMED: usize = 10;

/// Tables that no check looked into; nothing where the database does not say which there are.
fn coverage(target: Target<'_>, checks: &[CheckFacts]) -> Option<CoverageFacts> {
    let tables = check::tables(target).ok()?;
    let seen = |table: &&String| checks.iter().any(|check| check.tables.contains(table));
    let unchecked: Vec<String> = tables.iter().filter(|table| !seen(table)).cloned().collect();
    Some(CoverageFacts {
        tables: tables.len() as u64,
        unchecked: unchecked.len() as u64,
        first_unchecked: unchecked.into_iter().take(NAMED).collect(),
    })
}

/// Nothing says what the database was: it cannot be told whether it still is.
fn no_good_drill() -> StepResult {
    let message =
        "the data is to be compared with that of the newest drill that passed, and there is none";
    let hint = "run it with --history, and name a baseline for the first drill under baseline.path";
    StepResult::inconclusive(message, hint)
}

/// Where the baseline of an earlier drill is kept.
const LAST_BASELINE: &str = "inputs/baseline/last-good-drill.json";
/// Where a baseline lies in the evidence.
const BASELINE: &str = "restore/baseline.json";
/// Largest baseline that is read, in bytes.
const MAX_BASELINE_BYTES: u64 = 64 << 20;

fn warning(facts: &CheckFacts) -> Finding {
    Finding {
        id: "check_failed".to_owned(),
        severity: Severity::Warning,
        message: format!("{}: {}", facts.check, facts.message),
        place: format!("checks {}", facts.id),
        class: None,
    }
}

/// Roles are not part of a dump of one database: whoever recovers has to bring them.
fn missing_roles(roles: &[String]) -> Vec<Finding> {
    if roles.is_empty() {
        return Vec::new();
    }
    vec![Finding {
        id: "roles_missing".to_owned(),
        severity: Severity::Info,
        message: format!(
            "the dump speaks of role(s) that it does not make: {}; they were made without rights, \
             and a recovery needs them from elsewhere",
            roles.join(", ")
        ),
        place: "provision_instance".to_owned(),
        class: None,
    }]
}
