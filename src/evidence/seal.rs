//! Sealing: reports are written, every file is listed with its digest, and all is synced together.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::attestation::{payloads, sign};
use super::bundle::{Listed, digests, list};
use super::directory::{Directory, EvidenceError, same_place};
use super::{ATTESTATION, REPORT, SUMS, forms};
use crate::digest::{Unobserved, hash_tree};
use crate::fs::{sync, write_whole};
use crate::report::{JSON, to_bytes};
use crate::signature::PrivateKey;
use crate::wire::report::Report;

impl Directory {
    /// Seals the directory with its report, signed by `key` if there is one, and copies the report to
    /// `output` if that lies elsewhere. The list of digests appears last: a directory without it is not sealed.
    /// The directory is given back, and stays locked until it is dropped.
    ///
    /// # Errors
    /// When anything cannot be written. The report is then taken away again: none is better than
    /// one that nobody can verify.
    pub fn seal(
        self,
        report: &Report,
        output: &Path,
        key: Option<&PrivateKey>,
    ) -> Result<Self, EvidenceError> {
        let sealed = self.write_seal(report, output, key);
        if sealed.is_err() {
            for name in [SUMS, ATTESTATION, REPORT] {
                let _ = fs::remove_file(self.path.join(name));
            }
            let _ = fs::remove_file(output);
        }
        sealed.map(|()| self)
    }

    fn write_seal(
        &self,
        report: &Report,
        output: &Path,
        key: Option<&PrivateKey>,
    ) -> Result<(), EvidenceError> {
        let write = |name: &str, bytes: &[u8]| {
            let place = self.path.join(name);
            fs::write(&place, bytes).map_err(|cause| EvidenceError::write(&place, cause))
        };
        for (name, bytes) in forms(report) {
            write(name, &bytes)?;
        }
        let fail = |cause| EvidenceError::write(&self.path, cause);
        let (listed, list) = sums(&self.path).map_err(fail)?;
        if let Some(key) = key {
            let signed = sign(&payloads(report, &listed, &list), key)
                .map_err(|error| fail(io::Error::other(error)))?;
            write(ATTESTATION, &signed)?;
        }
        write_whole(&self.path.join(SUMS), &list).map_err(fail)?;
        sync(&self.path).map_err(fail)?;
        if !same_place(output, &self.path.join(REPORT)) {
            write_whole(output, &to_bytes(JSON, report))
                .map_err(|cause| EvidenceError::write(output, cause))?;
        }
        Ok(())
    }
}

/// Every digest, and the list of them as `sha256sum` writes it, sorted by path.
fn sums(path: &Path) -> io::Result<(Listed, Vec<u8>)> {
    let tree = hash_tree(&File::open(path)?, &Unobserved).map_err(io::Error::other)?;
    let digests = digests(&tree);
    let text = list(&digests);
    Ok((digests, text))
}
