//! DSSE envelopes (<https://github.com/secure-systems-lab/dsse>): opened, not believed.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use serde_json::Value;

use crate::document::parse_json;

/// More signatures than anyone makes.
const MAX_SIGNATURES: usize = 1024;

/// What an envelope holds.
pub(super) struct Opened {
    /// The statement in it.
    pub(super) statement: Value,
    /// How many signatures it carries.
    pub(super) signatures: u64,
}

/// Opens an envelope; the error says what is wrong with it.
pub(super) fn open(envelope: &Value) -> Result<Opened, String> {
    let text = |key: &str| {
        envelope.get(key).and_then(Value::as_str).ok_or_else(|| format!("`{key}` is missing"))
    };
    let kind = text("payloadType")?;
    let in_toto = kind == "application/vnd.in-toto+json"
        || (kind.starts_with("application/vnd.in-toto.") && kind.ends_with("+json"));
    if !in_toto {
        return Err(format!("its payloadType `{kind}` is not that of an in-toto statement"));
    }
    let payload = decode(text("payload")?)?;
    let signatures = envelope.get("signatures").and_then(Value::as_array);
    let signatures = signatures.filter(|list| !list.is_empty()).ok_or("it has no signature")?;
    if signatures.len() > MAX_SIGNATURES {
        return Err(format!("it has more than {MAX_SIGNATURES} signatures"));
    }
    for signature in signatures {
        let text =
            signature.get("sig").and_then(Value::as_str).ok_or("a signature has no `sig`")?;
        decode(text)?;
    }
    let statement = parse_json(&payload).map_err(|error| format!("its payload {error}"))?;
    Ok(Opened { statement, signatures: signatures.len() as u64 })
}

/// Base64 of either alphabet, padded or not, but canonical and of one alphabet only.
fn decode(text: &str) -> Result<Vec<u8>, String> {
    [BASE64, BASE64URL, BASE64_NOPAD, BASE64URL_NOPAD]
        .iter()
        .find_map(|encoding| encoding.decode(text.as_bytes()).ok())
        .ok_or_else(|| "it holds what is not canonical base64".to_owned())
}
