//! Detached signatures of minisign, of a file that is read as a stream.

use std::io;

use data_encoding::BASE64;
use minisign_verify::{PublicKey as MinisignKey, Signature};

use super::PublicKey;

/// First words of a key and of a signature, neither of which is anything else.
const MARK: &[u8] = b"untrusted comment:";
/// Largest signature that is read, in bytes: its trusted comment can be long.
const MAX_BYTES: usize = 64 << 10;
/// Algorithm of keys, as it stands in front of them; the identifier of the key follows.
const ALGORITHM: &[u8; 2] = b"Ed";
const ALGORITHM_AND_ID: usize = 10;

/// Hands over the content of a file in pieces.
type Content<'a> = dyn FnMut(&mut dyn FnMut(&[u8])) -> io::Result<()> + 'a;

/// Whether these are the bytes of a signature, or of a key.
#[must_use]
pub fn is_minisign(bytes: &[u8]) -> bool {
    bytes.starts_with(MARK)
}

/// The Ed25519 key in the bytes of a public key, without the identifier that is drawn for it.
pub(super) fn key(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text.lines().nth(1)?.trim().as_bytes()).ok()?;
    let key = bytes.strip_prefix(ALGORITHM)?.get(8..)?;
    Some(key.to_vec())
}

/// A signature of a file, which is not in it.
pub struct Detached {
    signature: Signature,
    key_id: Vec<u8>,
}

impl Detached {
    /// Reads a signature (`.minisig`).
    ///
    /// # Errors
    /// When it is none, or of the kind that signs a file and not its digest.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_BYTES {
            return Err("it is longer than any signature of minisign".to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        if text.lines().count() != 4 {
            return Err("a signature of minisign has four lines".to_owned());
        }
        let signature = Signature::decode(text)
            .map_err(|error| format!("the signature of minisign cannot be read: {error}"))?;
        let line = text.lines().nth(1).unwrap_or_default();
        let head = BASE64.decode(line.as_bytes()).map_err(|error| error.to_string())?;
        if head.starts_with(ALGORITHM) {
            let old = "it is of the old kind, which signs a file and not its digest: sign again";
            return Err(format!("{old}, with minisign 0.10 or later"));
        }
        Ok(Self { signature, key_id: head[ALGORITHM.len()..ALGORITHM_AND_ID].to_vec() })
    }

    /// Those of the keys that signed what `content` hands over in pieces. The identifier of the key
    /// in the signature is a hint, and not looked at.
    ///
    /// # Errors
    /// When the content cannot be read.
    pub fn signers<'k>(
        &self,
        keys: &[&'k PublicKey],
        content: &mut Content<'_>,
    ) -> io::Result<Vec<&'k PublicKey>> {
        let named: Vec<(&PublicKey, MinisignKey)> = keys
            .iter()
            .filter_map(|key| {
                let bytes = [ALGORITHM, self.key_id.as_slice(), key.ed25519()?].concat();
                Some((*key, MinisignKey::from_base64(&BASE64.encode(&bytes)).ok()?))
            })
            .collect();
        let mut verifiers: Vec<_> = named
            .iter()
            .filter_map(|(key, named)| Some((*key, named.verify_stream(&self.signature).ok()?)))
            .collect();
        content(&mut |piece| verifiers.iter_mut().for_each(|(_, one)| one.update(piece)))?;
        verifiers.retain_mut(|(_, verifier)| verifier.finalize().is_ok());
        Ok(verifiers.into_iter().map(|(key, _)| key).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By minisign 0.11 over the bytes `backup`.
    const KEY: &str = include_str!("../../fixtures/minisign/build.pub");
    const SIGNATURE: &str = include_str!("../../fixtures/minisign/backup.minisig");
    const OLD: &str = include_str!("../../fixtures/minisign/old.minisig");

    fn signed(signature: &str, content: &[u8]) -> Result<usize, String> {
        let keys = [PublicKey::read(KEY.as_bytes()).unwrap()];
        let detached = Detached::read(signature.as_bytes())?;
        let mut pieces = |take: &mut dyn FnMut(&[u8])| {
            content.chunks(4).for_each(take);
            Ok(())
        };
        Ok(detached.signers(&keys.each_ref(), &mut pieces).unwrap().len())
    }

    #[test]
    fn a_signature_of_the_real_tool_holds_for_its_file_and_no_other() {
        assert_eq!(signed(SIGNATURE, b"backup"), Ok(1));
        for other in [&b"backuq"[..], b"backup\n", b""] {
            assert_eq!(signed(SIGNATURE, other), Ok(0));
        }
        let renamed = SIGNATURE.replace("backup host", "backup ghost");
        assert_eq!(signed(&renamed, b"backup"), Ok(0), "the trusted comment is signed, too");
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        assert!(signed(OLD, b"backup").unwrap_err().contains("with minisign 0.10 or later"));
        assert!(signed(KEY, b"backup").is_err());
        assert!(signed(&format!("{SIGNATURE}more\n"), b"backup").is_err());
        assert!(signed(&SIGNATURE.replace("RUTD", "RVTD"), b"backup").is_err());
        let cut: String = SIGNATURE.lines().take(3).collect::<Vec<_>>().join("\n");
        assert!(signed(&cut, b"backup").is_err());
    }

    #[test]
    fn a_key_is_that_of_ed25519_whatever_it_is_wrapped_in() {
        let key = PublicKey::read(KEY.as_bytes()).unwrap();
        assert!(key.to_string().starts_with("Ed25519 sha256:"), "{key}");
        assert_eq!(PublicKey::from_der(key.der()).unwrap(), key);
        for wrong in [
            KEY.replace("RWTD", "RUTD"),
            KEY.replace("FZmqZ", "FZg=="),
            "untrusted comment:".into(),
        ] {
            assert!(PublicKey::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
