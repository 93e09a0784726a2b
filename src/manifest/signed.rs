//! The signature of a manifest: a DSSE envelope that lies beside it.

use std::path::{Path, PathBuf};

use crate::document::parse_json;
use crate::signature::{Envelope, PublicKey};

/// Type of the payload of an envelope that signs a manifest: what was signed as anything else does
/// not pass for one.
pub const PAYLOAD_TYPE: &str = "application/vnd.dr-drill.manifest";

/// Where the signature of a manifest lies: its own path with `.dsse` behind it.
#[must_use]
pub fn signature_path(manifest: &Path) -> PathBuf {
    let mut name = manifest.as_os_str().to_owned();
    name.push(".dsse");
    name.into()
}

/// Whether an envelope signs exactly these bytes as a manifest, by this key.
///
/// # Errors
/// Why it does not.
pub fn verify(manifest: &[u8], envelope: &[u8], key: &PublicKey) -> Result<(), String> {
    let value = parse_json(envelope).map_err(|error| error.to_string())?;
    let envelope = Envelope::read(&value).map_err(|error| format!("no DSSE envelope: {error}"))?;
    if envelope.payload_type() != PAYLOAD_TYPE {
        let found = envelope.payload_type();
        return Err(format!("it signs `{found}`, not `{PAYLOAD_TYPE}`"));
    }
    if envelope.payload() != manifest {
        return Err("it signs other bytes: the manifest was changed after it was signed".to_owned());
    }
    if envelope.signers(std::slice::from_ref(key)).is_empty() {
        return Err(format!("no signature in it is by the key that was given ({key})"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{KeyKind, PrivateKey};

    fn key() -> PrivateKey {
        let pem = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        PrivateKey::from_pem(pem.as_bytes()).unwrap()
    }

    #[test]
    fn only_these_bytes_signed_as_a_manifest_by_this_key() {
        let (own, other) = (key(), key());
        let check = |kind: &str, signer: &PrivateKey, bytes: &[u8]| {
            let envelope = Envelope::sign(kind, b"{}", signer).unwrap().to_string();
            verify(bytes, envelope.as_bytes(), &own.public_key().unwrap())
        };
        assert_eq!(check(PAYLOAD_TYPE, &own, b"{}"), Ok(()));
        assert!(
            check(PAYLOAD_TYPE, &other, b"{}").unwrap_err().contains("no signature in it is by")
        );
        assert!(check("text/plain", &own, b"{}").unwrap_err().contains("it signs `text/plain`"));
        assert!(check(PAYLOAD_TYPE, &own, b"{ }").unwrap_err().contains("was changed after"));
        assert!(verify(b"{}", b"{}", &own.public_key().unwrap()).is_err());
    }
}
