//! DSSE envelopes and keys, from any bytes.
#![no_main]

use dr_drill::document::parse_json;
use dr_drill::signature::{Envelope, PublicKey};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = PublicKey::from_pem(bytes);
    let _ = PublicKey::from_der(bytes);
    if let Ok(value) = parse_json(bytes)
        && let Ok(envelope) = Envelope::read(&value)
    {
        assert!(envelope.signers(&[]).is_empty());
    }
});
