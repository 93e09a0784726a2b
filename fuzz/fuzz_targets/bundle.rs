//! Sigstore bundles, held against an identity.
#![no_main]

use dr_drill::digest::Digest;
use dr_drill::manifest::Expectations;
use dr_drill::provenance::{Artifact, Identity, Trust, TrustedRoots, validate};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = TrustedRoots::read(bytes);
    let digest = "a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";
    let artifact = Artifact::new(digest.parse::<Digest>().unwrap(), None);
    let identity = Identity { name: "nobody@example.org".to_owned(), issuer: "https://example.org".to_owned() };
    let trust = Trust { identity: Some(identity), ..Trust::default() };
    let now = "2026-11-20T09:00:00Z".parse().unwrap();
    let found = validate(bytes, &artifact, &trust, &Expectations::default(), now);
    assert!(found.is_err(), "nobody has a certificate of that name");
});
