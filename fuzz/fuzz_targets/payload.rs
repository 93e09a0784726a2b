//! Backups of every format, from any bytes.
#![no_main]

use std::io::Write as _;

use dr_drill::digest::Unobserved;
use dr_drill::payload::inspect;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let _ = inspect(&mut file, "backup.json", &Unobserved);
});
