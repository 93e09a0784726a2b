//! What is wrong with a text that a person wrote: everything at once, each at its place, with the nearest key
//! that is known.

use std::fmt;

use serde::de::DeserializeOwned;

use super::schema::{Schema, SerdeJson, keys_of};
use super::{Document, Place, Syntax};

/// Problems that are listed at most; more of them help nobody.
const MAX_PROBLEMS: usize = 50;

/// One thing that is wrong with a text that a person wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the text.
    pub place: Place,
    /// Which key, as `backup.sha256`; empty for the whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl Problem {
    /// Problems with their hints, a line each.
    #[must_use]
    pub fn lines(problems: &[Self]) -> String {
        let lines: Vec<String> = problems
            .iter()
            .map(|problem| match &problem.hint {
                Some(hint) => format!("  {problem} ({hint})"),
                None => format!("  {problem}"),
            })
            .collect();
        lines.join("\n")
    }

    /// A problem of the value at a pointer of a document.
    #[must_use]
    pub fn at(document: &Document, pointer: &str, message: &str, hint: Option<&str>) -> Self {
        Self {
            place: document.place(pointer),
            key: dotted(pointer),
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
        }
    }
}

impl Document {
    /// Reads a text that a person wrote.
    ///
    /// # Errors
    /// When it is not strict JSON or YAML: the one problem.
    pub fn read(bytes: &[u8], syntax: Syntax) -> Result<Self, Vec<Problem>> {
        Self::parse(bytes, syntax).map_err(|error| {
            vec![Problem {
                place: error.place.unwrap_or(Place { line: 1, column: 1 }),
                key: String::new(),
                message: error.message,
                hint: None,
            }]
        })
    }

    /// Understands the text as what a schema describes: the value, unless it has no such shape, and everything
    /// that the schema has against it.
    #[must_use]
    pub fn understand<T: DeserializeOwned>(&self, schema_text: &str) -> (Option<T>, Vec<Problem>) {
        let mut value = self.to_value();
        let compiled =
            Schema::<SerdeJson>::compile_for(&keys_of(&value), schema_text, |_| Ok(Vec::new()));
        let schema = match compiled {
            Ok(schema) => schema,
            Err(error) => return (None, vec![whole(error.to_string())]),
        };
        let (violations, _) = schema.violations(&value, MAX_PROBLEMS);
        let mut problems: Vec<Problem> = violations
            .iter()
            .map(|violation| {
                let unknown = violation.unknown_key.as_deref();
                Problem {
                    place: unknown.map_or_else(
                        || self.place(&violation.pointer),
                        |key| self.key_place(&violation.pointer, key),
                    ),
                    key: dotted(&violation.pointer),
                    message: violation.message.clone(),
                    hint: unknown
                        .and_then(|key| nearest(key, &known_keys(schema_text, &violation.pointer))),
                }
            })
            .collect();
        // An unknown key must not keep the rest from being looked at.
        for violation in &violations {
            let object =
                value.pointer_mut(&violation.pointer).and_then(serde_json::Value::as_object_mut);
            if let (Some(object), Some(key)) = (object, &violation.unknown_key) {
                object.remove(key);
            }
        }
        match serde_json::from_value(value) {
            Ok(written) => (Some(written), problems),
            Err(error) => {
                if problems.is_empty() {
                    problems.push(whole(error.to_string()));
                }
                (None, problems)
            }
        }
    }
}

fn whole(message: String) -> Problem {
    Problem { place: Place { line: 1, column: 1 }, key: String::new(), message, hint: None }
}

/// `/backup/sha256` as `backup.sha256`.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// The keys that the schema knows for the object at a pointer.
fn known_keys(schema: &str, pointer: &str) -> Vec<String> {
    let Ok(schema) = serde_json::from_str::<serde_json::Value>(schema) else { return Vec::new() };
    let mut here = &schema;
    for segment in pointer.split('/').skip(1) {
        here = match &here["properties"][segment] {
            serde_json::Value::Null if segment.parse::<usize>().is_ok() => &here["items"],
            serde_json::Value::Null => &here["additionalProperties"],
            property => property,
        };
        let reference = ["", "/anyOf/0", "/allOf/0"]
            .iter()
            .find_map(|place| here.pointer(&format!("{place}/$ref"))?.as_str());
        if let Some(target) = reference.and_then(|r| schema.pointer(r.trim_start_matches('#'))) {
            here = target;
        }
    }
    here["properties"]
        .as_object()
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

/// The known key that an unknown one was most likely meant to be.
fn nearest(key: &str, known: &[String]) -> Option<String> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(key, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
        .or_else(|| Some(format!("known keys: {}", known.join(", "))))
}
