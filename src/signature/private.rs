//! Private keys in PEM (PKCS#8): what signs. They are read from files that nobody else can read.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use spki::Document;
use spki::der::pem::{LineEnding, encode_string};

use super::{KeyError, PublicKey};

/// Kind of a key that can be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519 (RFC 8032): small, fast, and the same signature for the same bytes.
    #[default]
    Ed25519,
    /// ECDSA on P-256 with SHA-256: where Ed25519 is not known.
    P256,
}

/// A private key. It is never shown.
pub struct PrivateKey(Pair);

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PrivateKey {
    /// Makes a key, and gives it as PEM.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate(kind: KeyKind) -> Result<String, KeyError> {
        let failed = |_| KeyError::Unusable("the system has no randomness for a new one");
        let random = SystemRandom::new();
        let der = match kind {
            KeyKind::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random),
            KeyKind::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random),
        };
        pem("PRIVATE KEY", der.map_err(failed)?.as_ref())
    }

    /// Reads a key in PEM (PKCS#8, not encrypted).
    ///
    /// # Errors
    /// When it is none, or of a kind that nothing is signed with.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(bytes).map_err(|_| KeyError::Private)?;
        let (label, document) = Document::from_pem(text.trim()).map_err(|_| KeyError::Private)?;
        if label != "PRIVATE KEY" {
            return Err(KeyError::Private);
        }
        let der = document.as_bytes();
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Ok(Self(Pair::Ed25519(pair)));
        }
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .map(|pair| Self(Pair::P256(pair)))
            .map_err(|_| KeyError::Private)
    }

    /// The public key to it.
    ///
    /// # Errors
    /// When it cannot be written as one.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        let unusable = |_| KeyError::Unusable("its public key cannot be written");
        let der = match &self.0 {
            Pair::Ed25519(pair) => pair.public_key().as_der().map_err(unusable)?,
            Pair::P256(pair) => pair.public_key().as_der().map_err(unusable)?,
        };
        PublicKey::from_der(der.as_ref())
    }

    /// The public key to it, in PEM.
    ///
    /// # Errors
    /// When it cannot be written as one.
    pub fn public_pem(&self) -> Result<String, KeyError> {
        pem("PUBLIC KEY", self.public_key()?.der())
    }

    /// Signs a message.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.0 {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::P256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::Unusable("the system has no randomness to sign with")),
        }
    }
}

fn pem(label: &str, der: &[u8]) -> Result<String, KeyError> {
    encode_string(label, LineEnding::LF, der)
        .map_err(|_| KeyError::Unusable("it cannot be written as PEM"))
}
