//! Evidence in a storage and backups from one: a real S3 server that checks signatures, and a directory.

use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dr_drill::storage::{Put, Store};
use serde_json::json;

use crate::common::{NOW, Output, Project, wait_until};

const BUCKET: &str = "bucket";
const KEY: &str = "AKIDDRDRILL";
const SECRET: &str = "a-secret-that-nobody-may-see";

/// An S3 server on this machine, whose objects are files.
struct Storage {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Storage {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("timeout")
            .args(["300", "target/test-tools/bin/s3s-fs", "--host", "127.0.0.1"])
            .args(["--port", &port.to_string(), "--access-key", KEY, "--secret-key", SECRET])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("scripts/install-test-tools.sh installs it");
        wait_until("the storage to listen", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, port, folder }
    }

    fn stop(&mut self) {
        // `timeout` hands it on to the server.
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        }
        let _ = self.child.wait();
    }

    /// Where an object lies.
    fn object(&self, name: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(name)
    }

    /// Every object below a name.
    fn objects(&self, below: &str) -> Vec<PathBuf> {
        let entries = walkdir::WalkDir::new(self.object(below)).sort_by_file_name();
        let files = entries.into_iter().flatten().filter(|entry| entry.file_type().is_file());
        files.map(walkdir::DirEntry::into_path).collect()
    }

    fn run_as(&self, project: &Project, secret: &str, args: &[&str]) -> Output {
        let mut command = project.command(args);
        command
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", secret);
        let output = project.finish(&mut command);
        let said = output.snapshot();
        assert!(!said.contains(SECRET), "{said}");
        output
    }

    fn run(&self, project: &Project, args: &[&str]) -> Output {
        self.run_as(project, SECRET, args)
    }
}

/// A project with a history: two drills, a slot that was missed, and a checkpoint.
fn with_history() -> Project {
    let project = Project::sample();
    project.write(
        "fleet.yaml",
        "defaults: {cron: '0 * * * *', catch_up: skip}\n\
         drills: [{name: orders, manifest: data/dr/manifest.json}]",
    );
    for (time, code) in
        [("2026-11-20T08:30:00Z", 0), ("2026-11-20T09:00:00Z", 0), ("2026-11-20T12:00:00Z", 4)]
    {
        let output = project.run(&["schedule", "run-due", "--current-time", time]);
        assert_eq!(output.code(), code, "{}", output.snapshot());
    }
    assert_eq!(project.run(&["keygen", "me"]).code(), 0);
    let note = project.run(&["history", "checkpoint", "--signing-key", "me.key"]);
    assert_eq!(note.code(), 0, "{}", note.snapshot());
    project.write("note.json", note.stdout);
    project
}

fn verifies(project: &Project, history: &str) {
    let keys = ["--checkpoint", "note.json", "--checkpoint-key", "me.pub"];
    let output = project.run(&[&["history", "verify", "--history", history], &keys[..]].concat());
    assert_eq!(output.code(), 0, "{}", output.snapshot());
}

#[test]
fn a_history_goes_to_a_storage_once_and_comes_back_whole() {
    let project = with_history();
    let storage = Storage::start();
    for to in ["s3://bucket/evidence", "mirror"] {
        let push =
            || storage.run(&project, &["evidence", "push", "--history", "dr-history", "--to", to]);
        let first = push();
        assert_eq!(first.code(), 0, "{}", first.snapshot());
        assert_eq!(first.stdout, format!("5 put, 0 there before: {to}\n"));
        assert_eq!(push().stdout, format!("0 put, 5 there before: {to}\n"));
        let back = format!("back-{}", to.len());
        let pull = || {
            let args = ["evidence", "pull", "--from", to, "--history", &back];
            let output = storage.run(&project, &args);
            assert_eq!(output.code(), 0, "{}", output.snapshot());
            output.stdout
        };
        assert_eq!(pull(), format!("5 taken, 0 there before: {back}\n"));
        assert_eq!(pull(), format!("0 taken, 5 there before: {back}\n"));
        verifies(&project, &back);
        let list = |history: &str| {
            let ledger = project.run(&["schedule", "ledger", "--history", history]).stdout;
            project.run(&["history", "list", "--history", history]).stdout + &ledger
        };
        assert_eq!(list(&back), list("dr-history"));
        assert!(list(&back).contains("missed"));
    }
    let args = ["evidence", "pull", "--from", "mirror", "--history", "none", "--name", "payments"];
    assert_eq!(project.run(&args).stdout, "1 taken, 0 there before: none\n", "the checkpoint");
    // An evidence directory goes to where its pack would be.
    let single = project.run(&["run", "--current-time", NOW, "-q"]);
    assert_eq!(single.code(), 0);
    let args = ["evidence", "push", "artifacts/dr", "--to", "s3://bucket/single"];
    assert_eq!(storage.run(&project, &args).stdout, "1 put, 0 there before: s3://bucket/single\n");
    assert_eq!(storage.run(&project, &args).stdout, "0 put, 1 there before: s3://bucket/single\n");
    fs::write(project.path("artifacts/dr/junit.xml"), "<testsuite/>").unwrap();
    let altered = storage.run(&project, &args);
    assert_eq!(altered.code(), 2, "{}", altered.snapshot());
    assert!(altered.stderr.contains("was not put"), "{}", altered.snapshot());
}

#[test]
fn what_is_in_a_storage_is_never_replaced_and_nothing_altered_is_taken() {
    let project = with_history();
    let storage = Storage::start();
    let push = || {
        storage
            .run(&project, &["evidence", "push", "--history", "dr-history", "--to", "s3://bucket"])
    };
    assert_eq!(push().code(), 0);
    let packs: Vec<PathBuf> = storage.objects("drills");
    assert_eq!(packs.len(), 4);
    // A drill that was signed off since is the same drill.
    let run = project.run(&["history", "list", "--format", "json"]);
    let run: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let run = run["drills"][0]["run_id"].as_str().unwrap().to_owned();
    assert_eq!(project.run(&["keygen", "other"]).code(), 0);
    let signed = ["history", "sign-off", &run, "--key", "other.key", "--note", "seen"];
    let signed = project.run(&signed);
    assert_eq!(signed.code(), 0, "{}", signed.snapshot());
    let again = push();
    assert_eq!(again.code(), 0, "{}", again.snapshot());
    // Another file in its place is not.
    let victim = packs.iter().find(|pack| pack.to_string_lossy().ends_with(".tar.zst")).unwrap();
    let whole = fs::read(victim).unwrap();
    fs::write(victim, b"something else").unwrap();
    let refused = push();
    assert_eq!(refused.code(), 1, "{}", refused.snapshot());
    assert!(
        refused.stderr.contains("another file of this name is there"),
        "{}",
        refused.snapshot()
    );
    assert_eq!(fs::read(victim).unwrap(), b"something else");
    let pull = |history: &str| {
        storage.run(&project, &["evidence", "pull", "--from", "s3://bucket", "--history", history])
    };
    let refused = pull("other");
    assert_eq!(refused.code(), 1, "{}", refused.snapshot());
    assert!(refused.stdout.starts_with("4 taken"), "{}", refused.snapshot());
    // Neither is one with a flipped byte, nor a whole one under the name of another.
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    fs::write(victim, flipped).unwrap();
    assert_eq!(pull("flipped").code(), 1);
    let other = packs.iter().rfind(|pack| pack.to_string_lossy().ends_with(".tar.zst")).unwrap();
    assert_ne!(other, victim);
    fs::copy(other, victim).unwrap();
    let moved = pull("moved");
    assert_eq!(moved.code(), 1, "{}", moved.snapshot());
    assert!(moved.stderr.contains("another drill than its name says"), "{}", moved.snapshot());
    fs::write(victim, &whole).unwrap();
    // Names that no history has are left where they are.
    for name in ["drills/x/..%2f..%2fescape", "drills/x/.hidden", "notes.txt", "lock"] {
        let path = storage.object(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let last = pull("last");
    assert_eq!(last.code(), 0, "{}", last.snapshot());
    assert!(last.stdout.starts_with("5 taken"), "{}", last.snapshot());
    verifies(&project, "last");
}

/// A pack of more than a part: what was cut off is taken up where it was, and a part that is not what the list says is
/// noticed.
#[test]
fn a_large_pack_goes_in_parts_and_goes_on_where_it_was_cut_off() {
    let project = Project::empty();
    project.write("big/data.bin", random(70 << 20));
    project.manifest_for("files", "big");
    let args = ["run", "--history", "dr-history", "--keep-artifacts", "--current-time", NOW, "-q"];
    let drilled = project.run(&args);
    assert_eq!(drilled.code(), 0, "{}", drilled.snapshot());
    let storage = Storage::start();
    let push = || {
        storage
            .run(&project, &["evidence", "push", "--history", "dr-history", "--to", "s3://bucket"])
    };
    let first = push();
    assert_eq!(first.stdout, "1 put, 0 there before: s3://bucket\n", "{}", first.snapshot());
    let parts = storage.objects("drills");
    assert_eq!(parts.len(), 4, "three parts and their list: {parts:?}");
    // As if it had been cut off after the second part.
    let list = parts.iter().find(|part| part.ends_with("list.json")).unwrap();
    fs::remove_file(list).unwrap();
    fs::remove_file(&parts[2]).unwrap();
    let inode = fs::metadata(&parts[0]).unwrap().ino();
    let pull = |history: &str| {
        storage.run(&project, &["evidence", "pull", "--from", "s3://bucket", "--history", history])
    };
    assert!(pull("early").stdout.starts_with("0 taken"), "it is not complete");
    let again = push();
    assert_eq!(again.stdout, "1 put, 0 there before: s3://bucket\n", "{}", again.snapshot());
    assert_eq!(push().stdout, "0 put, 1 there before: s3://bucket\n");
    assert_eq!(storage.objects("drills"), parts);
    assert_eq!(fs::metadata(&parts[0]).unwrap().ino(), inode, "it was there already");
    let taken = pull("back");
    assert_eq!(taken.code(), 0, "{}", taken.snapshot());
    let packs = |history: &str| {
        let found = walkdir::WalkDir::new(project.path(history)).into_iter().flatten();
        let pack = found.map(walkdir::DirEntry::into_path);
        let mut pack = pack.filter(|path| path.to_string_lossy().ends_with(".tar.zst"));
        fs::read(pack.next().unwrap()).unwrap()
    };
    assert!(packs("back") == packs("dr-history"), "byte for byte");
    // Others need no tool of ours: the parts one after the other are the pack.
    let whole: Vec<u8> = parts
        .iter()
        .filter(|part| *part != list)
        .flat_map(|part| fs::read(part).unwrap())
        .collect();
    assert!(whole == packs("dr-history"));
    fs::rename(&parts[1], storage.object("away")).unwrap();
    let missing = pull("missing");
    assert_eq!(missing.code(), 1, "{}", missing.snapshot());
    assert!(missing.stderr.contains("not what its list of parts says"), "{}", missing.snapshot());
    fs::write(&parts[1], random(32 << 20).iter().map(|byte| byte ^ 1).collect::<Vec<u8>>())
        .unwrap();
    let changed = pull("changed");
    assert_eq!(changed.code(), 1, "{}", changed.snapshot());
    assert!(changed.stderr.contains("not what its list of parts says"), "{}", changed.snapshot());
}

/// Bytes that do not compress.
fn random(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn a_storage_that_refuses_or_does_not_answer_is_told_from_one_that_lies() {
    let project = with_history();
    let mut storage = Storage::start();
    let args = ["evidence", "push", "--history", "dr-history", "--to", "s3://bucket"];
    let wrong = storage.run_as(&project, "not-the-secret", &args);
    assert_eq!(wrong.code(), 2, "{}", wrong.snapshot());
    assert!(wrong.stderr.contains("is refused"), "{}", wrong.snapshot());
    assert!(storage.objects("").is_empty());
    for (to, said) in [
        ("s3://key:hunter2@bucket/x", "holds credentials"),
        ("https://host/x?sig=hunter2", "has a query"),
        ("ftp://host/x", "not one of"),
    ] {
        let output = project.run(&["evidence", "push", "--history", "dr-history", "--to", to]);
        assert_eq!(output.code(), 2, "{}", output.snapshot());
        assert!(output.stderr.contains(said), "{}", output.snapshot());
        assert!(!output.stderr.contains("hunter2"), "{}", output.snapshot());
    }
    storage.stop();
    let gone = storage.run(&project, &args);
    assert_eq!(gone.code(), 4, "{}", gone.snapshot());
    assert!(gone.stderr.contains("cannot be reached"), "{}", gone.snapshot());
}

/// A sample whose backup lies in the storage.
fn fetched(storage: &Storage) -> Project {
    let project = Project::sample();
    let backups = storage.object("backups");
    fs::create_dir_all(&backups).unwrap();
    fs::rename(project.path("data/dr/backup.json"), backups.join("backup.json")).unwrap();
    project.edit(|manifest| {
        let backup = manifest["backup"].as_object_mut().unwrap();
        backup.remove("path");
        backup.insert("url".to_owned(), json!("s3://bucket/backups/backup.json"));
    });
    project
}

fn drill(storage: &Storage, project: &Project) -> Output {
    storage.run(project, &["run", "--current-time", NOW])
}

#[test]
fn a_backup_is_fetched_from_a_storage_hashed_on_the_way_and_drilled() {
    let storage = Storage::start();
    let project = fetched(&storage);
    let output = drill(&storage, &project);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let report = project.report();
    assert_eq!(report["backup"]["path"], "backup.json");
    assert_eq!(report["backup"]["url"], "s3://bucket/backups/backup.json");
    assert!(report["metrics"]["phases"]["fetch"].as_f64().is_some());
    let phases = report["metrics"]["phases"].as_object().unwrap();
    let sum: f64 = phases
        .iter()
        .filter(|(phase, _)| *phase != "teardown")
        .map(|(_, s)| s.as_f64().unwrap())
        .sum();
    let rto = report["metrics"]["rto_seconds"].as_f64().unwrap();
    assert!((sum - rto).abs() < 0.01, "fetching belongs to a recovery: {sum} {rto}");
    project.verifies();
    let plan = project.run(&["run", "--dry-run"]);
    assert!(plan.stdout.contains("fetch s3://bucket/backups/backup.json"), "{}", plan.snapshot());
    for entry in walkdir::WalkDir::new(project.path("artifacts")).into_iter().flatten() {
        if entry.file_type().is_file() {
            let text = fs::read(entry.path()).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains(SECRET) && !text.contains(KEY), "{}", entry.path().display());
        }
    }
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

#[test]
fn a_backup_in_a_storage_that_is_not_the_pinned_one_fails_and_one_that_cannot_be_had_proves_nothing()
 {
    let mut storage = Storage::start();
    let project = fetched(&storage);
    let object = storage.object("backups/backup.json");
    let whole = fs::read(&object).unwrap();
    let result = |storage: &Storage, code: i32| {
        let output = drill(storage, &project);
        assert_eq!(output.code(), code, "{}", output.snapshot());
        project.verifies();
        let report = project.report();
        let reason = report["reasons"][0]["message"].as_str().unwrap().to_owned();
        assert_eq!(report["reasons"][0]["step"], "verify_backup_digest", "{reason}");
        reason
    };
    fs::write(&object, [&whole[..], b"\n"].concat()).unwrap();
    assert!(result(&storage, 1).contains("the manifest pins"));
    fs::remove_file(&object).unwrap();
    assert!(result(&storage, 1).contains("backup.json is not there"));
    fs::write(&object, &whole).unwrap();
    project.edit(|manifest| manifest["backup"]["max_bytes"] = json!(10));
    assert!(result(&storage, 1).contains("more than the 10 that are taken"));
    project.edit(|manifest| manifest["backup"]["max_bytes"] = json!(1_000_000));
    let output = storage.run_as(&project, "not-the-secret", &["run", "--current-time", NOW]);
    assert_eq!(output.code(), 4, "{}", output.snapshot());
    storage.stop();
    assert!(result(&storage, 4).contains("cannot be reached"));
}

#[test]
fn a_manifest_names_one_place_of_its_backup_and_nothing_secret() {
    let storage = Storage::start();
    let project = fetched(&storage);
    let problems = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
        project.edit(|manifest| change(manifest["backup"].as_object_mut().unwrap()));
        let output = project.run(&["check", "manifest", "data/dr/manifest.json"]);
        assert_eq!(output.code(), 2, "{}", output.snapshot());
        output.stdout + &output.stderr
    };
    let both = problems(&|backup| drop(backup.insert("path".to_owned(), json!("backup.json"))));
    assert!(both.contains("stands beside `path`"), "{both}");
    let secret = problems(&|backup| {
        backup.remove("path");
        backup.insert("url".to_owned(), json!("https://me:hunter2@host/b"));
    });
    assert!(secret.contains("holds credentials") && !secret.contains("hunter2"), "{secret}");
    let none = problems(&|backup| drop(backup.remove("url")));
    assert!(none.contains("says not where the backup is"), "{none}");
    let cap = problems(&|backup| {
        backup.insert("path".to_owned(), json!("manifest.json"));
        backup.insert("max_bytes".to_owned(), json!(5));
    });
    assert!(cap.contains("a limit for what is fetched"), "{cap}");
}

/// Where objects of a storage are kept in a directory, their names are those of the history.
#[test]
fn a_mirror_in_a_directory_is_laid_out_as_the_history_is() {
    let project = with_history();
    let args = ["evidence", "push", "--history", "dr-history", "--to", "mirror"];
    assert_eq!(project.run(&args).code(), 0);
    let below = |folder: &str| {
        let root = project.path(folder);
        let files = walkdir::WalkDir::new(root.join("drills")).sort_by_file_name().into_iter();
        let files = files.flatten().filter(|entry| entry.file_type().is_file());
        files
            .map(|entry| entry.path().strip_prefix(&root).map(Path::to_owned).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(below("mirror"), below("dr-history"));
}

/// A server that gives so many bytes of what it says that it has; nothing at all where it has nothing.
fn lame(content: &'static [u8], given: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in listener.incoming().flatten() {
            if content.is_empty() {
                silent.push(stream);
                continue;
            }
            let _ = stream.read(&mut [0; 4096]);
            let length = content.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: \"1\"\r\n\
                 Last-Modified: Fri, 20 Nov 2026 08:00:00 GMT\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&content[..given]);
        }
    });
    port
}

#[test]
fn a_transfer_that_breaks_off_or_never_begins_says_nothing_of_the_backup() {
    let content: &[u8] = fs::read("data/dr/backup.json").unwrap().leak();
    let project = Project::sample();
    let from = |port: u16| {
        project.edit(|manifest| {
            let backup = manifest["backup"].as_object_mut().unwrap();
            backup.remove("path");
            backup.insert("url".to_owned(), json!(format!("http://127.0.0.1:{port}/backup.json")));
        });
    };
    from(lame(content, content.len()));
    let whole = project.drill();
    assert_eq!(whole.code(), 0, "{}", whole.snapshot());
    from(lame(content, content.len() / 2));
    let cut = project.drill();
    assert_eq!(cut.code(), 4, "{}", cut.snapshot());
    project.verifies();
    from(lame(b"", 0));
    fs::remove_dir_all(project.path("artifacts")).unwrap();
    let mut silent = project.start();
    project.wait_for_event("\"step\":\"verify_backup_digest\"");
    let ended = Command::new("kill").arg(silent.id().to_string()).status().unwrap();
    assert!(ended.success());
    assert_eq!(silent.wait().unwrap().code(), Some(4));
    project.verifies();
    // Away from this machine nothing goes without TLS.
    project.edit(|manifest| manifest["backup"]["url"] = json!("http://192.0.2.1/backup.json"));
    let plain = project.drill();
    assert_eq!(plain.code(), 4, "{}", plain.snapshot());
    assert!(plain.stdout.contains("TLS"), "{}", plain.snapshot());
}

/// Two that put at the same time: what was listed is not what is there any more, and still nothing is replaced.
#[test]
fn what_another_has_put_meanwhile_is_not_replaced() {
    let storage = Storage::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine");
    fs::write(&file, "mine").unwrap();
    let port = storage.port;
    let variable = move |name: &str| -> Option<OsString> {
        let value = match name {
            "AWS_ENDPOINT_URL" => format!("http://127.0.0.1:{port}"),
            "AWS_REGION" => "us-east-1".to_owned(),
            "AWS_ACCESS_KEY_ID" => KEY.to_owned(),
            "AWS_SECRET_ACCESS_KEY" => SECRET.to_owned(),
            _ => return None,
        };
        Some(value.into())
    };
    let mirror = folder.path().join("mirror");
    for (address, object) in [
        ("s3://bucket/race".to_owned(), storage.object("race/name")),
        (mirror.display().to_string(), mirror.join("name")),
    ] {
        let store = Store::open(&address, &variable).unwrap();
        let stock = store.stock().unwrap();
        fs::create_dir_all(object.parent().unwrap()).unwrap();
        fs::write(&object, "theirs").unwrap();
        assert_eq!(store.put("name", &file, &stock, &|| false).unwrap(), Put::There, "{address}");
        assert_eq!(fs::read_to_string(&object).unwrap(), "theirs");
        assert_eq!(store.put("other", &file, &stock, &|| false).unwrap(), Put::Created);
    }
}
