//! SB: bundles of Sigstore. The real ones in `fixtures/sigstore` are public (`NOTICE`).

use sigstore_verify::trust_root::{
    SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT,
};

use super::*;
use crate::wire::manifest::CertificateClaim;

const WILLIAM: &str = "william@yossarian.net";
const OAUTH: &str = "https://github.com/login/oauth";
const MESSAGE: &str = include_str!("../../../fixtures/sigstore/message.sigstore.json");
const MESSAGE_DIGEST: &str = "5e6ae9de58c1177bea615b4fcbfb2fd688e8c4b51c2e56b6a38e817833ec24a2";
const PROVENANCE: &str = include_str!("../../../fixtures/sigstore/provenance.sigstore.json");
const PROVENANCE_DIGEST: &str = "a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";
const RELEASE: &str = include_str!("../../../fixtures/sigstore/github-release.sigstore.json");
const RELEASE_DIGEST: &str = "76f1fe8593bf227cca2c089e3c16dc95014a8d3e89c5dd220530469ca043c428";
const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ACTIONS: &str = "https://token.actions.githubusercontent.com";

fn identity(name: &str, issuer: &str) -> Trust {
    let identity = Identity { name: name.to_owned(), issuer: issuer.to_owned() };
    Trust { identity: Some(identity), ..Trust::default() }
}

fn held_bundle(text: &str, digest: &str, trust: &Trust) -> Result<Provenance, ProvenanceError> {
    let artifact = Artifact::new(digest.parse().unwrap(), None);
    let now = NOW.parse().unwrap();
    validate(text.as_bytes(), &artifact, trust, &Expectations::default(), now)
}

const NPM: &str = include_str!("../../../fixtures/sigstore/npm.sigstore.json");
const NPM_SHA512: &str = "46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c";
const NPM_WORKFLOW: &str =
    "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main";

/// Provenance of a package, whose content is not at hand: its digest is given as if it had been
/// computed.
fn held_npm(sha512: &str, expected: &Expectations) -> Result<Provenance, ProvenanceError> {
    let artifact = Artifact::new(Digest::of(b"whatever"), None);
    artifact.computed.borrow_mut().insert("sha512".to_owned(), Some(sha512.to_owned()));
    let trust = identity(NPM_WORKFLOW, ACTIONS);
    validate(NPM.as_bytes(), &artifact, &trust, expected, NOW.parse().unwrap())
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Trusts the staging instance of Sigstore, from which this bundle comes.
fn staging(name: &str, issuer: &str) -> Trust {
    let roots = TrustedRoots::read(SIGSTORE_STAGING_TRUSTED_ROOT.as_bytes()).unwrap();
    Trust { roots, ..identity(name, issuer) }
}

fn message(value: &Value) -> Result<Provenance, ProvenanceError> {
    held_bundle(&value.to_string(), MESSAGE_DIGEST, &staging(WILLIAM, OAUTH))
}

#[test]
fn sb_1_a_bundle_with_an_entry_in_a_log() {
    let found = message(&json_of(MESSAGE)).unwrap();
    assert_eq!((found.form, found.signers.len()), ("bundle", 1));
    assert!(found.signers[0].signed_at.is_some(), "the log says when");
    let material = "/verificationMaterial/tlogEntries/0";
    for (pointer, value) in [
        ("/messageSignature/signature", json!("MEUCIQDAAAAA")),
        (&*format!("{material}/integratedTime"), json!("1")),
        (&*format!("{material}/inclusionPromise/signedEntryTimestamp"), json!("AAAA")),
        (&*format!("{material}/inclusionProof/rootHash"), json!("AAAA")),
        // A whole digest, but of another tree: only the proof itself can tell.
        (&*format!("{material}/inclusionProof/rootHash"), json!(format!("{}=", "A".repeat(43)))),
        (&*format!("{material}/inclusionProof/hashes/0"), json!(format!("{}=", "A".repeat(43)))),
        (&*format!("{material}/canonicalizedBody"), json!("AAAA")),
        ("/verificationMaterial/tlogEntries", json!([])),
    ] {
        let result = message(&changed(json_of(MESSAGE), pointer, value));
        assert!(result.is_err(), "{pointer}: {result:?}");
    }
    let other = Digest::of(b"other").to_string();
    let trust = staging(WILLIAM, OAUTH);
    refused(held_bundle(MESSAGE, &other, &trust), "is not signed by whom it should be");
}

#[test]
fn sb_2_without_anybody_to_trust_a_bare_signature_says_nothing() {
    refused(held_bundle(MESSAGE, MESSAGE_DIGEST, &Trust::default()), "is unsigned: ");
}

#[test]
fn sb_3_entries_are_capped() {
    let entry = json_of(MESSAGE)["verificationMaterial"]["tlogEntries"][0].clone();
    let many = json!(vec![entry; 33]);
    let result = message(&changed(json_of(MESSAGE), "/verificationMaterial/tlogEntries", many));
    refused(result, "more than 32 log entries");
}

#[test]
fn sb_20_identity_and_issuer_both() {
    for (name, issuer, wanted) in [
        ("someone@else.net", OAUTH, "identity mismatch"),
        (WILLIAM, "https://accounts.google.com", "issuer mismatch"),
        ("WILLIAM@yossarian.net", OAUTH, "identity mismatch"),
    ] {
        refused(held_bundle(MESSAGE, MESSAGE_DIGEST, &staging(name, issuer)), wanted);
    }
}

#[test]
fn sb_21_what_only_a_certificate_can_say() {
    let asking = |claim: CertificateClaim, value: &str| {
        let certificate = [(claim, value.to_owned())].into();
        held_npm(NPM_SHA512, &Expectations { certificate, ..Expectations::default() })
    };
    for (claim, right) in [
        (CertificateClaim::RunnerEnvironment, "github-hosted"),
        (CertificateClaim::SourceRepositoryUri, "https://github.com/sigstore/sigstore-js"),
        (CertificateClaim::SourceRepositoryRef, "refs/heads/main"),
        (CertificateClaim::SourceRepositoryOwnerUri, "https://github.com/sigstore"),
        (CertificateClaim::BuildSignerUri, NPM_WORKFLOW),
        (CertificateClaim::BuildConfigUri, NPM_WORKFLOW),
        (CertificateClaim::BuildTrigger, "push"),
    ] {
        let found = asking(claim, right);
        assert!(found.is_ok(), "{claim:?}: {found:?}");
        let wanted = format!("says {} `{right}`, `{right}x` is wanted", claim.name());
        refused(asking(claim, &format!("{right}x")), &wanted);
    }
    refused(
        asking(CertificateClaim::DeploymentEnvironment, "production"),
        "no certificate says deployment_environment",
    );
}

#[test]
fn sb_21_a_key_says_nothing_of_a_build() {
    let key = Key::new(KeyKind::Ed25519);
    let expected = expecting_certificate();
    let signed = key.sign(&build()).to_string();
    refused(held(&signed, &trusting(&[&key], 1), &expected), "no certificate says");
    let artifact = Artifact::new(MESSAGE_DIGEST.parse().unwrap(), None);
    let trust = staging(WILLIAM, OAUTH);
    let found = validate(MESSAGE.as_bytes(), &artifact, &trust, &expected, NOW.parse().unwrap());
    refused(found, "no certificate says runner_environment");
}

fn expecting_certificate() -> Expectations {
    let certificate = [(CertificateClaim::RunnerEnvironment, "github-hosted".to_owned())].into();
    Expectations { certificate, ..Expectations::default() }
}

#[test]
fn sb_22_a_certificate_that_contradicts_itself() {
    let mut claims = sigstore_verify::crypto::FulcioCiClaims::default();
    claims.source_repository_uri = Some("https://github.com/o/r".to_owned());
    claims.source_repository_ref = Some("refs/heads/main".to_owned());
    claims.deprecated_github.workflow_repository = Some("o/r".to_owned());
    claims.deprecated_github.workflow_ref = Some("refs/heads/main".to_owned());
    let found = bundle::source(&claims).unwrap().unwrap();
    assert_eq!(
        (found.uri.as_str(), found.reference.as_deref()),
        ("https://github.com/o/r", Some("refs/heads/main"))
    );
    for change in [
        (|claims| claims.deprecated_github.workflow_repository = Some("o/other".to_owned()))
            as fn(&mut sigstore_verify::crypto::FulcioCiClaims),
        |claims| claims.deprecated_github.workflow_ref = Some("refs/heads/x".to_owned()),
    ] {
        let mut changed = claims.clone();
        change(&mut changed);
        assert!(bundle::source(&changed).unwrap_err().contains("contradicts itself"));
    }
}

#[test]
fn sb_23_what_the_statement_says_of_its_source_is_what_the_certificate_says() {
    // The signature holds; the statement speaks of a repository that did not get the certificate.
    refused(
        held_bundle(PROVENANCE, PROVENANCE_DIGEST, &identity(BEACON, ACTIONS)),
        "it says that it was started from `https://github.com/loosebazooka/aa-test`, its certificate",
    );
    refused(
        held_bundle(PROVENANCE, PROVENANCE_DIGEST, &identity("x", ACTIONS)),
        "identity mismatch",
    );
    let found = held_bundle(PROVENANCE, PROVENANCE_DIGEST, &Trust::default()).unwrap();
    assert!(found.signers.is_empty(), "nobody is trusted, and nothing is claimed");
}

#[test]
fn sb_23_provenance_that_agrees_with_its_certificate() {
    let held = |sha512: &str, change: &dyn Fn(&mut Expectations)| {
        let mut expected = Expectations {
            source_uri: Some("https://github.com/sigstore/sigstore-js".to_owned()),
            source_ref: Some(SourceRef::Branch("main".to_owned())),
            ..Expectations::default()
        };
        change(&mut expected);
        held_npm(sha512, &expected)
    };
    let found = held(NPM_SHA512, &|_| {}).unwrap();
    assert_eq!(found.signers[0].name, NPM_WORKFLOW);
    assert_eq!(found.builders, ["https://github.com/actions/runner/github-hosted"]);
    refused(held(&"0".repeat(128), &|_| {}), "no statement is about");
    let other =
        |expected: &mut Expectations| expected.source_ref = Some(SourceRef::Tag("v1".to_owned()));
    refused(held(NPM_SHA512, &other), "`refs/tags/v1` is wanted");
}

#[test]
fn sb_23_event_and_run_are_those_of_the_certificate() {
    let run = "https://github.com/o/r/actions/runs/1/attempts/1";
    let held = |pointer: &str, value: &str| {
        let stated = changed(
            changed(build(), "/predicate/runDetails/metadata/invocationId", json!(run)),
            "/predicate/buildDefinition/internalParameters",
            json!({"GITHUB_EVENT_NAME": "push"}),
        );
        let statement = changed(stated, pointer, json!(value));
        let kind = "https://slsa.dev/provenance/v1";
        let Ok(predicate) = predicate::read(kind, &statement["predicate"]) else { panic!() };
        let claims = [
            (CertificateClaim::BuildTrigger, "push".to_owned()),
            (CertificateClaim::RunInvocationUri, run.to_owned()),
        ];
        let signer = Signer {
            name: String::new(),
            detail: String::new(),
            signed_at: None,
            source: None,
            claims: claims.into(),
        };
        let now = NOW.parse().unwrap();
        expectation::hold(&Expectations::default(), kind, &predicate, &[signer], now)
    };
    let id = "/predicate/runDetails/metadata/invocationId";
    let event = "/predicate/buildDefinition/internalParameters/GITHUB_EVENT_NAME";
    assert_eq!(held(event, "push"), Ok(()));
    assert!(held(event, "schedule").unwrap_err().contains("was started by `schedule`"));
    assert!(held(id, &format!("{run}1")).unwrap_err().contains("is of the run"));
    assert_eq!(held(id, "1-1"), Ok(()), "a number is no address, and not compared");
}

#[test]
fn sb_24_github_bundles_are_held_against_the_root_of_github() {
    // No entry in a log, but a timestamp: everything but the issuer, which its certificates lack.
    let name = "https://dotcom.releases.github.com";
    refused(held_bundle(RELEASE, RELEASE_DIGEST, &identity(name, ACTIONS)), "issuer mismatch");
    refused(held_bundle(RELEASE, RELEASE_DIGEST, &identity("x", ACTIONS)), "identity mismatch");
}

#[test]
fn sb_25_a_trusted_root_that_is_given_is_the_only_one() {
    let trust = |root: &str| Trust {
        roots: TrustedRoots::read(root.as_bytes()).unwrap(),
        ..identity(WILLIAM, OAUTH)
    };
    let (public, staging) = (SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT);
    assert!(held_bundle(MESSAGE, MESSAGE_DIGEST, &trust(staging)).is_ok());
    refused(
        held_bundle(MESSAGE, MESSAGE_DIGEST, &trust(public)),
        "is not signed by whom it should be",
    );
    refused(held_bundle(MESSAGE, MESSAGE_DIGEST, &identity(WILLIAM, OAUTH)), "No log key valid");
    // One root a line, as `gh` writes them.
    let line = |text: &str| serde_json::to_string(&json_of(text)).unwrap();
    let lines = format!("{}\n{}\n", line(staging), line(public));
    assert!(held_bundle(MESSAGE, MESSAGE_DIGEST, &trust(&lines)).is_ok());
    assert!(TrustedRoots::read(b"{}").is_err());
    assert!(TrustedRoots::read(b"x").is_err());
}

#[test]
fn a_bundle_signed_with_a_key_needs_no_log() {
    let key = Key::new(KeyKind::P256);
    let bundle = |envelope: Value| {
        json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": "any"}}, "dsseEnvelope": envelope})
    };
    let hold =
        |value: &Value, trust: &Trust| held(&value.to_string(), trust, &Expectations::default());
    let good = bundle(key.sign(&build()));
    assert_eq!(hold(&good, &trusting(&[&key], 1)).unwrap().signers[0].name, "k0");
    let stranger = Key::new(KeyKind::P256);
    refused(hold(&good, &trusting(&[&stranger], 1)), "0 of its 1 signature(s)");
}
