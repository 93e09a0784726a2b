//! Each format: whole, cut off, damaged.

use std::io::Write as _;

use super::*;
use crate::digest::Unobserved;
use crate::wire::event::TimeMeaning;

fn look(name: &str, bytes: &[u8]) -> Result<PayloadFacts, PayloadError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    inspect(&mut file, name, &Unobserved)
}

fn compressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

const ALL: [Compression; 4] =
    [Compression::Gzip, Compression::Zstd, Compression::Xz, Compression::Bzip2];

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        })
        .collect()
}

#[test]
fn compressed_streams_are_read_to_their_end() {
    for compression in ALL {
        let whole = compressed(compression, &noise(100_000));
        let facts = look("b.bin", &whole).unwrap();
        assert_eq!((facts.format.as_str(), facts.complete), (compression.name(), true));
        assert_eq!(facts.unpacked_bytes, Some(100_000));
        for cut in [whole.len() - 1, whole.len() - 5, whole.len() / 2, 20] {
            let error = look("b.bin", &whole[..cut]).unwrap_err();
            assert!(
                matches!(error, PayloadError::Truncated { .. }),
                "{compression:?} {cut}: {error}"
            );
        }
        let mut trailing = whole.clone();
        trailing.extend_from_slice(b"garbage");
        assert!(look("b.bin", &trailing).is_err(), "{compression:?}");
        let mut flipped = whole;
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        assert!(look("b.bin", &flipped).is_err(), "{compression:?}");
    }
}

#[test]
fn several_members_in_one_file_are_one_stream() {
    for compression in ALL {
        let twice = [compressed(compression, b"one"), compressed(compression, b"two!")].concat();
        assert_eq!(look("b", &twice).unwrap().unpacked_bytes, Some(7), "{compression:?}");
    }
}

#[test]
fn layers_of_compression_are_bounded() {
    let mut bytes = b"x".to_vec();
    for _ in 0..=MAX_LAYERS {
        bytes = compressed(Compression::Gzip, &bytes);
    }
    assert!(matches!(look("b", &bytes), Err(PayloadError::Damaged { .. })));
}

fn archive() -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, bytes) in [("a.txt", noise(700)), ("zeros", vec![0; 1024])] {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn a_tar_needs_every_block_and_its_end_marker() {
    let whole = archive();
    let facts = look("b.tar", &whole).unwrap();
    assert_eq!((facts.format.as_str(), facts.unpacked_bytes), ("tar", Some(1724)));
    let time = facts.time.unwrap();
    assert_eq!(
        (time.at.as_str(), time.meaning),
        ("2023-11-14T22:13:20.000Z", TimeMeaning::NotBefore)
    );
    // 512 + 1024, then 512 + 1024, then two blocks of zeros.
    for cut in (512..=3072).step_by(100).chain([1536, 3072]) {
        let error = look("b.tar", &whole[..cut]).unwrap_err();
        assert!(matches!(error, PayloadError::Truncated { .. }), "{cut}: {error}");
    }
    for compression in ALL {
        let facts = look("b.tar.x", &compressed(compression, &whole)).unwrap();
        assert_eq!(facts.format, format!("tar in {}", compression.name()));
        let short = compressed(compression, &whole[..1536]);
        assert!(matches!(
            look("b.tar.x", &short),
            Err(PayloadError::Truncated { format: "tar", .. })
        ));
    }
}

#[test]
fn a_zip_is_read_member_by_member() {
    let mut writer = ::zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default()
        .compression_method(::zip::CompressionMethod::Stored);
    writer.start_file("a.txt", options).unwrap();
    writer.write_all(&noise(5000)).unwrap();
    let whole = writer.finish().unwrap().into_inner();
    assert_eq!(look("b.zip", &whole).unwrap().unpacked_bytes, Some(5000));
    assert!(matches!(look("b.zip", &whole[..4000]), Err(PayloadError::Truncated { .. })));
    let mut flipped = whole;
    flipped[2000] ^= 1;
    assert!(look("b.zip", &flipped).unwrap_err().to_string().contains("`a.txt`"));
}

#[test]
fn a_sqlite_database_has_the_pages_that_its_header_promises() {
    let mut database = vec![0; 4 * 4096];
    database[..16].copy_from_slice(sqlite::MAGIC);
    database[16..20].copy_from_slice(&[0x10, 0, 1, 1]);
    database[27] = 7;
    database[31] = 4;
    database[95] = 7;
    assert_eq!(look("b.db", &database).unwrap().format, "sqlite");
    assert!(matches!(look("b.db", &database[..3 * 4096]), Err(PayloadError::Truncated { .. })));
    assert!(matches!(look("b.db", &database[..9000]), Err(PayloadError::Truncated { .. })));
    assert!(matches!(look("b.db", &database[..60]), Err(PayloadError::Truncated { .. })));
    let longer = [database.as_slice(), &[0; 4096]].concat();
    assert!(matches!(look("b.db", &longer), Err(PayloadError::Damaged { .. })));
    database[17] = 3;
    assert!(matches!(look("b.db", &database), Err(PayloadError::Damaged { .. })));
}

#[test]
fn a_plain_dump_needs_its_closing_line() {
    let dumps = [
        (
            "--\n-- PostgreSQL database dump\n--\n\nCOPY t FROM stdin;\n1\n\\.\n\n",
            "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n",
            "PostgreSQL dump",
        ),
        (
            "--\n-- PostgreSQL database cluster dump\n--\nCREATE ROLE r;\n",
            "--\n-- PostgreSQL database cluster dump complete\n--\n\n",
            "PostgreSQL cluster dump",
        ),
        (
            "/*!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11\nINSERT INTO t VALUES (1);\n",
            "-- Dump completed on 2026-11-20  8:27:44\n",
            "MySQL dump",
        ),
        (
            "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t(a);\n",
            "COMMIT;\n",
            "SQLite dump",
        ),
    ];
    for (body, closing, format) in dumps {
        let whole = format!("{body}{closing}");
        assert_eq!(look("b.sql", whole.as_bytes()).unwrap().format, format);
        for cut in [body.len(), body.len() - 3, body.len() + 5] {
            let error = look("b.sql", &whole.as_bytes()[..cut]).unwrap_err();
            assert!(matches!(error, PayloadError::Truncated { .. }), "{format} at {cut}: {error}");
        }
        // The marker in the data is no marker at the end.
        let hidden = format!("{whole}INSERT INTO t VALUES (2);\n");
        assert!(look("b.sql", hidden.as_bytes()).is_err(), "{format}");
    }
    let time =
        look("b.sql", format!("{}{}", dumps[2].0, dumps[2].1).as_bytes()).unwrap().time.unwrap();
    assert_eq!(
        (time.at.as_str(), time.meaning),
        ("2026-11-20T08:27:44.000Z", TimeMeaning::CapturedLocalTime)
    );
}

#[test]
fn every_service_must_be_ready() {
    for text in [
        r#"{"captured_at": "2026-11-20T08:00:00Z", "services": [{"name": "db", "status": "ready"}]}"#,
        r#"{"services": {"db": "ready", "api": {"state": "ready"}}}"#,
    ] {
        assert_eq!(look("b.json", text.as_bytes()).unwrap().format, "service-status", "{text}");
    }
    let error = look(
        "b.json",
        br#"{"services": [{"name": "db", "status": "ready"}, {"name": "api", "status": "down"}, {"status": 1}]}"#,
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "2 of 3 services not ready: api (down), number 3 (no status)"
    );
    assert!(matches!(look("b.json", br#"{"services": []}"#), Err(PayloadError::NoServices)));
    assert!(matches!(look("b.json", br#"{"services": 3}"#), Err(PayloadError::Damaged { .. })));
    assert!(matches!(
        look("b.json", br#"{"services": [{"na"#),
        Err(PayloadError::Truncated { .. })
    ));
    assert_eq!(look("b.json", b"{}").unwrap().format, "json");
}

#[test]
fn a_snapshot_of_redis_has_its_checksum_and_its_time() {
    let whole = include_bytes!("../../fixtures/real/shop.rdb");
    let facts = look("dump.rdb", whole).unwrap();
    assert_eq!((facts.format.as_str(), facts.complete), ("Redis snapshot", true));
    let time = facts.time.unwrap();
    assert_eq!(
        (time.at.as_str(), time.meaning),
        ("2026-11-21T13:10:18.000Z", TimeMeaning::Captured)
    );
    for cut in [9, 20, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        assert!(look("dump.rdb", &whole[..cut]).is_err(), "cut at {cut}");
    }
    for at in (9..whole.len()).step_by(97) {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1;
        assert!(look("dump.rdb", &bytes).is_err(), "changed at {at}");
    }
    let mut unchecked = whole.to_vec();
    let end = unchecked.len() - 8;
    unchecked[end..].fill(0);
    assert!(!look("dump.rdb", &unchecked).unwrap().complete, "its server wrote no checksum");
    let log = look("appendonly.aof", b"*1\r\n$4\r\nPING\r\n").unwrap();
    assert_eq!((log.format.as_str(), log.complete), ("Redis command log", false));
}

#[test]
fn nothing_is_claimed_of_what_is_not_known() {
    let facts = look("b.bin", &noise(100)).unwrap();
    assert_eq!((facts.format.as_str(), facts.complete), ("opaque", false));
    assert!(matches!(look("b.bin", b""), Err(PayloadError::Empty)));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        magic in 0_usize..12, bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2000)
    ) {
        let start: &[u8] = [
            b"".as_slice(), b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh9", b"PK\x03\x04",
            sqlite::MAGIC, b"PGDMP\x01\x0e\x00\x04\x08\x01", b"-- PostgreSQL database dump\n", b"{",
            b"REDIS0011\xfa\x05ctime\xc2", b"*3\r\n",
        ][magic];
        let _ = look("b.json", &[start, &bytes].concat());
    }
}
