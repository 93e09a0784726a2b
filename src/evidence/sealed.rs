//! Evidence that was sealed: what history and notifications take, and nothing else makes.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use super::bundle::{BESIDE, parse_sums};
use super::pack::{head, members};
use super::{REPORT, SIGN_OFFS, SUMS};
use crate::digest::Digest;
use crate::fs::{open_for_reading, read_capped};
use crate::wire::report::Report;

/// Largest report, or list of digests, that is read, in bytes.
const MAX_BYTES: u64 = 512 << 20;

/// Evidence that was sealed, with a report that has the digest the seal lists. Whether all else is as it was
/// sealed, [`super::verify`] tells.
#[derive(Clone, Debug)]
pub struct SealedEvidence {
    report: Report,
    seal: Digest,
    sign_offs: u64,
}

impl SealedEvidence {
    /// Reads seal and report of a directory or of a pack.
    ///
    /// # Errors
    /// What keeps it from being sealed evidence.
    pub fn read(path: &Path) -> Result<Self, String> {
        let file = open_for_reading(path).map_err(|error| format!("cannot be read: {error}"))?;
        let mut files = BTreeMap::new();
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            for name in BESIDE.into_iter().chain([REPORT]) {
                let Ok(mut file) = open_for_reading(&path.join(name)) else { continue };
                let bytes =
                    read_capped(&mut file, MAX_BYTES).map_err(|error| format!("{name} {error}"))?;
                files.insert(name.to_owned(), bytes);
            }
        } else {
            files = head(&file).map_err(|error| error.to_string())?;
        }
        Self::of(&files)
    }

    /// The bytes of a file of a pack, if it holds it as it was sealed.
    ///
    /// # Errors
    /// When the pack cannot be read, or the file is not as it was sealed.
    pub fn file(pack: &Path, name: &str) -> Result<Option<Vec<u8>>, String> {
        let file = open_for_reading(pack).map_err(|error| format!("cannot be read: {error}"))?;
        let (mut sums, mut found) = (Vec::new(), None);
        members(&file, &mut |member, reader| {
            let mut bytes = Vec::new();
            if member == SUMS || member == name {
                reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
            } else {
                std::io::copy(reader, &mut std::io::sink())?;
            }
            match member {
                SUMS => sums = bytes,
                _ if member == name => found = Some(bytes),
                _ => {}
            }
            Ok(true)
        })
        .map_err(|error| error.to_string())?;
        let Some(bytes) = found else { return Ok(None) };
        let listed = parse_sums(&sums).unwrap_or_default();
        let digest = listed.iter().find(|(listed, _)| listed == name).map(|(_, digest)| *digest);
        if digest != Some(Digest::of(&bytes)) {
            return Err(format!("{name} is not as it was sealed"));
        }
        Ok(Some(bytes))
    }

    fn of(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, String> {
        let sums = files.get(SUMS).ok_or_else(|| format!("was never sealed: {SUMS} is missing"))?;
        let bytes = files.get(REPORT).ok_or_else(|| format!("holds no {REPORT}"))?;
        let listed =
            parse_sums(sums).ok_or_else(|| format!("{SUMS} is not as the tool writes it"))?;
        let of_report = listed.iter().find(|(name, _)| name == REPORT);
        if of_report.is_none_or(|(_, digest)| *digest != Digest::of(bytes)) {
            return Err(format!("{REPORT} is not as it was sealed"));
        }
        let report = serde_json::from_slice(bytes).map_err(|error| format!("{REPORT}: {error}"))?;
        let lines =
            files.get(SIGN_OFFS).map_or(0, |bytes| bytes.split(|byte| *byte == b'\n').count());
        Ok(Self { report, seal: Digest::of(sums), sign_offs: lines.saturating_sub(1) as u64 })
    }

    /// The report.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// SHA-256 of the list of digests, which pins every file.
    #[must_use]
    pub fn seal(&self) -> Digest {
        self.seal
    }

    /// How many people have signed it off, as it says itself.
    #[must_use]
    pub fn sign_offs(&self) -> u64 {
        self.sign_offs
    }
}
