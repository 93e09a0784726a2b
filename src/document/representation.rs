//! Lets the schema engine read borrowed documents as they are.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use jsonschema::types::JsonType;
use serde_json::{Number, Value};

use super::borrowed::Borrowed;

/// Lists up to this length are compared item by item.
const SHORT: usize = 8;

/// The representation of documents that borrow their texts.
#[derive(Debug)]
pub struct BorrowedJson;

impl Json for BorrowedJson {
    type Node<'a> = &'a Borrowed<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    // A lookup goes through the members one by one.
    const KEYS_PER_LOOKUP: usize = 8;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Self::Node<'_>) -> T) -> T {
        f(&Borrowed::String(Cow::Borrowed(string)))
    }
}

impl<'a> Node<'a, BorrowedJson> for &'a Borrowed<'a> {
    type Object = Members<'a>;
    type Array = &'a [Borrowed<'a>];
    type Number = &'a Number;

    fn as_object(&self) -> Option<Members<'a>> {
        match self {
            Borrowed::Object(members) => Some(Members(members)),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<&'a [Borrowed<'a>]> {
        match self {
            Borrowed::List(items) => Some(items),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            Borrowed::String(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<&'a Number> {
        match self {
            Borrowed::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self {
            Borrowed::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Borrowed::Null)
    }

    fn json_type(&self) -> JsonType {
        match self {
            Borrowed::Null => JsonType::Null,
            Borrowed::Bool(_) => JsonType::Boolean,
            Borrowed::Number(_) => JsonType::Number,
            Borrowed::String(_) => JsonType::String,
            Borrowed::List(_) => JsonType::Array,
            Borrowed::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self, expected) {
            (Borrowed::String(text), expected) => expected.as_str() == Some(text),
            (Borrowed::Bool(value), expected) => expected.as_bool() == Some(*value),
            (Borrowed::Null, expected) => expected.is_null(),
            (Borrowed::Number(number), Value::Number(other)) => same_number(number, other),
            (Borrowed::List(_), Value::Array(_)) | (Borrowed::Object(_), Value::Object(_)) => {
                jsonschema::json::cmp::equal(&self.to_value(), expected)
            }
            _ => false,
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(Borrowed::to_value(self))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Borrowed<'_>>(self) as usize))
    }
}

/// The members of an object.
#[derive(Clone, Copy)]
pub struct Members<'a>(&'a [(Cow<'a, str>, Borrowed<'a>)]);

impl<'a> Object<'a, BorrowedJson> for Members<'a> {
    type Node = &'a Borrowed<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &String) -> Option<&'a Borrowed<'a>> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter(self.0.iter())
    }
}

/// Walks the members of an object.
pub struct MembersIter<'a>(std::slice::Iter<'a, (Cow<'a, str>, Borrowed<'a>)>);

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, &'a Borrowed<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key.as_ref(), value))
    }
}

impl<'a> Array<'a, BorrowedJson> for &'a [Borrowed<'a>] {
    type Node = &'a Borrowed<'a>;
    type ElementsIter = std::slice::Iter<'a, Borrowed<'a>>;

    fn len(&self) -> usize {
        <[Borrowed<'_>]>::len(self)
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter()
    }

    fn is_unique(&self) -> bool {
        if <[Borrowed<'_>]>::len(self) <= SHORT {
            let earlier = |index: usize| self[..index].iter();
            return !self
                .iter()
                .zip(0..)
                .any(|(item, index)| earlier(index).any(|other| Item(other) == Item(item)));
        }
        let mut seen = HashSet::with_capacity(<[Borrowed<'_>]>::len(self));
        self.iter().all(|item| seen.insert(Item(item)))
    }
}

/// Whether two numbers are the same, however they are written. Integers are compared exactly.
fn same_number(a: &Number, b: &Number) -> bool {
    let integer =
        |number: &Number| number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_f64() == b.as_f64(),
    }
}

/// A value as JSON Schema compares it: numbers by what they are, objects whatever their order.
struct Item<'a>(&'a Borrowed<'a>);

impl PartialEq for Item<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Borrowed::Number(a), Borrowed::Number(b)) => same_number(a, b),
            (Borrowed::List(a), Borrowed::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Item(a) == Item(b))
            }
            (Borrowed::Object(a), Borrowed::Object(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, value)| {
                        other.0.get(key).is_some_and(|found| Item(value) == Item(found))
                    })
            }
            (a, b) => a == b,
        }
    }
}

impl Eq for Item<'_> {}

impl Hash for Item<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Borrowed::Null => 0.hash(state),
            Borrowed::Bool(value) => value.hash(state),
            // Adding zero makes one of the two zeros.
            Borrowed::Number(number) => {
                (number.as_f64().unwrap_or_default() + 0.0).to_bits().hash(state);
            }
            Borrowed::String(text) => text.hash(state),
            Borrowed::List(items) => items.iter().for_each(|item| Item(item).hash(state)),
            Borrowed::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
                for (key, value) in sorted {
                    key.hash(state);
                    Item(value).hash(state);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::borrowed::parse_borrowed;
    use super::*;

    #[test]
    fn lists_are_unique_by_the_rules_of_json_schema() {
        let unique = |text: &str| {
            let value = parse_borrowed(text.as_bytes()).unwrap();
            value.as_array().unwrap().is_unique()
        };
        let filler = "10, 11, 12, 13, 14, 15, 16, 17";
        for (pair, expected) in [
            ("1, 2", true),
            ("1, 1.0", false),
            ("9007199254740993, 9007199254740992", true),
            ("0, -0.0", false),
            ("\"a\", \"\\u0061\"", false),
            ("{\"a\": 1, \"b\": 2}, {\"b\": 2, \"a\": 1.0}", false),
            ("{\"a\": 1}, {\"a\": 2}", true),
            ("[1, 2], [2, 1]", true),
            ("null, false", true),
        ] {
            assert_eq!(unique(&format!("[{pair}]")), expected, "{pair}");
            assert_eq!(unique(&format!("[{pair}, {filler}]")), expected, "{pair}, and more");
        }
    }
}
