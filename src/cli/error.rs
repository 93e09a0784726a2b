//! Errors as people read them: what was not done and why, a hint, an exit code. The one place that attaches them.

use crate::app::{
    AggregateError, AuthorError, CheckError, DumpError, FleetError, RecordError, RunError,
    SignError,
};
use crate::backup::BackupError;
use crate::drill::LoadError;
use crate::evidence::EvidenceError;
use crate::history::HistoryError;
use crate::schedule::LedgerError;

use super::exit::Exit;

/// A command that was not carried out.
#[derive(Debug)]
pub(super) struct CliError {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) exit: Exit,
}

impl CliError {
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: Exit::Usage }
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        let exit = match &error {
            RunError::Unfinished(_)
            | RunError::Resume(_)
            | RunError::Open(EvidenceError::NothingToResume { .. }) => Exit::Usage,
            RunError::Open(_)
            | RunError::Write(_)
            | RunError::History(_)
            | RunError::File(_)
            | RunError::Seal(_) => Exit::Evidence,
        };
        Self { message: error.to_string(), hint: Some(error.hint().to_owned()), exit }
    }
}

impl From<HistoryError> for CliError {
    fn from(error: HistoryError) -> Self {
        let hint = Some(error.hint().to_owned());
        Self { message: error.to_string(), hint, exit: Exit::Usage }
    }
}

#[cfg(feature = "queue")]
impl From<crate::database::DatabaseError> for CliError {
    fn from(error: crate::database::DatabaseError) -> Self {
        use crate::database::DatabaseError;

        let hint = match &error {
            DatabaseError::Address => "without TLS, on this machine only: add ?sslmode=disable",
            DatabaseError::Unreachable(..) => "look whether it runs, and at its TLS: docs/team.md",
            DatabaseError::Refused(..) => "the role has to be able to make schemas in it",
        };
        Self { message: error.to_string(), hint: Some(hint.to_owned()), exit: Exit::Usage }
    }
}

impl From<FleetError> for CliError {
    fn from(error: FleetError) -> Self {
        let hint = match &error {
            FleetError::Read(..) => "name the fleet file with --fleet",
            FleetError::Invalid { .. } => "docs/schedule.md lists every key",
        };
        Self { message: error.to_string(), hint: Some(hint.to_owned()), exit: Exit::Usage }
    }
}

impl From<AggregateError> for CliError {
    fn from(error: AggregateError) -> Self {
        match error {
            AggregateError::Plan(..) => Self {
                message: format!("nothing was filed: {error}"),
                hint: Some("give the one that `dr-drill schedule matrix --plan` wrote".to_owned()),
                exit: Exit::Usage,
            },
            AggregateError::Evidence(error) => error.into(),
            AggregateError::Ledger(error) => error.into(),
        }
    }
}

impl From<LedgerError> for CliError {
    fn from(error: LedgerError) -> Self {
        let (hint, exit) = match &error {
            LedgerError::Busy(_) => ("wait until that has ended, or end it", Exit::Usage),
            LedgerError::Clock { .. } => ("if the clock is right: --believe-clock", Exit::Usage),
            LedgerError::Lost(_) => ("look whether the database could be reached", Exit::Evidence),
            LedgerError::Newer(_) => ("use that version", Exit::Usage),
            LedgerError::Io { .. } | LedgerError::State { .. } => {
                ("look at rights and room of the history", Exit::Evidence)
            }
            LedgerError::History(error) => (error.hint(), Exit::Evidence),
        };
        Self { message: error.to_string(), hint: Some(hint.to_owned()), exit }
    }
}

#[cfg(feature = "serve")]
impl From<crate::app::ServeError> for CliError {
    fn from(error: crate::app::ServeError) -> Self {
        use crate::app::ServeError;

        let hint = match &error {
            ServeError::Open(_) => Some("give one with --token-file or --token-env"),
            ServeError::Token => Some("make one: openssl rand -hex 32"),
            ServeError::Listen(..) => None,
        };
        let message = format!("nothing is served: {error}");
        Self { message, hint: hint.map(str::to_owned), exit: Exit::Usage }
    }
}

#[cfg(feature = "storage")]
impl From<crate::app::TransferError> for CliError {
    fn from(error: crate::app::TransferError) -> Self {
        use crate::app::TransferError;

        match error {
            TransferError::Record(error) => error.into(),
            TransferError::Storage(error) => error.into(),
        }
    }
}

#[cfg(feature = "storage")]
impl From<crate::storage::StorageError> for CliError {
    fn from(error: crate::storage::StorageError) -> Self {
        use crate::storage::StorageError;

        let (hint, exit) = match &error {
            StorageError::Address(..) => (Some("docs/storage.md lists the addresses"), Exit::Usage),
            StorageError::Absent(_) | StorageError::Local(..) => (None, Exit::Usage),
            StorageError::Denied(..) => {
                (Some("docs/storage.md lists the variables that hold credentials"), Exit::Usage)
            }
            StorageError::Unreachable(..) | StorageError::Ended => {
                (Some("run it again: it goes on where it was"), Exit::Inconclusive)
            }
            StorageError::Changed(_) | StorageError::ReadBack(_) => {
                (Some("look at who can write to the storage"), Exit::Failed)
            }
            StorageError::TooLarge { .. } => (None, Exit::Failed),
        };
        Self { message: error.to_string(), hint: hint.map(str::to_owned), exit }
    }
}

impl From<RecordError> for CliError {
    fn from(error: RecordError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self { message: error.to_string(), hint, exit: Exit::Usage }
    }
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self { message: format!("nothing was run: {error}"), hint, exit: Exit::Usage }
    }
}

impl From<crate::exercise::LoadError> for CliError {
    fn from(error: crate::exercise::LoadError) -> Self {
        use crate::exercise::LoadError;

        let hint = match &error {
            LoadError::Missing(_) => {
                Some("begin one: dr-drill exercise tabletop new --scenario NAME")
            }
            LoadError::Invalid { .. } => {
                Some("docs/tabletop.md and docs/failover.md list every key")
            }
            LoadError::Read(..) => None,
        };
        let hint = hint.map(str::to_owned);
        Self { message: format!("nothing was done: {error}"), hint, exit: Exit::Usage }
    }
}

impl From<SignError> for CliError {
    fn from(error: SignError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self { message: format!("nothing was signed: {error}"), hint, exit: Exit::Usage }
    }
}

impl From<CheckError> for CliError {
    fn from(error: CheckError) -> Self {
        Self::usage(format!("nothing was checked: {error}"))
    }
}

impl From<DumpError> for CliError {
    fn from(error: DumpError) -> Self {
        let exit = match &error {
            DumpError::Exists(_) | DumpError::File(..) => Exit::Usage,
            DumpError::Source(_)
            | DumpError::Asked(_)
            | DumpError::NoTime(_)
            | DumpError::Structure
            | DumpError::Manifest(_) => Exit::Failed,
        };
        Self { message: format!("no backup was made: {error}"), hint: error.hint(), exit }
    }
}

impl From<AuthorError> for CliError {
    fn from(error: AuthorError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let exit = match &error {
            AuthorError::Payload(..) => Exit::Failed,
            AuthorError::Backup(BackupError::Interrupted(_)) => Exit::Inconclusive,
            AuthorError::Exists(_)
            | AuthorError::Path(_)
            | AuthorError::Backup(_)
            | AuthorError::NeedsScript(_)
            | AuthorError::Archive(..)
            | AuthorError::File(..)
            | AuthorError::Manifest { .. } => Exit::Usage,
        };
        Self { message: format!("no manifest was written: {error}"), hint, exit }
    }
}
