//! Verification of a sealed directory, offline: every byte, every event, and the report computed again.

mod judged;
mod signed;

use std::path::Path;

use super::bundle::{Bundle, parse_sums};
use super::{EVENTS, MANIFEST, REPORT, SUMS};
use crate::digest::Observer;
use crate::document::parse_json;
use crate::document::schema::Schema;
use crate::outcome::{Outcome, fold};
use crate::signature::PublicKey;
use crate::wire;
use crate::wire::answer::{FileProblem, Standing, VERIFICATION, Verification};
use crate::wire::event::Event;

/// Whose signatures are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys<'a> {
    /// Keys that all must have signed the drill.
    pub signers: &'a [PublicKey],
    /// Keys that all must have signed it off.
    pub reviewers: &'a [PublicKey],
}

/// Verifies the evidence of a drill, a directory or a pack; with keys, whether all of them have signed it.
///
/// # Errors
/// When there is no evidence, or it cannot be read.
pub fn verify(
    path: &Path,
    keys: Keys<'_>,
    observer: &dyn Observer,
) -> Result<Verification, String> {
    let bundle = Bundle::open(path, observer)?;
    let mut check = Check {
        bundle: &bundle,
        keys,
        problems: Vec::new(),
        proven: Vec::new(),
        not_proven: Vec::new(),
    };
    let sealed = bundle.has(SUMS);
    if sealed && bundle.files.keys().eq([REPORT]) {
        return Ok(check.pruned());
    }
    if sealed {
        check.digests();
    }
    let outcome = check.events();
    let finished = outcome.as_ref().is_some_and(|outcome| outcome.finished.is_some());
    let mut computed = None;
    if let (true, Some(outcome)) = (sealed, &outcome) {
        computed = check.report(outcome);
    }
    let mut signature = Signature::Unknown;
    if let Some(report) = &computed
        && check.problems.is_empty()
    {
        signature = check.signature(report);
        check.place(report);
        if check.reviewed() == Signature::NotOfKey {
            signature = Signature::NotOfKey;
        }
    }
    if !sealed {
        check.problem(SUMS, "is missing: the drill was cut off before its evidence was sealed");
    } else if !finished {
        check.problem(EVENTS, "does not tell of the end of the run");
    }
    let standing = match (check.problems.is_empty(), sealed, signature) {
        (true, _, Signature::Good) => Standing::Verified,
        (true, _, Signature::Unknown | Signature::NotOfKey) => Standing::IntactSignerUnknown,
        (false, true, Signature::NotOfKey) => Standing::NotSignedByKey,
        (false, true, _) => Standing::Altered,
        (false, false, _) => Standing::Incomplete,
    };
    let intact = matches!(standing, Standing::Verified | Standing::IntactSignerUnknown);
    Ok(Verification {
        schema: VERIFICATION.to_owned(),
        standing,
        run_id: outcome.map(|outcome| outcome.run_id),
        verdict: computed.filter(|_| intact).map(|report| report.status),
        proven: check.proven,
        not_proven: check.not_proven,
        problems: check.problems,
    })
}

/// What is known of the signature.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signature {
    /// Nobody asked.
    Unknown,
    /// It is that of the keys that were given.
    Good,
    /// There is none of them.
    NotOfKey,
}

struct Check<'a> {
    bundle: &'a Bundle,
    keys: Keys<'a>,
    problems: Vec<FileProblem>,
    proven: Vec<String>,
    not_proven: Vec<String>,
}

impl Check<'_> {
    fn problem(&mut self, file: &str, message: impl Into<String>) {
        self.problems.push(FileProblem { file: file.to_owned(), message: message.into() });
    }

    fn read(&mut self, name: &str) -> Option<Vec<u8>> {
        match self.bundle.read(name) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.problem(name, error);
                None
            }
        }
    }

    /// Every file is listed with its digest, and nothing else is there.
    fn digests(&mut self) {
        let Some(bytes) = self.read(SUMS) else { return };
        let Some(listed) = parse_sums(&bytes) else {
            self.problem(SUMS, "is not as the tool writes it: `DIGEST  PATH`, sorted by path");
            return;
        };
        let mut found = self.bundle.files.clone();
        let count = listed.len();
        let before = self.problems.len();
        for (path, digest) in listed {
            match found.remove(&path) {
                None => self.problem(&path, format!("is listed in {SUMS} but not there")),
                Some(other) if other != digest => {
                    let message = format!("does not have the digest that {SUMS} lists: {other}");
                    self.problem(&path, message);
                }
                Some(_) => {}
            }
        }
        for path in found.into_keys() {
            self.problem(&path, format!("is there but not listed in {SUMS}"));
        }
        for link in &self.bundle.links {
            self.problem(link, "is a symbolic link, which no drill leaves");
        }
        if self.problems.len() == before {
            self.proven
                .push(format!("all {count} files are as they were sealed, and no other is there"));
        }
    }

    /// The events are of the right form, without gaps, and such as a run can write.
    fn events(&mut self) -> Option<Outcome> {
        let bytes = self.read(EVENTS)?;
        let schema = compiled("event");
        let mut events = Vec::new();
        for (line, number) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            let parsed = parse_json(line).map_err(|error| error.message).and_then(|value| {
                if let Some(schema) = &schema
                    && let Some(violation) = schema.violations(&value, 1).0.first()
                {
                    return Err(violation.message.clone());
                }
                serde_json::from_value::<Event>(value).map_err(|error| error.to_string())
            });
            match parsed {
                Ok(event) => events.push(event),
                Err(message) => {
                    self.problem(EVENTS, format!("line {number}: {message}"));
                    return None;
                }
            }
        }
        match fold(&events) {
            Ok(outcome) => {
                self.proven
                    .push(format!("{} events follow each other without a gap", events.len()));
                Some(outcome)
            }
            Err(error) => {
                self.problem(EVENTS, error.to_string());
                None
            }
        }
    }
}

fn compiled(name: &str) -> Option<Schema> {
    Schema::compile(&serde_json::from_str(wire::schema(name)?).ok()?).ok()
}
