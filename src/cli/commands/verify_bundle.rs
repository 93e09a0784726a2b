//! `dr-drill verify-bundle`: the command line that the conformance suite of Sigstore speaks.

use std::path::PathBuf;

use clap::Args;

use crate::app::{self, BundleRequest, Subject};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::digest::Digest;

/// Verify one Sigstore bundle, as the conformance suite of Sigstore asks for it
#[derive(Debug, Args)]
pub(super) struct VerifyBundleArgs {
    /// The file that was signed, or `sha256:` and its digest
    artifact: String,
    /// The bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Whom the certificate must name
    #[arg(
        long,
        value_name = "NAME",
        requires = "certificate_oidc_issuer",
        required_unless_present = "key"
    )]
    certificate_identity: Option<String>,
    /// Who must have vouched for that name
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// The public key that must have signed it
    #[arg(long, value_name = "FILE", conflicts_with = "certificate_identity")]
    key: Option<PathBuf>,
    /// Trusted root of Sigstore
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// Trust the staging instance
    #[arg(long)]
    staging: bool,
}

pub(super) fn run(ui: &Ui, args: &VerifyBundleArgs) -> Result<Exit, CliError> {
    let digest = args.artifact.starts_with("sha256:").then(|| args.artifact.parse::<Digest>());
    let subject = match digest {
        Some(Ok(digest)) => Subject::Digest(digest),
        _ => Subject::File(PathBuf::from(&args.artifact)),
    };
    let request = BundleRequest {
        bundle: args.bundle.clone(),
        subject,
        key: args.key.clone(),
        identity: args.certificate_identity.clone().zip(args.certificate_oidc_issuer.clone()),
        trusted_root: args.trusted_root.clone(),
        staging: args.staging,
    };
    Ok(match app::verify_bundle(&request)? {
        None => Exit::Passed,
        Some(error) => {
            ui.talk(&format!("{}: {error}", args.bundle.display()));
            Exit::Failed
        }
    })
}
