//! A connection to a PostgreSQL server that several machines share: over TLS where its address asks for it, and made anew when
//! it was lost.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::{Manager, Pool, tokio_postgres};
use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::clock::Stopwatch;

/// Longest time until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);
/// Silence after which it is asked whether the other side is still there, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(30);
/// A connection that was not used for so long is tried before it is.
const RESTED: Duration = Duration::from_secs(1);
/// What each connection says first: the server is to notice soon when this side is gone, and nothing waits for ever.
const FIRST: &str = "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
    SET idle_in_transaction_session_timeout = '300s'; SET lock_timeout = '60s'; SET client_min_messages = warning; \
    SET search_path = dr_drill";

/// Why a database could not be used. Messages hold no secret.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Its address is none.
    #[error("the address of the database is none: it should be postgres://USER@HOST/DATABASE")]
    Address,
    /// It does not answer.
    #[error("the database {0} cannot be reached: {1}")]
    Unreachable(String, String),
    /// It refuses a question.
    #[error("the database {0}: {1}")]
    Refused(String, String),
}

/// The address of a database. It may hold a password, and is never shown.
#[derive(Clone)]
pub struct Address {
    config: tokio_postgres::Config,
    shown: String,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

impl FromStr for Address {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self, DatabaseError> {
        let mut config: tokio_postgres::Config =
            text.parse().map_err(|_| DatabaseError::Address)?;
        config.connect_timeout(CONNECT).keepalives_idle(KEEPALIVE).tcp_user_timeout(ANSWER);
        config.application_name("dr-drill");
        let host = config.get_hosts().first().map_or_else(String::new, |host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
        let shown = format!("{database} at {host}");
        Ok(Self { config, shown })
    }
}

impl Address {
    /// What it is called in messages.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    fn connect(&self) -> Result<Client, DatabaseError> {
        let failed = |error: String| DatabaseError::Unreachable(self.shown.clone(), error);
        let config = Config::from(self.config.clone());
        let connected = if config.get_ssl_mode() == SslMode::Disable {
            config.connect(NoTls)
        } else {
            config.connect(tls().map_err(failed)?)
        };
        let mut client = connected.map_err(|error| failed(said(&error)))?;
        client.batch_execute(FIRST).map_err(|error| failed(said(&error)))?;
        Ok(client)
    }

    /// Connections for what is asynchronous.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn pool(&self, size: usize) -> Result<Pool, DatabaseError> {
        let failed = |error: String| DatabaseError::Unreachable(self.shown.clone(), error);
        let manager = if self.config.get_ssl_mode() == SslMode::Disable {
            Manager::new(self.config.clone(), NoTls)
        } else {
            Manager::new(self.config.clone(), tls().map_err(failed)?)
        };
        let pool = Pool::builder(manager).max_size(size).build();
        pool.map_err(|error| failed(error.to_string()))
    }
}

/// TLS with the roots of the machine, so that a company's own authority counts.
fn tls() -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| error.to_string())?;
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

/// What a server or the way to it says.
fn said(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        }
    }
}

/// A connection that is used by one after the other.
pub struct Connection {
    address: Address,
    /// With how long ago it was last used.
    client: Mutex<Option<(Client, Stopwatch)>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.address.shown)
    }
}

impl Connection {
    /// A connection that stands when it is needed.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address, client: Mutex::new(None) }
    }

    /// Where it leads.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Does something over the connection; one that was lost is made anew first. Nothing is tried twice: whoever asks knows
    /// whether that is safe.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub fn with<T>(
        &self,
        work: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, DatabaseError> {
        let mut held = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let stands = held.take().and_then(|(mut client, used)| {
            // That the other side has ended it is only heard of when it is used.
            let rested = used.elapsed() > RESTED;
            let valid = !client.is_closed() && (!rested || client.is_valid(ANSWER).is_ok());
            valid.then_some(client)
        });
        let mut client = match stands {
            Some(client) => client,
            None => self.address.connect()?,
        };
        let done = work(&mut client);
        if !client.is_closed() {
            *held = Some((client, Stopwatch::start()));
        }
        let shown = || self.address.shown.clone();
        done.map_err(|error| match error.as_db_error() {
            Some(_) => DatabaseError::Refused(shown(), said(&error)),
            None => DatabaseError::Unreachable(shown(), said(&error)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_never_shown_with_its_password() {
        let address: Address = "postgres://me:hunter2@db.example/drills".parse().unwrap();
        assert_eq!(
            format!("{address:?} {}", address.shown()),
            "Address(drills at db.example) drills at db.example"
        );
        let error = "postgres://me:hunter2@[bad/drills".parse::<Address>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_server_that_is_not_there_is_told_without_the_password() {
        let address: Address = "postgres://me:hunter2@127.0.0.1:1/drills".parse().unwrap();
        let error = Connection::new(address).with(|_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("drills at 127.0.0.1 cannot be reached"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
