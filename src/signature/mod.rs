//! Signatures: public keys that a person gave, and the envelopes that are held against them.
//!
//! A key that comes with what it signs proves nothing, so there is no way to get one from there.

mod dsse;
mod key;
mod minisign;
mod private;

pub use dsse::{Envelope, EnvelopeError};
pub use key::{KeyError, PublicKey};
pub use minisign::{Detached, is_minisign};
pub use private::{KeyKind, PrivateKey};
