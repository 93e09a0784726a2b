//! Who is believed: keys and identities that the caller gave, and what they are found to have signed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Artifact;
use super::bundle::{self, TrustedRoots};
use super::source::Source;
use crate::clock::Timestamp;
use crate::digest::each_piece;
use crate::signature::{Detached, Envelope, PublicKey};
use crate::wire::manifest::CertificateClaim;

/// Whose signatures count. With neither keys nor identities nothing is believed, and it is said so.
#[derive(Debug, Default)]
pub struct Trust {
    /// Keys, each under the name that the caller knows it by.
    pub keys: Vec<(String, PublicKey)>,
    /// How many of the keys must have signed; 0 is read as 1.
    pub threshold: usize,
    /// Whom a certificate must have been issued to.
    pub identity: Option<Identity>,
    /// Where certificates may come from; without it, the roots that are built in.
    pub roots: TrustedRoots,
}

/// Somebody, as a certificate of Sigstore names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Subject alternative name: an address, or the URI of a workflow.
    pub name: String,
    /// OpenID Connect issuer that vouched for the name.
    pub issuer: String,
}

/// Somebody who is believed and has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Name of the key, or the identity.
    pub name: String,
    /// The key, or the issuer of the identity.
    pub detail: String,
    /// When it was signed, as a log or a timestamp authority has it.
    pub signed_at: Option<Timestamp>,
    /// What its certificate says of the build, which whoever built cannot have made up.
    pub(super) source: Option<Source>,
    /// All that its certificate says of the build.
    pub(super) claims: BTreeMap<CertificateClaim, String>,
}

/// What holds a statement, and with it its signatures.
pub(super) enum Form<'a> {
    Bare,
    Envelope(Envelope),
    Bundle { value: &'a Value, envelope: Option<Envelope> },
    Detached(Detached),
}

/// Why nobody who is believed has signed something.
pub(super) enum Distrust {
    /// There is nothing that could be verified.
    Unsigned(String),
    /// There is, and it does not verify.
    Untrusted(String),
}

impl Trust {
    /// Adds a key whose signatures count.
    ///
    /// # Errors
    /// The name under which it was added before: one key counts once, whatever it is called.
    pub fn add_key(&mut self, name: &str, key: PublicKey) -> Result<(), String> {
        match self.keys.iter().find(|(_, known)| *known == key) {
            Some((earlier, _)) => Err(earlier.clone()),
            None => {
                self.keys.push((name.to_owned(), key));
                Ok(())
            }
        }
    }

    /// Whether anybody is believed at all.
    #[must_use]
    pub fn is_given(&self) -> bool {
        !self.keys.is_empty() || self.identity.is_some()
    }

    /// Those who are believed and have signed this; nobody where nobody is believed.
    pub(super) fn signers(
        &self,
        form: &Form<'_>,
        artifact: &Artifact<'_>,
    ) -> Result<Vec<Signer>, Distrust> {
        if !self.is_given() {
            return Ok(Vec::new());
        }
        match form {
            Form::Bare => Err(Distrust::Unsigned(
                "it is a bare statement: signatures come in a DSSE envelope or a bundle".to_owned(),
            )),
            Form::Envelope(envelope) => self.by_keys(envelope),
            Form::Detached(detached) => self.by_detached(detached, artifact),
            Form::Bundle { value, envelope } => match (&self.identity, envelope) {
                (Some(identity), _) if bundle::has_certificate(value) => {
                    bundle::verify_identity(value, identity, &self.roots, artifact)
                        .map(|signer| vec![signer])
                        .map_err(Distrust::Untrusted)
                }
                (_, Some(envelope)) => self.by_keys(envelope),
                (_, None) => self.by_keys_of_message(value, artifact),
            },
        }
    }

    fn by_keys(&self, envelope: &Envelope) -> Result<Vec<Signer>, Distrust> {
        if self.keys.is_empty() {
            return Err(Distrust::Untrusted(
                "it carries no certificate, so an identity cannot be verified: give a key"
                    .to_owned(),
            ));
        }
        let keys: Vec<PublicKey> = self.keys.iter().map(|(_, key)| key.clone()).collect();
        let signers = envelope.signers(&keys);
        let wanted = self.threshold.max(1);
        if signers.len() < wanted {
            return Err(Distrust::Untrusted(format!(
                "{} of its {} signature(s) are by keys that were given, {wanted} are wanted",
                signers.len(),
                envelope.signatures()
            )));
        }
        Ok(signers.into_iter().map(|key| self.signer(key)).collect())
    }

    /// A bundle that signs the artifact itself, by a key.
    fn by_keys_of_message(
        &self,
        value: &Value,
        artifact: &Artifact<'_>,
    ) -> Result<Vec<Signer>, Distrust> {
        let signed = self
            .keys
            .iter()
            .find(|(_, key)| bundle::verify_key(value, key, &self.roots, artifact).is_ok());
        match signed {
            Some((_, key)) if self.threshold <= 1 => Ok(vec![self.signer(key)]),
            _ => Err(Distrust::Untrusted(
                "its signature of the artifact is by no key that was given".to_owned(),
            )),
        }
    }

    fn by_detached(
        &self,
        detached: &Detached,
        artifact: &Artifact<'_>,
    ) -> Result<Vec<Signer>, Distrust> {
        let untrusted = |why: &str| Distrust::Untrusted(why.to_owned());
        let content = artifact.content.ok_or_else(|| {
            untrusted("a signature of minisign is of a whole file, which is not at hand")
        })?;
        let keys: Vec<&PublicKey> = self.keys.iter().map(|(_, key)| key).collect();
        let signers = detached
            .signers(&keys, &mut |take| each_piece(content, take))
            .map_err(|error| untrusted(&format!("the artifact cannot be read: {error}")))?;
        match signers.first() {
            Some(key) if self.threshold <= 1 => Ok(vec![self.signer(key)]),
            Some(_) => Err(untrusted("one key signed it; a threshold asks for more")),
            None => Err(untrusted("its signature of the artifact is by no key that was given")),
        }
    }

    fn signer(&self, key: &PublicKey) -> Signer {
        let named = self.keys.iter().find(|(_, other)| other == key);
        let name = named.map(|(name, _)| name.clone()).unwrap_or_default();
        Signer {
            name,
            detail: key.to_string(),
            signed_at: None,
            source: None,
            claims: BTreeMap::new(),
        }
    }
}
