//! The catalogue of `docs/supply-chain.md`, id by id: what must pass, and a mutant that must not.

mod bundles;
mod envelopes;
mod inputs;
mod predicates;
mod statements;

use serde_json::{Value, json};

use super::*;
use crate::manifest::SourceRef;
use crate::signature::{Envelope, KeyKind, PrivateKey};

const NOW: &str = "2026-11-20T09:00:00Z";
const IN_TOTO: &str = "application/vnd.in-toto+json";

fn artifact_bytes() -> &'static [u8] {
    b"backup"
}

fn digest() -> Digest {
    Digest::of(artifact_bytes())
}

/// Provenance of the artifact that follows every rule, with a source.
fn build() -> Value {
    json!({"_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "backup", "digest": {"sha256": digest().to_string()}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {"repository": "https://github.com/o/r",
                    "ref": "refs/tags/v1.2.3", "path": ".github/workflows/backup.yml"}},
                "resolvedDependencies": [{"uri": "git+https://github.com/o/r@refs/tags/v1.2.3",
                    "digest": {"gitCommit": "a".repeat(40)}}]},
            "runDetails": {"builder": {"id": "https://github.com/o/b/.github/workflows/x.yml@refs/tags/v1.0.0"},
                "metadata": {"startedOn": "2026-11-20T08:00:00Z", "finishedOn": "2026-11-20T08:30:00Z"}}}})
}

fn changed(mut value: Value, pointer: &str, to: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = to,
        other => other[key] = to,
    }
    value
}

fn without(mut value: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    assert!(value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).is_some());
    value
}

struct Key(PrivateKey);

impl Key {
    fn new(kind: KeyKind) -> Self {
        Self(PrivateKey::from_pem(PrivateKey::generate(kind).unwrap().as_bytes()).unwrap())
    }

    fn sign(&self, statement: &Value) -> Value {
        Envelope::sign(IN_TOTO, statement.to_string().as_bytes(), &self.0).unwrap()
    }
}

/// Trusts these keys, named `k0`, `k1` and so on, of which so many must have signed.
fn trusting(keys: &[&Key], threshold: usize) -> Trust {
    let keys = keys
        .iter()
        .zip(0..)
        .map(|(key, number)| (format!("k{number}"), key.0.public_key().unwrap()))
        .collect();
    Trust { keys, threshold, ..Trust::default() }
}

fn artifact_file() -> File {
    let file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut &file, artifact_bytes()).unwrap();
    file
}

fn computed(name: &str) -> String {
    other_digest(name, &artifact_file()).unwrap().unwrap()
}

fn held(text: &str, trust: &Trust, expected: &Expectations) -> Result<Provenance, ProvenanceError> {
    let file = artifact_file();
    let artifact = Artifact::new(digest(), Some(&file));
    validate(text.as_bytes(), &artifact, trust, expected, NOW.parse().unwrap())
}

/// Without anybody to trust.
fn read(document: &Value) -> Result<Provenance, ProvenanceError> {
    held(&document.to_string(), &Trust::default(), &Expectations::default())
}

/// Signed by somebody who is trusted, and held against what is asked for.
fn asked(document: &Value, expected: &Expectations) -> Result<Provenance, ProvenanceError> {
    let key = Key::new(KeyKind::Ed25519);
    held(&key.sign(document).to_string(), &trusting(&[&key], 1), expected)
}

/// The message of a refusal, which must hold this text.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, ProvenanceError>, wanted: &str) {
    let message = result.unwrap_err().to_string();
    assert!(message.contains(wanted), "`{wanted}` is not in: {message}");
}
