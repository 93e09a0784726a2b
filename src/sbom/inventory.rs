//! What every SBOM format says, in one shape: the checks behind the schemas need no other.

use std::collections::{HashMap, HashSet};

use crate::document::Borrowed;

/// An SBOM as the checks see it. Texts that say nothing (`NOASSERTION`, `NONE`, blanks) are absent.
#[derive(Default)]
pub(super) struct Inventory<'a> {
    /// When it was made.
    pub(super) created: Option<&'a str>,
    /// Whether persons or organisations are named as its authors.
    pub(super) has_author: bool,
    /// Whether the tool that made it is named.
    pub(super) has_tool: bool,
    /// Whether it says at which point of the life cycle it was made.
    pub(super) has_context: bool,
    /// Whether one component is said to depend on, or contain, another.
    pub(super) has_dependencies: bool,
    /// What it is about.
    pub(super) subjects: Vec<Component<'a>>,
    /// What it lists.
    pub(super) components: Vec<Component<'a>>,
    /// Rules that it breaks.
    pub(super) faults: Vec<Fault>,
    /// What is odd but allowed.
    pub(super) remarks: Vec<String>,
}

/// One component or package.
#[derive(Default)]
pub(super) struct Component<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) version: Option<&'a str>,
    pub(super) has_supplier: bool,
    pub(super) has_identifier: bool,
    /// A package URL or CPE that is none.
    pub(super) wrong_identifier: Option<&'a str>,
    pub(super) has_copyright: bool,
    pub(super) has_hash: bool,
    /// Its SHA-256, as it is written.
    pub(super) sha256: Option<&'a str>,
    /// Licence expressions and names.
    pub(super) licenses: Vec<&'a str>,
}

impl Inventory<'_> {
    /// What only looks like an identifier identifies nothing.
    pub(super) fn remark_identifiers(&mut self) {
        let mut wrong = self.components.iter().filter_map(|one| one.wrong_identifier);
        if let Some(first) = wrong.next() {
            self.remarks.push(format!(
                "{} component(s) have a package URL or CPE that is none, `{}` first",
                1 + wrong.count(),
                first.chars().take(100).collect::<String>()
            ));
        }
    }
}

/// A rule that is broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) rule: &'static str,
    pub(super) pointer: String,
    pub(super) message: String,
}

/// A text that says something.
pub(super) fn said<'a>(object: &'a Borrowed<'a>, key: &str) -> Option<&'a str> {
    let text = object.get(key)?.as_str()?.trim();
    (!text.is_empty() && text != "NOASSERTION" && text != "NONE").then_some(text)
}

/// The items of a list, or nothing.
pub(super) fn items<'a>(
    object: &'a Borrowed<'a>,
    key: &str,
) -> impl Iterator<Item = &'a Borrowed<'a>> {
    object.get(key).and_then(Borrowed::as_array).into_iter().flatten()
}

/// Whether a list is there and not empty.
pub(super) fn any(object: &Borrowed<'_>, key: &str) -> bool {
    items(object, key).next().is_some()
}

/// How many hexadecimal digits a digest of this algorithm has, in the spelling of any format.
fn digits(algorithm: &str) -> Option<usize> {
    let plain: String = algorithm
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    Some(match plain.as_str() {
        "MD2" | "MD4" | "MD5" => 32,
        "SHA1" => 40,
        "SHA224" | "SHA3224" => 56,
        "SHA256" | "SHA3256" | "BLAKE2B256" | "BLAKE3" | "STREEBOG256" => 64,
        "SHA384" | "SHA3384" | "BLAKE2B384" => 96,
        "SHA512" | "SHA3512" | "BLAKE2B512" | "STREEBOG512" => 128,
        "ADLER32" => 8,
        _ => return None,
    })
}

/// Holds a digest against the length of its algorithm, which no schema does.
pub(super) fn check_digest(
    algorithm: &str,
    value: &str,
    pointer: impl FnOnce() -> String,
) -> Option<Fault> {
    let wanted = digits(algorithm)?;
    let hexadecimal = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hexadecimal && value.len() == wanted {
        return None;
    }
    Some(Fault {
        rule: "sbom/digest-length",
        pointer: pointer(),
        message: format!(
            "`{}` is no {algorithm} digest: {wanted} hexadecimal digits are wanted",
            value.chars().take(140).collect::<String>()
        ),
    })
}

/// The names that elements have, and those by which others speak of them.
#[derive(Default)]
pub(super) struct References<'a> {
    known: HashMap<&'a str, usize>,
    first_places: Vec<String>,
}

impl<'a> References<'a> {
    /// Notes an element; a name that another has already is a fault.
    pub(super) fn define(
        &mut self,
        name: &'a str,
        place: impl FnOnce() -> String,
    ) -> Option<Fault> {
        if let Some(first) = self.known.get(name) {
            let first = self.first_places.get(*first).map_or("", String::as_str);
            return Some(Fault {
                rule: "sbom/duplicate-reference",
                pointer: place(),
                message: format!("`{name}` is the name of another element, too: {first}"),
            });
        }
        self.known.insert(name, self.first_places.len());
        // Places are only ever shown for the first few faults: those of most elements never are.
        if self.first_places.len() < 10_000 {
            self.first_places.push(place());
        }
        None
    }

    /// Whether an element has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// A fault, if no element has this name.
    pub(super) fn check(&self, name: &str, place: impl FnOnce() -> String) -> Option<Fault> {
        (!self.has(name)).then(|| Fault {
            rule: "sbom/dangling-reference",
            pointer: place(),
            message: format!("`{name}` is the name of no element"),
        })
    }
}

/// Whether each item comes once; the first that does not.
pub(super) fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}
