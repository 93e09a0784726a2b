//! JSON, read through `serde_json` with what it leaves open made strict.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Content, MAX_DEPTH, Node, Place, SyntaxError, utf8};

/// Reads one JSON value and nothing after it; an object with a key twice is refused.
///
/// # Errors
/// When the bytes are not UTF-8 or not exactly one strict JSON value.
pub fn parse_json(bytes: &[u8]) -> Result<Value, SyntaxError> {
    let text = utf8(bytes)?;
    serde_json::from_str::<Strict>(text)
        .map(|strict| strict.0)
        .map_err(|error| syntax_error(&error))
}

/// Reads JSON lines: one value a line, empty lines passed over, at least one value.
///
/// # Errors
/// When a line is not exactly one strict JSON value, or there is none.
pub fn parse_json_lines(bytes: &[u8]) -> Result<Vec<Value>, SyntaxError> {
    let text = utf8(bytes)?;
    let mut values = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value = parse_json(line.as_bytes()).map_err(|error| SyntaxError {
            place: Some(Place { line: index + 1, column: error.place.map_or(1, |p| p.column) }),
            message: error.message,
        })?;
        values.push(value);
    }
    if values.is_empty() {
        return Err(SyntaxError { message: "is empty".to_owned(), place: None });
    }
    Ok(values)
}

pub(super) fn syntax_error(error: &serde_json::Error) -> SyntaxError {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let place =
        (error.line() > 0).then(|| Place { line: error.line(), column: error.column().max(1) });
    SyntaxError { message: message.to_owned(), place }
}

/// A JSON value whose objects have no key twice. Nesting is capped by `serde_json` at 128.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let Strict(value) = members.next_value()?;
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!(
                    "the key `{key}` stands twice in one object"
                )));
            }
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

/// Reads a text into nodes. Each level is a raw slice of the text, whose address is its place.
pub(super) fn parse_node(text: &str) -> Result<Node, SyntaxError> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| syntax_error(&error))?;
    node(text, raw, 0)
}

fn node(text: &str, raw: &RawValue, depth: usize) -> Result<Node, SyntaxError> {
    let slice = raw.get();
    let start = offset(text, slice);
    let fail = |message: String, at: usize| {
        Err(SyntaxError { message, place: Some(Place::of_offset(text, at)) })
    };
    if depth > MAX_DEPTH {
        return fail(format!("is nested deeper than {MAX_DEPTH} levels"), start);
    }
    let at_start = |error: serde_json::Error| SyntaxError {
        message: syntax_error(&error).message,
        place: Some(Place::of_offset(text, start)),
    };
    let content = match slice.as_bytes().first() {
        Some(b'{') => {
            let Members(raw_members) = serde_json::from_str(slice).map_err(at_start)?;
            let mut members: Vec<(usize, String, Node)> = Vec::with_capacity(raw_members.len());
            for (raw_key, value) in raw_members {
                let at = offset(text, raw_key.get());
                let key: String = serde_json::from_str(raw_key.get()).map_err(at_start)?;
                if members.iter().any(|(_, earlier, _)| *earlier == key) {
                    return fail(format!("the key `{key}` stands twice in one object"), at);
                }
                members.push((at, key, node(text, value, depth + 1)?));
            }
            Content::Object(members)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(slice).map_err(at_start)?;
            let items = items.into_iter().map(|item| node(text, item, depth + 1));
            Content::List(items.collect::<Result<_, _>>()?)
        }
        _ => Content::Scalar(serde_json::from_str(slice).map_err(at_start)?),
    };
    Ok(Node { start, end: start + slice.len(), content })
}

/// The place of the value at a JSON pointer (RFC 6901). Only what lies on the way to it is read.
#[must_use]
pub fn place_in_json(bytes: &[u8], pointer: &str) -> Option<Place> {
    let text = utf8(bytes).ok()?;
    let mut raw: &RawValue = serde_json::from_str(text).ok()?;
    for segment in super::segments(pointer) {
        let slice = raw.get();
        raw = if slice.starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(slice).ok()?;
            items.get(segment.parse::<usize>().ok()?).copied()?
        } else {
            let Members(members) = serde_json::from_str(slice).ok()?;
            let key = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
            members.into_iter().find(|(name, _)| key(name).as_ref() == Some(&segment))?.1
        };
    }
    Some(Place::of_offset(text, offset(text, raw.get())))
}

fn offset(text: &str, slice: &str) -> usize {
    (slice.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// The members of an object as slices of the text, in order, duplicates included.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Document, Syntax};
    use super::*;

    #[test]
    fn duplicate_keys_are_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#] {
            assert!(parse_json(text.as_bytes()).unwrap_err().message.contains("twice"), "{text}");
            let error = Document::parse(text.as_bytes(), Syntax::Json).unwrap_err();
            assert!(error.message.contains("`a` stands twice"), "{text}");
        }
    }

    #[test]
    fn trailing_bytes_and_deep_nesting_are_refused() {
        assert!(parse_json(b"{} x").is_err());
        assert!(parse_json(&[b'['; 10_000]).is_err());
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(parse_json(deep.as_bytes()).is_err());
        let error = Document::parse(deep.as_bytes(), Syntax::Json).unwrap_err();
        assert!(error.message.contains("deeper than 64"), "{error}");
    }

    #[test]
    fn json_lines_name_the_line_and_refuse_nothing_at_all() {
        let error = parse_json_lines(b"{\"a\":1}\n\n{oops}\n").unwrap_err();
        assert_eq!(error.place.unwrap().line, 3);
        assert!(parse_json_lines(b"\n \n").is_err());
        assert_eq!(parse_json_lines(b"1\n\n2\n").unwrap().len(), 2);
    }
}
