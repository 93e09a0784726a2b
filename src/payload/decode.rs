//! Compressed streams: one decoder each, all members of a file, nothing after its end.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};

use super::PayloadError;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// The .xz format.
    Xz,
    /// The .bz2 format.
    Bzip2,
}

/// Most memory that an .xz stream may ask for: that of `xz -9` is 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

impl Compression {
    /// Tells the compression from the first bytes.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        [
            (Self::Gzip, b"\x1f\x8b\x08".as_slice()),
            (Self::Zstd, b"\x28\xb5\x2f\xfd"),
            (Self::Xz, b"\xfd7zXZ\0"),
            (Self::Bzip2, b"BZh"),
        ]
        .into_iter()
        .find(|(_, magic)| head.starts_with(magic))
        .map(|(compression, _)| compression)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }

    /// A decoder's error as what it means for the backup.
    pub(super) fn explain(self, error: PayloadError) -> PayloadError {
        let PayloadError::Read(error) = error else { return error };
        let format = self.name();
        let detail = error.to_string();
        let cut_off = error.kind() == io::ErrorKind::UnexpectedEof
            || detail.contains("premature")
            || detail.contains("incomplete")
            || detail.contains("finish prematurely");
        if cut_off {
            let detail = "it ends in the middle of the stream".to_owned();
            return PayloadError::Truncated { format, detail };
        }
        PayloadError::Damaged { format, detail }
    }
}

/// Reads a file from its beginning, decompressed if it is compressed.
///
/// # Errors
/// When it cannot be read, or its decoder cannot be made.
pub fn unpacked(file: &mut File) -> io::Result<Box<dyn Read + '_>> {
    let mut head = [0; 16];
    file.rewind()?;
    let length = file.read(&mut head)?;
    file.rewind()?;
    match Compression::of(&head[..length]) {
        Some(compression) => decoder(compression, file),
        None => Ok(Box::new(file)),
    }
}

/// Decompresses a stream.
///
/// # Errors
/// When the decoder cannot be made.
pub fn decoder<'a>(
    compression: Compression,
    reader: &'a mut dyn Read,
) -> io::Result<Box<dyn Read + 'a>> {
    let reader = BufReader::with_capacity(256 << 10, reader);
    Ok(match compression {
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        Compression::Zstd => Box::new(zstd::Decoder::with_buffer(reader)?),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(reader)),
        Compression::Xz => {
            let flags = liblzma::stream::CONCATENATED;
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(reader, stream))
        }
    })
}
