//! End-to-end tests: the binary in a scrubbed environment, what it prints, leaves and returns.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on fails"
)]

mod backup;
mod base_backup;
mod checks;
mod common;
mod databases;
mod drill;
mod errors;
mod evidence;
mod existing;
mod failover;
mod history;
mod hostile;
mod isolation;
mod large;
mod manifest;
mod markers;
mod notify;
mod packs;
mod pages;
mod policies;
mod real_input;
mod redis;
mod reference;
mod room;
mod schedule;
mod script_vouchers;
mod seal;
mod serve;
mod servers;
mod storage;
mod team;
mod vouchers;

/// A file of tests that is not listed above would never run.
#[test]
fn no_test_file_is_forgotten() {
    let listed = std::fs::read_to_string("tests/cli/main.rs").unwrap();
    for entry in std::fs::read_dir("tests/cli").unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if let Some(module) = name.strip_suffix(".rs").filter(|name| *name != "main") {
            assert!(listed.contains(&format!("mod {module};")), "{name}");
        }
    }
}
