//! Every kind of check is known everywhere. What each finds is tested with real databases in
//! `tests/cli/databases.rs`,
//! `checks.rs` and `redis.rs` there.

use serde_json::{Value, json};

use super::KINDS;
use crate::wire::manifest::Check;

/// The least that each kind needs.
fn least(kind: &str) -> Value {
    let parameters = match kind {
        "required_tables" => json!({"tables": ["t"]}),
        "row_count" => json!({"table": "t", "min": 1}),
        "newest_row" => json!({"table": "t", "column": "c", "max_age_minutes": 1.0}),
        "latency" => json!({"sql": "SELECT 1", "max_milliseconds": 100.0}),
        "key_count" => json!({"min": 1}),
        "key_value" => json!({"key": "k", "expected": "v"}),
        "program" => json!({"path": "p"}),
        "connection" => json!({"service": "s", "command": ["c"]}),
        "query" => json!({"sql": "SELECT 1", "expected": "1"}),
        _ => json!({}),
    };
    let mut check = parameters;
    check["check"] = json!(kind);
    check
}

#[test]
fn each_kind_is_read_and_has_a_place_in_the_documentation_and_the_schema() {
    let page = include_str!("../../docs/checks.md");
    let schema = include_str!("../../schemas/manifest.v1.schema.json");
    for kind in KINDS {
        let check: Check = serde_json::from_value(least(kind)).unwrap();
        assert_eq!(check.kind(), kind);
        assert!(check.is_critical(), "{kind}");
        assert!(page.contains(&format!("\n## {kind}\n")), "docs/checks.md: {kind}");
        assert!(schema.contains(&format!("\"const\": \"{kind}\"")), "schema: {kind}");
        let mut lenient = least(kind);
        lenient["critical"] = json!(false);
        assert!(!serde_json::from_value::<Check>(lenient).unwrap().is_critical());
        let mut misspelt = least(kind);
        misspelt["critcal"] = json!(false);
        assert!(serde_json::from_value::<Check>(misspelt).is_err(), "{kind}");
    }
    assert_eq!(page.matches("\n## ").count(), KINDS.len(), "docs/checks.md has another kind");
}
