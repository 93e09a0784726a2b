//! Generated references: committed, and compared here. `UPDATE_REFERENCE=1` writes them.

use std::fs;

use crate::common::Project;

/// The reference of all commands, from their own help.
fn commands() -> String {
    let mut text = String::from(
        "# Commands\n\nThis page is made from the commands' own help; a test compares the two \
         (`tests/cli/reference.rs`).\n",
    );
    let project = Project::empty();
    let mut waiting = vec![Vec::<String>::new()];
    while let Some(command) = waiting.pop() {
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let output = project.run(&arguments);
        assert_eq!(output.code(), 0);
        let help: Vec<&str> = output.stdout.lines().map(str::trim_end).collect();
        let name = [&["dr-drill".to_owned()], &command[..]].concat().join(" ");
        text += &format!("\n## {name}\n\n```text\n{}\n```\n", help.join("\n"));
        // What a command is made of follows it, in its order.
        let below = help.iter().skip_while(|line| **line != "Commands:").skip(1);
        let names = below.take_while(|line| !line.is_empty()).filter_map(|line| {
            let name = line.strip_prefix("  ")?.split(' ').next()?;
            (!name.is_empty() && name != "help")
                .then(|| [&command[..], &[name.to_owned()]].concat())
        });
        let names: Vec<Vec<String>> = names.collect();
        waiting.extend(names.into_iter().rev());
    }
    text
}

#[test]
fn the_command_reference_is_that_of_the_binary() {
    let wanted = commands();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write("docs/commands.md", &wanted).unwrap();
    }
    assert_eq!(fs::read_to_string("docs/commands.md").unwrap_or_default(), wanted);
}

#[test]
fn the_documents_list_every_exit_code_key_and_format() {
    let codes = fs::read_to_string("docs/exit-codes.md").unwrap();
    for (code, meaning) in dr_drill::cli::EXIT_CODES {
        assert!(codes.contains(&format!("| {code} | {meaning} |")), "{code} {meaning}");
    }
    let pages: [(&str, &[&str]); 4] = [
        ("manifest", &["docs/manifest.md", "docs/checks.md"]),
        ("fleet", &["docs/schedule.md", "docs/alerts.md"]),
        ("tabletop", &["docs/tabletop.md"]),
        ("failover", &["docs/failover.md"]),
    ];
    for (name, pages) in pages {
        let page: String = pages.iter().map(|page| fs::read_to_string(page).unwrap()).collect();
        let schema: serde_json::Value =
            serde_json::from_str(dr_drill::wire::schema(name).unwrap()).unwrap();
        let definitions = schema["definitions"].as_object().unwrap().values().chain([&schema]);
        for definition in definitions {
            for (key, _) in definition["properties"].as_object().into_iter().flatten() {
                let named = [format!("`{key}`"), format!(".{key}`"), format!("`{key}.")];
                assert!(named.iter().any(|name| page.contains(name)), "{name}: {key}");
            }
        }
    }
    let calendar = fs::read_to_string("docs/schedule.md").unwrap();
    let slots: serde_json::Value =
        serde_json::from_str(dr_drill::wire::schema("slot").unwrap()).unwrap();
    for cause in slots["definitions"]["Cause"]["oneOf"].as_array().unwrap() {
        let word = cause["const"].as_str().or_else(|| cause["enum"][0].as_str()).unwrap();
        assert!(calendar.contains(&format!("`{word}`")), "{word}");
    }
    let controls = fs::read_to_string("docs/controls.md").unwrap();
    for (fact, says) in dr_drill::history::facts() {
        assert!(controls.contains(&format!("| `{fact}` | {says}")), "{fact}");
    }
    for control in dr_drill::history::catalogue(None).unwrap() {
        let needs: Vec<String> = control.needs.iter().map(|need| format!("`{need}`")).collect();
        let row = format!("| {} | {} | {} |", control.id, control.asks, needs.join(", "));
        assert!(controls.contains(&row), "{row}");
    }
    let storage = fs::read_to_string("docs/storage.md").unwrap();
    for name in dr_drill::storage::VARIABLES {
        assert!(storage.contains(&format!("`{name}`")), "{name}");
    }
    let formats = fs::read_to_string("docs/evidence.md").unwrap();
    for (_, file, _) in dr_drill::wire::SCHEMAS {
        assert!(formats.contains(file), "{file}");
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    let project = Project::empty();
    for shell in ["bash", "zsh", "fish"] {
        assert!(project.run(&["completions", shell]).stdout.contains("dr-drill"), "{shell}");
    }
    assert_eq!(project.run(&["man", "--out", "man"]).code(), 0);
    assert!(project.text("man/dr-drill-run.1").contains("keep\\-artifacts"));
}

/// The recipe of docs/tree-digest.md computes what the tool computes.
#[test]
fn the_recipe_for_tree_digests_agrees_with_the_tool() {
    let document = fs::read_to_string("docs/tree-digest.md").unwrap();
    let recipe = document.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let project = Project::empty();
    project.write("tree/b", "b").write("tree/a/x y", "").executable("tree/a/run", "#!/bin/sh\n");
    project.write("tree/Ünï", "u").write("tree/a.b", "sorts before a/");
    std::os::unix::fs::symlink("nowhere", project.path("tree/link")).unwrap();
    fs::create_dir(project.path("tree/empty")).unwrap();
    let printed = std::process::Command::new("python3")
        .args(["-c", recipe, "tree"])
        .current_dir(project.path(""))
        .output()
        .unwrap();
    let theirs = String::from_utf8(printed.stdout).unwrap();
    let folder = fs::File::open(project.path("tree")).unwrap();
    let ours = dr_drill::digest::hash_tree(&folder, &dr_drill::digest::Unobserved).unwrap();
    assert_eq!(
        theirs.trim(),
        ours.digest.to_string(),
        "{}",
        String::from_utf8_lossy(&printed.stderr)
    );
}
