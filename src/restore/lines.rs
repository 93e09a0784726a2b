//! Statements of a dump, line by line, in little memory however long a line of data is.

use std::io::{self, BufRead, Read as _};

/// Statements are short; a longer line is data, of which the beginning is handed over.
const MAX_LINE: u64 = 64 << 10;

/// Hands over each line, with its end if that was reached.
pub(super) fn each_line(source: &mut dyn BufRead, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if source.take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        take(&line);
        if !line.ends_with(b"\n") {
            skip_line(source)?;
        }
    }
}

fn skip_line(source: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let available = source.fill_buf()?;
        if available.is_empty() {
            return Ok(());
        }
        let (used, ended) = match available.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (available.len(), false),
        };
        source.consume(used);
        if ended {
            return Ok(());
        }
    }
}
