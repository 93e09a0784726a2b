//! Plain SQL dumps: each dump program closes with a marker, without which the dump is cut off.
//!
//! A restore of such a dump that was cut off succeeds silently with `psql` and `mariadb`, so this
//! marker is the only proof of its end.

use std::io::Read;

use time::PrimitiveDateTime;
use time::macros::format_description;

use super::{Found, PayloadError};
use crate::clock::Timestamp;
use crate::wire::event::{PayloadTime, TimeMeaning};

/// How much of the end is searched for the marker.
const TAIL: usize = 16 << 10;

/// Which program wrote a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    PostgreSql,
    PostgreSqlCluster,
    MySql,
    Sqlite,
}

impl Dialect {
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let start = String::from_utf8_lossy(&head[..head.len().min(4096)]);
        let has_line = |wanted: &str| start.lines().take(40).any(|line| line.starts_with(wanted));
        if has_line("-- PostgreSQL database cluster dump") {
            Some(Self::PostgreSqlCluster)
        } else if has_line("-- PostgreSQL database dump") {
            Some(Self::PostgreSql)
        } else if has_line("-- MySQL dump ") || has_line("-- MariaDB dump ") {
            Some(Self::MySql)
        } else if start.starts_with("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;") {
            Some(Self::Sqlite)
        } else {
            None
        }
    }

    fn format(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL dump",
            Self::PostgreSqlCluster => "PostgreSQL cluster dump",
            Self::MySql => "MySQL dump",
            Self::Sqlite => "SQLite dump",
        }
    }

    fn marker(self) -> &'static str {
        match self {
            Self::PostgreSql => "-- PostgreSQL database dump complete",
            Self::PostgreSqlCluster => "-- PostgreSQL database cluster dump complete",
            Self::MySql => "-- Dump completed",
            Self::Sqlite => "COMMIT;",
        }
    }
}

pub(super) fn inspect(dialect: Dialect, reader: &mut dyn Read) -> Result<Found, PayloadError> {
    let tail = read_tail(reader)?;
    let text = String::from_utf8_lossy(&tail);
    // After the marker only what carries no data may follow: `\unrestrict` of newer pg_dump, say.
    let closing = text
        .lines()
        .rev()
        .take_while(|line| {
            let line = line.trim();
            line.is_empty()
                || line.starts_with("--")
                || line.starts_with("\\unrestrict")
                || line == dialect.marker()
        })
        .find(|line| line.trim_end().starts_with(dialect.marker()));
    let Some(closing) = closing else {
        let detail = format!("its closing line `{}` is missing", dialect.marker());
        return Err(PayloadError::Truncated { format: dialect.format(), detail });
    };
    let time = (dialect == Dialect::MySql).then(|| completed_at(closing)).flatten();
    Ok(Found { format: dialect.format().to_owned(), complete: true, time, ..Found::default() })
}

/// `-- Dump completed on 2026-11-20 20:27:44`, on the clock of the server's host.
fn completed_at(line: &str) -> Option<PayloadTime> {
    let written = line.split_once(" on ")?.1.trim().replace("  ", " 0");
    let format = format_description!("[year]-[month]-[day] [hour padding:none]:[minute]:[second]");
    let local = PrimitiveDateTime::parse(&written, format).ok()?;
    let at = Timestamp::from_unix(local.assume_utc().unix_timestamp())?.to_string();
    Some(PayloadTime { at, meaning: TimeMeaning::CapturedLocalTime })
}

fn read_tail(reader: &mut dyn Read) -> Result<Vec<u8>, PayloadError> {
    let mut buffer = vec![0; 256 << 10];
    let mut tail = Vec::new();
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(tail);
        }
        tail.extend_from_slice(&buffer[..read]);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
    }
}
