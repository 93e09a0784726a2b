//! Where the source of a build lies, in the spellings that builders use.

use serde_json::{Map, Value};

/// A source: an address without its decoration, what was checked out of it, and its digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) uri: String,
    pub(super) reference: Option<String>,
    pub(super) digests: Vec<String>,
}

impl Source {
    /// Of a resource descriptor, a material or a config source.
    pub(super) fn of_resource(resource: &Value) -> Option<Self> {
        let mut source = Self::of_uri(resource.get("uri")?.as_str()?);
        let digests = resource.get("digest").and_then(Value::as_object);
        source.digests = digests
            .into_iter()
            .flat_map(|digests| digests.values())
            .filter_map(|digest| digest.as_str().map(str::to_owned))
            .collect();
        Some(source)
    }

    /// Of the parameters that were given to a build from outside, in the forms of known builders.
    pub(super) fn of_parameters(parameters: &Map<String, Value>) -> Option<Self> {
        if let Some(workflow) = parameters.get("workflow") {
            let mut source = Self::of_uri(workflow.get("repository")?.as_str()?);
            let reference = workflow.get("ref").and_then(Value::as_str);
            source.reference = reference.map(str::to_owned).or(source.reference);
            return Some(source);
        }
        let source = parameters.get("source").or_else(|| parameters.get("buildConfigSource"))?;
        match source {
            Value::String(uri) => Some(Self::of_uri(uri)),
            Value::Object(members) => match members.get("repository").and_then(Value::as_str) {
                Some(repository) => {
                    let mut found = Self::of_uri(repository);
                    let reference = members.get("ref").and_then(Value::as_str);
                    found.reference = reference.map(str::to_owned).or(found.reference);
                    Some(found)
                }
                None => Self::of_resource(source),
            },
            _ => None,
        }
    }

    /// `git+https://host/path.git@ref` in its parts.
    pub(super) fn of_uri(uri: &str) -> Self {
        let uri = uri.strip_prefix("git+").unwrap_or(uri);
        let path = uri.find("://").map_or(0, |at| at + 3);
        // An `@` before the path belongs to a user name.
        let slash = uri[path..].find('/').map_or(uri.len(), |at| path + at);
        let (uri, reference) = match uri[slash..].find('@') {
            Some(at) => (&uri[..slash + at], Some(uri[slash + at + 1..].to_owned())),
            None => (uri, None),
        };
        let uri = uri.trim_end_matches('/');
        let uri = uri.strip_suffix(".git").unwrap_or(uri).to_owned();
        Self { uri, reference, digests: Vec::new() }
    }
}
