//! One row among a million: what is missing, doubled or changed is noticed.

use std::sync::OnceLock;

use serde_json::json;

use crate::common::{NOW, Output, Project};

const ROWS: usize = 1_000_000;
/// The row that something happens to.
const ROW: &str = "500000\t3500000\n";

/// A dump of a million rows.
fn dump() -> &'static str {
    static DUMP: OnceLock<String> = OnceLock::new();
    DUMP.get_or_init(|| {
        let rows: String = (1..=ROWS).map(|n| format!("{n}\t{}\n", n * 7)).collect();
        format!(
            "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE t (id int, value int);\n\
             COPY t (id, value) FROM stdin;\n{rows}\\.\n\n\
             --\n-- PostgreSQL database dump complete\n--\n"
        )
    })
}

fn drill(dump: String, baseline: Option<&str>) -> (Project, Output) {
    let project = Project::database("postgres", "t.sql", dump);
    let mut arguments = vec!["run", "--current-time", NOW, "--root", "."];
    match baseline {
        Some(baseline) => {
            project.write("data/dr/baseline.json", baseline);
            project.edit(|manifest| {
                manifest["baseline"] = json!({"path": "baseline.json"});
                manifest["checks"] = json!("auto");
            });
        }
        None => arguments.push("--record-baseline"),
    }
    let output = project.run(&arguments);
    (project, output)
}

#[test]
fn one_row_among_a_million_is_noticed() {
    assert_eq!(dump().matches(&format!("\n{ROW}")).count(), 1);
    let (project, output) = drill(dump().to_owned(), None);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let baseline = project.text("artifacts/dr/restore/baseline.json");
    let cases = [
        ("", "public.t has 999999 row(s), it had 1000000"),
        (&ROW.repeat(2), "public.t has 1000001 row(s), it had 1000000"),
        ("500000\t3500001\n", "as many rows as it had, but not the same"),
        ("500000\t\\N\n", "as many rows as it had, but not the same"),
        // The row before it instead: as many rows, with the same values but one.
        ("499999\t3499993\n", "as many rows as it had, but not the same"),
    ];
    for (row, wanted) in cases {
        let changed = dump().replacen(&format!("\n{ROW}"), &format!("\n{row}"), 1);
        let (_, output) = drill(changed, Some(&baseline));
        assert_eq!(output.code(), 1, "{wanted}: {}", output.snapshot());
        assert!(output.snapshot().contains(wanted), "{wanted}: {}", output.snapshot());
    }
    // In another order they are the same.
    let last = format!("{ROWS}\t{}\n", ROWS * 7);
    let other = dump().replacen(&last, "", 1).replacen("1\t7\n", &format!("{last}1\t7\n"), 1);
    let (_, output) = drill(other, Some(&baseline));
    assert_eq!(output.code(), 0, "{}", output.snapshot());
}
