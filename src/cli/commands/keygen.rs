//! `dr-drill keygen`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::app;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::signature::KeyKind;

/// Make a key pair to sign with
///
/// Writes NAME.key (PKCS#8 in PEM, readable by you alone) and NAME.pub. No file is ever replaced.
#[derive(Debug, Args)]
pub(super) struct KeygenArgs {
    /// Name of the pair, with its directory
    name: PathBuf,
    /// Kind of key
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Kind {
    /// Ed25519.
    #[default]
    Ed25519,
    /// ECDSA P-256.
    P256,
}

pub(super) fn run(ui: &Ui, args: &KeygenArgs) -> Result<Exit, CliError> {
    let kind = match args.kind {
        Kind::Ed25519 => KeyKind::Ed25519,
        Kind::P256 => KeyKind::P256,
    };
    let key = app::generate_key(&args.name, kind)?;
    let name = args.name.display();
    ui.talk(&format!("{name}.key: keep it secret\n{name}.pub: {key}"));
    Ok(Exit::Passed)
}
