//! Feeds a program through a named pipe: what is compressed is never unpacked on the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags};

use crate::digest::Digest;
use crate::instance::{InstanceError, Quarters};
use crate::payload::unpacked;
use crate::process::Finished;
use crate::secret::Redactor;

/// Bytes that are handed over at once, and that the pipe holds if the kernel lets it.
const PIECE: usize = 1 << 20;

/// Hides where the instance lives, which is another place in every run.
pub(super) fn redactor(quarters: &Quarters<'_>) -> Redactor {
    Redactor::default().path(&quarters.folder, "$INSTANCE")
}

/// Makes a pipe in the quarters, lets `run` start a program that reads it, and writes the file into
/// it, unpacked if it is compressed, and then `last`: what the program does with that shows whether it
/// came to the end. What fits into a pipe is written also to a program that never reads it.
pub(super) fn feed(
    file: &File,
    last: &str,
    quarters: &Quarters<'_>,
    run: impl FnOnce(&Path) -> Result<Finished, InstanceError>,
) -> Result<Finished, InstanceError> {
    let pipe = make_pipe(quarters)?;
    let mut source = file.try_clone()?;
    let ended = AtomicBool::new(false);
    let fed = thread::scope(|scope| {
        let feeder = scope.spawn(|| write(&mut source, last, &pipe, &ended));
        let finished = run(&pipe);
        ended.store(true, Ordering::Relaxed);
        let written = feeder.join().unwrap_or(Ok(()));
        finished.map(|finished| (finished, written))
    });
    let _ = std::fs::remove_file(&pipe);
    let (finished, written) = fed?;
    match written {
        // A pipe that was closed at the other end is the program's doing.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(finished),
    }
}

/// A word that no dump holds: the directory of each run has another name.
pub(super) fn end_mark(quarters: &Quarters<'_>) -> String {
    let seed = quarters.folder.as_os_str().as_encoded_bytes();
    format!("dr-drill-end-{}", Digest::of(seed))
}

fn make_pipe(quarters: &Quarters<'_>) -> io::Result<PathBuf> {
    let pipe = quarters.folder.join("feed");
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, mode, 0)?;
    if let Some(user) = &quarters.user {
        chown(&pipe, Some(user.id), Some(user.group))?;
    }
    Ok(pipe)
}

/// Writes everything, or until nobody reads any more.
fn write(source: &mut File, last: &str, pipe: &Path, ended: &AtomicBool) -> io::Result<()> {
    let Some(mut pipe) = open(pipe, ended)? else { return Ok(()) };
    let mut reader = unpacked(source)?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = reader.read(&mut piece)?;
        if read == 0 {
            return pipe.write_all(last.as_bytes());
        }
        pipe.write_all(&piece[..read])?;
    }
}

/// Waits until the program has opened its end; nothing, if it ended before.
fn open(pipe: &Path, ended: &AtomicBool) -> io::Result<Option<File>> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    loop {
        match OpenOptions::new().write(true).custom_flags(nonblocking).open(pipe) {
            Ok(file) => {
                rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
                let _ = rustix::pipe::fcntl_setpipe_size(&file, PIECE);
                return Ok(Some(file));
            }
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
                if ended.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
    }
}
