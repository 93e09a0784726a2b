//! Alerts, version 1: the part of a fleet file that says who is told what, and what is told.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fleet::Window;

/// Value of `schema` in a notice.
pub const NOTICE: &str = "dr_drill.notice.v1";

/// Who is told of slots that did not end well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// Where people are told, by name.
    #[schemars(extend("minProperties" = 1))]
    pub channels: BTreeMap<String, Channel>,
    /// What goes where: every route that fits. Default: everything goes everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Minutes after which it is told again that a drill still does not pass. Default: 1440.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 525_600))]
    pub repeat_minutes: Option<u64>,
    /// Seconds that are waited for more to tell at once. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 3600))]
    pub group_seconds: Option<u64>,
    /// Times at which only what is critical is told; the rest is told when they end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<Vec<Window>>,
}

/// What goes to some channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The channels.
    #[schemars(length(min = 1))]
    pub channels: Vec<String>,
    /// What is at least as severe. Default: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Of these drills. Default, if `labels` is not there either: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drills: Vec<String>,
    /// Of drills with one of these labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// How bad it is, by what it means for the data.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A drill passes again.
    Info,
    /// A slot was missed, or its drill came to no verdict: nothing is known.
    Warning,
    /// The data came back, and a limit was broken.
    Error,
    /// The data did not come back, or no evidence could be written.
    Critical,
}

/// Where people are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Channel {
    /// An incoming webhook of Slack.
    Slack {
        /// Its address, which is a secret.
        url: Secret,
    },
    /// A service of PagerDuty, by its Events API version 2.
    #[serde(rename = "pagerduty")]
    PagerDuty {
        /// The integration key.
        routing_key: Secret,
        /// Another address of the API.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// Mail.
    Email {
        /// The server.
        server: String,
        /// Its port. Default: 587 with `starttls`, 465 with `tls`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// How the connection is protected. Default: `starttls`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encryption: Option<Encryption>,
        /// Who it is from.
        from: String,
        /// Who it is for.
        #[schemars(length(min = 1))]
        to: Vec<String>,
        /// Who sends it, if the server asks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// Their password.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<Secret>,
    },
    /// Issues of a repository on GitHub: one is opened for each drill, and closed when it passes.
    #[serde(rename = "github")]
    GitHub {
        /// The repository, as `owner/name`.
        #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"))]
        repository: String,
        /// A token that may write issues.
        token: Secret,
        /// Labels of the issues.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        labels: Vec<String>,
        /// Another address of the API.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// Alertmanager, by its API version 2.
    Alertmanager {
        /// Its address, as `http://alertmanager:9093`.
        url: String,
    },
    /// Anything that takes JSON (`notice.v1.schema.json`).
    Webhook {
        /// Its address.
        url: String,
        /// What signs each message, by HMAC with SHA-256.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<Secret>,
    },
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// It is asked to change to TLS before anything else is said, and has to.
    #[default]
    StartTls,
    /// TLS from the beginning.
    Tls,
}

/// Where a secret is found: it never stands in the fleet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Secret {
    /// In the environment variable of this name.
    Env(String),
    /// In this file, alone, which nobody else may be able to read.
    File(String),
}

/// Whether something still is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It is.
    Firing,
    /// It was.
    Resolved,
}

/// What people are told of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// The same for everything that is told of a drill until it passes again.
    pub key: String,
    /// The fleet, if it has a name.
    pub fleet: Option<String>,
    /// The drill.
    pub drill: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Whether it still does not pass.
    pub standing: Standing,
    /// How bad it is.
    pub severity: Severity,
    /// The whole in a sentence.
    pub summary: String,
    /// Why.
    pub reason: Option<String>,
    /// When the slot was due.
    pub due_at: String,
    /// The run, if there was one.
    pub run_id: Option<String>,
    /// Since when it does not pass: the first slot that did not.
    pub since: String,
    /// When it was told.
    pub at: String,
    /// Until when it is to be taken as told, if nothing else comes: after the deadline of the next slot.
    pub until: String,
}

/// What is told at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dr-drill notices, version 1")]
pub struct Notices {
    /// Always `dr_drill.notice.v1`.
    pub schema: String,
    /// What is told, the worst first.
    pub notices: Vec<Notice>,
}

impl Severity {
    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}
