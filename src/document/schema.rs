//! JSON Schema with errors for people: one sentence each, at the place that is wrong.

use std::collections::{BTreeMap, HashSet};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::json::Json;
use jsonschema::{ValidationError, Validator};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

pub use jsonschema::json::SerdeJson;

/// The keyword below which schemas keep what they refer to.
const DEFINITIONS: &str = "definitions";

/// A compiled schema, for documents in one representation. Formats are checked; nothing is ever
/// fetched.
pub struct Schema<F: Json = SerdeJson>(Validator<F>);

/// A schema that cannot be compiled: a defect of this program, not of a document.
#[derive(Debug, thiserror::Error)]
#[error("the schema cannot be compiled: {0}")]
pub struct InvalidSchema(pub String);

/// One way in which a document does not follow its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer (RFC 6901) to the value.
    pub pointer: String,
    /// A key that is not known, if that is what is wrong.
    pub unknown_key: Option<String>,
    /// What is wrong, as a lowercase fragment about the value.
    pub message: String,
}

impl<F: Json> Schema<F> {
    /// Compiles a schema.
    ///
    /// # Errors
    /// When it is no valid schema.
    pub fn compile(schema: &Value) -> Result<Self, InvalidSchema> {
        Self::compile_with(schema, &[])
    }

    /// Compiles a schema that refers to others by these addresses.
    ///
    /// # Errors
    /// When it is no valid schema or refers to one that was not given.
    pub fn compile_with(schema: &Value, others: &[(String, Value)]) -> Result<Self, InvalidSchema> {
        let invalid = |error: String| InvalidSchema(error);
        let registry = jsonschema::Registry::new()
            .extend(others.iter().map(|(address, other)| (address.as_str(), other)))
            .and_then(jsonschema::RegistryBuilder::prepare)
            .map_err(|error| invalid(error.to_string()))?;
        jsonschema::options_for::<F>()
            .should_validate_formats(true)
            .with_registry(&registry)
            .build(schema)
            .map(Self)
            .map_err(|error| invalid(error.to_string()))
    }

    /// Compiles what the text of a schema says of the keys that a document has ([`keys_of`]), which is
    /// all that can matter to it: of a large schema and a small document that is a small part, and the
    /// rest is not even parsed. `others` gives, from that part as text, the schemas that it refers to by
    /// their addresses.
    ///
    /// # Errors
    /// When it is no valid schema or refers to one that was not given.
    pub fn compile_for(
        keys: &HashSet<&str>,
        schema: &str,
        others: impl FnOnce(&str) -> Result<Vec<(String, Value)>, InvalidSchema>,
    ) -> Result<Self, InvalidSchema> {
        let schema = reduced(schema, keys).map_err(|error| InvalidSchema(error.to_string()))?;
        let mut others = others(&schema.to_string())?;
        others.iter_mut().for_each(|(_, other)| prune(other, keys));
        Self::compile_with(&schema, &others)
    }

    /// Everything that is wrong with a document, at most `cap` of it, and how much there is in all.
    #[must_use]
    pub fn violations<'d>(&'d self, document: F::Node<'d>, cap: usize) -> (Vec<Violation>, usize) {
        let mut found = Vec::new();
        let mut total = 0;
        for error in self.0.iter_errors(document) {
            for violation in explain(&error) {
                total += 1;
                if found.len() < cap {
                    found.push(violation);
                }
            }
        }
        (found, total)
    }
}

/// Every key of every object in a value.
#[must_use]
pub fn keys_of(value: &Value) -> HashSet<&str> {
    let mut keys = HashSet::new();
    collect_keys(value, &mut keys);
    keys
}

fn collect_keys<'a>(value: &'a Value, keys: &mut HashSet<&'a str>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                keys.insert(key);
                collect_keys(member, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}

/// Replaces what a schema says of properties that no object has by nothing. The names stay: they
/// are still known.
fn prune(schema: &mut Value, keys: &HashSet<&str>) {
    match schema {
        Value::Object(members) => {
            for (keyword, member) in members {
                match member {
                    Value::Object(properties) if keyword == "properties" => {
                        for (name, property) in properties {
                            if keys.contains(name.as_str()) {
                                prune(property, keys);
                            } else {
                                *property = Value::Bool(true);
                            }
                        }
                    }
                    other => prune(other, keys),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| prune(item, keys)),
        _ => {}
    }
}

/// A schema with what it says of these keys only, and the definitions that this refers to.
fn reduced(text: &str, keys: &HashSet<&str>) -> serde_json::Result<Value> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
    let mut definitions: BTreeMap<String, &RawValue> = members
        .remove(DEFINITIONS)
        .map_or(Ok(BTreeMap::new()), |raw| serde_json::from_str(raw.get()))?;
    let mut schema = members
        .into_iter()
        .map(|(keyword, raw)| Ok((keyword, serde_json::from_str::<Value>(raw.get())?)))
        .collect::<serde_json::Result<Value>>()?;
    prune(&mut schema, keys);
    let mut wanted = Vec::new();
    collect_references(&schema, &mut wanted);
    let mut kept = Map::new();
    while let Some(name) = wanted.pop() {
        if let Some(raw) = definitions.remove(&name) {
            let mut definition = serde_json::from_str(raw.get())?;
            prune(&mut definition, keys);
            collect_references(&definition, &mut wanted);
            kept.insert(name, definition);
        }
    }
    schema[DEFINITIONS] = Value::Object(kept);
    Ok(schema)
}

/// Names of definitions of the same schema that a part of it refers to.
fn collect_references(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            if let Some(rest) = reference.and_then(|r| r.strip_prefix("#/definitions/")) {
                names.push(rest.split('/').next().unwrap_or(rest).to_owned());
            }
            members.values().for_each(|member| collect_references(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, names)),
        _ => {}
    }
}

/// An error in words. Of several alternatives, the one that the document comes closest to.
fn explain(error: &ValidationError<'_>) -> Vec<Violation> {
    let pointer = error.instance_path().to_string();
    let one =
        |message: String| vec![Violation { pointer: pointer.clone(), unknown_key: None, message }];
    let shown = shorten(&error.instance().to_string());
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .map(|key| Violation {
                pointer: pointer.clone(),
                unknown_key: Some(key.clone()),
                message: format!("unknown key `{key}`"),
            })
            .collect(),
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }
            if let Some(violation) = none_of(context) =>
        {
            vec![violation]
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            closest(context).map_or_else(
                || one(format!("{shown} has none of the accepted forms")),
                |errors| errors.iter().flat_map(explain).collect(),
            )
        }
        ValidationErrorKind::Required { property } => {
            one(format!("the key {} is missing", property.to_string().replace('"', "`")))
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(kind) => kind.to_string(),
                TypeKind::Multiple(kinds) => {
                    let kinds: Vec<_> = kinds.iter().map(|kind| kind.to_string()).collect();
                    kinds.into_iter().filter(|kind| kind != "null").collect::<Vec<_>>().join(" or ")
                }
            };
            one(format!("{shown} is not of the wanted type: {wanted}"))
        }
        ValidationErrorKind::Enum { options } => {
            one(format!("{shown} is not one of {}", shorten(&options.to_string())))
        }
        ValidationErrorKind::Pattern { pattern } if pattern.contains("{64}") => {
            one(format!("{shown} is not a SHA-256 digest: 64 hexadecimal digits are wanted"))
        }
        ValidationErrorKind::Pattern { pattern } => {
            one(format!("{shown} does not have the form {}", shorten(pattern)))
        }
        ValidationErrorKind::Format { format } => one(format!("{shown} is not a {format}")),
        ValidationErrorKind::Minimum { limit } => one(format!("{shown} is less than {limit}")),
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            one(format!("{shown} is not greater than {limit}: it could not fail, or never hold"))
        }
        ValidationErrorKind::Maximum { limit } => one(format!("{shown} is more than {limit}")),
        ValidationErrorKind::MinLength { limit: 1 } => one("is empty".to_owned()),
        _ => one(shorten(&error.to_string())),
    }
}

/// That a value is none of those that are accepted, where each alternative wants another one.
fn none_of(context: &[Vec<ValidationError<'static>>]) -> Option<Violation> {
    let constant = |error: &ValidationError<'static>| match error.kind() {
        ValidationErrorKind::Constant { expected_value } => {
            Some((error.instance_path().to_string(), expected_value.to_string()))
        }
        _ => None,
    };
    let all: Vec<(String, String)> =
        context.iter().map(|branch| branch.iter().find_map(constant)).collect::<Option<_>>()?;
    let (pointer, _) = all.first()?;
    if all.len() < 2 || all.iter().any(|(other, _)| other != pointer) {
        return None;
    }
    let found = context.iter().flatten().find(|error| constant(error).is_some())?;
    let values: Vec<&str> = all.iter().map(|(_, value)| value.as_str()).collect();
    let message =
        format!("{} is not one of {}", shorten(&found.instance().to_string()), values.join(", "));
    Some(Violation { pointer: pointer.clone(), unknown_key: None, message })
}

/// The branch with the fewest errors that are not about the type of the whole value.
fn closest<'a>(
    context: &'a [Vec<ValidationError<'static>>],
) -> Option<&'a Vec<ValidationError<'static>>> {
    context
        .iter()
        .filter(|branch| !branch.is_empty())
        .min_by_key(|branch| (branch.iter().any(is_of_type), branch.len()))
}

/// Whether an error says that another kind of value is wanted, be it by alternatives for the same
/// place.
fn is_of_type(error: &ValidationError<'static>) -> bool {
    let path = error.instance_path();
    match error.kind() {
        ValidationErrorKind::Type { .. } | ValidationErrorKind::Constant { .. } => true,
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            context.iter().all(|branch| {
                branch.iter().any(|error| error.instance_path() == path && is_of_type(error))
            })
        }
        _ => false,
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 80 {
        return format!("`{text}`");
    }
    format!("`{}…`", text.chars().take(79).collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(schema: &Value, document: &Value) -> Vec<String> {
        let (found, _) = Schema::<SerdeJson>::compile(schema).unwrap().violations(document, 10);
        found.into_iter().map(|v| format!("{}: {}", v.pointer, v.message)).collect()
    }

    #[test]
    fn errors_are_sentences_at_their_place() {
        let schema = json!({"type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {"a": {"type": "integer", "minimum": 1}, "d": {"enum": ["x", "y"]},
            "o": {"anyOf": [{"type": "object", "required": ["k"]}, {"type": "null"}]}}});
        assert_eq!(messages(&schema, &json!({"a": 1, "o": null})), Vec::<String>::new());
        assert_eq!(messages(&schema, &json!({})), [": the key `a` is missing"]);
        assert_eq!(messages(&schema, &json!({"a": 0})), ["/a: `0` is less than 1"]);
        assert_eq!(messages(&schema, &json!({"a": 1, "z": 1})), [": unknown key `z`"]);
        assert_eq!(messages(&schema, &json!({"a": 1, "o": {}})), ["/o: the key `k` is missing"]);
        assert_eq!(
            messages(&schema, &json!({"a": "x", "d": "z"})),
            [
                "/a: `\"x\"` is not of the wanted type: integer",
                "/d: `\"z\"` is not one of `[\"x\",\"y\"]`"
            ]
        );
    }

    #[test]
    fn a_pruned_schema_finds_the_same() {
        let schema = json!({"type": "object", "additionalProperties": false,
            "properties": {"a": {"type": "integer"}, "b": {"$ref": "#/definitions/b"}, "properties": {"minItems": 1}},
            "definitions": {"b": {"properties": {"c": {"const": 1}, "d": {"const": 2}}, "required": ["d"]}}});
        for document in [
            json!({}),
            json!({"a": "x"}),
            json!({"z": 1}),
            json!({"b": {"c": 2}}),
            json!({"b": {"d": 2, "c": 1}}),
            json!({"b": {"d": 3}, "a": 1}),
            json!({"properties": []}),
            json!({"properties": [1]}),
            json!([]),
        ] {
            let whole = Schema::<SerdeJson>::compile(&schema).unwrap().violations(&document, 10);
            let pruned =
                Schema::<SerdeJson>::compile_for(&keys_of(&document), &schema.to_string(), |_| {
                    Ok(Vec::new())
                })
                .unwrap();
            assert_eq!(pruned.violations(&document, 10), whole, "{document}");
        }
    }

    #[test]
    fn the_number_of_errors_is_capped_and_counted() {
        let schema = Schema::<SerdeJson>::compile(&json!({"items": {"type": "null"}})).unwrap();
        let (found, total) = schema.violations(&json!([1, 2, 3, 4]), 2);
        assert_eq!((found.len(), total), (2, 4));
    }
}
