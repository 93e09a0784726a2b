//! The harness: a project directory of its own for each test, and the only place that runs the binary.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

/// A fixed time for runs that are compared.
pub(crate) const NOW: &str = "2026-11-20T09:00:00Z";

/// A directory with a manifest, as a user has one.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

/// What a command left on the terminal.
#[must_use = "snapshot it or assert its status"]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: ExitStatus,
    folder: PathBuf,
}

impl Project {
    /// An empty directory.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder }
    }

    /// A backup of a database, and a manifest that restores it with this driver.
    pub(crate) fn database(driver: &str, name: &str, backup: impl AsRef<[u8]>) -> Self {
        let project = Self::empty();
        project.write(name, backup);
        project.manifest_for(driver, name);
        project
    }

    /// Writes a manifest that restores a backup with this driver, quickly.
    pub(crate) fn manifest_for(&self, driver: &str, name: &str) {
        // Servers do not run as root: their user has to be able to get there.
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        fs::set_permissions(self.path("tmp"), fs::Permissions::from_mode(0o711)).unwrap();
        self.write("data/dr/manifest.json", "{}");
        self.edit(|manifest| {
            *manifest = serde_json::json!({
                "backup": {"path": format!("../../{name}"), "sha256": "0".repeat(64),
                    "captured_at": "2026-11-20T08:00:00Z"},
                "restore": {"driver": driver},
            });
            if driver == "postgres" {
                manifest["instance"] = serde_json::json!({"profile": "fast"});
            }
        });
        let output = self.run(&["pin", "--captured-at", "2026-11-20T08:00:00Z", "--root", "."]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
    }

    /// The tree digest of a directory of the project.
    pub(crate) fn tree_digest(&self, name: &str) -> String {
        let folder = fs::File::open(self.path(name)).unwrap();
        dr_drill::digest::hash_tree(&folder, &dr_drill::digest::Unobserved)
            .unwrap()
            .digest
            .to_string()
    }

    /// Copies one of the real backups into the project, as file or directory.
    pub(crate) fn copy_real(&self, name: &str) {
        let source = format!("fixtures/real/{name}");
        let copied = Command::new("cp").args(["-r", &source]).arg(self.path("")).status().unwrap();
        assert!(copied.success());
    }

    /// The sample of `data/dr`, restored below the project.
    pub(crate) fn sample() -> Self {
        let project = Self::empty();
        for name in ["backup.json", "sbom.json", "provenance.json", "recall.sh", "manifest.json"] {
            let target = project.path("data/dr").join(name);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(Path::new("data/dr").join(name), target).unwrap();
        }
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// Writes the script that the sample's manifest names.
    pub(crate) fn script(&self, text: &str) -> &Self {
        self.executable("data/dr/recall.sh", text)
    }

    pub(crate) fn executable(&self, name: &str, text: &str) -> &Self {
        self.write(name, text.replace("NAP", &nap()));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Changes the sample's manifest.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Value)) -> &Self {
        self.edit_json("data/dr/manifest.json", change)
    }

    pub(crate) fn edit_json(&self, name: &str, change: impl FnOnce(&mut Value)) -> &Self {
        let mut value = self.json(name);
        change(&mut value);
        self.write(name, serde_json::to_vec_pretty(&value).unwrap())
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        let text = fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The report of the last run, after it was held against its schema.
    pub(crate) fn report(&self) -> Value {
        let report = self.json("artifacts/dr/dr-report.json");
        assert_follows("report", &report);
        report
    }

    /// The events of the last run, after each was held against its schema.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.text("artifacts/dr/dr-events.ndjson");
        let events: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        events.iter().for_each(|event| assert_follows("event", event));
        events
    }

    /// Status and notes of a step of the last run.
    pub(crate) fn step(&self, id: &str) -> (String, String) {
        let report = self.report();
        let steps = report["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["step"] == id).unwrap_or_else(|| panic!("{id}"));
        (
            step["status"].as_str().unwrap_or("none").to_owned(),
            step["notes"].as_str().unwrap().to_owned(),
        )
    }

    /// A command that runs in the project, with nothing inherited.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_dr-drill")), arguments)
    }

    fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TMPDIR", self.path("tmp"))
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.finish(&mut self.command(arguments))
    }

    /// Runs a command that finds this in the environment variable `URL`.
    pub(crate) fn run_with(&self, arguments: &[&str], url: &str) -> Output {
        self.finish(self.command(arguments).env("URL", url))
    }

    /// `dr-drill run` at the fixed time by a user whom file permissions hold back, which they do not
    /// do with root. Gives the message of the first reason.
    pub(crate) fn unprivileged_failure(&self, step: &str) -> String {
        let mut command = self.command(&["run", "--current-time", NOW]);
        if rustix::process::geteuid().is_root() {
            let nobody = 65534;
            // The build's own directory may be closed to others.
            fs::copy(env!("CARGO_BIN_EXE_dr-drill"), self.path("dr-drill")).unwrap();
            for entry in walkdir::WalkDir::new(self.folder.path()) {
                lchown(entry.unwrap().path(), Some(nobody), Some(nobody)).unwrap();
            }
            command = self.command_of(&self.path("dr-drill"), &["run", "--current-time", NOW]);
            command.uid(nobody).gid(nobody);
        }
        let output = self.finish(&mut command);
        assert_eq!(output.code(), 1, "{}", output.snapshot());
        let reason = &self.report()["reasons"][0];
        assert_eq!(reason["step"], step, "{}", output.snapshot());
        self.verifies();
        reason["message"].as_str().unwrap().to_owned()
    }

    /// Starts `dr-drill run` at the fixed time, and does not wait for it.
    pub(crate) fn start(&self) -> std::process::Child {
        self.command(&["run", "--current-time", NOW, "--quiet"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap()
    }

    /// Waits until the events of the run that was started say this.
    pub(crate) fn wait_for_event(&self, text: &str) {
        let events = self.path("artifacts/dr/dr-events.ndjson");
        wait_until(text, || fs::read_to_string(&events).is_ok_and(|found| found.contains(text)));
    }

    pub(crate) fn finish(&self, command: &mut Command) -> Output {
        let output = command.output().unwrap();
        Output {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            status: output.status,
            folder: self.folder.path().canonicalize().unwrap(),
        }
    }

    /// `dr-drill run` at the fixed time.
    pub(crate) fn drill(&self) -> Output {
        self.run(&["run", "--current-time", NOW])
    }

    /// Drills, and expects this exit code, a failure of this step, and evidence that verifies.
    pub(crate) fn fails_at(&self, code: i32, step: &str) -> String {
        let output = self.drill();
        assert_eq!(output.code(), code, "{}", output.snapshot());
        let report = self.report();
        let first = &report["reasons"][0];
        assert_eq!(first["step"], step, "{}", output.snapshot());
        self.verifies();
        assert_eq!(self.leftovers(), Vec::<String>::new());
        first["message"].as_str().unwrap().to_owned()
    }

    /// The evidence of the last run is sealed and intact.
    pub(crate) fn verifies(&self) {
        let output = self.run(&["verify"]);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
    }

    /// What runs have left outside their evidence.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        walkdir::WalkDir::new(self.folder.path())
            .into_iter()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("dr-drill-run-"))
            .map(|entry| entry.path().display().to_string())
            .collect()
    }
}

impl Output {
    /// What a command left that was started by a test of its own.
    pub(crate) fn of(
        project: &Project,
        stdout: String,
        stderr: String,
        status: ExitStatus,
    ) -> Self {
        let folder = project.folder.path().canonicalize().unwrap();
        Self { stdout, stderr, status, folder }
    }

    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Everything that a user sees, without what differs from run to run.
    pub(crate) fn snapshot(&self) -> String {
        let text = format!(
            "{}------- stderr -------\n{}[exit status: {}]\n",
            self.stdout,
            self.stderr,
            self.code()
        );
        stable(&text.replace(self.folder.to_str().unwrap(), "[PROJECT]"))
    }
}

/// Text without measured durations.
pub(crate) fn stable(text: &str) -> String {
    let seconds = Regex::new(r" *[0-9]+\.[0-9]{3} s\b").unwrap();
    let cell = Regex::new(r"\| [0-9]+\.[0-9]{3} \|").unwrap();
    let speed = Regex::new(r"[0-9]+ bytes per second").unwrap();
    let text = seconds.replace_all(text, " [T] s");
    let text = cell.replace_all(&text, "| [T] |");
    let words = Regex::new(r"[0-9]+\.[0-9]{3} seconds").unwrap();
    let text = words.replace_all(&text, "[T] seconds");
    speed.replace_all(&text, "[N] bytes per second").into_owned()
}

/// Holds a document against a schema of the project.
pub(crate) fn assert_follows(schema: &str, document: &Value) {
    let file = fs::read_dir("schemas")
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{schema}.v"))
        })
        .unwrap_or_else(|| panic!("no schema {schema}"));
    let schema: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}

/// Waits until `condition` holds; a test that waits longer than this hangs for a reason.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited in vain: {what}");
}

/// Makes the length of a sleep one that no other run of the tests has: `NAP` stands for it.
fn nap() -> String {
    format!("{:07}", std::process::id())
}

/// Whether a process runs with this in its command line.
pub(crate) fn running(command: &str) -> bool {
    let command = &command.replace("NAP", &nap());
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(command)
    })
}
