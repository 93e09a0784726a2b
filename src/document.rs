//! Strict JSON and YAML: no duplicate keys, no deep nesting, nothing after the end, and the place of every value.

mod borrowed;
mod json;
mod problem;
mod representation;
pub mod schema;
mod template;
mod yaml;

use std::fmt;
use std::path::Path;

pub use borrowed::{Borrowed, parse_borrowed};
pub use json::{parse_json, parse_json_lines, place_in_json};
pub use problem::Problem;
pub use representation::BorrowedJson;

/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;

/// A place in a text: line and column count from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte offset in a text.
    #[must_use]
    pub fn of_offset(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A text that could not be read as a document.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// Where, if it is in one place.
    pub place: Option<Place>,
}

/// A value with the bytes of the text that it was read from.
#[derive(Clone, Debug)]
pub struct Node {
    /// Byte offset of the value's first byte.
    pub start: usize,
    /// Byte offset after its last byte.
    pub end: usize,
    /// The value.
    pub content: Content,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// Null, a boolean, a number or a string.
    Scalar(serde_json::Value),
    /// A list.
    List(Vec<Node>),
    /// An object: offset of each key, the key, its value.
    Object(Vec<(usize, String, Node)>),
}

/// A text and the values in it.
#[derive(Clone, Debug)]
pub struct Document {
    text: String,
    root: Node,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// JSON (RFC 8259).
    Json,
    /// YAML 1.2, without anchors, aliases and tags.
    Yaml,
}

impl Syntax {
    /// The syntax of a file, by its name: `.yaml` and `.yml` are YAML, all else is JSON.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") => Self::Yaml,
            _ => Self::Json,
        }
    }
}

impl Document {
    /// Reads a text that a person wrote.
    ///
    /// # Errors
    /// When it is not UTF-8, not of this syntax, has a key twice, or is nested too deeply.
    pub fn parse(bytes: &[u8], syntax: Syntax) -> Result<Self, SyntaxError> {
        let text = utf8(bytes)?;
        let root = match syntax {
            Syntax::Json => json::parse_node(text)?,
            Syntax::Yaml => yaml::parse_node(text)?,
        };
        Ok(Self { text: text.to_owned(), root })
    }

    /// The same values without their places.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        self.root.to_value()
    }

    /// The node at a JSON pointer (RFC 6901).
    #[must_use]
    pub fn find(&self, pointer: &str) -> Option<&Node> {
        segments(pointer).try_fold(&self.root, |node, segment| node.child(&segment))
    }

    /// The place of the value at a pointer, or of the closest value around it.
    #[must_use]
    pub fn place(&self, pointer: &str) -> Place {
        let mut node = &self.root;
        for segment in segments(pointer) {
            let Some(child) = node.child(&segment) else { break };
            node = child;
        }
        Place::of_offset(&self.text, node.start)
    }

    /// The place of the key `key` in the object at `pointer`.
    #[must_use]
    pub fn key_place(&self, pointer: &str, key: &str) -> Place {
        match self.find(pointer).map(|node| &node.content) {
            Some(Content::Object(members)) => members
                .iter()
                .find(|(_, name, _)| name == key)
                .map_or_else(|| self.place(pointer), |m| Place::of_offset(&self.text, m.0)),
            _ => self.place(pointer),
        }
    }

    /// The text with a key and its value put before the first key of the object at `pointer`; `None`
    /// if there is no such object or it is empty.
    #[must_use]
    pub fn insert(&self, pointer: &str, key: &str, value: &str) -> Option<String> {
        let node = self.find(pointer)?;
        let Content::Object(members) = &node.content else { return None };
        let at = members.first()?.0;
        let line_start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let indent = &self.text[line_start..at];
        let block = !self.text[node.start..].starts_with('{');
        let own_line = indent.trim().is_empty();
        let added = match (block, own_line) {
            (true, _) => format!("{key}: {value}\n{}", " ".repeat(at - line_start)),
            (false, true) => format!("\"{key}\": {value},\n{indent}"),
            (false, false) => format!("\"{key}\": {value}, "),
        };
        let mut text = self.text.clone();
        text.insert_str(at, &added);
        Some(text)
    }

    /// The text with the values at these pointers replaced; everything else stays as it was.
    /// Values that are not there are left alone.
    #[must_use]
    pub fn replace(&self, values: &[(&str, String)]) -> String {
        let mut edits: Vec<_> = values
            .iter()
            .filter_map(|(pointer, text)| self.find(pointer).map(|n| (n.start, n.end, text)))
            .collect();
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.0));
        let mut text = self.text.clone();
        for (start, end, replacement) in edits {
            text.replace_range(start..end, replacement);
        }
        text
    }
}

impl Node {
    fn child(&self, segment: &str) -> Option<&Self> {
        match &self.content {
            Content::Object(members) => {
                members.iter().find(|(_, key, _)| key == segment).map(|(_, _, node)| node)
            }
            Content::List(items) => items.get(segment.parse::<usize>().ok()?),
            Content::Scalar(_) => None,
        }
    }

    fn to_value(&self) -> serde_json::Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_value).collect(),
            Content::Object(members) => members
                .iter()
                .map(|(_, key, node)| (key.clone(), node.to_value()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

fn segments(pointer: &str) -> impl Iterator<Item = String> + '_ {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"))
}

/// The bytes as text: UTF-8, without a byte order mark.
fn utf8(bytes: &[u8]) -> Result<&str, SyntaxError> {
    let text = std::str::from_utf8(bytes).map_err(|error| SyntaxError {
        message: format!("is not UTF-8: byte {} is no part of a character", error.valid_up_to()),
        place: None,
    })?;
    if text.starts_with('\u{feff}') {
        return Err(SyntaxError {
            message: "starts with a byte order mark: save it as UTF-8 without one".to_owned(),
            place: Some(Place { line: 1, column: 1 }),
        });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_replacements_are_the_same_in_json_and_yaml() {
        let json =
            "{\n  \"backup\": {\"sha256\": \"aa\"},\n  \"list\": [1, \"é\", {\"x\": null}]\n}\n";
        let yaml = "backup:\n  sha256: aa\nlist:\n  - 1\n  - é\n  - x: null\n";
        for (text, syntax, line) in [(json, Syntax::Json, 2), (yaml, Syntax::Yaml, 2)] {
            let document = Document::parse(text.as_bytes(), syntax).unwrap();
            assert_eq!(
                document.to_value(),
                serde_json::json!({"backup": {"sha256": "aa"}, "list": [1, "é", {"x": null}]})
            );
            assert_eq!(document.place("/backup/sha256").line, line);
            let edited = document.replace(&[("/backup/sha256", "\"bb\"".to_owned())]);
            let again = Document::parse(edited.as_bytes(), syntax).unwrap();
            assert_eq!(again.to_value()["backup"]["sha256"], "bb", "{edited}");
            assert_eq!(again.to_value()["list"], document.to_value()["list"]);
            let longer = document.insert("/backup", "new", "\"1\"").unwrap();
            let again = Document::parse(longer.as_bytes(), syntax).unwrap();
            assert_eq!(again.to_value()["backup"], serde_json::json!({"new": "1", "sha256": "aa"}));
        }
    }

    #[test]
    fn a_byte_order_mark_and_bad_utf8_are_refused() {
        assert!(Document::parse(b"\xef\xbb\xbf{}", Syntax::Json).is_err());
        assert!(Document::parse(b"{\"a\": \"\xff\"}", Syntax::Json).is_err());
    }
}
