//! `dr-drill check provenance`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::{CheckFormat, answer};
use crate::app::{self, ProvenanceRequest, Subject};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::{Clock, FixedClock, SystemClock, Timestamp};
use crate::digest::Digest;
use crate::manifest::{Expectations, SourceRef};
use crate::wire::answer::{Check, CheckStanding};
use crate::wire::manifest::{Builder, CertificateClaim};

/// Check what is said of an artifact, by whom, and whether it is what was asked for
///
/// Reads in-toto statements, DSSE envelopes and Sigstore bundles: one, a list, or one a line.
/// Nothing is fetched. Exit codes: 0 verified, 1 refused, 2 not checked, 4 read but not verified,
/// because nobody was named whose signature counts.
#[derive(Debug, Args)]
pub(super) struct ProvenanceArgs {
    /// The file
    file: PathBuf,
    /// The artifact that it must be about
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "digest",
        conflicts_with = "digest"
    )]
    artifact: Option<PathBuf>,
    /// SHA-256 of the artifact; its other digests are then not compared
    #[arg(long, value_name = "SHA256")]
    digest: Option<Digest>,
    /// A public key (PEM) whose signature counts
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// How many of the keys must have signed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=32))]
    threshold: u32,
    /// Whom the certificate of a bundle must name
    #[arg(long, value_name = "NAME", requires = "issuer")]
    identity: Option<String>,
    /// Who must have vouched for that identity
    #[arg(long, value_name = "URL", requires = "identity")]
    issuer: Option<String>,
    /// Trusted root of Sigstore, as JSON or one a line [default: those built in]
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// A builder that is believed; without a version, every version of it
    #[arg(long = "builder-id", value_name = "ID")]
    builder_ids: Vec<String>,
    /// A build type that is accepted
    #[arg(long = "build-type", value_name = "URI")]
    build_types: Vec<String>,
    /// Repository that the build was started from, and used
    #[arg(long, value_name = "URI")]
    source_uri: Option<String>,
    /// The whole ref of the source, as refs/tags/v1.2.3
    #[arg(long, value_name = "REF", group = "reference")]
    source_ref: Option<String>,
    /// The branch of the source, in place of its ref
    #[arg(long, value_name = "NAME", group = "reference")]
    source_branch: Option<String>,
    /// The tag of the source, in place of its ref
    #[arg(long, value_name = "NAME", group = "reference")]
    source_tag: Option<String>,
    /// A version that the tag of the source has, or lies within: v14 holds for v14.2, too
    #[arg(long, value_name = "VERSION", group = "reference", value_parser = SourceRef::version)]
    source_versioned_tag: Option<SourceRef>,
    /// An input that the build must have been given by who started it by hand
    #[arg(long = "build-input", value_name = "NAME=VALUE", value_parser = pair)]
    build_inputs: Vec<(String, String)>,
    /// What the certificate must say: runner_environment=github-hosted, say
    #[arg(
        long = "certificate",
        value_name = "CLAIM=VALUE",
        value_parser = claim,
        requires = "identity"
    )]
    certificate: Vec<(CertificateClaim, String)>,
    /// Digest of the source: a commit, say
    #[arg(long, value_name = "HEX")]
    source_digest: Option<String>,
    /// A predicate type that is accepted
    #[arg(long = "predicate-type", value_name = "URI")]
    predicate_types: Vec<String>,
    /// An external parameter of the build that is expected
    #[arg(long = "allow-parameter", value_name = "NAME")]
    allowed_parameters: Vec<String>,
    /// Oldest acceptable statement, in hours
    #[arg(long, value_name = "HOURS")]
    max_age_hours: Option<f64>,
    /// The time to take for now, in ISO 8601
    #[arg(long, value_name = "TIME")]
    current_time: Option<Timestamp>,
    /// How to write what was found
    #[arg(long, value_enum, default_value_t)]
    format: CheckFormat,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a name, `=` and a value are wanted")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn claim(text: &str) -> Result<(CertificateClaim, String), String> {
    let (name, value) = pair(text)?;
    let claim = CertificateClaim::from_name(&name)
        .ok_or_else(|| format!("`{name}` is nothing that a certificate says"))?;
    Ok((claim, value))
}

/// One at most is given: the arguments are a group.
fn source_ref(args: &ProvenanceArgs) -> Option<SourceRef> {
    let whole = args.source_ref.clone().map(SourceRef::Whole);
    let branch = args.source_branch.clone().map(SourceRef::Branch);
    let tag = args.source_tag.clone().map(SourceRef::Tag);
    whole.or(branch).or(tag).or_else(|| args.source_versioned_tag.clone())
}

pub(super) fn run(ui: &Ui, args: &ProvenanceArgs) -> Result<Exit, CliError> {
    let subject = match (&args.artifact, args.digest) {
        (Some(file), _) => Subject::File(file.clone()),
        (None, Some(digest)) => Subject::Digest(digest),
        (None, None) => return Err(CliError::usage("give --artifact or --digest")),
    };
    let request = ProvenanceRequest {
        file: args.file.clone(),
        subject,
        keys: args.keys.clone(),
        threshold: args.threshold as usize,
        identity: args.identity.clone().zip(args.issuer.clone()),
        trusted_root: args.trusted_root.clone(),
        expected: Expectations {
            builders: args
                .builder_ids
                .iter()
                .map(|id| Builder { id: id.clone(), signer: None })
                .collect(),
            build_types: args.build_types.clone(),
            source_uri: args.source_uri.clone(),
            source_ref: source_ref(args),
            build_inputs: args.build_inputs.iter().cloned().collect(),
            certificate: args.certificate.iter().cloned().collect(),
            source_digest: args.source_digest.clone(),
            predicate_types: args.predicate_types.clone(),
            allowed_parameters: args.allowed_parameters.clone(),
            max_age_hours: args.max_age_hours,
        },
    };
    let fixed = args.current_time.map(FixedClock);
    let clock: &dyn Clock = fixed.as_ref().map_or(&SystemClock, |clock| clock);
    let check = app::check_provenance(&request, clock)?;
    Ok(answer(ui, &check, args.format, &describe(&check)))
}

fn describe(check: &Check) -> String {
    let mut text = String::new();
    let standing = match check.standing {
        CheckStanding::Verified | CheckStanding::Valid => "verified",
        CheckStanding::NotVerified => "NOT VERIFIED: nobody was named whose signature counts",
        CheckStanding::Refused => "REFUSED",
    };
    let _ = writeln!(text, "{}: {standing}", check.file);
    for problem in &check.problems {
        let _ = writeln!(text, "  {}", problem.message);
    }
    if let Some(found) = &check.provenance {
        for signer in &found.signers {
            let at = signer.signed_at.as_ref().map(|at| format!(", at {at}")).unwrap_or_default();
            let _ = writeln!(text, "  signed by {} ({}){at}", signer.name, signer.detail);
        }
        for kind in &found.predicate_types {
            let _ = writeln!(text, "  says {kind}");
        }
        for builder in &found.builders {
            let _ = writeln!(text, "  built by {builder}");
        }
    }
    for remark in &check.remarks {
        let _ = writeln!(text, "  note: {remark}");
    }
    if check.standing == CheckStanding::NotVerified {
        text.push_str("  hint: give --key, or --identity and --issuer\n");
    }
    text
}
