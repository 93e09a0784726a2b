//! Holds the layers and the house style of ARCHITECTURE.md, as far as text can tell.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Rows from the bottom up: a module imports only from rows below its own.
const ROWS: [&[&str]; 12] = [
    &["clock", "database", "digest", "document", "fs", "graph", "process", "secret", "signature"],
    &["wire"],
    &["event", "manifest"],
    &["outcome", "plan", "target"],
    &[
        "backup",
        "check",
        "engine",
        "instance",
        "payload",
        "provenance",
        "request",
        "sbom",
        "storage",
    ],
    &["policy", "restore"],
    &["drill", "exercise", "report"],
    &["evidence"],
    &["history", "notify"],
    &["dashboard", "schedule"],
    &["app"],
    &["cli"],
];

/// Within the bottom row these may be used by the others: they know nothing but the standard
/// library.
const GROUND: [&str; 1] = ["clock"];

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// The module at the top of the tree that a file belongs to.
fn module(path: &Path) -> String {
    let part = path.strip_prefix("src").unwrap().iter().next().unwrap().to_str().unwrap();
    part.trim_end_matches(".rs").to_owned()
}

/// The text without comments and without its tests.
fn code(path: &Path, text: &str) -> String {
    if path.file_name().is_some_and(|name| name == "tests.rs") {
        return String::new();
    }
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The modules that code names by `crate::`, also in groups.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for after in code.split("crate::").skip(1) {
        let names = match after.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap().split(',').map(str::trim).collect(),
            None => vec![after],
        };
        for name in names {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            if end > 0 {
                found.push(name[..end].to_owned());
            }
        }
    }
    found
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

#[test]
fn every_module_imports_only_from_rows_below_its_own() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let name = module(&path);
        if ["main", "lib"].contains(&name.as_str()) {
            continue;
        }
        let own = row(&name).unwrap_or_else(|| panic!("src/{name} stands in no row"));
        for import in imports(&code(&path, &text)) {
            let ground = own == 0 && GROUND.contains(&import.as_str());
            if import != name && !ground && row(&import).is_none_or(|other| other >= own) {
                wrong.push(format!("{}: crate::{import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_library_stands_in_a_row_and_the_other_way_round() {
    let library = fs::read_to_string("src/lib.rs").unwrap();
    let mut declared: Vec<&str> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    declared.sort_unstable();
    let mut known: Vec<&str> = ROWS.iter().flat_map(|row| row.iter().copied()).collect();
    known.sort_unstable();
    assert_eq!(declared, known);
}

#[test]
fn no_module_is_hidden_by_a_re_export_or_reached_by_super() {
    for (path, text) in sources() {
        let code = code(&path, &text);
        let name = module(&path);
        for line in code.lines().filter(|line| line.trim().starts_with("pub use ")) {
            let from = line.trim().trim_start_matches("pub use ").trim_start_matches("crate::");
            let first = from.split("::").next().unwrap();
            assert!(row(first).is_none() || name == first, "{}: {line}", path.display());
        }
        let root = path == Path::new(&format!("src/{name}.rs"))
            || path == Path::new(&format!("src/{name}/mod.rs"));
        assert!(!(root && code.contains("super::")), "{}: super:: at the root", path.display());
    }
}

#[test]
fn files_are_small_and_say_what_they_are_for() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{}: no purpose in its first line", path.display());
        let lines = code(&path, &text).lines().count();
        assert!(lines <= 400, "{}: {lines} lines", path.display());
    }
    let lines = fs::read_to_string("src/main.rs").unwrap().lines().count();
    assert!(lines <= 20, "src/main.rs: {lines} lines");
}

#[test]
fn names_say_what_things_are() {
    for (path, _) in sources() {
        for part in path.iter().filter_map(|part| part.to_str()) {
            let stem = part.trim_end_matches(".rs");
            let empty = ["utils", "util", "helpers", "common", "manager", "misc", "types"];
            assert!(!empty.contains(&stem), "{}", path.display());
        }
    }
}

#[test]
fn only_the_wire_is_serialised() {
    // The supervisor talks to its own parent, in one version, over a socket that ends with both.
    let exceptions = ["wire", "process"];
    for (path, text) in sources() {
        let derives = code(&path, &text).contains("Serialize, Deserialize");
        assert!(!derives || exceptions.contains(&module(&path).as_str()), "{}", path.display());
    }
}

#[test]
fn arguments_are_parsed_only_by_the_command_line() {
    for (path, text) in sources() {
        let clap = code(&path, &text).contains("clap::");
        assert!(!clap || module(&path) == "cli", "{}", path.display());
    }
}

#[test]
fn policies_do_no_input_or_output() {
    for (path, text) in sources().into_iter().filter(|(path, _)| module(path) == "policy") {
        for word in ["std::fs", "std::io", "crate::fs", "crate::process", "File"] {
            assert!(!code(&path, &text).contains(word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut documents: Vec<PathBuf> =
        fs::read_dir("docs").unwrap().flatten().map(|entry| entry.path()).collect();
    documents.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(PathBuf::from));
    let mut missing = BTreeMap::new();
    for document in documents.iter().filter(|path| path.extension().is_some_and(|e| e == "md")) {
        let text = fs::read_to_string(document).unwrap();
        let quoted = text.split('`').skip(1).step_by(2).map(str::to_owned);
        let linked =
            text.split("](").skip(1).filter_map(|rest| Some(rest.split(')').next()?.to_owned()));
        let folder = document.parent().unwrap();
        for name in quoted.chain(linked) {
            let top = [
                "src/",
                "docs/",
                "data/",
                "tests/",
                "schemas/",
                "scripts/",
                "fixtures/",
                "benches/",
                ".github/",
                ".ci/",
            ];
            let beside = name.ends_with(".md") && !name.contains("://");
            let path = name.split('#').next().unwrap();
            let wanted = top.iter().any(|start| path.starts_with(start)) || beside;
            let odd = path.contains(['*', ' ', '$', '<', '{'])
                || path.is_empty()
                || path == "dr-report.md";
            if wanted && !odd && !Path::new(path).exists() && !folder.join(path).exists() {
                missing.insert(format!("{}: {path}", document.display()), ());
            }
        }
    }
    assert!(missing.is_empty(), "{:#?}", missing.keys());
}
