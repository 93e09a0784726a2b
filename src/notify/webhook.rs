//! A webhook of any kind: the notices as they are, signed.

use aws_lc_rs::hmac;

use super::Request;
use crate::wire::alerts::{NOTICE, Notice, Notices};

/// The header of the signature: `t=TIME,v1=HMAC`, where the HMAC with SHA-256 is over `TIME.BODY`, in hexadecimal
/// digits, and the time is when the newest notice was told.
const SIGNATURE: &str = "X-Dr-Drill-Signature";

pub(super) fn request(url: &str, secret: Option<&str>, notices: &[Notice]) -> Request {
    let message = Notices { schema: NOTICE.to_owned(), notices: notices.to_vec() };
    let body = serde_json::to_vec(&message).unwrap_or_default();
    let mut headers = Vec::new();
    if let Some(secret) = secret {
        let time = notices.iter().map(|notice| notice.at.as_str()).max().unwrap_or_default();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[time.as_bytes(), b".", &body].concat());
        headers.push((SIGNATURE, format!("t={time},v1={}", hex::encode(tag))));
    }
    Request { method: "POST", url: url.to_owned(), headers, body }
}
