//! Requests over HTTP: bounded in time and size, no redirects, and a secret never in a message.

use std::time::Duration;

use url::{Host, Url};

use super::{NotifyError, Request};
use crate::request::agent;

/// Longest time that a request takes.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 << 10;

/// Where a request may go without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// Only to this machine: it carries a secret.
    Loopback,
    /// Anywhere.
    Anywhere,
}

/// Makes a request, and gives the answer.
pub(super) fn send(request: &Request, plain: Plain) -> Result<String, NotifyError> {
    let host = allowed(&request.url, plain)?;
    let agent = agent(TIMEOUT);
    let unreachable = |error: ureq::Error| NotifyError::Unreachable(format!("{host}: {error}"));
    let mut built = ureq::http::Request::builder()
        .method(request.method)
        .uri(&request.url)
        .header("User-Agent", concat!("dr-drill/", env!("CARGO_PKG_VERSION")))
        .header("Content-Type", "application/json");
    for (name, value) in &request.headers {
        built = built.header(*name, value);
    }
    let built = built.body(request.body.as_slice());
    let built = built.map_err(|_| NotifyError::Address(format!("of {host} cannot be asked")))?;
    let mut answer = agent.run(built).map_err(unreachable)?;
    let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
    let status = answer.status();
    if status.is_success() {
        return Ok(text.unwrap_or_default());
    }
    let said: String =
        text.unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    Err(NotifyError::Refused(format!("{host} answers {status}: {said}")))
}

/// The host of an address, if it may be asked. The rest of an address may be a secret.
fn allowed(url: &str, plain: Plain) -> Result<String, NotifyError> {
    let wrong = |message: &str| NotifyError::Address(message.to_owned());
    let url = Url::parse(url).map_err(|_| wrong("is none"))?;
    let host = url.host().ok_or_else(|| wrong("names no host"))?;
    let loopback = match &host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    match url.scheme() {
        "https" => {}
        "http" if plain == Plain::Anywhere || loopback => {}
        "http" => return Err(wrong(&format!("of {host} is not protected by TLS: write https://"))),
        _ => return Err(wrong("is not one of http or https")),
    }
    Ok(host.to_string())
}
