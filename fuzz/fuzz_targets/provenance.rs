//! Statements, bare, in envelopes and one a line, about an artifact whose digest is known.
#![no_main]

use dr_drill::digest::Digest;
use dr_drill::manifest::Expectations;
use dr_drill::provenance::{Artifact, Trust, validate};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let artifact = Artifact::new(Digest::of(b"backup"), None);
    let expected = Expectations {
        source_uri: Some("https://github.com/o/r".to_owned()),
        max_age_hours: Some(1.0),
        ..Expectations::default()
    };
    let now = "2026-11-20T09:00:00Z".parse().unwrap();
    for expected in [Expectations::default(), expected] {
        if let Ok(found) = validate(bytes, &artifact, &Trust::default(), &expected, now) {
            assert!(found.signers.is_empty(), "nobody is trusted");
        }
    }
});
