//! Something that is done or asked outside, and what has to come back.

use std::time::Duration;

use crate::wire::manifest::Check;

/// One thing that is done or asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// How.
    pub kind: RequestKind,
    /// What the answer has to be.
    pub expect: Option<String>,
    /// What the answer has to contain.
    pub contains: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// How something is done or asked.
#[derive(Clone, Debug)]
pub enum RequestKind {
    /// A program with its arguments, and the names of the variables that it is given.
    Command(Vec<String>, Vec<String>),
    /// An address, and the status that it has to answer.
    Http(String, u16),
    /// A statement, where it is run, and the variable with the password.
    Sql(String, String, Option<String>),
}

/// How long a service may take, where the manifest does not say.
const SERVICE: Duration = Duration::from_secs(30);

impl Request {
    /// What a check asks a service; nothing where it asks none.
    #[must_use]
    pub fn of_check(check: &Check) -> Option<Self> {
        let Check::Connection {
            command,
            environment,
            http,
            expect_status,
            contains,
            timeout_seconds,
            ..
        } = check
        else {
            return None;
        };
        let kind = match http {
            Some(address) => RequestKind::Http(address.clone(), expect_status.unwrap_or(200)),
            None => RequestKind::Command(command.clone(), environment.clone()),
        };
        let timeout = timeout_seconds.map_or(SERVICE, Duration::from_secs_f64);
        Some(Self { kind, expect: None, contains: contains.clone(), timeout })
    }

    /// What is done, for people.
    #[must_use]
    pub fn told(&self) -> String {
        match &self.kind {
            RequestKind::Command(words, _) => words.join(" "),
            RequestKind::Http(address, _) => format!("GET {address}"),
            RequestKind::Sql(statement, _, _) => statement.clone(),
        }
    }
}
