//! Texts with parameters: `${name}` in the texts of a document stands for a value.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Content, Document, Node, Place, Problem};

impl Document {
    /// The values of the document with every parameter in its texts filled in. A key is no text.
    ///
    /// # Errors
    /// Every parameter that has no value, at its place.
    pub fn fill(&self, parameters: &BTreeMap<String, String>) -> Result<Value, Vec<Problem>> {
        let mut problems = Vec::new();
        let value = self.fill_node(&self.root, parameters, &mut problems);
        if problems.is_empty() { Ok(value) } else { Err(problems) }
    }

    fn fill_node(
        &self,
        node: &Node,
        parameters: &BTreeMap<String, String>,
        problems: &mut Vec<Problem>,
    ) -> Value {
        match &node.content {
            Content::Scalar(Value::String(text)) => {
                Value::String(filled(text, parameters).unwrap_or_else(|message| {
                    let place = Place::of_offset(&self.text, node.start);
                    problems.push(Problem { place, key: String::new(), message, hint: None });
                    String::new()
                }))
            }
            Content::Scalar(value) => value.clone(),
            Content::List(items) => {
                items.iter().map(|item| self.fill_node(item, parameters, problems)).collect()
            }
            Content::Object(members) => members
                .iter()
                .map(|(_, key, node)| (key.clone(), self.fill_node(node, parameters, problems)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// A text with its parameters filled in.
fn filled(text: &str, parameters: &BTreeMap<String, String>) -> Result<String, String> {
    let mut parts = text.split("${");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').ok_or("a `${` without its `}`")?;
        let known = || {
            let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
            format!("`${{{name}}}` has no value; these have: {}", names.join(", "))
        };
        whole.push_str(parameters.get(name).ok_or_else(known)?);
        whole.push_str(rest);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Syntax;

    fn fill(text: &str) -> Result<Value, Vec<String>> {
        let document = Document::parse(text.as_bytes(), Syntax::Json).unwrap();
        let values =
            [("name", "a"), ("path", "x\"${name}")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        let filled = document.fill(&values.into());
        filled.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn parameters_are_filled_in_once_and_only_in_texts() {
        let filled =
            fill(r#"{"${name}": "${name}", "b": [1, "-${path}-${name}$"], "c": true}"#).unwrap();
        let wanted = serde_json::json!({"${name}": "a", "b": [1, "-x\"${name}-a$"], "c": true});
        assert_eq!(filled, wanted);
    }

    #[test]
    fn every_parameter_without_a_value_is_told_at_its_place() {
        insta::assert_debug_snapshot!(fill("{\"a\": \"${nam}\",\n\"b\": [\"${name\"]}"));
    }
}
