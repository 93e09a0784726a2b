//! What a script cannot do: each attempt is made for real, by a script.

use serde_json::{Value, json};

use crate::common::{NOW, Output, Project, running, wait_until};

/// Runs a script that tries something and reports it in its exit status.
fn attempt(script: &str) -> (i32, Value) {
    let project = Project::sample();
    let recall = "cat \"$1\" > \"$4/recovered-backup.json\"";
    project.script(&format!("#!/bin/sh\n{script} && exit 42\n{recall}\n"));
    project.edit(|manifest| manifest["restore"]["isolation"] = json!("required"));
    let output = project.drill();
    let report = project.report();
    assert!([0, 1].contains(&output.code()), "{}", output.snapshot());
    (report["restore"]["exit_status"].as_i64().unwrap_or(-1) as i32, report)
}

/// It fails for the script, and the drill goes on.
fn is_refused(script: &str) {
    let (status, report) = attempt(script);
    assert_eq!((status, &report["status"]), (0, &json!("passed")), "{script}: {report:#}");
}

#[test]
fn the_network_is_out_of_reach() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect =
        format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)'");
    let reachable = std::process::Command::new("sh").args(["-c", &connect]).status().unwrap();
    assert!(reachable.success(), "the test itself must be able to connect");
    is_refused(&connect);
    let datagram = "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b\"x\", (\"192.0.2.1\", 9))'";
    is_refused(datagram);
}

/// As builds in chroots run: the root is no mount of its own, and paths seen from a new mount
/// namespace lead out of it.
#[test]
fn a_drill_in_a_chroot_is_isolated_as_any_other() {
    let project = Project::sample();
    // Neither works in a chroot, nor for a user who may not: there the other tests have shown it.
    let Some(way) = ["-m", "-rm"].into_iter().find(|way| {
        let tried = std::process::Command::new("unshare").args([way, "true"]).status();
        tried.is_ok_and(|status| status.success())
    }) else {
        assert_eq!(project.drill().code(), 0);
        return;
    };
    // The new root is a plain directory, with everything mounted below it.
    let enter = r#"mkdir inside && cd inside && for entry in /*; do
        if [ -L "$entry" ]; then cp -P "$entry" .
        elif [ -d "$entry" ]; then mkdir ".$entry" && mount --rbind "$entry" ".$entry"; fi || exit 9
    done && exec chroot . sh -c "cd '$OLDPWD' && exec '$0' run --current-time $1""#;
    let inner = project.command(&[]);
    let mut command = std::process::Command::new("unshare");
    command
        .args([way, "sh", "-c", enter])
        .arg(inner.get_program())
        .arg(NOW)
        .current_dir(project.path(""))
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .env("TMPDIR", project.path("tmp"));
    let output = project.finish(&mut command);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    let processes = &project.report()["isolation"][1]["detail"];
    assert!(processes.as_str().unwrap().contains("its own /proc"), "{processes}");
}

#[test]
fn nothing_outside_the_output_can_be_written() {
    is_refused("echo x > \"$BACKUP_PATH\"");
    is_refused("touch /tmp/dr-drill-escape-$(date +%N)");
    is_refused("touch \"$(dirname \"$0\")/escape\"");
    is_refused("rm \"$0\"");
    is_refused("echo x > \"$4/../escape\"");
    let (status, _) =
        attempt("echo x > \"$TMPDIR/scratch\" && echo x > /dev/null && touch \"$HOME/h\"");
    assert_eq!(status, 42, "its own temporary directory is writable");
}

#[test]
fn processes_outside_are_neither_seen_nor_signalled() {
    let mut victim = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    is_refused(&format!("kill -9 {}", victim.id()));
    is_refused("[ \"$(ls /proc | grep -c '^[0-9]')\" -gt 10 ]");
    assert!(victim.try_wait().unwrap().is_none(), "the other process lives");
    victim.kill().unwrap();
    victim.wait().unwrap();
}

#[test]
fn privileges_cannot_be_widened() {
    is_refused("unshare -m true");
    is_refused("mount -t tmpfs none /mnt");
    is_refused("chroot / true");
    is_refused("grep -q '^NoNewPrivs:.*0' /proc/self/status");
}

#[test]
fn limits_hold() {
    let project = Project::sample();
    project.script("#!/bin/sh\nhead -c 3000000 /dev/zero > $4/recovered-backup || exit 5\n");
    project.edit(|manifest| manifest["restore"]["limits"] = json!({"file_mib": 2}));
    assert_eq!(project.drill().code(), 1);
    assert_eq!(project.step("restore_artifact").0, "failed");
    project.script("#!/bin/sh\npython3 -c 'b = bytearray(400 << 20)' || exit 6\n");
    project.edit(|manifest| manifest["restore"]["limits"] = json!({"memory_mib": 100}));
    assert!(project.fails_at(1, "restore_artifact").contains("exit status 6"));
}

#[test]
fn only_named_variables_are_passed_on() {
    let project = Project::sample();
    project.script("#!/bin/sh\nenv | cut -d= -f1 | sort | tr '\\n' ' '\nexit 1\n");
    let output = project.finish(project.command(&["run"]).env("AWS_SECRET_ACCESS_KEY", "x"));
    assert_eq!(output.code(), 1);
    let names = project.text("artifacts/dr/restore/restore.log");
    let wanted = "BACKUP_PATH HOME LANG PATH PROVENANCE_PATH PWD RESTORE_DIR SBOM_PATH TMPDIR TZ ";
    assert_eq!(
        names.replace("OLDPWD ", "").replace("SHLVL ", "").replace("_ ", " ").trim(),
        wanted.trim()
    );
}

/// Runs the sample drill under a filter that answers these system calls with an error, as
/// containers and hosted runners do.
fn without(project: &Project, calls: &[u32]) -> Output {
    project.finish(&mut without_calls(project, calls))
}

fn without_calls(project: &Project, calls: &[u32]) -> std::process::Command {
    let filter = "import ctypes, os, struct, sys\n\
        libc = ctypes.CDLL(None, use_errno=True)\n\
        calls = [int(call) for call in sys.argv[1].split(',')]\n\
        code = struct.pack('HBBI', 0x20, 0, 0, 0)\n\
        for left, call in zip(range(len(calls) - 1, -1, -1), calls):\n\
        \x20   code += struct.pack('HBBI', 0x15, left + 1, 0, call)\n\
        code += struct.pack('HBBI', 0x06, 0, 0, 0x7fff0000) + struct.pack('HBBI', 0x06, 0, 0, 0x00050001)\n\
        buffer = ctypes.create_string_buffer(code, len(code))\n\
        program = struct.pack('HxxxxxxP', len(code) // 8, ctypes.addressof(buffer))\n\
        filter = ctypes.create_string_buffer(program)\n\
        assert libc.prctl(38, 1, 0, 0, 0) == 0\n\
        assert libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(filter)), 0, 0) == 0\n\
        os.execv(sys.argv[2], sys.argv[2:])\n";
    let calls: Vec<String> = calls.iter().map(u32::to_string).collect();
    let mut command = std::process::Command::new("python3");
    command
        .args(["-c", filter, &calls.join(","), env!("CARGO_BIN_EXE_dr-drill"), "run"])
        .args(["--current-time", NOW])
        .current_dir(project.path(""))
        .env("TMPDIR", project.path("tmp"));
    command
}

/// Numbers of system calls on x86-64.
const UNSHARE: u32 = 272;
const LANDLOCK_CREATE_RULESET: u32 = 444;

#[test]
fn isolation_that_is_required_and_not_to_be_had_fails_the_drill() {
    let project = Project::sample();
    project.edit(|manifest| manifest["restore"]["isolation"] = json!("required"));
    let output = without(&project, &[UNSHARE, LANDLOCK_CREATE_RULESET]);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    let (status, notes) = project.step("restore_artifact");
    assert_eq!(status, "failed");
    assert!(
        notes.contains(
            "the manifest requires isolation, and filesystem: the kernel has no Landlock"
        ),
        "{notes}"
    );
    project.edit(|manifest| manifest["restore"]["isolation"] = json!("best-effort"));
    let output = without(&project, &[UNSHARE, LANDLOCK_CREATE_RULESET]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(project.report()["findings"][0]["id"], "isolation_incomplete");
    assert!(output.stdout.contains("the restore ran without filesystem"), "{}", output.snapshot());
    project.verifies();
}

/// Namespaces are often forbidden on hosted runners: the rungs below must hold by themselves.
#[test]
fn without_namespaces_the_rest_still_holds() {
    let project = Project::sample();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    project.script(&format!(
        "#!/bin/sh\npython3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)' && exit 41\n\
         touch /tmp/dr-drill-escape-$(date +%N) && exit 42\n\
         cat \"$1\" > \"$4/recovered-backup.json\"\nsetsid sleep 8321NAP >/dev/null 2>&1 &\n"
    ));
    let output = without(&project, &[UNSHARE]);
    assert_eq!(output.code(), 1, "{}", output.snapshot());
    let report = project.report();
    let message = report["reasons"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("left processes running (sleep)"), "{}", output.snapshot());
    assert_eq!(report["restore"]["exit_status"], 0);
    let detail = report["isolation"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("seccomp refuses sockets"), "{detail}");
    assert!(report["isolation"].as_array().unwrap().iter().all(|p| p["in_force"] == true));
}

/// Without a PID namespace nothing but the life line tells the supervisor that the drill is dead.
#[test]
fn without_namespaces_everything_ends_with_a_killed_drill_too() {
    let project = Project::sample();
    project.script("#!/bin/sh\nsetsid sleep 8654NAP &\nsleep 8654NAP\n");
    let mut child = without_calls(&project, &[UNSHARE])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the script runs", || running("sleep 8654NAP"));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the script ends with the drill", || !running("sleep 8654NAP"));
}

#[test]
fn without_namespaces_a_script_cannot_end_its_supervisor() {
    let project = Project::sample();
    project
        .script("#!/bin/sh\nkill -9 $PPID && exit 44\ncat \"$1\" > \"$4/recovered-backup.json\"\n");
    let output = without(&project, &[UNSHARE]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
}

/// A server has children of its own, and a socket: both must work, and end, on the lower rungs.
#[test]
fn without_namespaces_a_database_comes_back_and_its_server_ends() {
    let sql = include_str!("../../fixtures/real/shop.sql");
    let project = Project::database("postgres", "shop.sql", sql);
    for calls in [&[UNSHARE][..], &[UNSHARE, LANDLOCK_CREATE_RULESET]] {
        let output = without(&project, calls);
        assert_eq!(output.code(), 0, "{}", output.snapshot());
        let socket = format!("{}/dr-drill-run-", project.path("tmp").display());
        assert!(!running(&socket));
        assert_eq!(project.leftovers(), Vec::<String>::new());
    }
}
