//! `dr-drill controls`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::history::Place;
use super::{Format, tell};
use crate::app;
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::signature::PublicKey;
use crate::wire::controls::{EvidenceStanding, Matrix};

/// Say which controls of standards the drills of a period meet, and what is missing
///
/// A control is met if for each name at least one drill of the period holds all that it needs. Evidence that does
/// not verify counts for nothing. Exit codes: 0 all are met, 1 at least one is not.
#[derive(Debug, Args)]
pub(super) struct ControlsArgs {
    #[command(flatten)]
    place: Place,
    /// The period, as FROM..TO in days (2026-01-01..2027-01-01; the last is no part of it), or a year
    #[arg(long)]
    period: String,
    /// A public key; evidence counts only if signed by one of those that are given
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// A catalogue of controls [default: the one that comes with the tool]
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    ui: &Ui,
    environment: &Environment,
    args: &ControlsArgs,
) -> Result<Exit, CliError> {
    let (from, to) = period(&args.period).ok_or_else(|| {
        CliError::usage(format!(
            "`{}` is no period: give 2026, or 2026-01-01..2026-07-01",
            args.period
        ))
    })?;
    let keys: Vec<PublicKey> =
        args.key.iter().map(|path| app::read_key(path)).collect::<Result<_, _>>()?;
    let history = args.place.open(environment)?;
    let found = app::controls(&history, &from, &to, args.catalogue.as_deref(), &keys)?;
    tell(ui, args.format, &found, || describe(&found));
    let met = found.controls.iter().all(|control| control.met);
    Ok(if met { Exit::Passed } else { Exit::Failed })
}

/// Both ends of a period, as moments are written.
fn period(text: &str) -> Option<(String, String)> {
    if text.len() == 4 {
        let year: u16 = text.parse().ok()?;
        return period(&format!("{year:04}-01-01..{:04}-01-01", year.checked_add(1)?));
    }
    let (from, to) = text.split_once("..")?;
    let day = |day: &str| {
        let moment = format!("{day}T00:00:00Z").parse::<crate::clock::Timestamp>().ok()?;
        Some(moment.to_string())
    };
    let (from, to) = (day(from)?, day(to)?);
    (from < to).then_some((from, to))
}

fn describe(found: &Matrix) -> String {
    let mut text = format!("{} to {}: {} drill(s)\n", found.from, found.to, found.drills.len());
    for result in &found.controls {
        let word = if result.met { "met    " } else { "NOT MET" };
        let _ = writeln!(text, "{word}  {}: {}", result.control.id, result.control.asks);
        for gap in &result.gaps {
            let none = format!("no {} at all", result.control.of.word());
            let name = gap.name.as_ref().unwrap_or(&none);
            let closest = gap.closest.as_ref().map(|run| format!(" ({run} comes closest)"));
            let missing = gap.missing.join(", ");
            let _ =
                writeln!(text, "         {name}: misses {missing}{}", closest.unwrap_or_default());
        }
    }
    for drill in &found.drills {
        let standing = match drill.evidence {
            EvidenceStanding::Signed => "signed",
            EvidenceStanding::SignerUnknown => "intact, signer unknown",
            EvidenceStanding::NotVerified => "NOT VERIFIED",
        };
        let (at, verdict) = (&drill.started_at, drill.verdict.word());
        let _ = writeln!(text, "{at}  {verdict:12}  {}  {standing}  {}", drill.name, drill.run_id);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::period;

    #[test]
    fn a_period_is_a_year_or_two_days() {
        let year = ("2026-01-01T00:00:00.000Z".to_owned(), "2027-01-01T00:00:00.000Z".to_owned());
        assert_eq!(period("2026"), Some(year.clone()));
        assert_eq!(period("2026-01-01..2027-01-01"), Some(year));
        for text in ["", "26", "2026-01-01", "2026-02-01..2026-01-01", "2026-13-01..2027-01-01"] {
            assert_eq!(period(text), None, "{text}");
        }
    }
}
