//! Slack: Block Kit through an incoming webhook.

use serde_json::{Value, json};

use super::{Request, details, headline, short};
use crate::wire::alerts::{Notice, Severity, Standing};

/// Blocks of a message at most.
const BLOCKS: usize = 50;
/// Characters of a section at most.
const SECTION: usize = 3000;
/// Characters of a header at most.
const HEADER: usize = 150;
/// Characters of all blocks together that Slack takes, which no document says.
const TOTAL: usize = 12_000;

pub(super) fn request(url: &str, notices: &[Notice]) -> Request {
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": short(&headline(notices), HEADER)},
    })];
    let mut left = TOTAL - HEADER;
    for (number, notice) in notices.iter().enumerate() {
        let text = short(&section(notice), SECTION);
        let rest = notices.len() - number;
        let full = blocks.len() + 2 > BLOCKS && rest > 1;
        if full || text.chars().count() > left {
            blocks.push(block(&format!("… and {rest} more: `dr-drill schedule ledger` tells all")));
            break;
        }
        left -= text.chars().count();
        blocks.push(block(&text));
    }
    let body = json!({"text": short(&headline(notices), SECTION), "blocks": blocks});
    Request {
        method: "POST",
        url: url.to_owned(),
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
    }
}

fn block(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

fn section(notice: &Notice) -> String {
    let sign = match (notice.standing, notice.severity) {
        (Standing::Resolved, _) => ":white_check_mark:",
        (_, Severity::Critical) => ":rotating_light:",
        (_, Severity::Error) => ":red_circle:",
        (_, Severity::Warning | Severity::Info) => ":warning:",
    };
    let lines: String = details(notice)
        .iter()
        .map(|(name, value)| format!("\n{name}: {}", escaped(&short(value, 600))))
        .collect();
    format!("{sign} *{}*{lines}", escaped(&short(&notice.summary, 600)))
}

/// The three characters that Slack gives a meaning.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
