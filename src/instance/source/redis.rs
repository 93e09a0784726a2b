//! Redis or Valkey in use: it sends a snapshot, as it does to a replica. Its keys are counted, and not
//! read: that would keep it from everything else meanwhile.

use std::path::{Path, PathBuf};

use super::super::redis::Redis;
use super::super::{InstanceError, Quarters, find_program, plain};
use super::{DatabaseUrl, Source, refuse_errors};
use crate::target::{KeyTarget, Target, TargetError};

/// The names of the client, the first that is there is taken.
const NAMES: [&str; 2] = ["redis-cli", "valkey-cli"];

/// A server in use.
pub(super) struct RedisSource<'a> {
    quarters: Quarters<'a>,
    client: PathBuf,
    address: Vec<String>,
    password: Option<String>,
}

impl<'a> RedisSource<'a> {
    pub(super) fn open(url: &DatabaseUrl, quarters: Quarters<'a>) -> Result<Self, InstanceError> {
        let client = NAMES.iter().find_map(|name| find_program(&quarters, name, &[]));
        let client = client.ok_or(InstanceError::NotInstalled("Redis's client (redis-tools)"))?;
        let mut address = Vec::new();
        let mut add = |name: &str, value: String| address.extend([name.to_owned(), value]);
        match url.option("socket") {
            Some(socket) => add("-s", socket),
            None => {
                add("-h", url.host().unwrap_or("localhost").to_owned());
                add("-p", url.port().unwrap_or(6379).to_string());
            }
        }
        if let Some(user) = url.user() {
            add("--user", user);
        }
        if url.scheme() == "rediss" {
            address.push("--tls".to_owned());
        }
        let password = url.password().map(str::to_owned);
        let source = Self { quarters, client, address, password };
        source.ask(&["-e", "PING"])?;
        Ok(source)
    }

    fn ask(&self, words: &[&str]) -> Result<String, InstanceError> {
        let mut arguments: Vec<&str> = self.address.iter().map(String::as_str).collect();
        arguments.extend(words);
        let environment: Vec<(&str, &str)> =
            self.password.iter().map(|password| ("REDISCLI_AUTH", password.as_str())).collect();
        self.quarters.ask(&self.client, &arguments, &environment)
    }
}

impl Source for RedisSource<'_> {
    fn target(&self) -> Target<'_> {
        Target::Keys(self)
    }

    fn is_one_moment(&self) -> bool {
        false
    }

    fn dump_name(&self) -> (&'static str, bool) {
        ("backup.rdb", false)
    }

    fn dump(&self, file: &Path) -> Result<String, InstanceError> {
        let said = self.ask(&["--rdb", &file.display().to_string()])?;
        refuse_errors("redis-cli", &said, &["ERR", "rror:", "failed"])?;
        Ok(String::new())
    }
}

impl KeyTarget for RedisSource<'_> {
    fn command(&self, database: u32, words: &[&str]) -> Result<String, TargetError> {
        let database = database.to_string();
        let mut all = vec!["-n", &database, "-e"];
        all.extend(words);
        let text =
            self.ask(&all).map_err(|error| TargetError(plain(&error, Redis::without_values)))?;
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    fn is_in_use(&self) -> bool {
        true
    }
}
