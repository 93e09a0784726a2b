//! Provenance: in-toto statements about the backup, bare or in DSSE envelopes.
//!
//! Signatures are counted, not verified: nothing here ever says that a statement can be believed.

mod envelope;

use serde_json::Value;

use crate::digest::Digest;
use crate::document::{SyntaxError, parse_json, parse_json_lines};

/// Largest provenance that is read, in bytes.
pub const MAX_BYTES: u64 = 128 << 20;
/// Most statements in one file.
const MAX_STATEMENTS: usize = 1024;
/// Most subjects of one statement.
const MAX_SUBJECTS: usize = 1024;

/// Statement types that are known.
const STATEMENT_TYPES: [&str; 2] =
    ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

/// Provenance with at least one statement about the backup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// `dsse`, `statement`, or `mixed`.
    pub form: &'static str,
    /// Statements in the file.
    pub statements: u64,
    /// Predicate types of those about the backup.
    pub predicate_types: Vec<String>,
    /// Builders that those name.
    pub builders: Vec<String>,
    /// Signatures in the envelopes.
    pub signatures: u64,
}

/// Why provenance is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ProvenanceError {
    /// Not strict JSON, nor JSON lines.
    #[error("{place}{message}")]
    Syntax {
        /// Where, as `3:14: `, or empty.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// There is no statement in it.
    #[error("holds no statement")]
    Empty,
    /// More statements than any build makes.
    #[error("holds more than {MAX_STATEMENTS} statements")]
    TooMany,
    /// An envelope that breaks the DSSE specification.
    #[error("statement {number}: the DSSE envelope is not valid: {detail}")]
    Envelope {
        /// Which statement of the file, from 1.
        number: usize,
        /// What is wrong.
        detail: String,
    },
    /// A statement that breaks the in-toto specification.
    #[error("statement {number}: {detail}")]
    Statement {
        /// Which statement of the file, from 1.
        number: usize,
        /// What is wrong.
        detail: String,
    },
    /// Statements, but none about the backup.
    #[error("no statement is about the backup {backup}: they are about {}", found.join(", "))]
    OtherSubject {
        /// The digest of the backup.
        backup: Digest,
        /// Digests that they are about.
        found: Vec<String>,
    },
}

/// Validates the bytes of provenance for the backup with this digest: a statement or an envelope,
/// a list of them, or one a line.
///
/// # Errors
/// The first reason for which it is not accepted.
pub fn validate(bytes: &[u8], backup: &Digest) -> Result<Provenance, ProvenanceError> {
    let documents = documents(bytes)?;
    if documents.is_empty() {
        return Err(ProvenanceError::Empty);
    }
    if documents.len() > MAX_STATEMENTS {
        return Err(ProvenanceError::TooMany);
    }
    let mut result = Provenance::default();
    let mut others = Vec::new();
    for (document, number) in documents.iter().zip(1..) {
        let invalid = |detail: String| ProvenanceError::Statement { number, detail };
        let (form, statement) =
            if document.get("payload").is_some() || document.get("payloadType").is_some() {
                let opened = envelope::open(document)
                    .map_err(|detail| ProvenanceError::Envelope { number, detail })?;
                result.signatures += opened.signatures;
                ("dsse", opened.statement)
            } else {
                ("statement", document.clone())
            };
        result.form = if result.form.is_empty() || result.form == form { form } else { "mixed" };
        result.statements += 1;
        let digests = subjects(&statement).map_err(invalid)?;
        let predicate_type = predicate_type(&statement).map_err(invalid)?;
        if digests.iter().any(|digest| digest.parse::<Digest>().is_ok_and(|d| d == *backup)) {
            push_new(&mut result.predicate_types, predicate_type);
            if let Some(builder) = builder(&statement) {
                push_new(&mut result.builders, builder);
            }
        } else {
            others.extend(digests);
        }
    }
    if result.predicate_types.is_empty() {
        others.truncate(3);
        return Err(ProvenanceError::OtherSubject { backup: *backup, found: others });
    }
    Ok(result)
}

/// The documents of a file: one JSON value, a list, or JSON lines.
fn documents(bytes: &[u8]) -> Result<Vec<Value>, ProvenanceError> {
    let syntax = |error: SyntaxError| ProvenanceError::Syntax {
        place: error.place.map(|place| format!("{place}: ")).unwrap_or_default(),
        message: error.message,
    };
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

/// SHA-256 digests of the subjects of a statement.
fn subjects(statement: &Value) -> Result<Vec<String>, String> {
    let kind = statement.get("_type").and_then(Value::as_str).unwrap_or_default();
    if !STATEMENT_TYPES.contains(&kind) {
        let found =
            if kind.is_empty() { "it has no `_type`".to_owned() } else { format!("`{kind}`") };
        return Err(format!("is no in-toto statement ({found}); known are v1 and v0.1"));
    }
    let subjects = statement.get("subject").and_then(Value::as_array);
    let subjects = subjects.filter(|list| !list.is_empty()).ok_or("names no subject")?;
    if subjects.len() > MAX_SUBJECTS {
        return Err(format!("names more than {MAX_SUBJECTS} subjects"));
    }
    let mut found = Vec::new();
    for (subject, number) in subjects.iter().zip(1..) {
        let digests = subject.get("digest").and_then(Value::as_object);
        let digests = digests
            .filter(|digests| !digests.is_empty())
            .ok_or_else(|| format!("its subject {number} has no digest"))?;
        if let Some(digest) = digests.get("sha256") {
            let text = digest.as_str().unwrap_or_default();
            text.parse::<Digest>().map_err(|error| format!("its subject {number}: {error}"))?;
            found.push(text.to_owned());
        }
    }
    Ok(found)
}

fn predicate_type(statement: &Value) -> Result<String, String> {
    let kind = statement.get("predicateType").and_then(Value::as_str).unwrap_or_default();
    if kind.is_empty() {
        return Err("has no `predicateType`".to_owned());
    }
    Ok(kind.to_owned())
}

fn builder(statement: &Value) -> Option<String> {
    ["/predicate/runDetails/builder/id", "/predicate/builder/id"]
        .iter()
        .find_map(|pointer| statement.pointer(pointer)?.as_str())
        .map(str::to_owned)
}

fn push_new(list: &mut Vec<String>, item: String) {
    if !list.contains(&item) {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, BASE64URL};
    use serde_json::json;

    use super::*;

    fn statement(digest: &Digest) -> Value {
        json!({"_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "b", "digest": {"sha256": digest.to_string()}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {"runDetails": {"builder": {"id": "https://example.org/builder"}}}})
    }

    fn dsse(payload: &str) -> Value {
        json!({"payloadType": "application/vnd.in-toto+json", "payload": payload,
            "signatures": [{"sig": "AAAA"}]})
    }

    fn backup() -> Digest {
        Digest::of(b"backup")
    }

    fn check(text: &str) -> Result<Provenance, ProvenanceError> {
        validate(text.as_bytes(), &backup())
    }

    #[test]
    fn every_form_is_read() {
        let bare = statement(&backup()).to_string();
        let standard = dsse(&BASE64.encode(bare.as_bytes())).to_string();
        let url_safe = dsse(&BASE64URL.encode(bare.as_bytes())).to_string();
        let other = statement(&Digest::of(b"other")).to_string();
        for (text, form, statements) in [
            (bare.clone(), "statement", 1),
            (format!("[{bare}]"), "statement", 1),
            (format!("{other}\n{bare}\n"), "statement", 2),
            (standard.clone(), "dsse", 1),
            (url_safe, "dsse", 1),
            (format!("[{standard}, {other}]"), "mixed", 2),
        ] {
            let found = check(&text).unwrap();
            assert_eq!((found.form, found.statements), (form, statements), "{text}");
            assert_eq!(found.builders, ["https://example.org/builder"]);
        }
    }

    #[test]
    fn another_digest_is_refused_by_name() {
        let other = Digest::of(b"other");
        let error = check(&statement(&other).to_string()).unwrap_err().to_string();
        assert!(
            error.contains(&other.to_string()) && error.contains(&backup().to_string()),
            "{error}"
        );
    }

    #[test]
    fn broken_statements_and_envelopes_are_refused() {
        let with = |key: &str, value: Value| {
            let mut changed = statement(&backup());
            changed[key] = value;
            check(&changed.to_string()).unwrap_err().to_string()
        };
        assert!(
            with("_type", json!("https://in-toto.io/Statement/v2"))
                .contains("no in-toto statement")
        );
        assert!(with("subject", json!([])).contains("names no subject"));
        assert!(with("subject", json!([{"name": "b"}])).contains("subject 1 has no digest"));
        assert!(with("subject", json!([{"digest": {"sha256": "zz"}}])).contains("subject 1"));
        assert!(with("predicateType", json!(null)).contains("predicateType"));
        let payload = BASE64.encode(statement(&backup()).to_string().as_bytes());
        let broken = |change: &dyn Fn(&mut Value)| {
            let mut changed = dsse(&payload);
            change(&mut changed);
            check(&changed.to_string()).unwrap_err().to_string()
        };
        assert!(broken(&|e| e["payload"] = json!("a b")).contains("base64"));
        assert!(broken(&|e| e["payload"] = json!("+-==")).contains("base64"));
        assert!(broken(&|e| e["payloadType"] = json!("text/plain")).contains("payloadType"));
        assert!(broken(&|e| e["signatures"] = json!([])).contains("signature"));
        assert!(broken(&|e| e["signatures"] = json!([{"keyid": "k"}])).contains("`sig`"));
        assert!(broken(&|e| e["payload"] = json!("AAAA")).contains("payload"));
        assert!(matches!(check("[]"), Err(ProvenanceError::Empty)));
        assert!(check("{\"a\":1}\n{oops}\n").unwrap_err().to_string().starts_with("2:"));
        assert!(check("").is_err());
    }
}
