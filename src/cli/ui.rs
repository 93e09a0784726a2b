//! The terminal: data on standard output, talk on standard error.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::error::CliError;

/// Writes for people. A closed pipe is not an error: whoever closed it has seen enough.
#[derive(Clone, Copy)]
pub(super) struct Ui {
    color: ColorChoice,
}

impl Ui {
    pub(super) fn new(color: Color) -> Self {
        let color = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { color }
    }

    /// Writes data.
    pub(super) fn data(&self, bytes: &[u8]) {
        let mut out = AutoStream::new(io::stdout(), self.color);
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    /// Writes talk.
    pub(super) fn talk(&self, text: &str) {
        let mut err = AutoStream::new(io::stderr(), self.color);
        let _ = writeln!(err, "{text}");
    }

    /// Asks something: what is typed follows on the same line.
    pub(super) fn prompt(&self, text: &str) {
        let mut err = AutoStream::new(io::stderr(), self.color);
        let _ = write!(err, "{text}").and_then(|()| err.flush());
    }

    /// Says what cannot wait.
    pub(super) fn alarm(&self, message: &str, to_do: &str) {
        let loud = Style::new().bold().fg_color(Some(AnsiColor::White.into()));
        let loud = loud.bg_color(Some(AnsiColor::Red.into()));
        self.talk(&format!("\n{loud}!!! {message}{loud:#}\n!!! {to_do}\n"));
    }

    /// Says why a command was not carried out.
    pub(super) fn error(&self, error: &CliError) {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        self.talk(&format!("{red}error:{red:#} {}", error.message));
        if let Some(hint) = &error.hint {
            self.talk(&format!("hint: {hint}"));
        }
    }
}

/// When to color.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
