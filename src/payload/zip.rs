//! Zip archives: every member is read through and its checksum compared.

use std::fs::File;
use std::io::Read as _;

use super::{Found, PayloadError};
use crate::digest::{Interrupted, Observer};

pub(super) fn inspect(file: &mut File, observer: &dyn Observer) -> Result<Found, PayloadError> {
    let damaged = |detail: String| PayloadError::Damaged { format: "zip", detail };
    let mut archive = zip::ZipArchive::new(file).map_err(|error| {
        let detail = format!("its list of members, at its end, cannot be read ({error})");
        PayloadError::Truncated { format: "zip", detail }
    })?;
    if archive.is_empty() {
        return Err(damaged("it has no members".to_owned()));
    }
    let mut unpacked = 0;
    let mut buffer = vec![0; 256 << 10];
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(|error| damaged(error.to_string()))?;
        let name =
            member.name().map_or_else(|_| format!("number {index}"), std::borrow::Cow::into_owned);
        loop {
            let read = member
                .read(&mut buffer)
                .map_err(|error| damaged(format!("its member `{name}`: {error}")))?;
            if read == 0 {
                break;
            }
            unpacked += read as u64;
            if !observer.advance(read as u64) {
                return Err(Interrupted.into());
            }
        }
    }
    let format = "zip".to_owned();
    Ok(Found { format, complete: true, unpacked: Some(unpacked), ..Found::default() })
}
