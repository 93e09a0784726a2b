//! SHA-256 digests of bytes, streams and directory trees, computed once and in one pass.

mod other;
mod stream;
mod tree;

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

pub use other::{each_piece, other_digest};
pub use stream::{StreamError, copy_and_hash, hash};
pub use tree::{Tree, TreeEntry, TreeError, TreeKind, hash_tree, tree_digest};

/// A SHA-256 digest. Written as 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a SHA-256 digest: 64 hexadecimal digits are wanted")]
pub struct InvalidDigest(String);

impl Digest {
    /// The digest of bytes in memory.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The first 12 digits: enough to tell digests apart in a line of text, never to compare them.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }

    /// A number below another, taken from the first eight bytes, so that everyone can compute it again; 0 below 0.
    #[must_use]
    pub fn number_below(&self, bound: u64) -> u64 {
        let number = self.0[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        number.checked_rem(bound).unwrap_or_default()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim_start_matches("sha256:"), &mut bytes)
            .map_err(|_| InvalidDigest(text.chars().take(80).collect()))?;
        Ok(Self(bytes))
    }
}

/// Computes a digest piece by piece.
#[derive(Clone, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes added.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// Is told how many bytes were read, and can ask a long job to end.
pub trait Observer: Sync {
    /// `bytes` more were read. `false` asks the job to stop with [`Interrupted`].
    fn advance(&self, bytes: u64) -> bool;
}

/// Watches nothing and never interrupts.
#[derive(Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn advance(&self, _bytes: u64) -> bool {
        true
    }
}

/// A job ended early because its [`Observer`] asked for it.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_vector() {
        // FIPS 180-4, example for the message "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_string(), expected);
        assert_eq!(expected.to_uppercase().parse::<Digest>().unwrap(), Digest::of(b"abc"));
        assert_eq!(format!("sha256:{expected}").parse::<Digest>().unwrap(), Digest::of(b"abc"));
    }

    #[test]
    fn refuses_what_is_not_a_digest() {
        for text in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65)] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
