//! Public keys in PEM, and the signatures that each kind of them makes.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use spki::der::asn1::ObjectIdentifier;
use spki::der::pem::PemLabel as _;
use spki::der::{Decode as _, Encode as _};
use spki::{Document, SubjectPublicKeyInfoRef};

use super::minisign;

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// What stands before the bytes of an Ed25519 key in DER (RFC 8410).
const ED25519_HEAD: &[u8] =
    &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Largest key file that is read, in bytes.
const MAX_PEM: usize = 64 << 10;

/// Kind of a key, which alone decides which signatures it can have made: nothing in an envelope
/// chooses an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ed25519,
    P256,
    P384,
    Rsa,
}

/// A public key. Two are equal if their SubjectPublicKeyInfo is, whatever they are called.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: Kind,
    raw: Vec<u8>,
    der: Vec<u8>,
    id: String,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No PEM of a public key.
    #[error("is no public key in PEM (`-----BEGIN PUBLIC KEY-----`): {0}")]
    Pem(String),
    /// No public key of minisign, though it says so.
    #[error("is no public key of minisign: two lines, of which the second is the key, are wanted")]
    Minisign,
    /// No PEM of a private key that can sign here.
    #[error(
        "is no private key that can sign: PKCS#8 in PEM (`-----BEGIN PRIVATE KEY-----`) of Ed25519 or \
         P-256, not encrypted, is wanted"
    )]
    Private,
    /// A key of another kind.
    #[error("is a key of a kind that is not known ({0}): Ed25519, P-256, P-384 and RSA are")]
    Kind(String),
    /// Too weak, or no point of its curve.
    #[error("is no usable key: {0}")]
    Unusable(&'static str),
}

impl PublicKey {
    /// Reads a key as people keep it: in PEM, or as minisign writes it.
    ///
    /// # Errors
    /// When it is none, or of a kind that is not known.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        if !minisign::is_minisign(bytes) {
            return Self::from_pem(bytes);
        }
        let key = std::str::from_utf8(bytes).ok().and_then(minisign::key);
        Self::from_der(&[ED25519_HEAD, &key.ok_or(KeyError::Minisign)?].concat())
    }

    /// Reads a key in PEM (SubjectPublicKeyInfo, RFC 5280).
    ///
    /// # Errors
    /// When it is none, or of a kind that is not known.
    fn from_pem(bytes: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(bytes).map_err(|error| KeyError::Pem(error.to_string()))?;
        if text.len() > MAX_PEM {
            return Err(KeyError::Pem("it is longer than any key".to_owned()));
        }
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::Pem(
                "it is a private key, which belongs nowhere here".to_owned(),
            ));
        }
        let (label, document) =
            Document::from_pem(text.trim()).map_err(|error| KeyError::Pem(error.to_string()))?;
        SubjectPublicKeyInfoRef::validate_pem_label(label)
            .map_err(|error| KeyError::Pem(error.to_string()))?;
        Self::from_der(document.as_bytes())
    }

    /// Reads a key in DER (SubjectPublicKeyInfo, RFC 5280).
    ///
    /// # Errors
    /// When it is none, or of a kind that is not known.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let invalid = |error: spki::der::Error| KeyError::Pem(error.to_string());
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(invalid)?;
        let curve = info.algorithm.parameters_oid().ok();
        let kind = match (info.algorithm.oid, curve) {
            (ED25519, None) => Kind::Ed25519,
            (EC, Some(P256)) => Kind::P256,
            (EC, Some(P384)) => Kind::P384,
            (RSA, None) => Kind::Rsa,
            (other, curve) => {
                let curve = curve.map(|curve| format!(", {curve}")).unwrap_or_default();
                return Err(KeyError::Kind(format!("{other}{curve}")));
            }
        };
        let raw = info
            .subject_public_key
            .as_bytes()
            .ok_or(KeyError::Unusable("its bits do not fill bytes"))?
            .to_vec();
        let fits = match kind {
            Kind::Ed25519 => raw.len() == 32,
            Kind::P256 => raw.len() == 65 && raw[0] == 4,
            Kind::P384 => raw.len() == 97 && raw[0] == 4,
            // 2048 bits of modulus at least, in DER.
            Kind::Rsa => raw.len() >= 266,
        };
        if !fits {
            return Err(KeyError::Unusable("it has not the length that its kind has, or is weak"));
        }
        let canonical = info.to_der().map_err(invalid)?;
        let id = hex::encode(digest(&SHA256, &canonical).as_ref());
        Ok(Self { kind, raw, der: canonical, id })
    }

    /// SHA-256 of the SubjectPublicKeyInfo, in hexadecimal digits: what a key is known by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its 32 bytes, if it is an Ed25519 key.
    pub(super) fn ed25519(&self) -> Option<&[u8]> {
        (self.kind == Kind::Ed25519).then_some(&self.raw)
    }

    /// Whether this key made a signature over a message. ECDSA signatures may be DER or the two
    /// numbers side by side (IEEE P1363): both are in use.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithms: &[&'static dyn VerificationAlgorithm] = match self.kind {
            Kind::Ed25519 => &[&signature::ED25519],
            Kind::P256 => {
                &[&signature::ECDSA_P256_SHA256_ASN1, &signature::ECDSA_P256_SHA256_FIXED]
            }
            Kind::P384 => {
                &[&signature::ECDSA_P384_SHA384_ASN1, &signature::ECDSA_P384_SHA384_FIXED]
            }
            Kind::Rsa => &[
                &signature::RSA_PKCS1_2048_8192_SHA256,
                &signature::RSA_PKCS1_2048_8192_SHA384,
                &signature::RSA_PKCS1_2048_8192_SHA512,
                &signature::RSA_PSS_2048_8192_SHA256,
                &signature::RSA_PSS_2048_8192_SHA384,
                &signature::RSA_PSS_2048_8192_SHA512,
            ],
        };
        algorithms.iter().any(|algorithm| {
            UnparsedPublicKey::new(*algorithm, &self.raw).verify(message, signature).is_ok()
        })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Ed25519 => "Ed25519",
            Kind::P256 => "ECDSA P-256",
            Kind::P384 => "ECDSA P-384",
            Kind::Rsa => "RSA",
        };
        write!(f, "{kind} sha256:{}", self.id)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}
