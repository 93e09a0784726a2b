//! Mail: text and HTML, over a connection that is protected or not made at all.

use std::time::Duration;

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Message, SmtpTransport, Transport as _};
use minijinja::{Environment, context};

use super::{NotifyError, details, headline, short};
use crate::wire::alerts::{Channel, Encryption, Notice};

/// Longest time that a mail server is waited for, at each step.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Characters of a subject at most, so that it stays in one line of most programs.
const SUBJECT: usize = 180;

const PAGE: &str = "<!doctype html><html lang=\"en\"><body style=\"font-family:sans-serif\">
{%- for notice in notices %}
<h3>{{ notice.summary }}</h3>
<table>{% for name, value in notice.details %}<tr><td>{{ name }}</td><td>{{ value }}</td></tr>{% endfor %}</table>
{%- endfor %}
<p style=\"color:#666\">dr-drill</p></body></html>
";

/// The mail that tells of notices.
pub(super) fn mail(from: &str, to: &[String], notices: &[Notice]) -> Result<Message, NotifyError> {
    let mailbox = |text: &str| {
        text.parse::<Mailbox>()
            .map_err(|error| NotifyError::Address(format!("`{text}` is none of mail: {error}")))
    };
    let mut message = Message::builder()
        .from(mailbox(from)?)
        .subject(short(&headline(notices), SUBJECT).replace(['\r', '\n'], " "));
    for to in to {
        message = message.to(mailbox(to)?);
    }
    let tell = |notice: &Notice| {
        let lines: String =
            details(notice).iter().map(|(name, value)| format!("  {name}: {value}\n")).collect();
        format!("{}\n{lines}\n", notice.summary)
    };
    let text: String = notices.iter().map(tell).collect();
    let told: Vec<_> = notices
        .iter()
        .map(|notice| context! { summary => &notice.summary, details => details(notice) })
        .collect();
    let mut templates = Environment::new();
    templates.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    let html = templates
        .render_str(PAGE, context! { notices => told })
        .map_err(|error| NotifyError::Refused(format!("the page was not made: {error}")))?;
    message
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map_err(|error| NotifyError::Address(format!("of a mail: {error}")))
}

/// Sends it.
pub(super) fn send(
    channel: &Channel,
    password: Option<String>,
    notices: &[Notice],
) -> Result<(), NotifyError> {
    let Channel::Email { server, port, encryption, from, to, user, .. } = channel else {
        return Ok(());
    };
    let unreachable = |error: lettre::transport::smtp::Error| {
        NotifyError::Unreachable(format!("{server}: {error}"))
    };
    let mut transport = match encryption.unwrap_or_default() {
        Encryption::StartTls => SmtpTransport::starttls_relay(server),
        Encryption::Tls => SmtpTransport::relay(server),
    }
    .map_err(unreachable)?
    .timeout(Some(TIMEOUT));
    if let Some(port) = port {
        transport = transport.port(*port);
    }
    if let (Some(user), Some(password)) = (user, password) {
        transport = transport.credentials(Credentials::new(user.clone(), password));
    }
    let sent = transport.build().send(&mail(from, to, notices)?);
    sent.map(|_| ()).map_err(|error| match error.is_permanent() {
        true => NotifyError::Refused(format!("{server}: {error}")),
        false => unreachable(error),
    })
}
