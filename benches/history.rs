//! What a long history costs: `cargo bench --bench history -- [DRILLS] [NAMES]` makes one of so many drills and prints how long
//! it takes to make its index anew, to list it, to draw the trend of one name and to say how each name stands. With
//! the word `pruned` behind them the packs hold seal and report alone, and take a third of the room.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, runs the binary, prints, and ends where it cannot go on"
)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use dr_drill::digest::Digest;
use dr_drill::history::{History, trend};
use serde_json::{Value, json};

/// The files of a drill; the report of each is then another one.
type Files = Vec<(String, Vec<u8>)>;

/// What a drill of the sample leaves.
fn template() -> (Value, Files) {
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().join("evidence");
    let status = Command::new(env!("CARGO_BIN_EXE_dr-drill"))
        .args(["run", "--quiet", "--current-time", "2026-11-20T09:00:00Z", "--evidence-dir"])
        .arg(&evidence)
        .arg("--output")
        .arg(evidence.join("dr-report.json"))
        .arg("--ndjson")
        .arg(evidence.join("dr-events.ndjson"))
        .status()
        .unwrap();
    assert!(status.success());
    let paths = walkdir::WalkDir::new(&evidence).sort_by_file_name().into_iter().flatten();
    let files = paths.filter(|entry| entry.file_type().is_file()).map(|entry| {
        let name = entry.path().strip_prefix(&evidence).unwrap().to_str().unwrap().to_owned();
        (name, fs::read(entry.path()).unwrap())
    });
    let report = fs::read(evidence.join("dr-report.json")).unwrap();
    let apart = |name: &str| name == "SHA256SUMS" || name == "dr-report.json";
    (serde_json::from_slice(&report).unwrap(), files.filter(|(name, _)| !apart(name)).collect())
}

/// A pack as a drill leaves it, and its seal.
fn pack(report: &Value, files: &Files) -> (Vec<u8>, String) {
    let mut text = serde_json::to_vec_pretty(report).unwrap();
    text.push(b'\n');
    let mut all: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    all.push(("dr-report.json", &text));
    all.sort_unstable();
    let lines = all.iter().map(|(name, bytes)| format!("{}  {name}\n", Digest::of(bytes)));
    let sums: String = lines.collect();
    all.sort_by_key(|(name, _)| *name != "dr-report.json");
    all.insert(0, ("SHA256SUMS", sums.as_bytes()));
    let mut archive = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for (name, bytes) in all {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes).unwrap();
        if name == "dr-report.json" {
            archive.get_mut().flush().unwrap();
        }
    }
    (archive.into_inner().unwrap().finish().unwrap(), Digest::of(sums.as_bytes()).to_string())
}

/// Fills a folder with the chain of one name.
fn chain(folder: &Path, name: &str, drills: u64, (template, files): &(Value, Files)) {
    let path =
        folder.join("drills").join(format!("{name}-{}", Digest::of(name.as_bytes()).short()));
    fs::create_dir_all(&path).unwrap();
    let mut report = template.clone();
    report["name"] = json!(name);
    let mut previous = Value::Null;
    for number in 1..=drills {
        // An hour between two, and every fiftieth does not pass.
        let (day, hour) = (number / 24, number % 24);
        let at = format!(
            "{:04}-{:02}-{:02}T{hour:02}:00:00.000Z",
            2020 + day / 336,
            1 + day / 28 % 12,
            1 + day % 28
        );
        let run = format!("{}-{number:012}", at.replace(['-', ':'], ""));
        report["run_id"] = json!(run);
        report["started_at"] = json!(at);
        report["status"] = json!(if number % 50 == 0 { "failed" } else { "passed" });
        report["metrics"]["rto_seconds"] =
            json!(10.0 + f64::from(u32::try_from(number % 97).unwrap()) / 50.0);
        report["chain"] = json!({"sequence": number, "previous": previous});
        let (bytes, seal) = pack(&report, files);
        previous = json!({"run_id": run, "seal_sha256": seal});
        let mut file = fs::File::create(path.join(format!("{number:08}-{run}.tar.zst"))).unwrap();
        file.write_all(&bytes).unwrap();
    }
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let done = work();
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {:.1} ms", seconds * 1e3);
    (done, seconds)
}

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let drills = numbers.first().copied().unwrap_or(100_000);
    let names = numbers.get(1).copied().unwrap_or(1_000).clamp(1, drills);
    let folder = tempfile::tempdir().unwrap();
    let mut template = template();
    if std::env::args().any(|argument| argument == "pruned") {
        template.1.clear();
    }
    std::thread::scope(|scope| {
        for half in 0..2 {
            let (folder, template) = (folder.path(), &template);
            scope.spawn(move || {
                for name in (0..names).filter(|name| name % 2 == half) {
                    chain(folder, &format!("database-{name:04}"), drills / names, template);
                }
            });
        }
    });
    let history = History::open(folder.path()).unwrap();
    println!("{} drills of {names} names", drills / names * names);
    // The first reads from wherever the packs are; the second from a warm cache.
    timed("index made anew", || history.rebuild().unwrap());
    let (rebuilt, seconds) = timed("index made anew, warm", || history.rebuild().unwrap());
    #[expect(clippy::cast_precision_loss, reason = "it is a rate")]
    let rate = rebuilt.drills as f64 / seconds;
    println!("  {rate:.0} reports a second");
    assert!(rebuilt.problems.is_empty(), "{:?}", rebuilt.problems.first());
    for _ in 0..2 {
        timed("the newest 50", || history.newest(None, None, 50).unwrap());
        timed("the trend of one name", || {
            let mut drills = history.newest(Some("database-0000"), None, 100).unwrap();
            drills.reverse();
            trend("database-0000", &drills)
        });
        timed("how each name stands", || history.standings().unwrap());
    }
    let site = folder.path().join("site");
    timed("the dashboard, through the binary", || {
        let binary = Command::new(env!("CARGO_BIN_EXE_dr-drill"))
            .args(["dashboard", "--current-time", "2021-06-01T00:00:00Z", "--history"])
            .arg(folder.path())
            .arg("--out")
            .arg(&site)
            .output()
            .unwrap();
        assert!(binary.status.success(), "{}", String::from_utf8_lossy(&binary.stderr));
    });
}
