//! Redis snapshots: the header, the time in it, and the checksum at the end
//! (<https://github.com/sripathikrishnan/redis-rdb-tools/wiki/Redis-RDB-Dump-File-Format>).

use std::io::Read;

use crc::{CRC_64_REDIS, Crc, Table};

use super::{Found, PayloadError};
use crate::clock::Timestamp;
use crate::wire::event::{PayloadTime, TimeMeaning};

const FORMAT: &str = "Redis snapshot";
/// First bytes, before four digits (of newer Valkey: three) of a version.
const MAGICS: [&[u8]; 2] = [b"REDIS", b"VALKEY"];
/// Bytes of magic and version.
const HEADER: usize = 9;
/// Opcodes: a field of the header, and the end.
const FIELD: u8 = 0xfa;
const END: u8 = 0xff;
/// The last opcode and the checksum behind it.
const TRAILER: usize = 9;
const CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// Whether a file begins as a snapshot does.
pub(super) fn recognised(head: &[u8]) -> bool {
    head.len() >= HEADER
        && MAGICS.iter().any(|magic| {
            head.starts_with(magic) && head[magic.len()..HEADER].iter().all(u8::is_ascii_digit)
        })
}

/// Whether a file begins as a log of commands does.
#[must_use]
pub fn is_command_log(head: &[u8]) -> bool {
    let command = head.starts_with(b"*") && head.get(1).is_some_and(u8::is_ascii_digit);
    command || head.starts_with(b"#TS:") || (recognised(head) && begins_command_log(head))
}

/// Whether commands follow after a snapshot: its header says so.
fn begins_command_log(head: &[u8]) -> bool {
    fields(head).any(|(key, value)| key == b"aof-preamble" && value == b"1")
}

pub(super) fn inspect(head: &[u8], reader: &mut dyn Read) -> Result<Found, PayloadError> {
    let mut crc = CRC.digest();
    let (mut buffer, mut held) = (vec![0; 256 << 10], Vec::with_capacity(256 << 10));
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        held.extend_from_slice(&buffer[..read]);
        // The checksum is of everything before it.
        let surplus = held.len().saturating_sub(TRAILER);
        crc.update(&held[..surplus]);
        held.drain(..surplus);
    }
    let cut_off = || PayloadError::Truncated {
        format: FORMAT,
        detail: "it does not end with its end mark and a checksum".to_owned(),
    };
    let [END, checksum @ ..] = held.as_slice() else { return Err(cut_off()) };
    let written = u64::from_le_bytes(checksum.try_into().map_err(|_| cut_off())?);
    crc.update(&[END]);
    // A server may be told to write none; then there is nothing to compare with.
    if written != 0 && written != crc.finalize() {
        let detail = "its checksum is that of other content".to_owned();
        return Err(PayloadError::Damaged { format: FORMAT, detail });
    }
    Ok(Found {
        format: "Redis snapshot".to_owned(),
        complete: written != 0,
        time: captured_at(head),
        ..Found::default()
    })
}

/// The moment at which the server began to write: the data is that of this moment.
fn captured_at(head: &[u8]) -> Option<PayloadTime> {
    let (_, value) = fields(head).find(|(key, _)| key == b"ctime")?;
    let seconds = String::from_utf8(value).ok()?.parse().ok()?;
    let at = Timestamp::from_unix(seconds)?.to_string();
    Some(PayloadTime { at, meaning: TimeMeaning::Captured })
}

/// The fields at the beginning, as far as they can be read.
fn fields(head: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let mut rest = head.get(HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        rest = rest.strip_prefix(&[FIELD])?;
        Some((text(&mut rest)?, text(&mut rest)?))
    })
}

/// A short text, or a number as text.
fn text(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let (first, after) = rest.split_first()?;
    let (bytes, is_number) = match first {
        0..=0x3f => (usize::from(*first), false),
        0xc0 => (1, true),
        0xc1 => (2, true),
        0xc2 => (4, true),
        _ => return None,
    };
    let (value, after) = after.split_at_checked(bytes)?;
    *rest = after;
    if !is_number {
        return Some(value.to_vec());
    }
    let mut whole = [0; 4];
    whole[..bytes].copy_from_slice(value);
    Some(u32::from_le_bytes(whole).to_string().into_bytes())
}
