//! Digests by other algorithms than SHA-256: only ever compared with what somebody else has stated.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use aws_lc_rs::digest::{
    Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA224, SHA384, SHA512, SHA512_256,
};

/// The digest of a whole file by the algorithm that in-toto calls so, in hexadecimal digits; `None`
/// for one that is not known. Where the file stands does not matter, and stays.
///
/// # Errors
/// When reading fails.
pub fn other_digest(name: &str, file: &File) -> io::Result<Option<String>> {
    let algorithm: &'static Algorithm = match name {
        "sha1" => &SHA1_FOR_LEGACY_USE_ONLY,
        "sha224" => &SHA224,
        "sha384" => &SHA384,
        "sha512" => &SHA512,
        "sha512_256" => &SHA512_256,
        _ => return Ok(None),
    };
    let mut context = Context::new(algorithm);
    each_piece(file, &mut |piece| context.update(piece))?;
    Ok(Some(hex::encode(context.finish().as_ref())))
}

/// Hands over a whole file in pieces. Where it stands does not matter, and stays.
///
/// # Errors
/// When reading fails.
pub fn each_piece(file: &File, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        match file.read_at(&mut buffer, at) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                take(&buffer[..read]);
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
