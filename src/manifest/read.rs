//! From bytes to a manifest: parse, hold against the schema, validate; all problems at once.

use std::fmt;
use std::path::Path;

use super::{Manifest, validate};
use crate::document::schema::{Schema, SerdeJson, keys_of};
use crate::document::{Document, Place, Syntax};
use crate::wire;

/// Problems that are listed at most; more of them help nobody.
const MAX_PROBLEMS: usize = 50;

/// One thing that is wrong with a manifest.
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

/// The syntax of a manifest, by its name: `.yaml` and `.yml` are YAML, all else is JSON.
#[must_use]
pub fn syntax_of(path: &Path) -> Syntax {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => Syntax::Yaml,
        _ => Syntax::Json,
    }
}

/// Reads the text of a manifest with the places of its values.
///
/// # Errors
/// When it is not strict JSON or YAML.
pub fn document(bytes: &[u8], syntax: Syntax) -> Result<Document, Vec<Problem>> {
    Document::parse(bytes, syntax).map_err(|error| {
        vec![Problem {
            place: error.place.unwrap_or(Place { line: 1, column: 1 }),
            key: String::new(),
            message: error.message,
            hint: None,
        }]
    })
}

/// Understands a manifest.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse(document: &Document) -> Result<Manifest, Vec<Problem>> {
    let mut value = document.to_value();
    let schema_text = wire::schema("manifest").unwrap_or_default();
    let schema =
        Schema::<SerdeJson>::compile_for(&keys_of(&value), schema_text, |_| Ok(Vec::new()))
            .map_err(|error| vec![whole(error.to_string())])?;
    let (violations, _) = schema.violations(&value, MAX_PROBLEMS);
    let mut problems: Vec<Problem> = violations
        .iter()
        .map(|violation| {
            let unknown = violation.unknown_key.as_deref();
            Problem {
                place: unknown.map_or_else(
                    || document.place(&violation.pointer),
                    |key| document.key_place(&violation.pointer, key),
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
    let manifest = match serde_json::from_value::<wire::manifest::Manifest>(value) {
        Ok(written) => validate::validate(written, document, &mut problems),
        Err(error) => {
            if problems.is_empty() {
                problems.push(whole(error.to_string()));
            }
            None
        }
    };
    problems.sort_by_key(|problem| problem.place);
    match manifest {
        Some(manifest) if problems.is_empty() => Ok(manifest),
        _ => Err(problems),
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
        here = &here["properties"][segment];
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

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{
  "backup": {"path": "b", "sha256": "0000000000000000000000000000000000000000000000000000000000000001", "captured_at": "2026-11-20T08:00:00Z"},
  "sbom": {"path": "s"}, "provenance": {"path": "p"},
  "restore": {"script": "r", "output_dir": "o", "copy_backup": true, "timeout_seconds": 60},
  "policies": {"max_rpo_minutes": 60, "max_rto_seconds": 60}
}"#;

    fn problems(text: &str, syntax: Syntax) -> Vec<String> {
        match document(text.as_bytes(), syntax).and_then(|document| parse(&document)) {
            Ok(_) => Vec::new(),
            Err(problems) => problems
                .iter()
                .map(|p| {
                    format!("{p}{}", p.hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default())
                })
                .collect(),
        }
    }

    #[test]
    fn the_keys_of_old_are_enough() {
        assert_eq!(problems(MINIMAL, Syntax::Json), Vec::<String>::new());
    }

    #[test]
    fn every_problem_is_reported_at_its_place() {
        let text = r#"{
  "backup": {"path": "b", "sha526": "x", "sha256": "zz", "captured_at": "yesterday"},
  "restore": {"script": "r", "timeout_seconds": 0, "tree_sha256": null, "recovered": "../x"},
  "policies": {"max_rpo_minutes": 10, "warn_rpo_minutes": 20, "min_restore_bytes_per_second": 0,
    "waiver": {"approved_by": "", "reason": "r", "until": "2026-01-01", "makeup_drill_at": "2026-01-01T00:00:00Z"}},
  "polices": {}
}"#;
        insta::assert_snapshot!(problems(text, Syntax::Json).join("\n"));
    }

    #[test]
    fn yaml_is_held_to_the_same() {
        let text = "backup:\n  path: b\n  sha256: abc\n  captured_at: 2026-11-20T08:00:00Z\nrestore: {script: 3}\n";
        insta::assert_snapshot!(problems(text, Syntax::Yaml).join("\n"));
    }

    #[test]
    fn a_drill_that_cannot_fail_is_refused() {
        for (key, wanted) in [
            (r#""restore": {"script": "r", "recovered": "."}"#, "the tool's own"),
            (r#""restore": {"output_dir": "b"}"#, "backup itself"),
            (r#""restore": {"output_dir": "b/out"}"#, "backup itself"),
        ] {
            let text = MINIMAL.replace(
                r#""restore": {"script": "r", "output_dir": "o", "copy_backup": true, "timeout_seconds": 60}"#,
                key,
            );
            let found = problems(&text, Syntax::Json).join("\n");
            assert!(found.contains(wanted) || found.contains("output directory"), "{key}: {found}");
            assert!(!found.is_empty());
        }
    }
}
