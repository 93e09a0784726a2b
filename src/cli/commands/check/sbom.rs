//! `dr-drill check sbom`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CheckFormat, answer};
use crate::app::{self, SbomRequest};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::clock::{Clock as _, SystemClock};
use crate::digest::Digest;
use crate::sbom::{Demand, LicenseRules};
use crate::wire::answer::{Check, CheckStanding};
use crate::wire::event::Binding;
use crate::wire::manifest::SbomProfile;

/// Check an SBOM against its schema, and against what no schema can say
///
/// Reads CycloneDX 1.2 to 1.7 and SPDX 2.2, 2.3 and 3.0, as JSON. Nothing is fetched. Exit codes: 0
/// valid, 1 refused, 2 not checked, 4 valid, but not known to be of the artifact that was named.
#[derive(Debug, Args)]
pub(super) struct SbomArgs {
    /// The file
    file: PathBuf,
    /// SHA-256 of the artifact that it must be about
    #[arg(long, value_name = "SHA256")]
    digest: Option<Digest>,
    /// Minimum elements that it must have
    #[arg(long = "profile", value_enum, value_name = "PROFILE")]
    profiles: Vec<Profile>,
    /// A license that components may have; others are then refused
    #[arg(long = "allow-license", value_name = "ID")]
    allowed: Vec<String>,
    /// A license that no component may need
    #[arg(long = "deny-license", value_name = "ID")]
    denied: Vec<String>,
    /// How to write what was found
    #[arg(long, value_enum, default_value_t)]
    format: CheckFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Profile {
    /// NTIA, 2021.
    #[value(name = "ntia-2021")]
    Ntia2021,
    /// CISA, third edition of 2024.
    #[value(name = "fsct3-2024")]
    Fsct32024,
    /// CISA, draft of August 2025.
    #[value(name = "cisa-2025-draft")]
    Cisa2025Draft,
}

pub(super) fn run(ui: &Ui, args: &SbomArgs) -> Result<Exit, CliError> {
    let profiles = args.profiles.iter().map(|profile| match profile {
        Profile::Ntia2021 => SbomProfile::Ntia2021,
        Profile::Fsct32024 => SbomProfile::Fsct32024,
        Profile::Cisa2025Draft => SbomProfile::Cisa2025Draft,
    });
    let demand = Demand {
        subject: args.digest,
        now: Some(SystemClock.now()),
        components: false,
        profiles: profiles.collect(),
        licenses: LicenseRules { allowed: args.allowed.clone(), denied: args.denied.clone() },
    };
    let check = app::check_sbom(&SbomRequest { file: args.file.clone(), demand })?;
    Ok(answer(ui, &check, args.format, &describe(&check, args.digest.is_some())))
}

fn describe(check: &Check, bound_to_something: bool) -> String {
    let mut text = String::new();
    let standing = match check.standing {
        CheckStanding::Verified | CheckStanding::Valid => "valid",
        CheckStanding::NotVerified => "VALID, BUT NOT KNOWN TO BE OF THIS ARTIFACT",
        CheckStanding::Refused => "REFUSED",
    };
    let _ = writeln!(text, "{}: {standing}", check.file);
    if let Some(found) = &check.sbom {
        let _ = writeln!(
            text,
            "  {} {}, {} component(s)",
            found.format, found.spec_version, found.components
        );
        let _ = match found.binding {
            Binding::Bound => writeln!(text, "  bound: it names the digest of the artifact"),
            Binding::WeaklyBound => {
                writeln!(text, "  weakly bound: it names something by name and version only")
            }
            Binding::Unbound if bound_to_something => {
                writeln!(text, "  unbound: it names no artifact")
            }
            Binding::Unbound => Ok(()),
        };
    }
    for problem in &check.problems {
        let place = match (problem.line, problem.column) {
            (Some(line), Some(column)) => format!("{line}:{column}: "),
            _ => String::new(),
        };
        let pointer = problem.pointer.as_deref().map(|p| format!("{p}: ")).unwrap_or_default();
        let _ = writeln!(text, "  {place}{pointer}{} [{}]", problem.message, problem.rule);
    }
    let more = check.problems_in_all.saturating_sub(check.problems.len());
    if more > 0 {
        let _ = writeln!(text, "  and {more} more");
    }
    for remark in &check.remarks {
        let _ = writeln!(text, "  note: {remark}");
    }
    text
}
