//! SQLite databases: the header, and as many pages as it promises (<https://sqlite.org/fileformat2.html>).

use super::{Found, PayloadError};

/// First bytes of every database.
pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";
const FORMAT: &str = "SQLite database";

pub(super) fn inspect(head: &[u8], length: u64) -> Result<Found, PayloadError> {
    let damaged = |detail: String| PayloadError::Damaged { format: FORMAT, detail };
    let truncated = |detail: String| PayloadError::Truncated { format: FORMAT, detail };
    let Some(header) = head.get(..100) else {
        return Err(truncated("its header is not whole".to_owned()));
    };
    let number = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size @ 512.. if size.is_power_of_two() => u64::from(size),
        size => return Err(damaged(format!("{size} is no page size"))),
    };
    if !matches!((header[18], header[19]), (1 | 2, 1 | 2)) {
        return Err(damaged("its format version is unknown".to_owned()));
    }
    if !length.is_multiple_of(page_size) {
        return Err(truncated(format!(
            "{length} bytes are no whole number of {page_size}-byte pages"
        )));
    }
    // The count in the header holds only if the version that wrote it was the last to write.
    let (pages, counted) = (length / page_size, u64::from(number(28)));
    if counted != 0 && number(24) == number(92) {
        if pages < counted {
            return Err(truncated(format!("it has {pages} of {counted} pages")));
        }
        if pages > counted {
            return Err(damaged(format!("it has {pages} pages, its header says {counted}")));
        }
    }
    // The pages are all there; what is on them was not looked at.
    Ok(Found { format: "sqlite".to_owned(), ..Found::default() })
}
