//! Dumps of `pg_dump -Fc`: the table of contents is read, and every block of data must be there to its end.
//!
//! `pg_restore -l` accepts a file whose data is cut off, because it reads the table of contents
//! only. The layout follows `pg_backup_archiver.c` and `pg_backup_custom.c` of PostgreSQL.

use std::io::{self, Read};

use time::{Date, Month, PrimitiveDateTime, Time};

use super::{Found, PayloadError};
use crate::clock::Timestamp;
use crate::wire::event::{PayloadTime, TimeMeaning};

/// First bytes of every archive of `pg_dump`.
pub(super) const MAGIC: &[u8] = b"PGDMP";
const FORMAT: &str = "pg_dump archive";
/// A longer name or statement is damage.
const MAX_STRING: i64 = 1 << 30;
/// Oldest and newest archive versions whose layout is known: PostgreSQL 9.0 to 18.
const VERSIONS: std::ops::RangeInclusive<(u8, u8)> = (1, 12)..=(1, 16);
/// An entry of the table of contents that has no data.
const NO_DATA: u8 = 3;

pub(super) fn inspect(reader: &mut dyn Read) -> Result<Found, PayloadError> {
    let mut buffered = io::BufReader::with_capacity(256 << 10, reader);
    let mut archive = Archive { reader: &mut buffered, int_size: 4, offset_size: 8 };
    archive.inspect().map_err(|error| match error {
        PayloadError::Read(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let detail = "it ends in the middle of its data".to_owned();
            PayloadError::Truncated { format: FORMAT, detail }
        }
        other => other,
    })
}

fn damaged(detail: String) -> PayloadError {
    PayloadError::Damaged { format: FORMAT, detail }
}

struct Archive<'a> {
    reader: &'a mut dyn Read,
    int_size: usize,
    offset_size: usize,
}

impl Archive<'_> {
    fn inspect(&mut self) -> Result<Found, PayloadError> {
        let mut header = [0; 11];
        self.reader.read_exact(&mut header)?;
        let version = (header[5], header[6]);
        let format = header[10];
        self.int_size = usize::from(header[8]);
        self.offset_size = usize::from(header[9]);
        if !VERSIONS.contains(&version) {
            // Recognised, not understood: said so, and not claimed to be whole.
            let format = format!("pg_dump archive version {}.{}", version.0, version.1);
            return Ok(Found { format, ..Found::default() });
        }
        if format != 1 || !(1..=8).contains(&self.int_size) || !(1..=8).contains(&self.offset_size)
        {
            return Err(damaged("its header is not that of the custom format".to_owned()));
        }
        if version >= (1, 15) {
            self.byte()?;
        } else {
            self.int()?;
        }
        let time = self.creation_time()?;
        for _ in 0..3 {
            self.string()?;
        }
        let with_data = self.table_of_contents(version)?;
        let blocks = self.blocks()?;
        if blocks < with_data {
            let detail = format!("it has the data of {blocks} of {with_data} tables");
            return Err(PayloadError::Truncated { format: FORMAT, detail });
        }
        Ok(Found { format: "pg_dump custom".to_owned(), complete: true, time, ..Found::default() })
    }

    /// The time at which it was made, on the clock of the host that made it.
    fn creation_time(&mut self) -> Result<Option<PayloadTime>, PayloadError> {
        let mut fields = [0; 7];
        for field in &mut fields {
            *field = self.int()?;
        }
        let [second, minute, hour, day, month, year, _daylight_saving] = fields;
        let small = |number: i64| u8::try_from(number).ok();
        let local = (|| {
            let month = Month::try_from(small(month + 1)?).ok()?;
            let date =
                Date::from_calendar_date(i32::try_from(year + 1900).ok()?, month, small(day)?)
                    .ok()?;
            let time = Time::from_hms(small(hour)?, small(minute)?, small(second)?).ok()?;
            Some(PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp())
        })();
        Ok(local
            .and_then(Timestamp::from_unix)
            .map(|at| PayloadTime { at: at.to_string(), meaning: TimeMeaning::CapturedLocalTime }))
    }

    /// Reads all entries; gives the number of those that have data.
    fn table_of_contents(&mut self, version: (u8, u8)) -> Result<u64, PayloadError> {
        let entries = self.int()?;
        let mut with_data = 0;
        for _ in 0..entries {
            self.int()?;
            let had_dumper = self.int()? != 0;
            for _ in 0..4 {
                self.string()?;
            }
            self.int()?;
            // Definition, drop statement, copy statement, name space, table space.
            for _ in 0..5 {
                self.string()?;
            }
            if version >= (1, 14) {
                self.string()?;
            }
            if version >= (1, 16) {
                self.int()?;
            }
            // Owner, and a word of old times.
            self.string()?;
            self.string()?;
            while self.string()? {}
            let state = self.byte()?;
            self.skip(self.offset_size as u64)?;
            with_data += u64::from(had_dumper && state != NO_DATA);
        }
        Ok(with_data)
    }

    /// Reads all blocks of data to the end of the file; gives their number.
    fn blocks(&mut self) -> Result<u64, PayloadError> {
        let mut blocks = 0;
        loop {
            let mut kind = [0; 1];
            if self.reader.read(&mut kind)? == 0 {
                return Ok(blocks);
            }
            self.int()?;
            match kind[0] {
                1 => self.chunks()?,
                // Large objects: each with its number, closed by the number 0.
                3 => {
                    while self.int()? != 0 {
                        self.chunks()?;
                    }
                }
                other => return Err(damaged(format!("{other} is no kind of block"))),
            }
            blocks += 1;
        }
    }

    fn chunks(&mut self) -> Result<(), PayloadError> {
        loop {
            match self.int()? {
                0 => return Ok(()),
                length @ 1.. => self.skip(length.unsigned_abs())?,
                _ => return Err(damaged("a chunk of data has a negative length".to_owned())),
            }
        }
    }

    fn byte(&mut self) -> Result<u8, PayloadError> {
        let mut byte = [0];
        self.reader.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// A sign, then the bytes of the number, the least first.
    fn int(&mut self) -> Result<i64, PayloadError> {
        let sign = self.byte()?;
        let mut bytes = [0; 8];
        self.reader.read_exact(&mut bytes[..self.int_size])?;
        let number = i64::try_from(u64::from_le_bytes(bytes)).unwrap_or(i64::MAX);
        Ok(if sign == 0 { number } else { -number })
    }

    /// Skips a string; `false` for the missing string that closes a list.
    fn string(&mut self) -> Result<bool, PayloadError> {
        let length = self.int()?;
        if length > MAX_STRING {
            return Err(damaged(format!("a text of {length} bytes in its table of contents")));
        }
        self.skip(u64::try_from(length).unwrap_or(0))?;
        Ok(length >= 0)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), PayloadError> {
        let skipped = io::copy(&mut (&mut self.reader).take(bytes), &mut io::sink())?;
        if skipped < bytes {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }
}
