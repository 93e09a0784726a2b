//! How drills develop, and their figures for other programs.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};

use super::Place;
use crate::cli::commands::{Format, tell};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::history::trend as trend_of;
use crate::report::{Measures, amount, csv, exposition, families};
use crate::wire::history::{Forecast, Series, Trend};

/// Say how the drills of a name develop, and when a limit will be broken
#[derive(Debug, Args)]
pub(super) struct TrendArgs {
    #[command(flatten)]
    place: Place,
    /// Name of the drills
    name: String,
    /// How many of the newest drills to look at
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    last: u64,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn trend(
    ui: &Ui,
    environment: &Environment,
    args: &TrendArgs,
) -> Result<Exit, CliError> {
    let mut drills = args.place.open(environment)?.newest(Some(&args.name), None, args.last)?;
    if drills.is_empty() {
        return Err(CliError::usage(format!(
            "no drill of the name {} is in the history",
            args.name
        )));
    }
    drills.reverse();
    let trend = trend_of(&args.name, &drills);
    tell(ui, args.format, &trend, || describe(&trend));
    Ok(Exit::Passed)
}

fn describe(trend: &Trend) -> String {
    let mut text = format!("{}: {} of {} drills passed\n", trend.name, trend.passed, trend.drills);
    for (what, unit, series) in [
        ("RTO", "s", &trend.rto_seconds),
        ("RPO", "min", &trend.rpo_minutes),
        ("restore per GB", "s", &trend.restore_seconds_per_gb),
        ("backup size", "bytes", &trend.backup_bytes),
    ] {
        if let Some(series) = series {
            line(&mut text, what, unit, series);
        }
    }
    for (phase, seconds) in &trend.phases {
        let _ = writeln!(text, "  phase {phase}: median {seconds:.3} s");
    }
    text
}

fn line(text: &mut String, what: &str, unit: &str, series: &Series) {
    let _ = write!(
        text,
        "  {what}: last {} {unit}, median {}, 95 % below {}",
        amount(series.last),
        amount(series.median),
        amount(series.p95)
    );
    if let Some(change) = series.change_percent {
        let _ = write!(text, "; {change:+.1} % against the median before");
    }
    text.push('\n');
    if let Some(forecast) = &series.forecast {
        let _ = writeln!(text, "    {}", foretold(forecast, unit, series.limit));
    }
}

fn foretold(forecast: &Forecast, unit: &str, limit: Option<f64>) -> String {
    let growth = format!(
        "{} {unit} a day ({} to {})",
        amount(forecast.per_day),
        amount(forecast.per_day_low),
        amount(forecast.per_day_high)
    );
    let Some(limit) = limit else { return growth };
    let reached = match (&forecast.limit_at, &forecast.limit_at_earliest) {
        (Some(at), earliest) => format!(
            "comes to the limit of {limit} {unit} at {at} (at the earliest {}, at the latest {})",
            earliest.as_deref().unwrap_or("never"),
            forecast.limit_at_latest.as_deref().unwrap_or("never")
        ),
        (None, Some(earliest)) => {
            format!(
                "does not come to the limit of {limit} {unit}, or at the earliest at {earliest}"
            )
        }
        (None, None) => format!("does not come to the limit of {limit} {unit} within ten years"),
    };
    format!("{growth}: {reached}")
}

/// Write the figures of drills for other programs
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    place: Place,
    /// Only drills of this name
    #[arg(long)]
    name: Option<String>,
    /// In which form
    #[arg(long, value_enum, default_value_t)]
    form: Form,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Every drill, a line each.
    #[default]
    Csv,
    /// The newest drill of each name, for Prometheus.
    Openmetrics,
    /// Every drill, a JSON object on a line each.
    Ndjson,
}

pub(super) fn export(
    ui: &Ui,
    environment: &Environment,
    args: &ExportArgs,
) -> Result<Exit, CliError> {
    let history = args.place.open(environment)?;
    let wanted = |name: &str| args.name.as_deref().is_none_or(|wanted| wanted == name);
    let text = match args.form {
        Form::Openmetrics => {
            let mut standings = history.standings()?;
            standings.retain(|standing| wanted(&standing.name));
            exposition(&families(&standings.iter().map(Measures::from).collect::<Vec<_>>()))
        }
        form => {
            let mut drills = history.within("", "9999")?;
            drills.retain(|drill| wanted(&drill.name));
            if form == Form::Csv {
                csv(&drills.iter().map(Measures::from).collect::<Vec<_>>())
            } else {
                let lines = drills.iter().filter_map(|drill| serde_json::to_string(drill).ok());
                lines.map(|line| line + "\n").collect()
            }
        }
    };
    ui.data(text.as_bytes());
    Ok(Exit::Passed)
}
