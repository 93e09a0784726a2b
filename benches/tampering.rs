//! Whether any change to evidence is noticed: `cargo bench --bench tampering` flips every single bit of a small directory, and changes
//! 200 large ones at random: a bit, a byte more or less, a file added, removed or renamed. It prints how many were caught.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it runs the binary, prints, and ends where it cannot go on"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dr_drill::digest::{Digest, Unobserved};
use dr_drill::evidence::{Keys, verify};

/// Bytes of the file that a large directory keeps.
const LARGE: usize = 20 << 20;
const TRIALS: u64 = 200;

/// What is wrong with a directory, and where.
fn named(folder: &Path, file: &str) -> bool {
    match verify(folder, Keys::default(), &Unobserved) {
        // Nothing that could be verified any more: that is told, too.
        Err(_) => true,
        Ok(found) => {
            found.problems.iter().any(|one| one.file == file || one.message.contains(file))
        }
    }
}

fn intact(folder: &Path) -> bool {
    verify(folder, Keys::default(), &Unobserved).unwrap().problems.is_empty()
}

fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            (name, entry.into_path())
        })
        .collect()
}

/// A drill below `folder`, of whatever its manifest says; gives its evidence.
fn drill(folder: &Path, manifest: &str, more: &[&str]) -> PathBuf {
    fs::write(folder.join("manifest.json"), manifest).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_dr-drill"))
        .args(["run", "--quiet", "--manifest", "manifest.json", "--root", "."])
        .args(["--current-time", "2026-11-20T09:00:00Z"])
        .args(more)
        .current_dir(folder)
        .output()
        .unwrap();
    let evidence = folder.join("artifacts/dr");
    assert!(intact(&evidence), "{output:?}");
    evidence
}

/// Every bit of every file.
fn every_bit() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = drill(folder.path(), "{}", &[]);
    let (mut flips, mut caught) = (0, 0);
    for (name, path) in files(&evidence) {
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        for at in 0..whole.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                fs::write(&path, &bytes).unwrap();
                flips += 1;
                caught += u64::from(named(&evidence, &name));
                bytes[at] = whole[at];
            }
        }
        fs::write(&path, whole).unwrap();
    }
    assert!(intact(&evidence));
    println!("a small directory: {caught} of {flips} single bits caught, with their file named");
}

/// Changes of each kind, each in another place.
fn at_random() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("backup");
    fs::create_dir(&tree).unwrap();
    let data: Vec<u8> = (0..LARGE).map(|at| u8::try_from(at * at / 7 % 251).unwrap()).collect();
    fs::write(tree.join("data"), &data).unwrap();
    let opened = fs::File::open(&tree).unwrap();
    let pin = dr_drill::digest::hash_tree(&opened, &Unobserved).unwrap().digest;
    let manifest = format!(
        r#"{{"backup": {{"path": "backup", "sha256": "{pin}", "captured_at": "2026-11-20T08:00:00Z"}},
        "restore": {{"driver": "files"}}}}"#
    );
    let evidence = drill(folder.path(), &manifest, &["--keep-artifacts"]);
    let all = files(&evidence);
    let mut caught = 0;
    for trial in 0..TRIALS {
        // The same dice each time, and no crate for them.
        let dice =
            u64::from_str_radix(&Digest::of(&trial.to_le_bytes()).to_string()[..12], 16).unwrap();
        let (name, path) = &all[usize::try_from(dice).unwrap() % all.len()];
        let whole = fs::read(path).unwrap();
        let at = usize::try_from(dice / 64).unwrap() % whole.len().max(1);
        let other = path.with_file_name("another");
        let mut changed = whole.clone();
        let added = other.strip_prefix(&evidence).unwrap().to_str().unwrap().to_owned();
        let mut wanted = name.as_str();
        match trial % 6 {
            0 | 1 => changed[at] ^= 1 << (dice % 8),
            2 => changed.insert(at, b'x'),
            3 => drop(changed.remove(at)),
            4 => {
                fs::write(&other, b"").unwrap();
                wanted = &added;
            }
            _ if dice.is_multiple_of(2) => fs::remove_file(path).unwrap(),
            _ => fs::rename(path, &other).unwrap(),
        }
        if trial % 6 < 4 {
            fs::write(path, changed).unwrap();
        }
        caught += u64::from(named(&evidence, wanted));
        let _ = fs::remove_file(&other);
        fs::write(path, whole).unwrap();
    }
    assert!(intact(&evidence));
    println!(
        "a directory of {} MiB: {caught} of {TRIALS} changes caught, with their file named",
        LARGE >> 20
    );
}

fn main() {
    at_random();
    every_bit();
}
