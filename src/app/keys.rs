//! Keys for people who sign manifests, and their signatures.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::fs::{
    PrivateError, ReadError, open_for_reading, read_capped, read_private, write_whole,
};
use crate::manifest::{MAX_BYTES, PAYLOAD_TYPE, signature_path};
use crate::signature::{Envelope, KeyError, KeyKind, PrivateKey, PublicKey};

/// Largest key that is read, in bytes.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// Why there is no key, or no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A file is there already.
    #[error("{0} exists")]
    Exists(String),
    /// A file cannot be read.
    #[error("{0} {1}")]
    Read(String, #[source] ReadError),
    /// A file cannot be written.
    #[error("{0} cannot be written: {1}")]
    Write(String, #[source] io::Error),
    /// The key cannot be used.
    #[error("the key {0} {1}")]
    Key(String, #[source] KeyError),
    /// Others can read a private key.
    #[error("the private key {0} can be read by others: it is nobody's own any more")]
    Exposed(String),
}

impl SignError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Exists(_) => Some("a key is never replaced: choose another name"),
            Self::Exposed(_) => Some("if it was never shared: chmod 600; else make a new one"),
            Self::Read(..) | Self::Write(..) | Self::Key(..) => None,
        }
    }
}

/// Makes a key pair: `NAME.key`, which only its owner can read, and `NAME.pub`.
///
/// # Errors
/// When a file is there already or cannot be written.
pub fn generate_key(name: &Path, kind: KeyKind) -> Result<PublicKey, SignError> {
    let key_error = |error| SignError::Key(name.display().to_string(), error);
    let pem = PrivateKey::generate(kind).map_err(key_error)?;
    let key = PrivateKey::from_pem(pem.as_bytes()).map_err(key_error)?;
    let public = key.public_pem().map_err(key_error)?;
    // The public half first: without the private one it is of no use, nor of harm.
    write_new(&with_ending(name, ".pub"), 0o644, public.as_bytes())?;
    write_new(&with_ending(name, ".key"), 0o600, pem.as_bytes())?;
    key.public_key().map_err(key_error)
}

fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), SignError> {
    let shown = path.display().to_string();
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    match made.and_then(|mut file| file.write_all(bytes)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(SignError::Exists(shown)),
        Err(error) => Err(SignError::Write(shown, error)),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Reads a private key from a file that nobody else can read.
///
/// # Errors
/// When it cannot be read, others can read it, or it is no such key.
pub fn read_private_key(path: &Path) -> Result<PrivateKey, SignError> {
    let shown = path.display().to_string();
    let pem = read_private(path, MAX_KEY_BYTES).map_err(|error| match error {
        PrivateError::Read(error) => SignError::Read(shown.clone(), error),
        PrivateError::Exposed(_) => SignError::Exposed(shown.clone()),
    })?;
    PrivateKey::from_pem(&pem).map_err(|error| SignError::Key(shown, error))
}

/// Signs a manifest: the envelope is written beside it. Gives the path of the envelope and the key.
///
/// # Errors
/// When the manifest or the key cannot be read, others can read the key, or nothing can be written.
pub fn sign(manifest: &Path, key: &Path) -> Result<(PathBuf, PublicKey), SignError> {
    let shown = key.display().to_string();
    let key = read_private_key(key)?;
    let key_error = |error| SignError::Key(shown.clone(), error);
    let name = manifest.display().to_string();
    let bytes = open_for_reading(manifest)
        .map_err(ReadError::from)
        .and_then(|mut file| read_capped(&mut file, MAX_BYTES))
        .map_err(|error| SignError::Read(name, error))?;
    let envelope = Envelope::sign(PAYLOAD_TYPE, &bytes, &key).map_err(key_error)?;
    let path = signature_path(manifest);
    write_whole(&path, format!("{envelope}\n").as_bytes())
        .map_err(|error| SignError::Write(path.display().to_string(), error))?;
    Ok((path, key.public_key().map_err(key_error)?))
}
