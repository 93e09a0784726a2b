//! HAProxy, through its runtime socket: which server of a backend takes the traffic.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::switch::{Goal, Move, Switch};
use crate::clock::Stopwatch;
use crate::wire::exercise::Haproxy;

/// How long the socket may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a server may take until its health checks see it.
const UP: Duration = Duration::from_secs(30);
/// Largest answer that is read, in bytes.
const MAX: u64 = 4 << 20;
/// Bits of `srv_admin_state`: maintenance by command, by another server, by names that do not resolve; draining by command
/// and by another. That the configuration began with maintenance (0x04) stays set for ever, and says nothing of now.
const MAINTENANCE: u32 = 0x01 | 0x02 | 0x20;
const DRAINING: u32 = 0x08 | 0x10;
/// `srv_op_state` of a server that runs.
const RUNNING: u32 = 2;

/// A backend, and its two servers.
pub(super) struct Backend<'a> {
    written: &'a Haproxy,
}

/// How a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    up: bool,
    maintenance: bool,
    draining: bool,
}

impl Standing {
    fn is_ready(self) -> bool {
        !self.maintenance && !self.draining
    }

    fn told(self) -> &'static str {
        match (self.maintenance, self.draining, self.up) {
            (true, _, _) => "in maintenance",
            (_, true, _) => "draining",
            (_, _, true) => "ready",
            (_, _, false) => "down",
        }
    }
}

impl<'a> Backend<'a> {
    pub(super) fn new(written: &'a Haproxy) -> Self {
        Self { written }
    }

    /// Sends a command, and gives the answer.
    fn ask(&self, command: &str) -> Result<String, String> {
        let path = &self.written.socket;
        let fail = |error: std::io::Error| format!("HAProxy ({path}) cannot be asked: {error}");
        let mut socket = UnixStream::connect(path).map_err(fail)?;
        socket.set_read_timeout(Some(ANSWER)).map_err(fail)?;
        socket.set_write_timeout(Some(ANSWER)).map_err(fail)?;
        socket.write_all(format!("{command}\n").as_bytes()).map_err(fail)?;
        let mut answer = String::new();
        socket.take(MAX).read_to_string(&mut answer).map_err(fail)?;
        Ok(answer)
    }

    /// Tells a server what to be. HAProxy answers nothing where it does so.
    fn set(&self, server: &str, what: &str) -> Result<(), String> {
        let backend = &self.written.backend;
        let answer = self.ask(&format!("set server {backend}/{server} {what}"))?;
        match answer.trim() {
            "" => Ok(()),
            said => Err(format!("HAProxy does not set {backend}/{server} {what}: {said}")),
        }
    }

    fn standing(&self, server: &str) -> Result<Standing, String> {
        let backend = &self.written.backend;
        let answer = self.ask(&format!("show servers state {backend}"))?;
        read(&answer, server).ok_or_else(|| format!("HAProxy knows no server {backend}/{server}"))
    }

    /// Who is to take the traffic, and who not.
    fn sides(&self, goal: Goal) -> (&str, &str) {
        let (from, to) = (self.written.from.as_str(), self.written.to.as_str());
        if goal == Goal::First { (from, to) } else { (to, from) }
    }
}

/// Finds a server in the answer to `show servers state`: the name is the fourth field, its states follow the address.
fn read(answer: &str, server: &str) -> Option<Standing> {
    answer.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if fields.get(3) != Some(&server) {
            return None;
        }
        let (operation, admin): (u32, u32) =
            (fields.get(5)?.parse().ok()?, fields.get(6)?.parse().ok()?);
        Some(Standing {
            up: operation == RUNNING,
            maintenance: admin & MAINTENANCE != 0,
            draining: admin & DRAINING != 0,
        })
    })
}

impl Switch for Backend<'_> {
    fn look(&self) -> Result<String, String> {
        let (from, to) = (&self.written.from, &self.written.to);
        let (one, other) = (self.standing(from)?, self.standing(to)?);
        if !one.is_ready() || !one.up {
            return Err(format!("{from} is {}, and not ready", one.told()));
        }
        if !other.maintenance {
            return Err(format!("{to} is {}: it would take traffic already", other.told()));
        }
        Ok(format!("{from} takes the traffic, {to} is in maintenance"))
    }

    fn next(&self, goal: Goal) -> Result<Option<Move>, String> {
        let (to, from) = self.sides(goal);
        let undo = format!(
            "set server {0}/{1} state ready; set server {0}/{2} state maint",
            self.written.backend, self.written.from, self.written.to
        );
        let step = |name| Some(Move { name, undo: undo.clone() });
        let (takes, gives) = (self.standing(to)?, self.standing(from)?);
        Ok(match goal {
            Goal::Drained if gives.is_ready() => step("drain"),
            Goal::Switched | Goal::Paired | Goal::First if !gives.maintenance => step("close"),
            Goal::Switched | Goal::Paired | Goal::First if !takes.is_ready() => step("open"),
            Goal::Level | Goal::Drained | Goal::Switched | Goal::Paired | Goal::First => None,
        })
    }

    fn make(&self, goal: Goal, name: &str) -> Result<String, String> {
        let (to, from) = self.sides(goal);
        let backend = &self.written.backend;
        match name {
            "drain" => {
                self.set(from, "state drain")?;
                Ok(format!("{from} takes no new connections"))
            }
            "close" => {
                self.set(from, "state maint")?;
                self.ask(&format!("shutdown sessions server {backend}/{from}"))?;
                Ok(format!("{from} takes no traffic"))
            }
            "open" => {
                self.set(to, "state ready")?;
                Ok(format!("{to} takes the traffic"))
            }
            other => Err(format!("there is no move {other}")),
        }
    }

    fn prove(&self, goal: Goal) -> Result<String, String> {
        let (to, from) = self.sides(goal);
        let watch = Stopwatch::start();
        loop {
            let (takes, gives) = (self.standing(to)?, self.standing(from)?);
            if takes.is_ready() && takes.up && gives.maintenance {
                return Ok(format!("{to} is ready, {from} in maintenance"));
            }
            if watch.elapsed() > UP {
                let (one, other) = (takes.told(), gives.told());
                return Err(format!("{to} is {one}, and {from} {other}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn tell(&self, goal: Goal) -> Vec<String> {
        let (to, from) = self.sides(goal);
        let backend = &self.written.backend;
        match goal {
            Goal::Drained => vec![format!("set server {backend}/{from} state drain")],
            Goal::Level | Goal::Paired => Vec::new(),
            Goal::Switched | Goal::First => vec![
                format!(
                    "set server {backend}/{from} state maint, shutdown sessions server {backend}/{from}"
                ),
                format!("set server {backend}/{to} state ready"),
                format!("wait until {backend}/{to} is up"),
            ],
        }
    }

    fn by_hand(&self) -> String {
        let (backend, socket) = (&self.written.backend, &self.written.socket);
        let (from, to) = (&self.written.from, &self.written.to);
        format!(
            "send to {socket}: `set server {backend}/{to} state maint`, then `set server {backend}/{from} state ready`"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_found_by_its_name_and_told_by_its_bits() {
        let line = |name: &str, operation: u32, admin: u32| {
            format!(
                "3 db 1 {name} 127.0.0.1 {operation} {admin} 1 1 5 6 3 4 6 0 0 0 - 5432 - 0 0 - - 0\n"
            )
        };
        let text = format!(
            "1\n# be_id be_name\n{}{}{}",
            line("a", 2, 0),
            line("b", 0, 5),
            line("c", 2, 8)
        );
        let told = |name| read(&text, name).map(Standing::told);
        assert_eq!(
            (told("a"), told("b"), told("c")),
            (Some("ready"), Some("in maintenance"), Some("draining"))
        );
        assert_eq!(told("d"), None);
        assert_eq!(read("3 db 1 a 127.0.0.1 0 0", "a").map(Standing::told), Some("down"));
        assert!(read("3 db 1 a 127.0.0.1", "a").is_none());
    }
}
