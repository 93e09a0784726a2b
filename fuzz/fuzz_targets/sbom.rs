//! SBOMs of every format, with every profile and both lists of licences.
#![no_main]

use dr_drill::digest::Digest;
use dr_drill::sbom::{Demand, LicenseRules, validate};
use dr_drill::wire::manifest::SbomProfile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let demand = Demand {
        now: "2026-11-20T09:00:00Z".parse().ok(),
        subject: Some(Digest::of(b"backup")),
        components: false,
        profiles: vec![SbomProfile::Ntia2021, SbomProfile::Fsct32024, SbomProfile::Cisa2025Draft],
        licenses: LicenseRules { allowed: vec!["MIT".to_owned()], denied: vec!["GPL-3.0-only".to_owned()] },
    };
    let _ = validate(bytes, &demand);
});
