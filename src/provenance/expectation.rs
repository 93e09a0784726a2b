//! What was asked of provenance, held against what a statement says.

use super::predicate::{Build, Predicate};
use super::source::Source;
use super::trust::Signer;
use crate::clock::Timestamp;
use crate::manifest::{Expectations, SourceRef};
use crate::wire::manifest::CertificateClaim;

/// Reusable workflows that are trusted only at a released version.
const RELEASED_ONLY: &str = "https://github.com/slsa-framework/slsa-github-generator/";

/// The first thing that was asked for and does not hold.
pub(super) fn hold(
    expected: &Expectations,
    predicate_type: &str,
    predicate: &Predicate,
    signers: &[Signer],
    now: Timestamp,
) -> Result<(), String> {
    if !expected.predicate_types.is_empty()
        && !expected.predicate_types.iter().any(|wanted| wanted == predicate_type)
    {
        let wanted = expected.predicate_types.join(" or ");
        return Err(format!("its predicateType is `{predicate_type}`, {wanted} is wanted"));
    }
    if let Some(hours) = expected.max_age_hours {
        age(predicate, signers, hours, now)?;
    }
    let asks_for_build = !expected.builders.is_empty()
        || !expected.build_types.is_empty()
        || expected.source_uri.is_some()
        || expected.source_ref.is_some()
        || expected.source_digest.is_some()
        || !expected.build_inputs.is_empty();
    certificate(expected, signers)?;
    match predicate {
        Predicate::Build(build) => {
            certified_source(build, signers)?;
            certified_run(build, signers)?;
            builder(expected, build, signers)?;
            one_of("buildType", &build.build_type, &expected.build_types)?;
            source(expected, build)?;
            inputs(expected, build)?;
            if !signers.is_empty() || asks_for_build {
                parameters(expected, build)?;
            }
            Ok(())
        }
        _ if asks_for_build => {
            Err(format!("its predicateType is `{predicate_type}`, which describes no build"))
        }
        _ => Ok(()),
    }
}

/// What only a certificate can say, which nobody who builds can have made up.
pub(super) fn certificate(expected: &Expectations, signers: &[Signer]) -> Result<(), String> {
    for (claim, wanted) in &expected.certificate {
        let name = claim.name();
        let mut found = signers.iter().filter_map(|signer| signer.claims.get(claim));
        match found.next() {
            Some(found) if found == wanted => {}
            Some(found) => {
                return Err(format!("its certificate says {name} `{found}`, `{wanted}` is wanted"));
            }
            None => return Err(format!("no certificate says {name}, `{wanted}` is wanted")),
        }
    }
    Ok(())
}

/// A certificate says from which source the build was started that it was issued to. What the
/// statement says of that was written by the build itself, and must agree.
fn certified_source(build: &Build, signers: &[Signer]) -> Result<(), String> {
    let Some(stated) = &build.trigger else { return Ok(()) };
    for certified in signers.iter().filter_map(|signer| signer.source.as_ref()) {
        if certified.uri != stated.uri {
            return Err(format!(
                "it says that it was started from `{}`, its certificate says from `{}`",
                stated.uri, certified.uri
            ));
        }
        if let (Some(certified), Some(stated)) = (&certified.reference, &stated.reference)
            && certified != stated
        {
            return Err(format!(
                "it says that its ref is `{stated}`, its certificate `{certified}`"
            ));
        }
        let material = build.materials.iter().find(|material| material.uri == certified.uri);
        if let Some(material) = material
            && !material.digests.is_empty()
            && !certified.digests.iter().all(|digest| material.digests.contains(digest))
        {
            return Err("it names another commit than its certificate".to_owned());
        }
    }
    Ok(())
}

/// The same of what started the build, and of the run.
fn certified_run(build: &Build, signers: &[Signer]) -> Result<(), String> {
    let address = build.invocation.as_ref().filter(|text| text.starts_with("https://"));
    for (what, stated, claim) in [
        ("was started by", build.event.as_ref(), CertificateClaim::BuildTrigger),
        ("is of the run", address, CertificateClaim::RunInvocationUri),
    ] {
        let certified = signers.iter().find_map(|signer| signer.claims.get(&claim));
        if let (Some(stated), Some(certified)) = (stated, certified)
            && stated != certified
        {
            return Err(format!(
                "it says that it {what} `{stated}`, its certificate `{certified}`"
            ));
        }
    }
    Ok(())
}

fn one_of(what: &str, found: &str, wanted: &[String]) -> Result<(), String> {
    if wanted.is_empty() || wanted.iter().any(|wanted| wanted == found) {
        return Ok(());
    }
    Err(format!("its {what} is `{found}`, `{}` is wanted", wanted.join("` or `")))
}

/// A builder is believed only from the signer that it was paired with. An id that was asked for
/// without a version is that of every version; a prefix of an id is none.
fn builder(expected: &Expectations, build: &Build, signers: &[Signer]) -> Result<(), String> {
    if let Some(rest) = build.builder.strip_prefix(RELEASED_ONLY) {
        let version = rest.split_once("@refs/tags/v").map(|(_, version)| version);
        let released = version.is_some_and(|version| {
            let parts: Vec<&str> = version.split('.').collect();
            parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
        });
        if !released {
            return Err(format!(
                "its builder is `{}`, at no released version (refs/tags/vX.Y.Z)",
                build.builder
            ));
        }
    }
    if expected.builders.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = expected
        .builders
        .iter()
        .filter(|wanted| {
            let versionless = build.builder.split_once('@').map(|(name, _)| name);
            wanted.id == build.builder || Some(wanted.id.as_str()) == versionless
        })
        .collect();
    if named.is_empty() {
        let ids: Vec<&str> = expected.builders.iter().map(|b| b.id.as_str()).collect();
        return Err(format!(
            "its builder is `{}`, `{}` is wanted",
            build.builder,
            ids.join("` or `")
        ));
    }
    let believed = named.iter().any(|wanted| {
        wanted.signer.as_ref().is_none_or(|name| signers.iter().any(|s| s.name == *name))
    });
    if believed {
        return Ok(());
    }
    Err(format!("the builder `{}` is not believed from who signed it", build.builder))
}

/// The source must be what started the build, and be among what went into it: either alone can be
/// chosen by whoever starts a build.
fn source(expected: &Expectations, build: &Build) -> Result<(), String> {
    if expected.source_uri.is_none()
        && expected.source_ref.is_none()
        && expected.source_digest.is_none()
    {
        return Ok(());
    }
    let trigger =
        build.trigger.as_ref().ok_or("it does not say from which source it was started")?;
    let wanted = expected.source_uri.as_deref().map(Source::of_uri);
    let uri = wanted.as_ref().map_or(&trigger.uri, |wanted| &wanted.uri);
    if *uri != trigger.uri {
        return Err(format!("it was started from `{}`, `{uri}` is wanted", trigger.uri));
    }
    let material = build
        .materials
        .iter()
        .find(|material| material.uri == *uri)
        .ok_or_else(|| format!("`{uri}` is not among what went into the build"))?;
    let reference = wanted.and_then(|wanted| wanted.reference).map(SourceRef::Whole);
    if let Some(wanted) = expected.source_ref.as_ref().or(reference.as_ref()) {
        for (found, what) in [(trigger, "what started it"), (material, "what went into it")] {
            if let Some(found) = &found.reference
                && !wanted.accepts(found)
            {
                return Err(format!("the ref of {what} is `{found}`, {wanted} is wanted"));
            }
        }
        if trigger.reference.is_none() && material.reference.is_none() {
            return Err(format!("it names no ref of its source, {wanted} is wanted"));
        }
    }
    if let Some(wanted) = &expected.source_digest
        && !material.digests.contains(wanted)
    {
        return Err(format!(
            "its source has the digest `{}`, `{wanted}` is wanted",
            material.digests.join("`, `")
        ));
    }
    Ok(())
}

/// Inputs are given by hand: only a build that says that it was started so has any that count.
fn inputs(expected: &Expectations, build: &Build) -> Result<(), String> {
    if expected.build_inputs.is_empty() {
        return Ok(());
    }
    if build.event.as_deref() != Some("workflow_dispatch") {
        let event = build.event.as_deref().unwrap_or("something that it does not say");
        return Err(format!("it was started by {event}, and only workflow_dispatch takes inputs"));
    }
    for (name, wanted) in &expected.build_inputs {
        match build.inputs.get(name) {
            Some(found) if found == wanted => {}
            Some(found) => {
                return Err(format!("its input {name} is `{found}`, `{wanted}` is wanted"));
            }
            None => return Err(format!("it was given no input {name}, `{wanted}` is wanted")),
        }
    }
    Ok(())
}

/// What nobody knows the meaning of may have changed what was built.
fn parameters(expected: &Expectations, build: &Build) -> Result<(), String> {
    let unknown: Vec<&String> = build
        .unknown_parameters
        .iter()
        .filter(|name| !expected.allowed_parameters.contains(name))
        .collect();
    match unknown.first() {
        None => Ok(()),
        Some(first) => Err(format!(
            "{} external parameter(s) are not known for the build type `{}`, `{first}` first: allow \
             them by name if they are expected",
            unknown.len(),
            build.build_type
        )),
    }
}

fn age(
    predicate: &Predicate,
    signers: &[Signer],
    max_hours: f64,
    now: Timestamp,
) -> Result<(), String> {
    let stated = match predicate {
        Predicate::Build(build) => build.finished,
        Predicate::Verdict { time } => *time,
        Predicate::Other => None,
    };
    let time = signers.iter().find_map(|signer| signer.signed_at).or(stated);
    let time = time.ok_or("it does not say when it was made, so its age is not known")?;
    let hours = now.minutes_since(time) / 60.0;
    if hours < 0.0 {
        return Err(format!("it was made at {time}, which is in the future"));
    }
    if hours > max_hours {
        return Err(format!(
            "it was made at {time}, {hours:.1} hours ago; {max_hours} are allowed"
        ));
    }
    Ok(())
}
