//! The only spawner: runs a program confined, bounded in time, and with everything it started.
//!
//! The program does not become a child of this process. A second copy of the binary is started as
//! supervisor; it enters namespaces, confines itself, starts the program, and ends everything that
//! is left when the program ends or when this process goes away. The two talk over a socket, which
//! is also the life line: when it closes, the supervisor kills all it started.

mod confine;
mod protection;
mod service;
mod user;

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Stopwatch;

pub use confine::supervise;
pub use service::Service;
pub use user::{User, unprivileged};

/// First argument of the binary when it is started as supervisor.
pub const SUPERVISOR_ARGUMENT: &str = "__confine";
/// The binary that runs, wherever it lies. Its path would not do: it can be replaced while it runs,
/// and seen from a new mount namespace it leads out of a chroot.
const OWN_BINARY: &str = "/proc/self/exe";
/// How often an interruption is looked for.
const TICK: Duration = Duration::from_millis(50);
/// How long the supervisor may take to end everything before it is killed itself.
const GRACE: Duration = Duration::from_secs(2);

/// A program to run.
#[derive(Debug)]
pub struct Launch {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub arguments: Vec<OsString>,
    /// Its whole environment: nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub folder: PathBuf,
    /// The only places below which it may write.
    pub writable: Vec<PathBuf>,
    /// What it may use.
    pub limits: Limits,
    /// Whether it is refused to run where a protection is not to be had.
    pub isolation_required: bool,
    /// How long it may run.
    pub timeout: Duration,
    /// Whom it runs as, where this process may choose: [`unprivileged`].
    pub user: Option<User>,
    /// What it may reach, and what becomes of what it starts.
    pub reach: Reach,
}

/// What a program may reach, and what becomes of what it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// Nothing but what it is given. All that it started ends with it.
    Confined,
    /// What this process reaches: a database in use, say. All that it started ends with it.
    Open,
    /// The same; and servers that it starts and that detach themselves, in a session of their own, go on. It ends with
    /// this process, and so does what stayed in its process group.
    Lasting,
}

/// Limits on what a program and its children may use; `None` leaves the system's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of private memory of each process.
    pub memory_bytes: Option<u64>,
    /// Processes and threads of the user.
    pub processes: Option<u64>,
    /// Bytes of any one file that is written.
    pub file_bytes: Option<u64>,
}

/// One kind of protection, and whether the kernel granted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// What it protects: `network`, `processes`, `filesystem`, `privileges`, `system_calls`,
    /// `resources` or `environment`.
    pub name: String,
    /// Whether it was in force.
    pub in_force: bool,
    /// By which mechanism, or why not.
    pub detail: String,
}

/// Says whether what goes on is to end.
pub trait Interrupt {
    /// Whether it is.
    fn interrupted(&self) -> bool;
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It ended by itself with this exit status.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
    /// It ran longer than it may, and was killed.
    TimedOut,
    /// The drill was interrupted, and the program killed.
    Interrupted,
    /// It was not started: a protection that is required was not to be had.
    Refused,
}

/// A program that has ended, with all that it started.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// Names of the processes that it left running, which were killed.
    pub left_behind: Vec<String>,
    /// What confined it.
    pub protections: Vec<Protection>,
    /// Seconds from start to end.
    pub seconds: f64,
}

/// Why a program could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The supervisor could not be started or talked to.
    #[error("the supervisor of the sandbox could not be started: {0}")]
    Supervisor(#[from] io::Error),
    /// The supervisor ended before the program did.
    #[error("the supervisor of the sandbox ended before the program did")]
    Lost,
    /// The program could not be executed.
    #[error("cannot be executed: {0}")]
    Start(String),
}

/// What the supervisor is asked to do.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: OsString,
    writable: Vec<OsString>,
    limits: Limits,
    isolation_required: bool,
    user: Option<(u32, u32)>,
    reach: Reach,
}

/// What the supervisor answers, a line each.
#[derive(Debug, Serialize, Deserialize)]
enum Reply {
    /// Namespaces were entered but are of no use; nothing was started.
    NamespacesUnusable(String),
    Confined(Vec<Protection>),
    CannotStart(String),
    Exited {
        code: Option<i32>,
        signal: Option<i32>,
        left_behind: Vec<String>,
    },
}

enum Message {
    Output(Vec<u8>),
    OutputEnded,
    Reply(Reply),
    RepliesEnded,
}

/// A supervisor that is ready, confined by namespaces, and waits for its order. Starting one early
/// lets it get ready while other work is done; one that is not needed ends when it is dropped.
#[derive(Debug)]
pub struct Supervisor {
    child: Child,
    line: UnixStream,
    messages: Receiver<Message>,
}

impl Supervisor {
    /// Starts a supervisor.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start() -> Result<Self, ProcessError> {
        Ok(start_supervisor(None)?)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        end_supervisor(&mut self.child, &self.line);
    }
}

/// Runs a program until it and all that it started have ended. Its standard output and error,
/// in the order they were written, go to `output`. `standby` is used if it is given.
///
/// # Errors
/// When the program was not started, or its supervisor was lost. A program that fails, hangs or is
/// killed is no error: [`Finished::end`] says so.
pub fn run(
    launch: &Launch,
    standby: Option<Supervisor>,
    output: &mut dyn FnMut(&[u8]),
    interrupted: &dyn Fn() -> bool,
) -> Result<Finished, ProcessError> {
    let supervisor = match standby {
        _ if launch.reach != Reach::Confined => start_supervisor(Some("it is to reach others"))?,
        Some(standby) => standby,
        None => Supervisor::start()?,
    };
    match attempt(launch, supervisor, output, interrupted)? {
        Attempt::Finished(finished) => Ok(finished),
        Attempt::NamespacesUnusable(why) => {
            match attempt(launch, start_supervisor(Some(&why))?, output, interrupted)? {
                Attempt::Finished(finished) => Ok(finished),
                Attempt::NamespacesUnusable(_) => Err(ProcessError::Lost),
            }
        }
    }
}

enum Attempt {
    Finished(Finished),
    NamespacesUnusable(String),
}

fn attempt(
    launch: &Launch,
    mut supervisor: Supervisor,
    output: &mut dyn FnMut(&[u8]),
    interrupted: &dyn Fn() -> bool,
) -> Result<Attempt, ProcessError> {
    let watch = Stopwatch::start();
    // A supervisor that could not use its namespaces has said so and gone: its reply is read below.
    let _ = give_order(&supervisor.line, launch);
    let mut result = Finished {
        end: End::Refused,
        left_behind: Vec::new(),
        protections: Vec::new(),
        seconds: 0.0,
    };
    let mut ended = None;
    let mut output_open = true;
    let mut ended_at: Option<Duration> = None;
    loop {
        match supervisor.messages.recv_timeout(TICK) {
            Ok(Message::Output(bytes)) => output(&bytes),
            Ok(Message::OutputEnded) => output_open = false,
            Ok(Message::Reply(Reply::Confined(protections))) => result.protections = protections,
            Ok(Message::Reply(Reply::NamespacesUnusable(why))) => {
                return Ok(Attempt::NamespacesUnusable(why));
            }
            Ok(Message::Reply(Reply::CannotStart(why))) => {
                return Err(ProcessError::Start(why));
            }
            Ok(Message::Reply(Reply::Exited { code, signal, left_behind })) => {
                result.left_behind = left_behind;
                ended = Some(match (code, signal) {
                    (Some(code), _) => End::Exited(code),
                    (None, Some(signal)) => End::Signalled(signal),
                    (None, None) => End::Refused,
                });
            }
            Ok(Message::RepliesEnded) | Err(RecvTimeoutError::Disconnected) => {
                ended_at.get_or_insert_with(|| watch.elapsed());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended_at.is_none() && ended.is_none() {
            let reason = if interrupted() {
                Some(End::Interrupted)
            } else {
                (watch.elapsed() > launch.timeout).then_some(End::TimedOut)
            };
            if let Some(reason) = reason {
                end_supervisor(&mut supervisor.child, &supervisor.line);
                ended = Some(reason);
                ended_at = Some(watch.elapsed());
            }
        }
        // Output may be held open by a process that could not be killed: it is not waited for.
        let given_up = ended_at.is_some_and(|at| watch.elapsed() > at + GRACE);
        if ended_at.is_some() && (!output_open || given_up) {
            break;
        }
    }
    result.end = ended.ok_or(ProcessError::Lost)?;
    result.seconds = watch.seconds();
    Ok(Attempt::Finished(result))
}

#[expect(clippy::disallowed_methods, reason = "the only spawner")]
fn start_supervisor(no_namespaces: Option<&str>) -> io::Result<Supervisor> {
    let (line, theirs) = UnixStream::pair()?;
    let (log_reader, log_writer) = io::pipe()?;
    let mut command = Command::new(OWN_BINARY);
    command.arg0("dr-drill").arg(SUPERVISOR_ARGUMENT);
    if let Some(why) = no_namespaces {
        command.args(["without-namespaces", why]);
    }
    command
        .env_clear()
        // Ctrl-C at a terminal goes to a whole process group: it is for the drill to act on it.
        .process_group(0)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(log_writer.try_clone()?)
        .stderr(log_writer);
    let child = command.spawn()?;
    drop(command);
    let (sender, messages) = mpsc::sync_channel(64);
    let replies = line.try_clone()?;
    let reply_sender = sender.clone();
    thread::spawn(move || read_replies(replies, &reply_sender));
    thread::spawn(move || read_output(log_reader, &sender));
    Ok(Supervisor { child, line, messages })
}

fn give_order(mut line: &UnixStream, launch: &Launch) -> io::Result<()> {
    let order = Order {
        program: launch.program.clone().into(),
        arguments: launch.arguments.clone(),
        environment: launch.environment.clone(),
        folder: launch.folder.clone().into(),
        writable: launch.writable.iter().map(OsString::from).collect(),
        limits: launch.limits,
        isolation_required: launch.isolation_required,
        user: launch.user.as_ref().map(|user| (user.id, user.group)),
        reach: launch.reach,
    };
    let mut text = serde_json::to_vec(&order)?;
    text.push(b'\n');
    line.write_all(&text)
}

fn read_replies(replies: UnixStream, sender: &SyncSender<Message>) {
    for line in BufReader::new(replies).lines().map_while(Result::ok) {
        let Ok(reply) = serde_json::from_str(&line) else { break };
        if sender.send(Message::Reply(reply)).is_err() {
            return;
        }
    }
    let _ = sender.send(Message::RepliesEnded);
}

fn read_output(mut pipe: io::PipeReader, sender: &SyncSender<Message>) {
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = pipe.read(&mut buffer) {
        if sender.send(Message::Output(buffer[..read].to_vec())).is_err() {
            return;
        }
    }
    let _ = sender.send(Message::OutputEnded);
}

/// Closes the life line, waits for the supervisor to end everything, and kills it if it does not.
fn end_supervisor(child: &mut Child, line: &UnixStream) {
    let _ = line.shutdown(std::net::Shutdown::Both);
    let watch = Stopwatch::start();
    while watch.elapsed() < GRACE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_micros(100));
    }
    let _ = child.kill();
    let _ = child.wait();
}
