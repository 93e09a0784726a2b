//! DSSE envelopes, version 1 (<https://github.com/secure-systems-lab/dsse>).

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use serde_json::{Value, json};

use super::{KeyError, PrivateKey, PublicKey};

/// More signatures than anyone makes.
const MAX_SIGNATURES: usize = 1024;

/// An envelope that was taken apart; nothing in it is believed yet.
#[derive(Clone, Debug)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

/// Why something is no envelope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvelopeError {
    /// A field is not there, or is no text or list.
    #[error("`{0}` is missing, or not of its type")]
    Field(&'static str),
    /// Base64 of no alphabet, of both, with spaces, or with bits that mean nothing.
    #[error("`{0}` is not canonical base64")]
    Base64(&'static str),
    /// Nothing is signed.
    #[error("it has no signature")]
    Unsigned,
    /// More signatures than are looked at.
    #[error("it has {0} signatures; more than {MAX_SIGNATURES} are not looked at")]
    TooMany(usize),
}

impl Envelope {
    /// Takes an envelope apart. Fields that are not known are ignored, as the specification says;
    /// so are key ids: they are hints that nobody signed.
    ///
    /// # Errors
    /// The first thing that keeps it from being an envelope.
    pub fn read(value: &Value) -> Result<Self, EnvelopeError> {
        let text = |key: &'static str| {
            value.get(key).and_then(Value::as_str).ok_or(EnvelopeError::Field(key))
        };
        let payload_type = text("payloadType")?.to_owned();
        let payload = decode(text("payload")?).ok_or(EnvelopeError::Base64("payload"))?;
        let signatures = value.get("signatures").and_then(Value::as_array);
        let signatures = signatures.ok_or(EnvelopeError::Field("signatures"))?;
        if signatures.is_empty() {
            return Err(EnvelopeError::Unsigned);
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(EnvelopeError::TooMany(signatures.len()));
        }
        let signatures = signatures
            .iter()
            .map(|signature| {
                let text = signature.get("sig").and_then(Value::as_str);
                decode(text.ok_or(EnvelopeError::Field("sig"))?).ok_or(EnvelopeError::Base64("sig"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { payload_type, payload, signatures })
    }

    /// Signs a payload, and gives the envelope as JSON.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign(payload_type: &str, payload: &[u8], key: &PrivateKey) -> Result<Value, KeyError> {
        let signature = key.sign(&pre_authentication_encoding(payload_type, payload))?;
        Ok(json!({
            "payloadType": payload_type,
            "payload": BASE64.encode(payload),
            "signatures": [{"keyid": key.public_key()?.id(), "sig": BASE64.encode(&signature)}],
        }))
    }

    /// What it says that its payload is.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The bytes that are signed, and that alone may be parsed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// How many signatures it carries.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.signatures.len()
    }

    /// The keys that made a signature of it, each once, however many signatures it made.
    #[must_use]
    pub fn signers<'a>(&self, keys: &'a [PublicKey]) -> Vec<&'a PublicKey> {
        let message = pre_authentication_encoding(&self.payload_type, &self.payload);
        let mut signers: Vec<&PublicKey> = Vec::new();
        for key in keys {
            if !signers.contains(&key)
                && self.signatures.iter().any(|signature| key.verifies(&message, signature))
            {
                signers.push(key);
            }
        }
        signers
    }
}

/// What is signed: type and body with their lengths in bytes.
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message =
        format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

/// Base64 of either alphabet, padded or not, but canonical and of one alphabet only.
fn decode(text: &str) -> Option<Vec<u8>> {
    [BASE64, BASE64URL, BASE64_NOPAD, BASE64URL_NOPAD]
        .iter()
        .find_map(|encoding| encoding.decode(text.as_bytes()).ok())
}
