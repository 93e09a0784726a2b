//! Redaction: what others print is kept without the secrets and the private paths in it.

use std::path::Path;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// Whether two secrets are the same, in a time that does not tell where they differ.
#[must_use]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// What stands in place of a secret.
const REDACTED: &[u8] = b"[redacted]";

/// A shape of secrets that give themselves away, whoever prints them. Group 1 is kept.
struct Shape {
    /// Lowercase texts of which one must be there: a search for them costs less than compiling.
    signs: &'static [&'static [u8]],
    pattern: LazyLock<Option<Regex>>,
    replacement: &'static [u8],
}

macro_rules! shape {
    ($signs:expr, $pattern:expr, $replacement:expr) => {
        Shape {
            signs: $signs,
            pattern: LazyLock::new(|| Regex::new($pattern).ok()),
            replacement: $replacement,
        }
    };
}

static SHAPES: [Shape; 6] = [
    // A password in a URL: scheme://user:password@host
    shape!(&[b"://"], r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*:)[^\s/@]+@", b"${1}[redacted]@"),
    // Authorization headers and bearer tokens.
    shape!(
        &[b"bearer", b"basic"],
        r"(?i)(\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}",
        b"${1}[redacted]"
    ),
    // name=value and name: value, where the name says that it is secret.
    shape!(
        &[b"passw", b"secret", b"token", b"key"],
        r#"(?i)([a-z0-9_-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)["']?\s*[=:]\s*["']?)[^\s"',;]+"#,
        b"${1}[redacted]"
    ),
    // Keys of well-known issuers.
    shape!(&[b"akia", b"asia"], r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", b"[redacted]"),
    shape!(&[b"gh"], r"\bgh[pousr]_[A-Za-z0-9]{36,}\b", b"[redacted]"),
    shape!(
        &[b"private key"],
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s]*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
        b"[redacted]"
    ),
];

/// Takes known secrets, known private paths and secret-shaped text out of other programs' output.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    replacements: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Redactor {
    /// Hides a value wherever it is printed. Values of fewer than 4 bytes are left alone: they
    /// would redact half of any text and protect nothing.
    #[must_use]
    pub fn secret(mut self, value: &[u8]) -> Self {
        if value.len() >= 4 {
            self.replacements.push((value.to_vec(), REDACTED.to_vec()));
        }
        self
    }

    /// Shows a private path under a name that is the same on every machine.
    #[must_use]
    pub fn path(mut self, path: &Path, name: &str) -> Self {
        let bytes = path.as_os_str().as_encoded_bytes();
        if bytes.len() > 1 {
            self.replacements.push((bytes.to_vec(), name.as_bytes().to_vec()));
        }
        self
    }

    /// The text without what must not be kept.
    #[must_use]
    pub fn redact(&self, text: &[u8]) -> Vec<u8> {
        let mut kept = text.to_vec();
        for (value, replacement) in &self.replacements {
            kept = replace(&kept, value, replacement);
        }
        let lowercase = kept.to_ascii_lowercase();
        for shape in &SHAPES {
            if shape.signs.iter().any(|sign| contains(&lowercase, sign))
                && let Some(pattern) = shape.pattern.as_ref()
            {
                kept = pattern.replace_all(&kept, shape.replacement).into_owned();
            }
        }
        kept
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn replace(text: &[u8], value: &[u8], replacement: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(value.len()).position(|window| window == value) {
        kept.extend_from_slice(&rest[..at]);
        kept.extend_from_slice(replacement);
        rest = &rest[at + value.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(text: &str) -> String {
        String::from_utf8(Redactor::default().redact(text.as_bytes())).unwrap()
    }

    #[test]
    fn shapes_of_secrets_are_taken_out() {
        for (text, kept) in [
            ("postgres://app:hunter2@db/orders", "postgres://app:[redacted]@db/orders"),
            ("PGPASSWORD=hunter2 psql", "PGPASSWORD=[redacted] psql"),
            ("\"password\": \"hunter2\",", "\"password\": \"[redacted]\","),
            ("Authorization: Bearer abcdef123456", "Authorization: Bearer [redacted]"),
            ("key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"),
        ] {
            assert_eq!(redact(text), kept);
        }
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----";
        assert_eq!(redact(key), "[redacted]");
    }

    #[test]
    fn ordinary_text_is_kept() {
        let text = "restored 14 tables from https://example.org/backup at 10:30:00";
        assert_eq!(redact(text), text);
    }

    #[test]
    fn known_values_and_paths_are_replaced() {
        let redactor = Redactor::default()
            .secret(b"s3cr3t-value")
            .secret(b"abc")
            .path(Path::new("/tmp/x1"), "$RESTORE_DIR");
        let kept = redactor.redact(b"abc wrote /tmp/x1/db with s3cr3t-value");
        assert_eq!(kept, b"abc wrote $RESTORE_DIR/db with [redacted]");
    }
}
