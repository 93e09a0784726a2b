//! DSSE envelopes, keys and detached signatures, from any bytes.
#![no_main]

use dr_drill::document::parse_json;
use dr_drill::signature::{Detached, Envelope, PublicKey};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = PublicKey::read(bytes);
    let _ = PublicKey::from_der(bytes);
    let _ = Detached::read(bytes);
    if let Ok(value) = parse_json(bytes)
        && let Ok(envelope) = Envelope::read(&value)
    {
        assert!(envelope.signers(&[]).is_empty());
    }
});
