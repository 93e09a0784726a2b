//! The supervisor's side: confines itself, starts the program, and outlives all that it starts.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::protection::{self, Namespaces};
use super::{OWN_BINARY, Order, Protection, Reach, Reply, SUPERVISOR_ARGUMENT};
use crate::clock::Stopwatch;

/// A program's last children may take this long to end after it: a pipeline's tail, say.
const LINGER: Duration = Duration::from_millis(300);

/// Runs as supervisor. `arguments` are those after [`SUPERVISOR_ARGUMENT`]. The exit status is of
/// no meaning: everything is said over the socket on standard input.
#[must_use]
pub fn supervise(arguments: &[OsString]) -> ExitCode {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let Ok(line) = life_line() else { return ExitCode::FAILURE };
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let done = match words.iter().map(AsRef::as_ref).collect::<Vec<&str>>().as_slice() {
        [] => match protection::enter_namespaces() {
            Namespaces::Entered(names) => run_inside(&names),
            Namespaces::Refused(why) => run_program(&line, &Err(why)),
            Namespaces::Unusable(why) => send(&line, &Reply::NamespacesUnusable(why)),
        },
        ["inside", names] => run_program(&line, &Ok((*names).to_owned())),
        ["without-namespaces", why] => run_program(&line, &Err((*why).to_owned())),
        _ => return ExitCode::FAILURE,
    };
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The socket on standard input.
fn life_line() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn send(mut line: &UnixStream, reply: &Reply) -> io::Result<()> {
    let mut text = serde_json::to_vec(reply)?;
    text.push(b'\n');
    line.write_all(&text)
}

/// Starts this binary once more as first process of the new PID namespace, and waits for it.
#[expect(clippy::disallowed_methods, reason = "part of the only spawner")]
fn run_inside(names: &str) -> io::Result<()> {
    let status = Command::new(OWN_BINARY)
        .arg0("dr-drill")
        .args([SUPERVISOR_ARGUMENT, "inside", names])
        .stdin(Stdio::inherit())
        .status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("lost")) }
}

fn run_program(line: &UnixStream, namespaces: &Result<String, String>) -> io::Result<()> {
    let mut reader = BufReader::new(line.try_clone()?);
    let mut text = String::new();
    reader.read_line(&mut text)?;
    let order: Order = serde_json::from_str(&text)?;
    let in_namespace = namespaces.is_ok();
    let lasting = order.reach == Reach::Lasting;
    if lasting {
        rustix::process::set_parent_process_death_signal(None)?;
    } else if !in_namespace {
        // Killed with its parent, it could not end what it started: here only the life line tells.
        rustix::process::set_parent_process_death_signal(None)?;
        rustix::process::set_child_subreaper(rustix::process::getpid().into())?;
    }
    let confined = order.reach == Reach::Confined;
    let protections = if confined { protection::confine(&order, namespaces) } else { Vec::new() };
    let missing = protections.iter().any(|protection: &Protection| !protection.in_force);
    send(line, &Reply::Confined(protections))?;
    if missing && order.isolation_required {
        let refused = Reply::Exited { code: None, signal: None, left_behind: Vec::new() };
        return send(line, &refused);
    }
    let child = match start(&order) {
        Ok(child) => child,
        Err(error) => return send(line, &Reply::CannotStart(describe(&order, &error))),
    };
    let group = lasting.then_some(child);
    thread::spawn(move || end_with_parent(reader, in_namespace, group));
    let (code, signal) = wait_for(child)?;
    if lasting {
        return send(line, &Reply::Exited { code, signal, left_behind: Vec::new() });
    }
    let left_behind = if anything_left() { children() } else { Vec::new() };
    let names = left_behind.iter().map(|(_, name)| name.clone()).collect();
    if !in_namespace {
        kill_children();
    }
    send(line, &Reply::Exited { code, signal, left_behind: names })
}

#[expect(clippy::disallowed_methods, reason = "part of the only spawner")]
fn start(order: &Order) -> io::Result<Pid> {
    let mut command = Command::new(&order.program);
    if let Some((user, group)) = order.user {
        command.uid(user).gid(group);
    }
    let child = command
        .args(&order.arguments)
        .env_clear()
        .envs(order.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&order.folder)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()?;
    // Reaped below together with whatever else becomes a child of this process.
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound.into())
}

/// Says why a program cannot be executed in the words of whoever wrote it.
fn describe(order: &Order, error: &io::Error) -> String {
    let first_line = std::fs::File::open(&order.program).ok().and_then(|file| {
        let mut start = Vec::new();
        file.take(256).read_to_end(&mut start).ok()?;
        let line = start.split(|byte| *byte == b'\n').next()?;
        Some(String::from_utf8_lossy(line).trim().to_owned())
    });
    match (error.raw_os_error(), first_line) {
        (Some(libc::ENOENT), Some(line)) if line.starts_with("#!") => {
            format!("its interpreter is not installed (first line: `{line}`)")
        }
        (Some(libc::ENOEXEC), _) => {
            "it is no program: a script needs a first line such as `#!/bin/sh`".to_owned()
        }
        (Some(libc::EACCES), _) => {
            "permission denied: make it executable with `chmod +x`".to_owned()
        }
        _ => error.to_string(),
    }
}

/// When the drill goes away, by whatever death, so does everything that was started for it.
#[expect(clippy::disallowed_methods, reason = "the thread that notices the death ends the process")]
#[expect(clippy::exit, reason = "the thread that notices the death ends the process")]
fn end_with_parent(mut reader: BufReader<UnixStream>, in_namespace: bool, group: Option<Pid>) {
    let mut rest = [0; 64];
    while matches!(reader.read(&mut rest), Ok(1..)) {}
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    } else if !in_namespace {
        // Inside a PID namespace the death of its first process ends all others.
        kill_children();
    }
    std::process::exit(1);
}

fn wait_for(child: Pid) -> io::Result<(Option<i32>, Option<i32>)> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == child => return Ok(split(status)),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn split(status: WaitStatus) -> (Option<i32>, Option<i32>) {
    (status.exit_status(), status.terminating_signal())
}

/// Whether a descendant still lives after the linger time. Orphans become children of this
/// process, so having no child left means that everything has ended.
fn anything_left() -> bool {
    let watch = Stopwatch::start();
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) if watch.elapsed() < LINGER => thread::sleep(Duration::from_millis(2)),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Process ids, as /proc shows them, and names of the children of this process.
fn children() -> Vec<(i32, String)> {
    let mut found = Vec::new();
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return found };
    for task in tasks.flatten() {
        let list = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for pid in list.split_whitespace().filter_map(|word| word.parse().ok()) {
            let name = std::fs::read_to_string(Path::new("/proc").join(format!("{pid}/comm")));
            found.push((pid, name.unwrap_or_default().trim().to_owned()));
        }
    }
    if found.is_empty() {
        found.push((0, "unknown".to_owned()));
    }
    found
}

/// Kills children until none is left: each that dies hands its own children on to this process.
fn kill_children() {
    let watch = Stopwatch::start();
    while watch.elapsed() < Duration::from_secs(5) {
        for (pid, _) in children() {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}
