//! A failover that can be begun, can fail, and can be undone.

use std::net::IpAddr;
use std::time::Duration;

use super::{Named, finish, ordered, read};
use crate::document::{Document, Problem};
use crate::manifest::{Request, RequestKind};
use crate::wire::exercise as written;
use crate::wire::exercise::{Action, Mode};

/// How long an action may take, where the file does not say.
const ACTION: Duration = Duration::from_secs(30);
/// How long a request of a probe or a marker may take, where the file does not say.
const PROBE: Duration = Duration::from_secs(2);
/// Time from one request to the next, where the file does not say.
const EVERY: Duration = Duration::from_millis(500);

/// A failover in which everything that can be checked without touching the world holds.
#[derive(Clone, Debug)]
pub struct Failover {
    /// As it was written.
    pub written: written::Failover,
    /// How it begins.
    pub mode: Mode,
    /// Whether people depend on it.
    pub production: bool,
    /// What is switched, in order.
    pub components: Vec<Component>,
    /// How the service is asked, and how often.
    pub probe: Option<(Request, Duration)>,
    /// How markers are written and read, and how often.
    pub marker: Option<(Request, Request, Duration)>,
}

/// One thing that is switched.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// What switches it.
    pub switch: Switch,
    /// What has to hold before, besides what the switch itself looks at.
    pub pre_check: Option<Request>,
    /// Proves that it works, besides what the switch itself looks at.
    pub health: Option<Request>,
    /// What to do by hand where the rollback fails.
    pub by_hand: Option<String>,
}

/// What switches a component.
#[derive(Clone, Debug)]
pub enum Switch {
    /// A primary and a standby.
    Postgres(Box<written::PostgresPair>),
    /// Servers of a backend.
    Haproxy(written::Haproxy),
    /// A record.
    Dns(written::Dns),
    /// Actions of its own.
    Actions(Box<Actions>),
}

/// Actions that switch a component.
#[derive(Clone, Debug)]
pub struct Actions {
    /// Keeps new work away.
    pub drain: Option<Request>,
    /// Brings the second side level.
    pub sync: Option<Request>,
    /// Switches.
    pub execute: Request,
    /// Proves that it was switched.
    pub verify: Request,
    /// Brings back the first state.
    pub rollback: Request,
}

impl Switch {
    /// The word of the wire.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::Haproxy(_) => "haproxy",
            Self::Dns(_) => "dns",
            Self::Actions(_) => "actions",
        }
    }
}

pub(super) fn parse(document: &Document) -> Result<Failover, Vec<Problem>> {
    let (failover, mut problems) = read::<written::Failover>(document, "failover");
    let failover = failover.and_then(|written| {
        let mut reader = Reader { document, problems: &mut problems };
        reader.failover(written)
    });
    finish(failover, problems)
}

struct Reader<'a> {
    document: &'a Document,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, pointer: &str, message: &str, hint: Option<&str>) {
        self.problems.push(Problem::at(self.document, pointer, message, hint));
    }

    fn failover(&mut self, written: written::Failover) -> Option<Failover> {
        let list = written.components.iter();
        let list = list.map(|one| Named { name: &one.name, needs: &one.depends_on, length: 1.0 });
        let list: Vec<Named<'_>> = list.collect();
        let table = ordered(&list, "/components", "name", self.document, self.problems);
        let each = written.components.iter().enumerate();
        let components: Vec<Option<Component>> =
            each.map(|(at, one)| self.component(&format!("/components/{at}"), one)).collect();
        let every = |given: Option<u64>| given.map_or(EVERY, Duration::from_millis);
        let probe = written.probe.as_ref().map(|probe| {
            let request = self.request("/probe/request", &probe.request, PROBE)?;
            Some((request, every(probe.every_milliseconds)))
        });
        let marker = written.marker.as_ref().map(|marker| {
            let write = self.request("/marker/write", &marker.write, PROBE)?;
            if !write.told().contains("{marker}") {
                let message = "holds no `{marker}`: nobody could tell which was lost";
                self.problem("/marker/write", message, Some("put {marker} where its text goes"));
            }
            let read = self.request("/marker/read", &marker.read, ACTION)?;
            Some((write, read, every(marker.every_milliseconds)))
        });
        let wanted = written.policies.clone().unwrap_or_default();
        if wanted.max_rto_seconds.is_some() && written.probe.is_none() {
            let message = "there is no `probe`: nothing would be measured";
            self.problem("/policies/max_rto_seconds", message, Some("add one, or remove this"));
        }
        if wanted.max_rpo_minutes.is_some() && written.marker.is_none() {
            let message = "there is no `marker`: nothing would be measured";
            self.problem("/policies/max_rpo_minutes", message, Some("add one, or remove this"));
        }
        let components: Vec<Component> = components.into_iter().collect::<Option<_>>()?;
        let components = table?.order.iter().map(|at| components[*at].clone()).collect();
        Some(Failover {
            mode: written.mode.unwrap_or(Mode::Planned),
            production: written.production.unwrap_or(true),
            components,
            probe: probe.map_or(Some(None), |probe| probe.map(Some))?,
            marker: marker.map_or(Some(None), |marker| marker.map(Some))?,
            written,
        })
    }

    fn component(&mut self, pointer: &str, written: &written::Component) -> Option<Component> {
        let own = [
            ("drain", &written.drain),
            ("sync", &written.sync),
            ("execute", &written.execute),
            ("verify", &written.verify),
            ("rollback", &written.rollback),
        ];
        let has_own = own.iter().any(|(_, action)| action.is_some());
        let built_in = usize::from(written.postgres.is_some())
            + usize::from(written.haproxy.is_some())
            + usize::from(written.dns.is_some());
        if built_in + usize::from(has_own) != 1 {
            let message = format!("`{}` has to be switched in one way", written.name);
            let hint = "give one of `postgres`, `haproxy`, `dns`, or the actions `execute`, `verify` and `rollback`";
            self.problem(pointer, &message, Some(hint));
            return None;
        }
        let mut action = |name: &str, given: &Option<Action>| {
            let given = given.as_ref()?;
            self.request(&format!("{pointer}/{name}"), given, ACTION)
        };
        let (pre_check, health) =
            (action("pre_check", &written.pre_check), action("health", &written.health));
        let mut requests = own.map(|(name, given)| action(name, given));
        let switch = if let Some(pair) = &written.postgres {
            self.pair(pointer, pair);
            Switch::Postgres(Box::new(pair.clone()))
        } else if let Some(haproxy) = &written.haproxy {
            if haproxy.from == haproxy.to {
                let pointer = format!("{pointer}/haproxy/to");
                self.problem(&pointer, "is the server that takes the traffic before", None);
            }
            Switch::Haproxy(haproxy.clone())
        } else if let Some(dns) = &written.dns {
            self.record(pointer, dns);
            Switch::Dns(dns.clone())
        } else {
            for (name, given) in &own[2..] {
                if given.is_none() {
                    let message = format!("`{}` has no `{name}`", written.name);
                    let hint = match *name {
                        "execute" => "say what switches it",
                        "verify" => "say how it is proven that it was switched",
                        _ => "say how the first state is brought back",
                    };
                    self.problem(pointer, &message, Some(hint));
                }
            }
            let mut take = |at: usize| requests[at].take();
            let (drain, sync) = (take(0), take(1));
            let (execute, verify, rollback) = (take(2)?, take(3)?, take(4)?);
            Switch::Actions(Box::new(Actions { drain, sync, execute, verify, rollback }))
        };
        let (name, by_hand) = (written.name.clone(), written.by_hand.clone());
        Some(Component { name, switch, pre_check, health, by_hand })
    }

    fn pair(&mut self, pointer: &str, pair: &written::PostgresPair) {
        for (side, node) in [("from", &pair.from), ("to", &pair.to)] {
            let pointer = format!("{pointer}/postgres/{side}/conninfo");
            self.conninfo(&pointer, &node.conninfo);
        }
        let place = |node: &written::PostgresNode| (node.via.clone(), node.data_directory.clone());
        if place(&pair.from) == place(&pair.to) || pair.from.conninfo == pair.to.conninfo {
            let pointer = format!("{pointer}/postgres/to");
            self.problem(&pointer, "is the same server as `from`", None);
        }
    }

    fn record(&mut self, pointer: &str, dns: &written::Dns) {
        let address = |text: &str| text.parse::<IpAddr>().ok();
        for (key, text) in [("from", &dns.from), ("to", &dns.to)] {
            if address(text).is_none() {
                let pointer = format!("{pointer}/dns/{key}");
                self.problem(&pointer, &format!("`{text}` is no IP address"), None);
            }
        }
        let (from, to) = (address(&dns.from), address(&dns.to));
        if from.is_some() && from == to {
            self.problem(&format!("{pointer}/dns/to"), "is the address that it has before", None);
        }
        if let (Some(from), Some(to)) = (from, to)
            && from.is_ipv4() != to.is_ipv4()
        {
            self.problem(&format!("{pointer}/dns/to"), "is of another family than `from`", None);
        }
        let within = |name: &str| format!("{}.", name.trim_end_matches('.').to_lowercase());
        if !format!(".{}", within(&dns.name)).ends_with(&format!(".{}", within(&dns.zone))) {
            let message = format!("`{}` does not lie in the zone `{}`", dns.name, dns.zone);
            self.problem(&format!("{pointer}/dns/name"), &message, None);
        }
        if dns.key_name.is_some() != dns.key_env.is_some() {
            let hint = Some("give both, or neither");
            let message = "a key has a name (`key_name`) and a place (`key_env`)";
            self.problem(&format!("{pointer}/dns"), message, hint);
        }
    }

    /// What everybody could read in the arguments of a process does not belong there.
    fn conninfo(&mut self, pointer: &str, text: &str) {
        let holds = text.contains("password=") || text.contains("password =");
        let userinfo = text.split_once("://").map(|(_, rest)| rest);
        let in_url = userinfo
            .and_then(|rest| rest.split_once('@'))
            .is_some_and(|(user, _)| !user.contains('/') && user.contains(':'));
        if holds || in_url {
            let message = "holds a password, which everybody on this machine could read";
            self.problem(
                pointer,
                message,
                Some("put it in a variable, and name that: password_env"),
            );
        }
    }

    fn request(&mut self, pointer: &str, action: &Action, default: Duration) -> Option<Request> {
        let ways = usize::from(!action.command.is_empty())
            + usize::from(action.http.is_some())
            + usize::from(action.sql.is_some());
        if ways != 1 {
            let message = "has to be one of `command`, `http` and `sql`";
            self.problem(pointer, message, None);
            return None;
        }
        for (key, given, belongs) in [
            ("environment", !action.environment.is_empty(), !action.command.is_empty()),
            ("expect_status", action.expect_status.is_some(), action.http.is_some()),
            ("conninfo", action.conninfo.is_some(), action.sql.is_some()),
            ("password_env", action.password_env.is_some(), action.sql.is_some()),
        ] {
            if given && !belongs {
                self.problem(&format!("{pointer}/{key}"), "is of no use here", Some("remove it"));
            }
        }
        let kind = if let Some(address) = &action.http {
            let wanted = ["http://", "https://"];
            if !wanted.iter().any(|start| address.starts_with(start)) || address.contains('@') {
                let message =
                    "is no plain address: it begins with http:// or https://, without a user";
                self.problem(&format!("{pointer}/http"), message, None);
            }
            RequestKind::Http(address.clone(), action.expect_status.unwrap_or(200))
        } else if let Some(statement) = &action.sql {
            let Some(conninfo) = &action.conninfo else {
                self.problem(
                    pointer,
                    "says not where the statement is run",
                    Some("give its `conninfo`"),
                );
                return None;
            };
            self.conninfo(&format!("{pointer}/conninfo"), conninfo);
            RequestKind::Sql(statement.clone(), conninfo.clone(), action.password_env.clone())
        } else {
            RequestKind::Command(action.command.clone(), action.environment.clone())
        };
        let timeout = action.timeout_seconds.map_or(default, Duration::from_secs_f64);
        let (expect, contains) = (action.expect.clone(), action.contains.clone());
        Some(Request { kind, expect, contains, timeout })
    }
}
