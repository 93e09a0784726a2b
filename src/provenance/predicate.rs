//! What statements say: SLSA provenance, verification summaries and test results, each by its own rules.

use std::collections::BTreeMap;

use serde_json::Value;

use super::source::Source;
use super::statement::digests;
use crate::clock::Timestamp;

/// SLSA provenance that is known by name and refused: drafts, and types that were given up.
const REFUSED: [&str; 5] = [
    "https://slsa.dev/provenance/v1.0?draft",
    "https://slsa.dev/provenance/v1.0",
    "https://in-toto.io/Provenance/v0.1",
    "https://slsa.dev/verification_summary/v0.1",
    "https://slsa.dev/verification_summary/v0.2",
];

/// Keys of `externalParameters` that a build type is known to have.
const PARAMETERS: [(&str, &[&str]); 6] = [
    ("https://actions.github.io/buildtypes/workflow/v1", &["workflow"]),
    (
        "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
        &["workflow", "inputs", "vars"],
    ),
    ("https://github.com/slsa-framework/slsa-github-generator/generic@v1", &["source"]),
    ("https://github.com/slsa-framework/slsa-github-generator/go@v1", &["source", "config"]),
    ("https://github.com/slsa-framework/slsa-github-generator/container@v1", &["source"]),
    (
        "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1",
        &["buildConfigSource", "substitutions"],
    ),
];

/// What a predicate says that can be held against a demand.
pub(super) enum Predicate {
    Build(Box<Build>),
    /// A verification summary or a test result that says that all is well.
    Verdict {
        time: Option<Timestamp>,
    },
    /// Something else: an SBOM, say. Its type is all that is looked at.
    Other,
}

/// A build, in whichever version of SLSA provenance it is written.
#[derive(Default)]
pub(super) struct Build {
    pub(super) builder: String,
    pub(super) build_type: String,
    /// What started it.
    pub(super) trigger: Option<Source>,
    /// What went into it.
    pub(super) materials: Vec<Source>,
    /// Parameters from outside that nobody knows the meaning of.
    pub(super) unknown_parameters: Vec<String>,
    /// What kind of event started it.
    pub(super) event: Option<String>,
    /// Address of the run.
    pub(super) invocation: Option<String>,
    /// What it was given by who started it by hand.
    pub(super) inputs: BTreeMap<String, String>,
    pub(super) finished: Option<Timestamp>,
    pub(super) remarks: Vec<String>,
}

/// Why a predicate is not accepted.
pub(super) enum Rejected {
    /// A version that is not known.
    Version(String),
    /// A rule of its type is broken.
    Invalid(String),
    /// It says itself that something failed.
    Negative(String),
}

/// Reads a predicate by its type.
pub(super) fn read(kind: &str, predicate: &Value) -> Result<Predicate, Rejected> {
    let invalid = Rejected::Invalid;
    if REFUSED.contains(&kind) {
        return Err(Rejected::Version(format!("/predicateType is `{kind}`, a draft or given up")));
    }
    match kind {
        "https://slsa.dev/provenance/v1" => slsa_1(predicate).map_err(invalid),
        "https://slsa.dev/provenance/v0.2" => slsa_0(predicate, true).map_err(invalid),
        "https://slsa.dev/provenance/v0.1" => slsa_0(predicate, false).map_err(invalid),
        "https://slsa.dev/verification_summary/v1" => summary(predicate),
        "https://in-toto.io/attestation/test-result/v0.1" => test_result(predicate),
        other if other.starts_with("https://slsa.dev/provenance/") => Err(Rejected::Version(
            format!("/predicateType is `{other}`: v0.1, v0.2 and v1 of SLSA provenance are known"),
        )),
        _ => Ok(Predicate::Other),
    }
}

fn text<'a>(predicate: &'a Value, pointer: &str) -> Result<&'a str, String> {
    predicate
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| format!("/predicate{pointer} is missing, or no text"))
}

fn time(predicate: &Value, pointer: &str) -> Result<Option<Timestamp>, String> {
    let Some(value) = predicate.pointer(pointer).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let text = value.as_str().unwrap_or_default();
    text.parse()
        .map(Some)
        .map_err(|_| format!("/predicate{pointer} is no time of RFC 3339: `{text}`"))
}

fn slsa_1(predicate: &Value) -> Result<Predicate, String> {
    let build_type = text(predicate, "/buildDefinition/buildType")?.to_owned();
    let builder = text(predicate, "/runDetails/builder/id")?.to_owned();
    let pointer = "/buildDefinition/externalParameters";
    let parameters = predicate.pointer(pointer).and_then(Value::as_object);
    let parameters = parameters
        .filter(|parameters| !parameters.is_empty())
        .ok_or_else(|| format!("/predicate{pointer} is missing or empty"))?;
    let started = time(predicate, "/runDetails/metadata/startedOn")?;
    let finished = time(predicate, "/runDetails/metadata/finishedOn")?;
    in_order(started, finished)?;
    let materials =
        materials(predicate, "/buildDefinition/resolvedDependencies", Source::of_resource)?;
    let known = PARAMETERS.iter().find(|known| known.0 == build_type).map_or(&[][..], |k| k.1);
    let unknown_parameters =
        parameters.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
    let trigger = Source::of_parameters(parameters);
    let internal = &predicate["buildDefinition"]["internalParameters"];
    let event = internal.pointer("/github/event_name").or(internal.get("GITHUB_EVENT_NAME"));
    Ok(Predicate::Build(Box::new(Build {
        event: event.and_then(Value::as_str).map(str::to_owned),
        inputs: inputs(parameters.get("inputs")),
        invocation: predicate
            .pointer("/runDetails/metadata/invocationId")
            .and_then(Value::as_str)
            .map(str::to_owned),
        builder,
        build_type,
        trigger,
        materials,
        unknown_parameters,
        finished,
        remarks: Vec::new(),
    })))
}

/// Version 0.2, and 0.1 before it, which had a recipe in place of an invocation.
fn slsa_0(predicate: &Value, second: bool) -> Result<Predicate, String> {
    let builder = text(predicate, "/builder/id")?.to_owned();
    let (kind, configured) = if second {
        ("/buildType", "/invocation/parameters")
    } else {
        ("/recipe/type", "/recipe/arguments")
    };
    let build_type = text(predicate, kind)?.to_owned();
    let started = time(predicate, "/metadata/buildStartedOn")?;
    let finished = time(predicate, "/metadata/buildFinishedOn")?;
    in_order(started, finished)?;
    let materials = materials(predicate, "/materials", Source::of_resource)?;
    let trigger = if second {
        predicate.pointer("/invocation/configSource").and_then(Source::of_resource)
    } else {
        let index = predicate.pointer("/recipe/definedInMaterial").and_then(Value::as_u64);
        index.and_then(|index| materials.get(usize::try_from(index).ok()?).cloned())
    };
    let parameters = predicate.pointer(configured).and_then(Value::as_object);
    let unknown_parameters = parameters.map(|p| p.keys().cloned().collect()).unwrap_or_default();
    let flags = ["/metadata/reproducible", "/metadata/completeness/parameters"];
    let remarks = flags
        .iter()
        .filter(|flag| predicate.pointer(flag) == Some(&Value::Bool(true)))
        .map(|flag| format!("/predicate{flag} is claimed, which nobody can check"))
        .collect();
    let environment = &predicate["invocation"]["environment"];
    let event = environment.get("github_event_name").and_then(Value::as_str);
    Ok(Predicate::Build(Box::new(Build {
        event: event.map(str::to_owned),
        inputs: inputs(environment.pointer("/github_event_payload/inputs")),
        invocation: None,
        builder,
        build_type,
        trigger,
        materials,
        unknown_parameters,
        finished,
        remarks,
    })))
}

fn inputs(value: Option<&Value>) -> BTreeMap<String, String> {
    let inputs = value.and_then(Value::as_object).into_iter().flatten();
    inputs
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        })
        .collect()
}

fn in_order(started: Option<Timestamp>, finished: Option<Timestamp>) -> Result<(), String> {
    match (started, finished) {
        (Some(started), Some(finished)) if finished < started => {
            Err(format!("the build finished at {finished}, before it started at {started}"))
        }
        _ => Ok(()),
    }
}

fn materials(
    predicate: &Value,
    pointer: &str,
    read: impl Fn(&Value) -> Option<Source>,
) -> Result<Vec<Source>, String> {
    let Some(list) = predicate.pointer(pointer).filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let list = list.as_array().ok_or_else(|| format!("/predicate{pointer} is no list"))?;
    let mut found: Vec<Source> = Vec::new();
    for (resource, index) in list.iter().zip(0..) {
        let at = format!("/predicate{pointer}/{index}");
        if resource.get("digest").is_some_and(|digest| !digest.is_null()) {
            digests(resource, &at)?;
        }
        let named =
            ["uri", "digest", "content", "name"].iter().any(|key| resource.get(key).is_some());
        if !named {
            return Err(format!("{at} names nothing: it has neither uri, digest nor content"));
        }
        if let Some(source) = read(resource) {
            if found.contains(&source) {
                return Err(format!("{at}/uri stands twice: {}", source.uri));
            }
            found.push(source);
        }
    }
    Ok(found)
}

/// SLSA verification summary, version 1: what another verifier has found.
fn summary(predicate: &Value) -> Result<Predicate, Rejected> {
    for pointer in ["/verifier/id", "/resourceUri", "/policy/uri", "/verificationResult"] {
        text(predicate, pointer).map_err(Rejected::Invalid)?;
    }
    let levels = predicate.get("verifiedLevels").and_then(Value::as_array);
    let levels = levels
        .ok_or_else(|| Rejected::Invalid("/predicate/verifiedLevels is no list".to_owned()))?;
    let mut tracks: Vec<&str> = levels
        .iter()
        .filter_map(|level| level.as_str()?.rsplit_once("_LEVEL_").map(|(track, _)| track))
        .collect();
    tracks.sort_unstable();
    if let Some(pair) = tracks.windows(2).find(|pair| pair[0] == pair[1]) {
        let message = format!("/predicate/verifiedLevels has two levels of {}", pair[0]);
        return Err(Rejected::Invalid(message));
    }
    let time = time(predicate, "/timeVerified").map_err(Rejected::Invalid)?;
    match predicate["verificationResult"].as_str() {
        Some("PASSED") => Ok(Predicate::Verdict { time }),
        Some("FAILED") => Err(Rejected::Negative("its verifier says FAILED".to_owned())),
        _ => Err(Rejected::Invalid(
            "/predicate/verificationResult is neither PASSED nor FAILED".to_owned(),
        )),
    }
}

/// in-toto test result, version 0.1.
fn test_result(predicate: &Value) -> Result<Predicate, Rejected> {
    let invalid = |message: &str| Rejected::Invalid(message.to_owned());
    let configuration = predicate.get("configuration").and_then(Value::as_array);
    if configuration.is_none_or(Vec::is_empty) {
        return Err(invalid("/predicate/configuration is missing or empty"));
    }
    let mut tests: Vec<&str> = ["passedTests", "warnedTests", "failedTests"]
        .iter()
        .filter_map(|key| predicate.get(key)?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    tests.sort_unstable();
    if let Some(pair) = tests.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Rejected::Invalid(format!("the test `{}` stands in two lists", pair[0])));
    }
    let failed = predicate.get("failedTests").and_then(Value::as_array);
    match predicate.get("result").and_then(Value::as_str) {
        Some("PASSED" | "WARNED") if failed.is_some_and(|list| !list.is_empty()) => {
            Err(invalid("/predicate/result says PASSED and /predicate/failedTests is not empty"))
        }
        Some("PASSED" | "WARNED") => Ok(Predicate::Verdict { time: None }),
        Some("FAILED") => Err(Rejected::Negative("its tests FAILED".to_owned())),
        _ => Err(invalid("/predicate/result is neither PASSED, WARNED nor FAILED")),
    }
}
