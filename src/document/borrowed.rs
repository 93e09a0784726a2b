//! JSON that borrows its texts from the document: large documents take a fifth of the memory.

use std::borrow::Cow;
use std::fmt;
use std::ops::Index;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use super::json::syntax_error;
use super::{SyntaxError, segments, utf8};

/// A JSON value whose texts lie in the document, but for those with escapes in them. Objects keep the
/// order of their members, and none has a key twice.
#[derive(Clone, Debug, PartialEq)]
pub enum Borrowed<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(Cow<'a, str>),
    /// A list.
    List(Box<[Borrowed<'a>]>),
    /// An object.
    Object(Box<[(Cow<'a, str>, Borrowed<'a>)]>),
}

/// Reads one JSON value and nothing after it; an object with a key twice is refused.
///
/// # Errors
/// When the bytes are not UTF-8 or not exactly one strict JSON value.
pub fn parse_borrowed(bytes: &[u8]) -> Result<Borrowed<'_>, SyntaxError> {
    serde_json::from_str(utf8(bytes)?).map_err(|error| syntax_error(&error))
}

impl<'a> Borrowed<'a> {
    /// The member of an object; `None` if there is none, or this is no object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text, if this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if this is a list.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(Cow<'a, str>, Self)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The value at a JSON pointer (RFC 6901).
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        segments(pointer).try_fold(self, |value, segment| match value {
            Self::List(items) => items.get(segment.parse::<usize>().ok()?),
            _ => value.get(&segment),
        })
    }

    /// The same as a value that owns everything.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::String(text) => Value::String(text.as_ref().to_owned()),
            Self::List(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => members
                .iter()
                .map(|(key, value)| (key.as_ref().to_owned(), value.to_value()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

impl Index<&str> for Borrowed<'_> {
    type Output = Self;

    /// The member of an object, or null.
    fn index(&self, key: &str) -> &Self {
        self.get(key).unwrap_or(&Self::Null)
    }
}

impl PartialEq<str> for Borrowed<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Borrowed<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(other)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Borrowed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BorrowedVisitor)
    }
}

struct BorrowedVisitor;

impl<'de> Visitor<'de> for BorrowedVisitor {
    type Value = Borrowed<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Borrowed::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Borrowed::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Borrowed::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(value).map_or(Borrowed::Null, Borrowed::Number))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Borrowed::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Borrowed::String(Cow::Owned(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(Borrowed::String(Cow::Owned(value)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Borrowed::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Borrowed::List(list.into_boxed_slice()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object: Vec<(Cow<'de, str>, Borrowed<'de>)> = Vec::new();
        while let Some(Key(key)) = members.next_key()? {
            object.push((key, members.next_value()?));
        }
        if let Some(twice) = repeated(&object) {
            return Err(A::Error::custom(format!("the key `{twice}` stands twice in one object")));
        }
        Ok(Borrowed::Object(object.into_boxed_slice()))
    }
}

/// A key that stands twice. Small objects are compared member by member, large ones sorted.
fn repeated<'m>(members: &'m [(Cow<'_, str>, Borrowed<'_>)]) -> Option<&'m str> {
    if members.len() <= 16 {
        let twice = (1..members.len())
            .find(|index| members[..*index].iter().any(|(name, _)| *name == members[*index].0));
        return twice.map(|index| members[index].0.as_ref());
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// A key, borrowed if it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
            "[a-z\\\\\"é\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 20, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"é]{0,4}", inner, 0..20)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_document_reads_as_with_the_other_reader(value in any_json()) {
            let text = value.to_string();
            let borrowed = parse_borrowed(text.as_bytes()).unwrap();
            prop_assert_eq!(borrowed.to_value(), super::super::parse_json(text.as_bytes()).unwrap());
        }
    }

    #[test]
    fn keys_that_stand_twice_are_refused_in_small_and_large_objects() {
        let members = |count: usize, last: &str| {
            let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\":0")).collect();
            format!("[{{{},\"{last}\":1}}]", members.join(","))
        };
        for count in [1, 15, 16, 17, 1000] {
            assert!(parse_borrowed(members(count, "other").as_bytes()).is_ok(), "{count}");
            let error = parse_borrowed(members(count, "\\u006b0").as_bytes()).unwrap_err();
            assert!(error.message.contains("`k0` stands twice"), "{count}: {error}");
        }
    }

    #[test]
    fn pointers_and_members() {
        let document = parse_borrowed(b"{\"a\": [{\"b/c\": \"x\\n\"}], \"n\": 1}").unwrap();
        assert_eq!(document.pointer("/a/0/b~1c").unwrap().as_str(), Some("x\n"));
        assert_eq!(document["absent"]["too"], Borrowed::Null);
        assert_eq!(document["a"]["0"], Borrowed::Null, "a list has no members");
    }
}
