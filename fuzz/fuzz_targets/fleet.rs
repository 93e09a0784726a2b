//! Fleet files, in JSON and in YAML, and the first slots of what they hold.
#![no_main]

use std::path::Path;

use dr_drill::schedule::{coming, read, told};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for name in ["fleet.json", "fleet.yaml"] {
        if let Ok(fleet) = read(Path::new(name), bytes) {
            for (drill, due) in coming(&fleet, |_| true, 1_795_000_000, 1_800_000_000).take(20) {
                let _ = told(drill, due);
            }
        }
    }
});
