//! Pages in a real browser, and what is in them.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::common::Project;

/// The dashboard and a report, each narrow and wide, light and dark: `scripts/pictures.sh` fails where the console
/// complains, where axe finds anything, or where a page is wider than its window.
#[test]
fn pages_are_without_errors_and_accessible_in_a_browser() {
    let pictures = tempfile::tempdir().unwrap();
    let output = Command::new("timeout")
        .args(["300", "scripts/pictures.sh", env!("CARGO_BIN_EXE_dr-drill")])
        .arg(pictures.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let count = fs::read_dir(pictures.path()).unwrap().count();
    assert_eq!(count, 16, "four pages, two widths, two schemes");
}

/// The same check on a page with a fault of each kind.
#[test]
fn faults_of_a_page_are_found() {
    let project = Project::empty();
    project.write(
        "bad.html",
        "<!doctype html><html><head><meta name='viewport' content='width=device-width'><title>t</title></head>\
         <body><script>console.error('it is broken')</script><div style='width:3000px'>wide</div>\
         <p style='color:#ccc;background:#fff'>pale</p><img src='nowhere.png'></body></html>",
    );
    let output = Command::new("timeout")
        .args(["120", "scripts/browse.py", "target/test-tools/axe_playwright_python/axe.min.js"])
        .args([project.path("tmp"), project.path("bad.html")])
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    for wanted in
        ["it is broken", "html-has-lang", "image-alt", "color-contrast", "\"too_wide\": true"]
    {
        assert!(found.contains(wanted), "{wanted}: {found}");
    }
}

#[test]
fn the_dashboard_tells_of_each_name_and_empties_no_other_directory() {
    let project = Project::sample();
    let drill = |minute: usize| {
        let now = format!("2026-11-20T09:{minute:02}:00Z");
        project.run(&["run", "--history", "dr-history", "--current-time", &now, "-q"]).code()
    };
    let pages = |out: &str| {
        let now = "2026-11-20T12:00:00Z";
        project.run(&["dashboard", "--history", "dr-history", "--out", out, "--current-time", now])
    };
    assert_eq!(pages("site").code(), 2, "there is no history");
    for minute in 0..6 {
        assert_eq!(drill(minute), 0);
    }
    project.edit(|manifest| manifest["name"] = json!("<script>alert(1)</script> & 'more'"));
    project.script("#!/bin/sh\nexit 1\n");
    assert_eq!(drill(7), 1);
    assert_eq!(pages("site").code(), 0);
    let index = project.text("site/index.html");
    for wanted in [
        "sample service status",
        "&lt;script&gt;alert",
        "6 of 6",
        "0 of 1",
        "never",
        "open actions",
    ] {
        assert!(index.contains(wanted), "{wanted}");
    }
    let names = fs::read_dir(project.path("site/names")).unwrap().map(|e| e.unwrap().path());
    let names: Vec<String> = names.map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(names.len(), 2);
    assert!(
        names.iter().any(|page| page.contains("limit 30") && page.contains("<svg class=\"chart\""))
    );
    let controls = project.text("site/controls.html");
    for page in names.iter().chain([&index, &controls]) {
        assert!(!page.contains("<script"), "{page}");
        for loading in ["src=", "url(", "@import", "http:", "https:", "<link", "<iframe"] {
            assert!(!page.contains(loading), "{loading}");
        }
    }
    // Made again, pages of names that are gone go with them; what is not ours is left alone.
    let before = index;
    fs::remove_dir_all(project.path("dr-history")).unwrap();
    assert_eq!(drill(8), 1);
    assert_eq!(pages("site").code(), 0);
    assert_eq!(fs::read_dir(project.path("site/names")).unwrap().count(), 1);
    assert_ne!(project.text("site/index.html"), before);
    project.write("mine/letter.txt", "dear");
    let output = pages("mine");
    assert_eq!(output.code(), 2, "{}", output.snapshot());
    assert_eq!(fs::read_dir(project.path("mine")).unwrap().count(), 1);
}
