//! A calendar for those who have a scheduler: it looks at the calendar every five minutes, and the calendar decides.
//!
//! One timer for a fleet, not one for each drill: whether a drill is due, in which order, and that it runs once, is
//! decided in one place.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::fleet::Fleet;
use crate::wire::alerts::{Channel, Secret};

/// Minutes between two looks.
const EVERY: u32 = 5;
/// Seconds that a drill is given to come to its end, beyond its own limit.
const GRACE: f64 = 600.0;

/// Where things lie on the machine of a systemd timer, absolute.
#[derive(Clone, Debug)]
pub struct Places {
    /// The tool.
    pub program: String,
    /// The fleet file.
    pub fleet: String,
    /// The history.
    pub history: String,
}

/// The files of a systemd timer: the name of each, and its text.
#[must_use]
pub fn systemd(fleet: &Fleet, places: &Places) -> Vec<(&'static str, String)> {
    let about = fleet.name.as_deref().unwrap_or("a fleet");
    let about: String =
        about.chars().filter(|c| !c.is_control()).collect::<String>().replace('%', "%%");
    let (program, file) = (quoted(&places.program), quoted(&places.fleet));
    let history = quoted(&places.history);
    let mut service = format!(
        "[Unit]
Description=Restore drills of {about}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={program} schedule run-due --fleet {file} --history {history}
# It ends drills by itself; what it has not sealed by then, the next start settles.
TimeoutStartSec={}
TimeoutStopSec=60
KillMode=mixed
# Namespaces are not restricted: drills are confined by them.
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={history}
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectClock=yes
RestrictSUIDSGID=yes
LockPersonality=yes
",
        longest(fleet)
    );
    if let Some(memory) = fleet.machine.memory_mb {
        let _ = writeln!(service, "MemoryMax={}", memory.saturating_mul(1_000_000));
    }
    if let Some(cpus) = fleet.machine.cpus {
        let _ = writeln!(service, "CPUQuota={:.0}%", cpus * 100.0);
    }
    let timer = format!(
        "[Unit]
Description=Looks at the calendar of {about}

[Timer]
OnCalendar=*:0/{EVERY}
AccuracySec=1s
# What was due while the machine was off, the calendar knows.
Persistent=yes

[Install]
WantedBy=timers.target
"
    );
    vec![("dr-drill.service", service), ("dr-drill.timer", timer)]
}

/// A path as a word of a systemd unit.
fn quoted(path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{}\"", escaped.replace('$', "$$"))
}

/// Seconds that a look at the calendar can take: the longest drill of each place, one after another, is bounded by
/// the day.
fn longest(fleet: &Fleet) -> u64 {
    let longest = fleet.drills.iter().map(|drill| drill.rules.timeout).fold(0.0, f64::max);
    (longest + GRACE).ceil() as u64
}

/// Objects of Kubernetes: a job that looks at the calendar, and the volume of the history. The fleet file and what it
/// drills lie in the volume `dr-drill-fleet`, secrets in the secret `dr-drill`.
#[must_use]
pub fn kubernetes(fleet: &Fleet, image: &str) -> Value {
    let mut resources = json!({"requests": {}, "limits": {}});
    let needs = [
        ("cpu", fleet.machine.cpus.map(|cpus| format!("{:.0}m", cpus * 1000.0))),
        ("memory", fleet.machine.memory_mb.map(|memory| format!("{memory}M"))),
        ("ephemeral-storage", fleet.machine.disk_mb.map(|disk| format!("{disk}M"))),
    ];
    for (name, value) in needs.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        for kind in ["requests", "limits"] {
            resources[kind][name] = json!(value);
        }
    }
    let environment: Vec<Value> = secrets(fleet)
        .into_iter()
        .map(|name| {
            json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "dr-drill", "key": name}}})
        })
        .chain([json!({"name": "TMPDIR", "value": "/tmp"})])
        .collect();
    let container = json!({
        "name": "dr-drill",
        "image": image,
        "args": ["schedule", "run-due", "--fleet", "/fleet/fleet.yaml", "--history", "/history"],
        "env": environment,
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "fleet", "mountPath": "/fleet", "readOnly": true},
            {"name": "history", "mountPath": "/history"},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    });
    let pod = json!({
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "fleet", "persistentVolumeClaim": {"claimName": "dr-drill-fleet", "readOnly": true}},
            {"name": "history", "persistentVolumeClaim": {"claimName": "dr-drill-history"}},
            {"name": "tmp", "emptyDir": {}},
        ],
    });
    json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "dr-drill-history"},
                "spec": {
                    "accessModes": ["ReadWriteOncePod"],
                    "resources": {"requests": {"storage": "10Gi"}},
                },
            },
            {
                "apiVersion": "batch/v1",
                "kind": "CronJob",
                "metadata": {"name": "dr-drill"},
                "spec": {
                    "schedule": format!("*/{EVERY} * * * *"),
                    "concurrencyPolicy": "Forbid",
                    "startingDeadlineSeconds": EVERY * 60,
                    "successfulJobsHistoryLimit": 1,
                    "failedJobsHistoryLimit": 3,
                    "jobTemplate": {"spec": {
                        "backoffLimit": 0,
                        "activeDeadlineSeconds": longest(fleet),
                        "template": {"spec": pod},
                    }},
                },
            },
        ],
    })
}

/// Names of the environment variables that hold secrets of the fleet.
fn secrets(fleet: &Fleet) -> Vec<String> {
    let channels = fleet.alerts.iter().flat_map(|alerts| alerts.channels.values());
    let secret = |channel: &Channel| match channel {
        Channel::Slack { url } => Some(url.clone()),
        Channel::PagerDuty { routing_key, .. } => Some(routing_key.clone()),
        Channel::Email { password, .. } => password.clone(),
        Channel::GitHub { token, .. } => Some(token.clone()),
        Channel::Webhook { secret, .. } => secret.clone(),
        Channel::Alertmanager { .. } => None,
    };
    let mut names: Vec<String> = channels
        .filter_map(secret)
        .filter_map(|secret| match secret {
            Secret::Env(name) => Some(name),
            Secret::File(_) => None,
        })
        .collect();
    names.sort();
    names.dedup();
    names
}
