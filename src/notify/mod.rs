//! Telling people: what goes to each kind of channel, and how it gets there. A message is made without touching the
//! world, and sent by one of two senders: HTTP or mail.

mod alertmanager;
mod email;
mod github;
mod http;
mod pagerduty;
mod slack;
mod webhook;

use std::ffi::OsString;
use std::path::Path;

use crate::fs::read_private;
use crate::wire::alerts::{Channel, Notice, Secret, Standing};

/// Largest secret that is read, in bytes.
const MAX_SECRET: u64 = 64 << 10;

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// A secret is not there.
    #[error("the secret {0}")]
    Secret(String),
    /// The address is not one to send to.
    #[error("the address {0}")]
    Address(String),
    /// Whoever is there could not be reached.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It was refused.
    #[error("was refused: {0}")]
    Refused(String),
}

/// A request to be made.
#[derive(Clone, PartialEq, Eq)]
struct Request {
    method: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// Where secrets are found.
pub struct Secrets<'a> {
    /// Value of an environment variable.
    pub variable: fn(&str) -> Option<OsString>,
    /// Where names of files begin.
    pub folder: &'a Path,
}

impl Secrets<'_> {
    fn read(&self, secret: &Secret) -> Result<String, NotifyError> {
        let wrong = |message: String| NotifyError::Secret(message);
        let text = match secret {
            Secret::Env(name) => {
                let value = (self.variable)(name);
                let value = value.ok_or_else(|| wrong(format!("in {name} is not set")))?;
                value.into_string().map_err(|_| wrong(format!("in {name} is no text")))?
            }
            Secret::File(name) => {
                let bytes = read_private(&self.folder.join(name), MAX_SECRET);
                let bytes = bytes.map_err(|error| wrong(format!("in {name} {error}")))?;
                String::from_utf8(bytes).map_err(|_| wrong(format!("in {name} is no text")))?
            }
        };
        let text = text.trim().to_owned();
        if text.is_empty() || text.contains(char::is_control) {
            return Err(wrong("is empty, or more than a line".to_owned()));
        }
        Ok(text)
    }
}

/// Sends notices through a channel, all that it can at once. `reference` is what it gave for the same key before, and
/// gives back what is to be kept for it: GitHub numbers its issues.
///
/// # Errors
/// When they did not arrive, or nobody can tell.
pub fn send(
    channel: &Channel,
    notices: &[Notice],
    secrets: &Secrets<'_>,
    reference: Option<&str>,
) -> Result<Option<String>, NotifyError> {
    match channel {
        Channel::Slack { url } => {
            http::send(&slack::request(&secrets.read(url)?, notices), http::Plain::Loopback)?;
        }
        Channel::PagerDuty { routing_key, url } => {
            let key = secrets.read(routing_key)?;
            for notice in notices {
                let request = pagerduty::request(url.as_deref(), &key, notice);
                http::send(&request, http::Plain::Loopback)?;
            }
        }
        Channel::Email { password, .. } => {
            let password = password.as_ref().map(|secret| secrets.read(secret)).transpose()?;
            email::send(channel, password, notices)?;
        }
        Channel::GitHub { repository, token, labels, url } => {
            let github = github::GitHub {
                api: url.as_deref().unwrap_or(github::API),
                repository,
                token: &secrets.read(token)?,
                labels,
            };
            return github.send(notices, reference);
        }
        Channel::Alertmanager { url } => {
            http::send(&alertmanager::request(url, notices), http::Plain::Anywhere)?;
        }
        Channel::Webhook { url, secret } => {
            let secret = secret.as_ref().map(|secret| secrets.read(secret)).transpose()?;
            http::send(&webhook::request(url, secret.as_deref(), notices), http::Plain::Anywhere)?;
        }
    }
    Ok(None)
}

/// Says through a channel that somebody looks after what was told under a key. `false` where a channel has no word for it:
/// PagerDuty alone has one.
///
/// # Errors
/// When it did not arrive, or nobody can tell.
pub fn acknowledge(
    channel: &Channel,
    key: &str,
    secrets: &Secrets<'_>,
) -> Result<bool, NotifyError> {
    let Channel::PagerDuty { routing_key, url } = channel else { return Ok(false) };
    let routing_key = secrets.read(routing_key)?;
    let request = pagerduty::acknowledge(url.as_deref(), &routing_key, key);
    http::send(&request, http::Plain::Loopback).map(|_| true)
}

/// Whether a channel is told of each drill by itself, so that it can keep what belongs together.
#[must_use]
pub fn one_by_one(channel: &Channel) -> bool {
    matches!(channel, Channel::GitHub { .. } | Channel::PagerDuty { .. })
}

/// A headline over several notices.
fn headline(notices: &[Notice]) -> String {
    match notices {
        [notice] => notice.summary.clone(),
        _ => {
            let firing =
                notices.iter().filter(|notice| notice.standing == Standing::Firing).count();
            let names: Vec<&str> =
                notices.iter().take(3).map(|notice| notice.drill.as_str()).collect();
            let more = if notices.len() > 3 { ", …" } else { "" };
            let passing = notices.len() - firing;
            format!(
                "{firing} drill(s) do not pass, {passing} pass again: {}{more}",
                names.join(", ")
            )
        }
    }
}

/// The lines that tell of a notice, besides its summary.
fn details(notice: &Notice) -> Vec<(&'static str, String)> {
    let mut lines = vec![("due", notice.due_at.clone())];
    lines.extend(notice.reason.iter().map(|reason| ("reason", reason.clone())));
    if notice.since != notice.due_at {
        lines.push(("since", notice.since.clone()));
    }
    lines.extend(notice.run_id.iter().map(|run| ("run", run.clone())));
    lines
}

/// A text of at most so many characters.
fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests;
