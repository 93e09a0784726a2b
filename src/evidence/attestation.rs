//! What is signed of a directory: statements that follow from its report and its digests alone, so that
//! whoever verifies can write them again.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::bundle::parse_sums;
use super::{REPORT, SUMS, SealedEvidence};
use crate::digest::Digest;
use crate::document::parse_json;
use crate::signature::{Envelope, KeyError, PrivateKey};
use crate::wire::attestation::{
    DRILL, Drill, PAYLOAD_TYPE, STATEMENT, Statement, Subject, TEST_RESULT, TestResult,
};
use crate::wire::event::{Status, Verdict};
use crate::wire::report::Report;

/// The envelopes, one a line.
pub(super) fn sign(payloads: &[Vec<u8>], key: &PrivateKey) -> Result<Vec<u8>, KeyError> {
    let mut lines = Vec::new();
    for payload in payloads {
        let envelope = Envelope::sign(PAYLOAD_TYPE, payload, key)?;
        lines.extend_from_slice(format!("{envelope}\n").as_bytes());
    }
    Ok(lines)
}

/// What is signed, in canonical JSON (RFC 8785). `listed` and `sums` are the list of digests and its
/// bytes.
pub(super) fn payloads(report: &Report, listed: &[(String, Digest)], sums: &[u8]) -> Vec<Vec<u8>> {
    let sums_sha256 = Digest::of(sums).to_string();
    let subject = |name: &str, digest: &str| Subject {
        name: name.to_owned(),
        digest: BTreeMap::from([("sha256".to_owned(), digest.to_owned())]),
    };
    let backup = report.backup.iter().map(|backup| subject(&backup.path, &backup.sha256));
    let files = listed.iter().map(|(path, digest)| subject(path, &digest.to_string()));
    let subjects: Vec<Subject> = backup.chain(files).chain([subject(SUMS, &sums_sha256)]).collect();
    let names = |passed: bool| {
        let ended = report.steps.iter().filter(move |step| match step.status {
            Some(Status::Passed) => passed,
            Some(Status::Skipped) => false,
            _ => !passed,
        });
        ended.map(|step| step.step.clone()).collect::<Vec<_>>()
    };
    let manifest = report.notes.manifest_sha256.iter();
    let test = TestResult {
        result: if report.status == Verdict::Passed { "PASSED" } else { "FAILED" }.to_owned(),
        configuration: manifest.map(|digest| subject(&report.manifest, digest)).collect(),
        passed_tests: names(true),
        failed_tests: names(false),
    };
    let drill = predicate(report, listed, sums);
    vec![payload(&subjects, TEST_RESULT, test), payload(&subjects, DRILL, drill)]
}

/// What our own statement says.
fn predicate(report: &Report, listed: &[(String, Digest)], sums: &[u8]) -> Drill {
    let of_report = listed.iter().find(|(path, _)| path == REPORT);
    Drill {
        run_id: report.run_id.clone(),
        name: report.name.clone(),
        verdict: report.status,
        report_sha256: of_report.map(|(_, digest)| digest.to_string()).unwrap_or_default(),
        sums_sha256: Digest::of(sums).to_string(),
        started_at: report.started_at.clone(),
        ended_at: report.ended_at.clone(),
        clock_overridden: report.clock.overridden,
        not_proven: report.not_proven.clone(),
        sequence: report.chain.as_ref().map(|chain| chain.sequence),
        previous_seal_sha256: report
            .chain
            .as_ref()
            .and_then(|chain| Some(chain.previous.as_ref()?.seal_sha256.clone())),
    }
}

/// Whether a statement of another version says of a directory what this one would, as far as it must.
pub(super) fn agrees(
    payload: &[u8],
    report: &Report,
    listed: &[(String, Digest)],
    sums: &[u8],
) -> bool {
    let read = |bytes: &[u8]| -> Option<Statement<Value>> {
        serde_json::from_value(parse_json(bytes).ok()?).ok()
    };
    let (Some(said), ours) = (read(payload), payloads(report, listed, sums)) else { return false };
    let same = |wanted: Statement<Value>| {
        let keys = ["result", "runId", "verdict", "reportSha256", "sumsSha256"];
        wanted.kind == said.kind
            && wanted.predicate_type == said.predicate_type
            && wanted.subject == said.subject
            && keys.iter().all(|key| wanted.predicate.get(key) == said.predicate.get(key))
    };
    ours.iter().filter_map(|payload| read(payload)).any(same)
}

/// What our own statement says of a sealed directory: for others that sign, such as a build server.
///
/// # Errors
/// When the directory is not sealed, or its report is not as it was.
pub fn predicate_of(directory: &Path) -> Result<Drill, String> {
    let sealed = SealedEvidence::read(directory)?;
    let sums = std::fs::read(directory.join(SUMS)).map_err(|error| error.to_string())?;
    Ok(predicate(sealed.report(), &parse_sums(&sums).unwrap_or_default(), &sums))
}

fn payload<P: Serialize>(subjects: &[Subject], predicate_type: &str, predicate: P) -> Vec<u8> {
    let statement = Statement {
        kind: STATEMENT.to_owned(),
        subject: subjects.to_vec(),
        predicate_type: predicate_type.to_owned(),
        predicate,
    };
    serde_json_canonicalizer::to_vec(&statement).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::report::report;

    /// A statement of another version may say more, in other words; not another thing.
    #[test]
    fn a_statement_of_another_version_agrees_as_far_as_it_must() {
        let outcome = Outcome::default();
        let report = report(&outcome, &crate::policy::judge(&outcome, None), None);
        let listed = vec![(REPORT.to_owned(), Digest::of(b"report"))];
        let agrees =
            |payload: &Value| agrees(payload.to_string().as_bytes(), &report, &listed, b"sums");
        for payload in payloads(&report, &listed, b"sums") {
            let whole: Value = serde_json::from_slice(&payload).unwrap();
            assert!(agrees(&whole));
            let mut more = whole.clone();
            more["predicate"]["more"] = "words".into();
            more["predicate"]["notProven"] = "other words".into();
            assert!(agrees(&more));
            for pointer in ["/subject/0/digest/sha256", "/predicateType", "/_type"] {
                let mut other = whole.clone();
                *other.pointer_mut(pointer).unwrap() = "other".into();
                assert!(!agrees(&other), "{pointer}");
            }
            for key in ["result", "verdict", "runId", "reportSha256", "sumsSha256"] {
                let mut other = whole.clone();
                if let Some(said) = other["predicate"].get_mut(key) {
                    *said = "other".into();
                    assert!(!agrees(&other), "{key}");
                }
            }
        }
        assert!(!agrees(&Value::Null));
    }
}
