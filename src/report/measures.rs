//! The figures of drills for other programs: OpenMetrics for Prometheus, CSV for tables.

use std::fmt::Write as _;

use super::{drill_name, limits};
use crate::clock::Timestamp;
use crate::wire::event::Verdict;
use crate::wire::history::{Entry, Standing};
use crate::wire::report::Report;

/// What is told of one drill.
#[derive(Clone, Debug)]
pub struct Measures {
    name: String,
    run_id: String,
    verdict: Verdict,
    started_at: String,
    ended_at: String,
    rto_seconds: Option<f64>,
    max_rto_seconds: Option<f64>,
    rpo_minutes: Option<f64>,
    max_rpo_minutes: Option<f64>,
    duration_seconds: f64,
    restore_seconds_per_gb: Option<f64>,
    backup_bytes: Option<u64>,
    backup_sha256: Option<String>,
    last_passed_at: Option<String>,
}

impl From<&Report> for Measures {
    fn from(report: &Report) -> Self {
        let (max_rto_seconds, max_rpo_minutes) = limits(report);
        let metrics = &report.metrics;
        Self {
            name: drill_name(report).to_owned(),
            run_id: report.run_id.clone(),
            verdict: report.status,
            started_at: report.started_at.clone(),
            ended_at: report.ended_at.clone(),
            rto_seconds: metrics.rto_seconds,
            max_rto_seconds,
            rpo_minutes: metrics.rpo_minutes,
            max_rpo_minutes,
            duration_seconds: metrics.duration_seconds,
            restore_seconds_per_gb: metrics.restore_seconds_per_gb,
            backup_bytes: report.backup.as_ref().map(|backup| backup.bytes),
            backup_sha256: report.backup.as_ref().map(|backup| backup.sha256.clone()),
            last_passed_at: (report.status == Verdict::Passed).then(|| report.started_at.clone()),
        }
    }
}

impl From<&Entry> for Measures {
    fn from(entry: &Entry) -> Self {
        Self {
            name: entry.name.clone(),
            run_id: entry.run_id.clone(),
            verdict: entry.verdict,
            started_at: entry.started_at.clone(),
            ended_at: entry.ended_at.clone(),
            rto_seconds: entry.rto_seconds,
            max_rto_seconds: entry.max_rto_seconds,
            rpo_minutes: entry.rpo_minutes,
            max_rpo_minutes: entry.max_rpo_minutes,
            duration_seconds: entry.duration_seconds,
            restore_seconds_per_gb: entry.restore_seconds_per_gb,
            backup_bytes: entry.backup_bytes,
            backup_sha256: entry.backup_sha256.clone(),
            last_passed_at: (entry.verdict == Verdict::Passed).then(|| entry.started_at.clone()),
        }
    }
}

impl From<&Standing> for Measures {
    fn from(standing: &Standing) -> Self {
        Self { last_passed_at: standing.last_passed_at.clone(), ..Self::from(&standing.last) }
    }
}

/// A number for people: with three places where they say something.
#[must_use]
pub fn amount(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 1e4 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

/// Name, help and value of a metric.
type Metric = (&'static str, &'static str, fn(&Measures) -> Option<f64>);

const METRICS: [Metric; 10] = [
    ("last_start_timestamp_seconds", "Start of the newest drill.", |m| seconds(&m.started_at)),
    ("last_end_timestamp_seconds", "End of the newest drill.", |m| seconds(&m.ended_at)),
    ("last_passed_timestamp_seconds", "Start of the newest drill that passed.", |m| {
        seconds(m.last_passed_at.as_ref()?)
    }),
    ("rto_seconds", "Time to verified data.", |m| m.rto_seconds),
    ("rto_limit_seconds", "Limit on the time to verified data.", |m| m.max_rto_seconds),
    ("rpo_seconds", "Age of the data.", |m| m.rpo_minutes.map(|minutes| minutes * 60.0)),
    ("rpo_limit_seconds", "Limit on the age of the data.", |m| {
        m.max_rpo_minutes.map(|minutes| minutes * 60.0)
    }),
    ("duration_seconds", "Time of the whole drill.", |m| Some(m.duration_seconds)),
    ("restore_seconds_per_gigabyte", "Time of the restore for each 10^9 bytes of backup.", |m| {
        m.restore_seconds_per_gb
    }),
    ("backup_size_bytes", "Size of the backup.", |m| {
        #[expect(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
        m.backup_bytes.map(|bytes| bytes as f64)
    }),
];

fn seconds(at: &str) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "seconds until the year 9999 fit")]
    at.parse::<Timestamp>().ok().map(|at| at.unix() as f64)
}

/// A family of metrics: what is measured, and of what.
#[derive(Debug)]
pub struct Family {
    /// Its name, after `dr_drill_`, with its unit.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// Values, each with its labels.
    pub samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

/// Families as OpenMetrics text, such that also what reads only Prometheus' older form (node_exporter's textfile
/// collector) takes it.
#[must_use]
pub fn exposition(families: &[Family]) -> String {
    let mut text = String::new();
    for Family { name, help, samples } in families {
        let _ = writeln!(text, "# HELP dr_drill_{name} {help}\n# TYPE dr_drill_{name} gauge");
        for (labels, value) in samples {
            let labels: Vec<String> = labels
                .iter()
                .map(|(label, text)| format!("{label}=\"{}\"", escaped(text)))
                .collect();
            let _ = writeln!(text, "dr_drill_{name}{{{}}} {value}", labels.join(","));
        }
    }
    text.push_str("# EOF\n");
    text
}

/// The newest drill of each name as metrics. What was not measured is not there.
#[must_use]
pub fn families(drills: &[Measures]) -> Vec<Family> {
    let drill = |drill: &Measures| ("drill", drill.name.clone());
    let status = |one: &Measures| {
        [Verdict::Passed, Verdict::Failed, Verdict::Inconclusive].map(|verdict| {
            let labels = vec![drill(one), ("status", verdict.word().to_owned())];
            (labels, f64::from(u8::from(verdict == one.verdict)))
        })
    };
    let mut families = vec![Family {
        name: "status",
        help: "Verdict of the newest drill: 1 for the one that holds.",
        samples: drills.iter().flat_map(status).collect(),
    }];
    families.extend(METRICS.map(|(name, help, value)| {
        let sample = |one: &Measures| Some((vec![drill(one)], value(one)?));
        Family { name, help, samples: drills.iter().filter_map(sample).collect() }
    }));
    families
}

/// The value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Drills as CSV (RFC 4180), a header first. Texts that a spreadsheet would compute are kept from it.
#[must_use]
pub fn csv(drills: &[Measures]) -> String {
    let mut text = "name,run_id,status,started_at,ended_at,rto_seconds,max_rto_seconds,rpo_minutes,\
                    max_rpo_minutes,duration_seconds,restore_seconds_per_gb,backup_bytes,backup_sha256\r\n"
        .to_owned();
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for drill in drills {
        let cells = [
            cell(&drill.name),
            cell(&drill.run_id),
            drill.verdict.word().to_owned(),
            cell(&drill.started_at),
            cell(&drill.ended_at),
            number(drill.rto_seconds),
            number(drill.max_rto_seconds),
            number(drill.rpo_minutes),
            number(drill.max_rpo_minutes),
            drill.duration_seconds.to_string(),
            number(drill.restore_seconds_per_gb),
            drill.backup_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
            cell(drill.backup_sha256.as_deref().unwrap_or_default()),
        ];
        let _ = write!(text, "{}\r\n", cells.join(","));
    }
    text
}

fn cell(text: &str) -> String {
    let computed = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = format!("{}{text}", if computed { "'" } else { "" });
    if text.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}
