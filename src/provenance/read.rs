//! From bytes to documents, and from a document to the statement in it.

use serde_json::Value;

use super::trust::Form;
use super::{ProvenanceError, bundle};
use crate::document::{SyntaxError, parse_json, parse_json_lines};
use crate::signature::Envelope;

/// The form of a document, and the statement in it.
pub(super) fn open(document: &Value) -> Result<(Form<'_>, Option<Value>), String> {
    if bundle::is_bundle(document) {
        bundle::read(document)?;
        let Some(envelope) = document.get("dsseEnvelope") else {
            return Ok((Form::Bundle { value: document, envelope: None }, None));
        };
        let (envelope, statement) = open_envelope(envelope)?;
        return Ok((Form::Bundle { value: document, envelope: Some(envelope) }, Some(statement)));
    }
    if document.get("payload").is_some() || document.get("payloadType").is_some() {
        let (envelope, statement) = open_envelope(document)?;
        return Ok((Form::Envelope(envelope), Some(statement)));
    }
    Ok((Form::Bare, Some(document.clone())))
}

fn open_envelope(value: &Value) -> Result<(Envelope, Value), String> {
    let envelope = Envelope::read(value).map_err(|e| format!("the DSSE envelope: {e}"))?;
    let kind = envelope.payload_type();
    let in_toto = kind == "application/vnd.in-toto+json"
        || (kind.starts_with("application/vnd.in-toto.") && kind.ends_with("+json"));
    if !in_toto {
        return Err(format!("its payloadType `{kind}` is not that of an in-toto statement"));
    }
    let statement =
        parse_json(envelope.payload()).map_err(|error| format!("its payload {error}"))?;
    Ok((envelope, statement))
}

/// The documents of a file: one JSON value, a list, or JSON lines.
pub(super) fn documents(bytes: &[u8]) -> Result<Vec<Value>, ProvenanceError> {
    let syntax =
        |error: SyntaxError| ProvenanceError::Syntax { place: error.place, message: error.message };
    match parse_json(bytes) {
        Ok(Value::Array(list)) => Ok(list),
        Ok(document) => Ok(vec![document]),
        Err(whole) => match parse_json_lines(bytes) {
            Ok(documents) if documents.len() > 1 => Ok(documents),
            // A first line that parses alone says that lines were meant.
            Err(line)
                if line.place.is_some_and(|place| place.line > 1) && first_line_parses(bytes) =>
            {
                Err(syntax(line))
            }
            Ok(_) | Err(_) => Err(syntax(whole)),
        },
    }
}

fn first_line_parses(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').next().is_some_and(|line| parse_json(line).is_ok())
}
