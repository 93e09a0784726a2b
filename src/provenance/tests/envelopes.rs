//! DS: envelopes and the keys that they are held against.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};

use super::*;
use crate::signature::PublicKey;

fn trusted(envelope: &Value, trust: &Trust) -> Result<Provenance, ProvenanceError> {
    held(&envelope.to_string(), trust, &Expectations::default())
}

fn signed() -> (Value, Trust) {
    let key = Key::new(KeyKind::Ed25519);
    (key.sign(&build()), trusting(&[&key], 1))
}

#[test]
fn ds_1_required_fields() {
    let (envelope, trust) = signed();
    assert!(trusted(&changed(envelope.clone(), "/unknown", json!(1)), &trust).is_ok());
    assert!(trusted(&without(envelope.clone(), "/signatures/0/keyid"), &trust).is_ok());
    for field in ["payload", "payloadType", "signatures"] {
        let broken = without(envelope.clone(), &format!("/{field}"));
        refused(trusted(&broken, &trust), &format!("`{field}` is missing"));
    }
    refused(trusted(&without(envelope.clone(), "/signatures/0/sig"), &trust), "`sig` is missing");
    refused(trusted(&changed(envelope, "/signatures", json!([])), &trust), "it has no signature");
}

#[test]
fn ds_2_base64_of_either_alphabet_but_canonical() {
    let (envelope, trust) = signed();
    // A payload whose encoding uses the characters in which the alphabets differ.
    let mut statement = build();
    statement["predicate"]["note"] = json!("\u{3ff}\u{3ff}\u{3ff}?>?>");
    let key = Key::new(KeyKind::Ed25519);
    let (payload, trust_2) = (statement.to_string(), trusting(&[&key], 1));
    let envelope_2 = key.sign(&statement);
    for encoding in [BASE64, BASE64URL, BASE64_NOPAD, BASE64URL_NOPAD] {
        let text = encoding.encode(payload.as_bytes());
        assert!(trusted(&changed(envelope_2.clone(), "/payload", json!(text)), &trust_2).is_ok());
    }
    let good = envelope["signatures"][0]["sig"].as_str().unwrap().to_owned();
    // 64 bytes end in four bits that mean nothing: they must be zero.
    let mut loose = good.clone().into_bytes();
    let last = loose.len() - 3;
    loose[last] += 1;
    for bad in ["a b", "+-==", "A", &format!("{good}\n"), std::str::from_utf8(&loose).unwrap()] {
        let broken = changed(envelope.clone(), "/signatures/0/sig", json!(bad));
        refused(trusted(&broken, &trust), "`sig` is not canonical base64");
    }
    refused(trusted(&changed(envelope, "/payload", json!("a b")), &trust), "`payload` is not");
}

#[test]
fn ds_3_lengths_are_counted_in_bytes() {
    let key = Key::new(KeyKind::Ed25519);
    let mut statement = build();
    statement["predicate"]["note"] = json!("é");
    assert!(trusted(&key.sign(&statement), &trusting(&[&key], 1)).is_ok());
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let envelope = resigned_as("application/vnd.in-toto.é+json", &statement, |message| {
        pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    });
    assert!(trusted(&envelope, &trusting_der(der.as_ref())).is_ok(), "two bytes, one letter");
    // The vector of the specification (protocol.md): ECDSA P-256, the two numbers side by side.
    let spec = json!({"payload": "aGVsbG8gd29ybGQ=", "payloadType": "http://example.com/HelloWorld",
        "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]});
    let key = public_key_of_the_specification();
    let envelope = Envelope::read(&spec).unwrap();
    assert_eq!(envelope.signers(&[key]).len(), 1);
}

/// The key of the test vector, from its numbers.
fn public_key_of_the_specification() -> PublicKey {
    let x = "46950820868899156662930047687818585632848591499744589407958293238635476079160";
    let y = "5640078356564379163099075877009565129882514886557779369047442380624545832820";
    let mut der = hex::decode("3059301306072a8648ce3d020106082a8648ce3d03010703420004").unwrap();
    der.extend(big_endian(x));
    der.extend(big_endian(y));
    PublicKey::from_der(&der).unwrap()
}

fn big_endian(decimal: &str) -> [u8; 32] {
    let mut number = [0u8; 32];
    for digit in decimal.bytes() {
        let mut carry = u16::from(digit - b'0');
        for byte in number.iter_mut().rev() {
            let value = u16::from(*byte) * 10 + carry;
            *byte = (value & 0xff) as u8;
            carry = value >> 8;
        }
    }
    number
}

#[test]
fn ds_4_only_payload_types_of_in_toto() {
    let key = Key::new(KeyKind::Ed25519);
    let sign = |kind: &str| {
        let envelope = Envelope::sign(kind, build().to_string().as_bytes(), &key.0).unwrap();
        trusted(&envelope, &trusting(&[&key], 1))
    };
    assert!(sign(IN_TOTO).is_ok());
    assert!(sign("application/vnd.in-toto.provenance+json").is_ok());
    refused(sign("text/plain"), "its payloadType `text/plain`");
    // What was signed as something else does not become a statement by a new label.
    let envelope = Envelope::sign("text/plain", build().to_string().as_bytes(), &key.0).unwrap();
    let relabelled = changed(envelope, "/payloadType", json!(IN_TOTO));
    refused(trusted(&relabelled, &trusting(&[&key], 1)), "0 of its 1 signature(s)");
}

fn resigned(statement: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> Value {
    resigned_as(IN_TOTO, statement, sign)
}

fn resigned_as(kind: &str, statement: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> Value {
    let payload = statement.to_string();
    let message = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len()).into_bytes();
    json!({"payloadType": kind, "payload": BASE64.encode(payload.as_bytes()),
        "signatures": [{"sig": BASE64.encode(&sign(&message))}]})
}

fn trusting_der(der: &[u8]) -> Trust {
    let keys = vec![("k0".to_owned(), PublicKey::from_der(der).unwrap())];
    Trust { keys, ..Trust::default() }
}

#[test]
fn ds_5_the_key_alone_decides_the_algorithm() {
    let random = SystemRandom::new();
    let ecdsa = |algorithm: &'static EcdsaSigningAlgorithm| {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let envelope =
            resigned(&build(), |message| pair.sign(&random, message).unwrap().as_ref().to_vec());
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        (envelope, trusting_der(der.as_ref()))
    };
    for algorithm in [
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P384_SHA384_FIXED_SIGNING,
    ] {
        let (envelope, trust) = ecdsa(algorithm);
        assert!(trusted(&envelope, &trust).is_ok(), "{algorithm:?}");
        let (_, another) = ecdsa(algorithm);
        refused(trusted(&envelope, &another), "0 of its 1 signature(s)");
    }
    let key = Key::new(KeyKind::P256);
    assert!(trusted(&key.sign(&build()), &trusting(&[&key], 1)).is_ok(), "P-256 in DER");
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    for encoding in [
        &RSA_PKCS1_SHA256 as &'static dyn aws_lc_rs::signature::RsaEncoding,
        &RSA_PKCS1_SHA512,
        &RSA_PSS_SHA256,
        &RSA_PSS_SHA384,
    ] {
        let envelope = resigned(&build(), |message| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &random, message, &mut signature).unwrap();
            signature
        });
        assert!(trusted(&envelope, &trusting_der(der.as_ref())).is_ok(), "{encoding:?}");
    }
}

#[test]
fn ds_6_a_threshold_counts_keys_and_neither_signatures_nor_names() {
    let (one, two) = (Key::new(KeyKind::Ed25519), Key::new(KeyKind::P256));
    let mut envelope = one.sign(&build());
    let other = two.sign(&build())["signatures"][0].clone();
    let own = envelope["signatures"][0].clone();
    let trust = trusting(&[&one, &two], 2);
    // The same signature twice, under two names.
    let mut renamed = own.clone();
    renamed["keyid"] = json!("another");
    envelope["signatures"] = json!([own, renamed]);
    refused(trusted(&envelope, &trust), "1 of its 2 signature(s) are by keys that were given, 2");
    envelope["signatures"] = json!([own, other]);
    let found = trusted(&envelope, &trust).unwrap();
    let names: Vec<_> = found.signers.iter().map(|signer| signer.name.as_str()).collect();
    assert_eq!(names, ["k0", "k1"]);
    // The same key given twice is one key.
    refused(trusted(&one.sign(&build()), &trusting(&[&one, &one], 2)), "1 of its 1 signature(s)");
}

#[test]
fn ds_7_a_key_id_neither_helps_nor_hinders() {
    let (key, stranger) = (Key::new(KeyKind::Ed25519), Key::new(KeyKind::Ed25519));
    let envelope = key.sign(&build());
    let trust = trusting(&[&key], 1);
    let misleading = changed(envelope.clone(), "/signatures/0/keyid", json!("somebody else"));
    assert!(trusted(&misleading, &trust).is_ok());
    let bad = stranger.sign(&build())["signatures"][0].clone();
    let good = envelope["signatures"][0].clone();
    assert!(trusted(&changed(envelope.clone(), "/signatures", json!([bad, good])), &trust).is_ok());
    let mut claimed = stranger.sign(&build());
    claimed["signatures"][0]["keyid"] = json!(key.0.public_key().unwrap().id());
    refused(trusted(&claimed, &trust), "0 of its 1 signature(s)");
}

#[test]
fn ds_8_signatures_are_capped_and_a_threshold_of_none_is_one() {
    let (envelope, mut trust) = signed();
    let signature = envelope["signatures"][0].clone();
    let many = |count| changed(envelope.clone(), "/signatures", json!(vec![&signature; count]));
    assert!(trusted(&many(1024), &trust).is_ok());
    refused(trusted(&many(10_000), &trust), "10000 signatures; more than 1024 are not looked at");
    trust.threshold = 0;
    assert!(trusted(&envelope, &trust).is_ok());
    let stranger = Trust { threshold: 0, ..trusting(&[&Key::new(KeyKind::Ed25519)], 0) };
    refused(trusted(&envelope, &stranger), "1 are wanted");
}

#[test]
fn ds_9_a_certificate_without_a_bundle_proves_no_identity() {
    let (mut envelope, _) = signed();
    envelope["signatures"][0]["cert"] = json!("-----BEGIN CERTIFICATE-----");
    let identity = Identity { name: "a@example.org".to_owned(), issuer: "https://i".to_owned() };
    let trust = Trust { identity: Some(identity), ..Trust::default() };
    refused(trusted(&envelope, &trust), "an identity cannot be verified");
    refused(
        held(&build().to_string(), &trust, &Expectations::default()),
        "is unsigned: statement 1: it is a bare statement",
    );
}

#[test]
fn a_changed_payload_is_noticed() {
    let (envelope, trust) = signed();
    let payload = build().to_string().replace("/workflows/x.yml", "/workflows/y.yml");
    let broken = changed(envelope, "/payload", json!(BASE64.encode(payload.as_bytes())));
    refused(trusted(&broken, &trust), "0 of its 1 signature(s)");
}

/// By minisign 0.11 over the artifact.
const MINISIGN_KEY: &str = include_str!("../../../fixtures/minisign/build.pub");
const MINISIGN: &str = include_str!("../../../fixtures/minisign/backup.minisig");

#[test]
fn a_signature_of_minisign_vouches_for_the_file_itself() {
    let mut trust = Trust::default();
    refused(held(MINISIGN, &trust, &Expectations::default()), "is unsigned");
    trust.add_key("host", PublicKey::read(MINISIGN_KEY.as_bytes()).unwrap()).unwrap();
    let found = held(MINISIGN, &trust, &Expectations::default()).unwrap();
    assert_eq!((found.form, found.signers[0].name.as_str()), ("minisign", "host"));
    let demanding = Expectations { max_age_hours: Some(1.0), ..Expectations::default() };
    refused(held(MINISIGN, &trust, &demanding), "a signature without a statement");
    let away = Artifact::new(digest(), None);
    let now = NOW.parse().unwrap();
    refused(
        validate(MINISIGN.as_bytes(), &away, &trust, &Expectations::default(), now),
        "which is not at hand",
    );
    let stranger = Key::new(KeyKind::Ed25519);
    refused(
        held(MINISIGN, &trusting(&[&stranger], 1), &Expectations::default()),
        "by no key that was given",
    );
    trust.threshold = 2;
    refused(held(MINISIGN, &trust, &Expectations::default()), "a threshold asks for more");
    refused(held("untrusted comment: x\n", &trust, &Expectations::default()), "is invalid");
}
