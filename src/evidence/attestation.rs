//! What is signed of a directory: statements that follow from its report and its digests alone, so that
//! whoever verifies can write them again.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::bundle::parse_sums;
use super::{REPORT, SUMS, SealedEvidence};
use crate::digest::Digest;
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
