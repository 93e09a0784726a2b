//! Which ref of a source a build must have been made from.

use std::fmt;

/// A demand on the ref of a source. Refs are whole, as `refs/heads/main`: a branch and a tag may have
/// one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceRef {
    /// This ref.
    Whole(String),
    /// The branch of this name.
    Branch(String),
    /// The tag of this name.
    Tag(String),
    /// A tag of this version, or of one within it: `v14` also holds for `v14.2` and `v14.2.1`.
    Version(Version),
}

/// A version as tags carry it: one to three numbers, and whether it is a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    text: String,
    prefixed: bool,
    numbers: Vec<u32>,
    prerelease: String,
}

impl SourceRef {
    /// Reads a version: `v1`, `v1.2`, `v1.2.3`, `v1.2.3-rc.1`, with or without the `v`.
    ///
    /// # Errors
    /// When it is none.
    pub fn version(text: &str) -> Result<Self, String> {
        let version = Version::read(text);
        version
            .map(Self::Version)
            .ok_or_else(|| format!("`{text}` is no version: v1, v1.2 or v1.2.3 is wanted"))
    }

    /// Whether a ref is what is asked for.
    #[must_use]
    pub fn accepts(&self, found: &str) -> bool {
        match self {
            Self::Whole(wanted) => found == wanted,
            Self::Branch(name) => found.strip_prefix("refs/heads/") == Some(name),
            Self::Tag(name) => found.strip_prefix("refs/tags/") == Some(name),
            Self::Version(wanted) => found
                .strip_prefix("refs/tags/")
                .and_then(Version::read)
                .is_some_and(|version| wanted.includes(&version)),
        }
    }
}

impl fmt::Display for SourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(name) => write!(f, "`{name}`"),
            Self::Branch(name) => write!(f, "`refs/heads/{name}`"),
            Self::Tag(name) => write!(f, "`refs/tags/{name}`"),
            Self::Version(version) => write!(f, "a tag of version `{}`", version.text),
        }
    }
}

impl Version {
    /// What is built stands after `+`, and says nothing of the version.
    fn read(text: &str) -> Option<Self> {
        let plain = text.split('+').next()?;
        let (prefixed, plain) =
            plain.strip_prefix('v').map_or((false, plain), |plain| (true, plain));
        let (core, prerelease) = plain.split_once('-').unwrap_or((plain, ""));
        let numbers: Vec<u32> = core.split('.').map(number).collect::<Option<_>>()?;
        let whole = numbers.len() <= 3 && (prerelease.is_empty() || numbers.len() == 3);
        let (text, prerelease) = (text.to_owned(), prerelease.to_owned());
        whole.then_some(Self { text, prefixed, numbers, prerelease })
    }

    fn includes(&self, other: &Self) -> bool {
        self.prefixed == other.prefixed
            && other.numbers.starts_with(&self.numbers)
            && self.prerelease == other.prerelease
    }
}

fn number(text: &str) -> Option<u32> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok())?
}
