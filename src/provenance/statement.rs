//! in-toto statements, version 0.1 and 1: what they are about, and in which words.

use serde_json::Value;

use super::Artifact;
use crate::digest::Digest;

/// Statement types that are known.
const STATEMENT_TYPES: [&str; 2] =
    ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];
/// Most subjects of one statement, and most digests of one subject.
const MAX_SUBJECTS: usize = 1024;
const MAX_DIGESTS: usize = 32;
/// Digest algorithms of the specification, and how many bytes their digests have.
const DIGEST_BYTES: [(&str, &[usize]); 20] = [
    ("md5", &[16]),
    ("sha1", &[20]),
    ("sha224", &[28]),
    ("sha256", &[32]),
    ("sha384", &[48]),
    ("sha512", &[64]),
    ("sha512_224", &[28]),
    ("sha512_256", &[32]),
    ("sha3_224", &[28]),
    ("sha3_256", &[32]),
    ("sha3_384", &[48]),
    ("sha3_512", &[64]),
    ("blake2b", &[64]),
    ("blake2s", &[32]),
    ("gitCommit", &[20, 32]),
    ("gitTree", &[20, 32]),
    ("gitBlob", &[20, 32]),
    ("gitTag", &[20, 32]),
    ("dirHash", &[32]),
    ("ripemd160", &[20]),
];

/// Digests that make a subject a match where it has no SHA-256: npm's provenance has SHA-512 alone.
const AS_STRONG: [&str; 2] = ["sha512", "sha384"];

/// What is wrong with a statement: the version is not known, or a rule is broken.
pub(super) enum Fault {
    Version(String),
    Invalid(String),
}

/// A statement whose own rules hold.
pub(super) struct Statement<'a> {
    pub(super) predicate_type: &'a str,
    pub(super) predicate: &'a Value,
    subjects: &'a [Value],
}

impl<'a> Statement<'a> {
    pub(super) fn read(value: &'a Value) -> Result<Self, Fault> {
        let invalid = |text: String| Fault::Invalid(text);
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        match text("_type") {
            "" => {
                return Err(invalid("/_type is missing: it is no in-toto statement".to_owned()));
            }
            known if STATEMENT_TYPES.contains(&known) => {}
            other => {
                let known = STATEMENT_TYPES.join(" and ");
                return Err(Fault::Version(format!("/_type is `{other}`: {known} are known")));
            }
        }
        let subjects = value.get("subject").and_then(Value::as_array);
        let subjects = subjects.ok_or_else(|| invalid("/subject is no list".to_owned()))?;
        if subjects.is_empty() {
            return Err(invalid("/subject names no subject".to_owned()));
        }
        if subjects.len() > MAX_SUBJECTS {
            return Err(invalid(format!("/subject names more than {MAX_SUBJECTS} subjects")));
        }
        for (subject, index) in subjects.iter().zip(0..) {
            digests(subject, &format!("/subject/{index}")).map_err(invalid)?;
        }
        let predicate_type = text("predicateType");
        if predicate_type.is_empty() {
            return Err(invalid("/predicateType is missing".to_owned()));
        }
        let predicate = value.get("predicate").unwrap_or(&Value::Null);
        Ok(Self { predicate_type, predicate, subjects })
    }

    /// Whether one of its subjects is the artifact: by SHA-256, or, where it has none, by a digest as
    /// strong. Every other digest of that subject that can be computed must be the artifact's, too.
    pub(super) fn is_about(&self, artifact: &Artifact<'_>) -> Result<bool, Fault> {
        let mut about = false;
        for (subject, index) in self.subjects.iter().zip(0..) {
            let digest = |name: &str| subject.get("digest")?.get(name)?.as_str();
            let is_the_artifact = match digest("sha256") {
                Some(text) => text.parse::<Digest>().is_ok_and(|found| found == artifact.sha256),
                None => AS_STRONG.iter().any(|name| {
                    let stated = digest(name);
                    stated.is_some() && stated == artifact.other_digest(name).as_deref()
                }),
            };
            if !is_the_artifact {
                continue;
            }
            about = true;
            for (name, _) in DIGEST_BYTES {
                if let Some(stated) = digest(name)
                    && let Some(computed) = artifact.other_digest(name)
                    && stated != computed
                {
                    return Err(Fault::Invalid(format!(
                        "/subject/{index}/digest/{name} is {stated}, the artifact has {computed}: \
                         another digest is its own, so the subject contradicts itself"
                    )));
                }
            }
        }
        Ok(about)
    }

    /// SHA-256 digests of its subjects.
    pub(super) fn sha256_digests(&self) -> impl Iterator<Item = String> {
        self.subjects
            .iter()
            .filter_map(|subject| subject.get("digest")?.get("sha256")?.as_str().map(str::to_owned))
    }

    /// What is odd but allowed.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut names: Vec<&str> =
            self.subjects.iter().filter_map(|subject| subject.get("name")?.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1] && !pair[0].is_empty());
        twice
            .map(|pair| format!("the subject name `{}` stands twice", pair[0]))
            .into_iter()
            .collect()
    }
}

/// Checks the digests of a resource: there is one, and each has the length of its algorithm.
/// Algorithms that are not known may be there; they match nothing.
pub(super) fn digests(resource: &Value, pointer: &str) -> Result<(), String> {
    let digests = resource.get("digest").and_then(Value::as_object);
    let digests = digests
        .filter(|digests| !digests.is_empty())
        .ok_or_else(|| format!("{pointer} has no digest"))?;
    if digests.len() > MAX_DIGESTS {
        return Err(format!("{pointer}/digest has more than {MAX_DIGESTS} digests"));
    }
    for (name, value) in digests {
        let text = value.as_str().ok_or_else(|| format!("{pointer}/digest/{name} is no text"))?;
        let Some((_, lengths)) = DIGEST_BYTES.iter().find(|known| known.0 == name) else {
            continue;
        };
        let hexadecimal = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !hexadecimal || !lengths.iter().any(|bytes| text.len() == bytes * 2) {
            let wanted: Vec<String> = lengths.iter().map(|b| (b * 2).to_string()).collect();
            return Err(format!(
                "{pointer}/digest/{name} is `{}`: {} lowercase hexadecimal digits are wanted",
                text.chars().take(80).collect::<String>(),
                wanted.join(" or ")
            ));
        }
    }
    Ok(())
}
