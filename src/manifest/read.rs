//! From bytes to a manifest: parse, hold against the schema, validate; all problems at once.

use super::{Manifest, validate};
use crate::document::{Document, Problem};
use crate::wire;

/// Understands a manifest.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse(document: &Document) -> Result<Manifest, Vec<Problem>> {
    let schema = wire::schema("manifest").unwrap_or_default();
    let (written, mut problems) = document.understand::<wire::manifest::Manifest>(schema);
    let manifest = written.and_then(|written| validate::validate(written, document, &mut problems));
    problems.sort_by_key(|problem| problem.place);
    match manifest {
        Some(manifest) if problems.is_empty() => Ok(manifest),
        _ => Err(problems),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Syntax;

    const MINIMAL: &str = r#"{
  "backup": {"path": "b", "sha256": "0000000000000000000000000000000000000000000000000000000000000001", "captured_at": "2026-11-20T08:00:00Z"},
  "sbom": {"path": "s"}, "provenance": {"path": "p"},
  "restore": {"script": "r", "output_dir": "o", "copy_backup": true, "timeout_seconds": 60},
  "policies": {"max_rpo_minutes": 60, "max_rto_seconds": 60}
}"#;

    fn problems(text: &str, syntax: Syntax) -> Vec<String> {
        match Document::read(text.as_bytes(), syntax).and_then(|document| parse(&document)) {
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
