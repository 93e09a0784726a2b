//! Packs of evidence, from any bytes: verified, read for an index, unpacked.
#![no_main]

use std::io::Write as _;

use dr_drill::digest::Unobserved;
use dr_drill::evidence::{Keys, SealedEvidence, unpack, verify};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let _ = verify(file.path(), Keys::default(), &Unobserved);
    let _ = SealedEvidence::read(file.path());
    let out = tempfile::tempdir().unwrap();
    let _ = unpack(&file.reopen().unwrap(), out.path());
});
