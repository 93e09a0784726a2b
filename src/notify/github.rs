//! GitHub: an issue for each drill, opened once, added to, and closed when the drill passes.

use serde_json::{Value, json};

use super::http::{Plain, send};
use super::{NotifyError, Request, details, short};
use crate::wire::alerts::{Notice, Standing};

/// Where its API is.
pub(super) const API: &str = "https://api.github.com";
/// Characters of a title at most.
const TITLE: usize = 256;
/// Characters of a body at most.
const BODY: usize = 65_536;

/// A repository.
pub(super) struct GitHub<'a> {
    pub(super) api: &'a str,
    pub(super) repository: &'a str,
    pub(super) token: &'a str,
    pub(super) labels: &'a [String],
}

impl GitHub<'_> {
    /// Tells of a drill in its issue, of which `number` is the number if there is one. Gives that which is open then.
    pub(super) fn send(
        &self,
        notices: &[Notice],
        number: Option<&str>,
    ) -> Result<Option<String>, NotifyError> {
        let mut open = number.map(str::to_owned);
        for notice in notices {
            open = match (notice.standing, open) {
                (Standing::Firing, None) => Some(self.open(notice)?),
                (Standing::Firing, Some(number)) => {
                    self.comment(&number, notice)?;
                    Some(number)
                }
                (Standing::Resolved, None) => None,
                (Standing::Resolved, Some(number)) => {
                    self.comment(&number, notice)?;
                    let body = json!({"state": "closed", "state_reason": "completed"});
                    send(&self.request("PATCH", &format!("/{number}"), &body), Plain::Loopback)?;
                    None
                }
            };
        }
        Ok(open)
    }

    /// What opens an issue.
    pub(super) fn opening(&self, notice: &Notice) -> Request {
        let body = json!({
            "title": short(&notice.summary, TITLE),
            "body": body(notice),
            "labels": self.labels,
        });
        self.request("POST", "", &body)
    }

    fn open(&self, notice: &Notice) -> Result<String, NotifyError> {
        let answer = send(&self.opening(notice), Plain::Loopback)?;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        let number = answer["number"].as_u64().map(|number| number.to_string());
        number.ok_or_else(|| NotifyError::Refused("the answer names no issue".to_owned()))
    }

    fn comment(&self, number: &str, notice: &Notice) -> Result<(), NotifyError> {
        let body = json!({"body": body(notice)});
        send(&self.request("POST", &format!("/{number}/comments"), &body), Plain::Loopback)?;
        Ok(())
    }

    fn request(&self, method: &'static str, path: &str, body: &Value) -> Request {
        let api = self.api.trim_end_matches('/');
        Request {
            method,
            url: format!("{api}/repos/{}/issues{path}", self.repository),
            headers: vec![
                ("Authorization", format!("Bearer {}", self.token)),
                ("Accept", "application/vnd.github+json".to_owned()),
                ("X-GitHub-Api-Version", "2022-11-28".to_owned()),
            ],
            body: body.to_string().into_bytes(),
        }
    }
}

/// Markdown, in which nothing that was read has a meaning.
fn body(notice: &Notice) -> String {
    let lines: String = details(notice)
        .iter()
        .map(|(name, value)| format!("- {name}: `{}`\n", value.replace(['`', '\n', '\r'], " ")))
        .collect();
    let summary = notice.summary.replace(['`', '\n', '\r'], " ");
    short(&format!("`{summary}`\n\n{lines}"), BODY)
}
