//! A failover: components that are switched from one side to the other, and how it is told that they were.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::manifest::CorrectiveAction;

/// The kind of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailoverKind {
    /// A failover.
    Failover,
}

/// What is switched, and how it is told that it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dr-drill failover, version 1")]
pub struct Failover {
    /// Always `failover`.
    pub exercise: FailoverKind,
    /// Name of the exercise, for people and for history.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether this is what people depend on: switching it asks for `--confirm NAME`. Default: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<bool>,
    /// How it begins; default `planned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Longest time from the first step to the validation, in seconds; what takes longer is rolled back.
    #[schemars(extend("exclusiveMinimum" = 0), range(max = 604_800))]
    pub max_duration_seconds: f64,
    /// How the service is asked from start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// What is written through the service from start to end, and looked for afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<Marker>,
    /// What is switched, in this order, or in that of `depends_on`.
    #[schemars(length(min = 1, max = 1000))]
    pub components: Vec<Component>,
    /// Limits on what is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<FailoverPolicies>,
    /// What has to follow an exercise that does not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrective_action: Option<CorrectiveAction>,
}

/// How a failover begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Both sides are there: traffic is drained and data brought level first.
    Planned,
    /// The first side is gone: nothing is drained or waited for, and what is found before is recorded, not judged.
    Unplanned,
}

impl Mode {
    /// The word of the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Unplanned => "unplanned",
        }
    }
}

/// Limits on what a failover is measured to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailoverPolicies {
    /// Longest acceptable downtime, in seconds, as the probe measures it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_rto_seconds: Option<f64>,
    /// Longest acceptable span of lost data, in minutes, as the markers measure it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_rpo_minutes: Option<f64>,
}

/// How the service is asked from start to end. It is down from the first request that fails to the first that
/// succeeds again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// One request.
    pub request: Action,
    /// Time from the start of one request to that of the next; default 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 60_000))]
    pub every_milliseconds: Option<u64>,
}

/// Transactions of our own, each with a number. In texts `{marker}` stands for `RUN.NUMBER`, and `{run}` for `RUN`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// Writes one; what it is answered counts as promised.
    pub write: Action,
    /// Lists those that are there, a line each.
    pub read: Action,
    /// Time from the start of one to that of the next; default 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 60_000))]
    pub every_milliseconds: Option<u64>,
}

/// One thing that is done or asked: a command, a request over HTTP, or a statement for PostgreSQL.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// A program and its arguments; it has to end with 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Environment variables that the command is given, by name; nothing else but `PATH` is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
    /// An address that is asked with GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// The status that it has to answer; default 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 599))]
    pub expect_status: Option<u16>,
    /// A statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// Where the statement is run: parameters of libpq, as `host=10.0.0.1 dbname=shop user=app`, without a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conninfo: Option<String>,
    /// The environment variable with the password for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// What the answer has to be, without white space around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// What the answer has to contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub contains: Option<String>,
    /// How long it may take, in seconds; default 30, of probes and markers 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0), range(max = 86_400))]
    pub timeout_seconds: Option<f64>,
}

/// One thing that is switched: by what is built in (`postgres`, `haproxy`, `dns`), or by actions of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Its name.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"))]
    pub name: String,
    /// Components that have to be switched before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// A primary and a standby that streams from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<PostgresPair>,
    /// Servers of a backend, through the runtime socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub haproxy: Option<Haproxy>,
    /// A record, by dynamic update (RFC 2136).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Dns>,
    /// What has to hold before anything is begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_check: Option<Action>,
    /// Keeps new work away from the first side; not in mode `unplanned`. `rollback` undoes it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Action>,
    /// Brings the second side level; not in mode `unplanned`. `rollback` undoes it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Action>,
    /// Switches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute: Option<Action>,
    /// Proves that it was switched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Action>,
    /// Brings back the first state, from whatever state it is in; it may be run more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Action>,
    /// Proves that it works, after all is switched and after all is rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Action>,
    /// What to do by hand where the rollback fails, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<String>,
}

/// A primary and a standby of PostgreSQL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresPair {
    /// The server that is primary before.
    pub from: PostgresNode,
    /// The server that is primary afterwards.
    pub to: PostgresNode,
    /// Most bytes of write-ahead log that the standby may be behind before a planned failover; default 16 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lag_bytes: Option<u64>,
    /// Whether the first server becomes a standby of the second, with `pg_rewind` if it has to; default in mode
    /// `planned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejoin: Option<bool>,
    /// How long one of the servers may take to start, stop, catch up or be promoted, in seconds; default 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0), range(max = 86_400))]
    pub timeout_seconds: Option<f64>,
}

/// A server of PostgreSQL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresNode {
    /// How it is reached, by this program and by the other server: parameters of libpq, without a password. The role
    /// has to be a superuser.
    #[schemars(length(min = 1, max = 4096))]
    pub conninfo: String,
    /// The environment variable with the password for it. The other server needs a password file of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// Where its data lies.
    #[schemars(regex(pattern = r"^/[^'\\\x00-\x1f]{1,4000}$"))]
    pub data_directory: String,
    /// Where its programs lie, as `/usr/lib/postgresql/17/bin`.
    #[schemars(regex(pattern = r"^/[^'\\\x00-\x1f]{1,4000}$"))]
    pub bin_directory: String,
    /// What starts it, in place of `pg_ctl start`, as `["pg_ctlcluster", "17", "main", "start"]`. It has to be ready then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub start: Vec<String>,
    /// What stops it, in place of `pg_ctl stop`. It has to have ended then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// What makes sure that it runs no more and never starts by itself, where its machine cannot be reached: the power
    /// switch. Without it nothing is promoted then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub power_off: Vec<String>,
    /// What comes before a command that is run for it, as `["runuser", "-u", "postgres", "--"]` or `["ssh", "postgres@db2"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
}

/// Servers of a backend of HAProxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Haproxy {
    /// The runtime socket, with level `admin`.
    #[schemars(regex(pattern = r"^/"))]
    pub socket: String,
    /// The backend.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.:-]{1,200}$"))]
    pub backend: String,
    /// The server that takes the traffic before.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.:-]{1,200}$"))]
    pub from: String,
    /// The server that takes the traffic afterwards.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.:-]{1,200}$"))]
    pub to: String,
}

/// A record of DNS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// The primary server of the zone: address and port.
    #[schemars(length(min = 1, max = 300))]
    pub server: String,
    /// Servers of the zone that have to answer with the new address; default the primary alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authoritative: Vec<String>,
    /// The zone, as `example.org.`.
    #[schemars(length(min = 1, max = 255))]
    pub zone: String,
    /// The name of the record, as `db.example.org.`.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Its address before, IPv4 or IPv6.
    #[schemars(length(min = 1, max = 64))]
    pub from: String,
    /// Its address afterwards.
    #[schemars(length(min = 1, max = 64))]
    pub to: String,
    /// How long others may remember it, in seconds.
    pub ttl_seconds: u32,
    /// The name of the key (TSIG, HMAC-SHA-256).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// The environment variable with the key, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_env: Option<String>,
    /// How long the servers may take to answer with the new address, in seconds; default 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0), range(max = 86_400))]
    pub timeout_seconds: Option<f64>,
}
