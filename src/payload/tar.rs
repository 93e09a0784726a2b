//! Tar archives: every member is read through, and the end marker must be there.

use std::io::{self, Read};

use super::{Counted, Found, PayloadError};
use crate::clock::Timestamp;
use crate::wire::event::{PayloadTime, TimeMeaning};

const BLOCK: u64 = 512;

/// Whether these first bytes are a tar header: its own checksum says so.
pub(super) fn recognised(head: &[u8]) -> bool {
    let Some(block) = head.get(..BLOCK as usize) else { return false };
    let sum: u32 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte }))
        .sum();
    let written = std::str::from_utf8(&block[148..156]).unwrap_or_default();
    let written = written.trim_matches(|c: char| c == ' ' || c == '\0');
    block[0] != 0 && u32::from_str_radix(written, 8) == Ok(sum)
}

pub(super) fn inspect(reader: &mut dyn Read) -> Result<Found, PayloadError> {
    let mut counted = Counted { inner: reader, bytes: 0 };
    let mut archive = tar::Archive::new(&mut counted);
    let (mut members, mut unpacked, mut newest, mut end) = (0_u64, 0_u64, 0, 0);
    let mut format = "tar";
    for entry in archive.entries()? {
        let mut entry = entry.map_err(explain)?;
        // The table of contents of `pg_dump -Ft` comes first.
        if members == 0 && &*entry.path_bytes() == b"toc.dat" {
            format = "pg_dump tar";
        }
        let on_disk = if entry.header().entry_type().is_gnu_sparse() {
            entry.header().entry_size().map_err(explain)?
        } else {
            entry.size()
        };
        end = entry.raw_file_position() + on_disk.div_ceil(BLOCK) * BLOCK;
        unpacked += io::copy(&mut entry, &mut io::sink()).map_err(explain)?;
        newest = newest.max(entry.header().mtime().unwrap_or(0));
        members += 1;
    }
    if counted.bytes < end {
        return Err(truncated(format!("its {members}. member is not whole")));
    }
    if counted.bytes < end + BLOCK {
        return Err(truncated(format!("the end marker is missing after {members} members")));
    }
    let time = i64::try_from(newest).ok().filter(|seconds| *seconds > 0).and_then(|seconds| {
        let at = Timestamp::from_unix(seconds)?.to_string();
        Some(PayloadTime { at, meaning: TimeMeaning::NotBefore })
    });
    if members == 0 {
        return Err(PayloadError::Damaged {
            format: "tar",
            detail: "it has no members".to_owned(),
        });
    }
    Ok(Found {
        format: format.to_owned(),
        complete: true,
        unpacked: Some(unpacked),
        time,
        services: None,
    })
}

fn truncated(detail: String) -> PayloadError {
    PayloadError::Truncated { format: "tar", detail }
}

fn explain(error: io::Error) -> PayloadError {
    let detail = error.to_string();
    if error.kind() == io::ErrorKind::UnexpectedEof
        || detail.contains("unexpected EOF")
        || detail.contains("entire block")
    {
        return truncated("it ends in the middle of a member".to_owned());
    }
    if detail == "interrupted" || error.get_ref().is_none() {
        return PayloadError::Read(error);
    }
    PayloadError::Damaged { format: "tar", detail }
}
