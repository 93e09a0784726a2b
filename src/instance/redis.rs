//! Redis and Valkey: started on a socket alone, with the files that it loads.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{InstanceError, LOOK, Quarters, check_socket, find_program, plain, wait_until};
use crate::clock::Stopwatch;
use crate::process::{Finished, ProcessError, Service};
use crate::target::{KeyTarget, TargetError};
use crate::wire::manifest::Profile;

/// The names under which server, client and checkers are installed, the first that is there is taken.
const NAMES: [[&str; 4]; 2] = [
    ["redis-server", "redis-cli", "redis-check-rdb", "redis-check-aof"],
    ["valkey-server", "valkey-cli", "valkey-check-rdb", "valkey-check-aof"],
];

/// Settings of every throwaway server: no file of settings is read, what is loaded is all that there
/// is, a log that is cut off is refused.
const QUIET: [&str; 16] = [
    "--port",
    "0",
    "--unixsocketperm",
    "700",
    "--daemonize",
    "no",
    "--logfile",
    "",
    "--save",
    "",
    "--aof-load-truncated",
    "no",
    "--maxmemory-policy",
    "noeviction",
    "--databases",
    "1024",
];

/// Commands that a log may hold, and that newer versions (7 and later) can be told to refuse.
const REFUSED: [&str; 4] = ["--enable-module-command", "no", "--enable-debug-command", "no"];

/// What a server says last before it answers, in every version; it is not waited for longer.
const READY_TO: &str = "eady to accept connections";
const HEARD: Duration = Duration::from_secs(2);

/// What a server is to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisFiles {
    /// A snapshot, `dump.rdb`.
    Snapshot,
    /// Logs of commands whose names begin so.
    Commands(String),
}

/// What a server says of what it has loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Keys that are there, where it says so.
    pub keys: Option<u64>,
    /// Keys that were left out, as their time had passed.
    pub expired: u64,
}

/// A server that runs until it is dropped, once it was started.
pub struct Redis<'a> {
    quarters: Quarters<'a>,
    server: PathBuf,
    client: PathBuf,
    checkers: [PathBuf; 2],
    data: PathBuf,
    socket: String,
    service: Option<Service>,
    /// What it says of its version.
    pub version: String,
    /// `redis` or `valkey`.
    pub engine: &'static str,
}

impl<'a> Redis<'a> {
    /// Finds the programs, and makes the directory that takes the files.
    ///
    /// # Errors
    /// When they are not installed.
    pub fn find(quarters: Quarters<'a>) -> Result<Self, InstanceError> {
        let found = NAMES.iter().find_map(|names| {
            let programs = names.map(|name| find_program(&quarters, name, &[]));
            let [Some(server), Some(client), Some(rdb), Some(aof)] = programs else { return None };
            Some((server, client, [rdb, aof]))
        });
        let (server, client, checkers) =
            found.ok_or(InstanceError::NotInstalled("Redis (redis-server)"))?;
        let said = quarters.ask(&server, &["--version"], &[])?;
        let engine = if server.ends_with("valkey-server") { "valkey" } else { "redis" };
        let (data, socket) = (quarters.folder.join("data"), quarters.folder.join("s"));
        check_socket(&socket)?;
        std::fs::create_dir(&data)?;
        let (socket, version) = (socket.display().to_string(), version_in(&said));
        let service = None;
        Ok(Self { quarters, server, client, checkers, data, socket, service, version, engine })
    }

    /// Where clients run beside it.
    #[must_use]
    pub fn quarters(&self) -> &Quarters<'a> {
        &self.quarters
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> &str {
        &self.socket
    }

    /// The directory that it loads from.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The programs of the server, of its client, and the one that checks such files.
    #[must_use]
    pub fn programs(&self, files: &RedisFiles) -> [&Path; 3] {
        let [rdb, aof] = &self.checkers;
        let checker = if *files == RedisFiles::Snapshot { rdb } else { aof };
        [&self.server, &self.client, checker]
    }

    /// Starts it on the files that lie in its directory, and waits until it has loaded them. What it
    /// said is given also where it did not get ready.
    ///
    /// # Errors
    /// When it did not get ready, or could not load them.
    pub fn start(
        &mut self,
        files: &RedisFiles,
        profile: Profile,
    ) -> (String, Result<Loaded, InstanceError>) {
        let data = self.data.display().to_string();
        let mut arguments = vec!["--dir", &data, "--unixsocket", &self.socket];
        arguments.extend(QUIET);
        let major = self.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major >= 7) {
            arguments.extend(REFUSED);
        }
        match files {
            RedisFiles::Snapshot => arguments.extend(["--appendonly", "no"]),
            RedisFiles::Commands(name) => {
                arguments.extend(["--appendonly", "yes", "--appendfilename", name]);
                let sync = if profile == Profile::Fast { "no" } else { "everysec" };
                arguments.extend(["--appendfsync", sync]);
            }
        }
        let service = self.quarters.serve(&self.server, &arguments, &[]);
        let limit = self.quarters.confinement.timeout;
        let ready = wait_until(|| self.answers(), &service, &self.quarters, limit);
        // It answers a moment before what it has said of loading is read.
        let watch = Stopwatch::start();
        let heard = || service.printed().contains(READY_TO) || watch.elapsed() > HEARD;
        while ready.is_ok() && !heard() {
            std::thread::sleep(LOOK);
        }
        let said = service.printed();
        self.service = Some(service);
        let loaded = loaded(&said);
        (said, ready.map(|()| loaded))
    }

    /// Whether it does, and no longer says that it loads.
    fn answers(&self) -> bool {
        let ask = || {
            let mut line = UnixStream::connect(&self.socket)?;
            line.write_all(b"PING\r\n")?;
            let mut answer = String::new();
            BufReader::new(line).read_line(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("+PONG"))
    }

    /// A line of its log without what may be a key or a value.
    #[must_use]
    pub fn without_values(line: &str) -> Option<String> {
        // An apostrophe within a word quotes nothing.
        let Some((before, quoted)) = line.split_once(" '") else { return Some(line.to_owned()) };
        let after = quoted.rfind('\'').map_or("", |at| &quoted[at + 1..]);
        Some(format!("{before} [value]{after}"))
    }

    /// Ends it, with all that it started.
    ///
    /// # Errors
    /// When it had been lost.
    pub fn stop(self) -> Result<Option<Finished>, ProcessError> {
        self.service.map(Service::stop).transpose()
    }
}

/// The version in `Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64`.
fn version_in(text: &str) -> String {
    let word = text.split_ascii_whitespace().find_map(|word| word.strip_prefix("v="));
    word.unwrap_or_default().to_owned()
}

/// The numbers in `Done loading RDB, keys loaded: 3, keys expired: 1, empty keys skipped: 0.`
fn loaded(said: &str) -> Loaded {
    let number = |line: &str, mark: &str| {
        let rest = line.split_once(mark)?.1;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    let line = said.lines().rev().find(|line| line.contains("Done loading RDB"));
    let Some(line) = line else { return Loaded::default() };
    Loaded {
        keys: number(line, "keys loaded: "),
        expired: number(line, "keys expired: ").unwrap_or_default(),
    }
}

impl KeyTarget for Redis<'_> {
    fn command(&self, database: u32, words: &[&str]) -> Result<String, TargetError> {
        let database = database.to_string();
        let mut arguments = vec!["-s", &self.socket, "-n", &database, "-e"];
        arguments.extend(words);
        let text = self
            .quarters
            .ask(&self.client, &arguments, &[])
            .map_err(|error| TargetError(plain(&error, Self::without_values)))?;
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_understood() {
        let said = "1:M 21 Nov * Loading RDB\n1:M 21 Nov * Done loading RDB, keys loaded: 30, \
                    keys expired: 2.\n1:M 21 Nov * Ready";
        assert_eq!(loaded(said), Loaded { keys: Some(30), expired: 2 });
        assert_eq!(loaded("nothing"), Loaded::default());
        assert_eq!(version_in("Redis server v=7.0.15 sha=0:0"), "7.0.15");
        let line = "# Unknown command 'secret' reading the append only file";
        let wanted = "# Unknown command [value] reading the append only file";
        assert_eq!(Redis::without_values(line).as_deref(), Some(wanted));
        let line = "Can't handle RDB format version 99";
        assert_eq!(Redis::without_values(line).as_deref(), Some(line));
    }
}
