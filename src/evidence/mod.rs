//! The evidence directory: written as a drill goes on, sealed at its end, verified by anyone.

mod attestation;
mod bundle;
mod directory;
mod pack;
mod seal;
mod sealed;
mod sign_off;
mod verify;

pub use attestation::predicate_of;
pub use directory::{Directory, EvidenceError};
pub use pack::{PackError, pack, unpack};
pub use sealed::SealedEvidence;
pub use sign_off::sign_off;
pub use verify::{Keys, verify};

use crate::report::{HTML, JSON, JUNIT, MARKDOWN, to_bytes};

/// Digests of all other files.
const SUMS: &str = "SHA256SUMS";
/// What was signed of all other files.
const ATTESTATION: &str = "attestation.intoto.jsonl";
/// Second signatures, over the list of digests.
const SIGN_OFFS: &str = "sign-offs.intoto.jsonl";
const REPORT: &str = "dr-report.json";
const REPORT_MARKDOWN: &str = "dr-report.md";
const REPORT_HTML: &str = "dr-report.html";
const REPORT_JUNIT: &str = "junit.xml";
const EVENTS: &str = "dr-events.ndjson";
const METRICS: &str = "drill-metrics.json";
const MANIFEST: &str = "manifest.json";
const MANIFEST_YAML: &str = "manifest.yaml";
const MANIFEST_SUM: &str = "manifest.sha256";

/// Everything at the top of an evidence directory. A directory that holds other files is not one.
const OURS: [&str; 15] = [
    SUMS,
    ATTESTATION,
    SIGN_OFFS,
    REPORT,
    REPORT_MARKDOWN,
    REPORT_HTML,
    REPORT_JUNIT,
    EVENTS,
    METRICS,
    MANIFEST,
    MANIFEST_YAML,
    MANIFEST_SUM,
    "inputs",
    "restore",
    "exercise",
];

/// Prefix of files that are being written, and of directories of runs.
const TEMPORARY: &str = ".dr-drill-";

/// The report in each form that lies in the evidence, with its name.
fn forms(report: &crate::wire::report::Report) -> Vec<(&'static str, Vec<u8>)> {
    let forms =
        [(REPORT, JSON), (REPORT_MARKDOWN, MARKDOWN), (REPORT_HTML, HTML), (REPORT_JUNIT, JUNIT)];
    let mut all: Vec<_> = forms.map(|(name, form)| (name, to_bytes(form, report))).into();
    all.push((METRICS, metrics_bytes(report)));
    all
}

/// The bytes of the metrics file.
fn metrics_bytes(report: &crate::wire::report::Report) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(&crate::report::metrics(report)).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
