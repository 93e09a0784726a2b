//! What is done or asked outside of any sandbox: commands, requests over HTTP, statements for PostgreSQL.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};

use crate::manifest::{Request, RequestKind};
use crate::process::{End, Launch, Limits, Reach, run};
use crate::secret::Redactor;

/// Output of a command that is kept, in bytes.
const KEPT: usize = 4 << 20;
/// What is told of it where it fails, in characters.
const TOLD: usize = 400;
/// Where distributions put the programs of PostgreSQL, below a version each.
const POSTGRES: &str = "/usr/lib/postgresql";

/// What they need.
pub struct Hands<'a> {
    /// Where programs are looked for.
    pub search_path: OsString,
    /// Where commands run.
    pub folder: PathBuf,
    /// Value of an environment variable.
    pub variable: &'a (dyn Fn(&str) -> Option<OsString> + Sync),
}

/// How a command ended, and what it printed.
#[derive(Debug)]
pub struct Ran {
    /// Its exit status.
    pub code: i32,
    /// What it printed, without secrets.
    pub printed: String,
}

impl Hands<'_> {
    /// Does one thing, within its own time and `limit`. `texts` are what stands for names in braces.
    ///
    /// # Errors
    /// When nothing came back, or what came back is not as it has to be: a sentence for people, without secrets.
    pub fn perform(
        &self,
        request: &Request,
        texts: &[(&str, &str)],
        limit: Duration,
    ) -> Result<String, String> {
        let limit = request.timeout.min(limit);
        let fill = |text: &str| {
            texts.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
        };
        let answer = match &request.kind {
            RequestKind::Command(words, names) => {
                let words: Vec<String> = words.iter().map(|word| fill(word)).collect();
                let ran = self.command(&words, &self.named(names)?, limit)?;
                if ran.code != 0 {
                    let said = last_words(&ran.printed);
                    return Err(format!("`{}` ended with {}{said}", words[0], ran.code));
                }
                ran.printed
            }
            RequestKind::Http(address, status) => self.get(&fill(address), *status, limit)?,
            RequestKind::Sql(statement, conninfo, password) => {
                self.sql(conninfo, password.as_deref(), &fill(statement), limit)?
            }
        };
        let found = answer.trim();
        if let Some(wanted) = request.expect.as_ref().map(|text| fill(text))
            && found != wanted.trim()
        {
            return Err(format!("the answer is {}, and not `{}`", told(found), cut(&wanted)));
        }
        if let Some(wanted) = request.contains.as_ref().map(|text| fill(text))
            && !answer.contains(&wanted)
        {
            return Err(format!("the answer does not contain `{}`", cut(&wanted)));
        }
        Ok(answer)
    }

    fn named(&self, names: &[String]) -> Result<Vec<(String, OsString)>, String> {
        let value = |name: &String| {
            let value = (self.variable)(name);
            let value =
                value.ok_or_else(|| format!("the environment variable {name} is not set"))?;
            Ok((name.clone(), value))
        };
        names.iter().map(value).collect()
    }

    /// The value of a variable that is named in the file.
    ///
    /// # Errors
    /// When it is not set, or no text.
    pub fn secret(&self, name: &str) -> Result<String, String> {
        let value = (self.variable)(name);
        let value = value.ok_or_else(|| format!("the environment variable {name} is not set"))?;
        value.into_string().map_err(|_| format!("the environment variable {name} is no text"))
    }

    /// Runs a command. Servers that it starts and that detach themselves go on.
    ///
    /// # Errors
    /// When it was not started, or was killed. That it failed is no error.
    pub fn command(
        &self,
        words: &[String],
        environment: &[(String, OsString)],
        limit: Duration,
    ) -> Result<Ran, String> {
        let (program, arguments) = words.split_first().ok_or("there is no command")?;
        let path =
            self.program(program).ok_or_else(|| format!("there is no program `{program}`"))?;
        let mut redactor = Redactor::default();
        for (_, value) in environment {
            redactor = redactor.secret(value.as_encoded_bytes());
        }
        let own = [("PATH", self.search_path.clone()), ("LC_ALL", "C.UTF-8".into())];
        // Of those who run this: `ssh` looks there for keys.
        let theirs = ["HOME", "SSH_AUTH_SOCK"];
        let theirs = theirs.iter().filter_map(|name| Some((*name, (self.variable)(name)?)));
        let all = own.into_iter().chain(theirs).map(|(name, value)| (name.into(), value));
        let given = environment.iter().map(|(name, value)| (name.into(), value.clone()));
        let launch = Launch {
            program: path,
            arguments: arguments.iter().map(OsString::from).collect(),
            environment: all.chain(given).collect(),
            folder: self.folder.clone(),
            writable: Vec::new(),
            limits: Limits::default(),
            isolation_required: false,
            timeout: limit,
            user: None,
            reach: Reach::Lasting,
        };
        let mut printed = Vec::new();
        let mut keep = |bytes: &[u8]| {
            let room = KEPT.saturating_sub(printed.len());
            printed.extend_from_slice(&bytes[..bytes.len().min(room)]);
        };
        let finished = run(&launch, None, &mut keep, &|| false)
            .map_err(|error| format!("`{program}` {error}"))?;
        let printed = String::from_utf8_lossy(&redactor.redact(&printed)).into_owned();
        match finished.end {
            End::Exited(code) => Ok(Ran { code, printed }),
            End::TimedOut => {
                let said = last_words(&printed);
                Err(format!(
                    "`{program}` took longer than {} s, and was killed{said}",
                    limit.as_secs_f64()
                ))
            }
            End::Signalled(signal) => Err(format!("`{program}` was ended by signal {signal}")),
            End::Interrupted | End::Refused => Err(format!("`{program}` was not run to its end")),
        }
    }

    /// Where a program lies: relative to the folder of the file if it has a slash, else on the path.
    fn program(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            return Some(self.folder.join(name));
        }
        let places = std::env::split_paths(&self.search_path).map(|folder| folder.join(name));
        places.into_iter().find(|path| path.is_file())
    }

    /// Runs a statement, and gives what it answers: rows as lines, columns with `|` between them.
    ///
    /// # Errors
    /// When it could not be run, or failed.
    pub fn sql(
        &self,
        conninfo: &str,
        password: Option<&str>,
        statement: &str,
        limit: Duration,
    ) -> Result<String, String> {
        let mut environment: Vec<(String, OsString)> =
            vec![("PGAPPNAME".to_owned(), "dr-drill".into())];
        let seconds = limit.as_secs().clamp(2, 60).to_string();
        environment.push(("PGCONNECT_TIMEOUT".to_owned(), seconds.into()));
        if let Some(name) = password {
            environment.push(("PGPASSWORD".to_owned(), self.secret(name)?.into()));
        }
        let psql = self.psql().ok_or("there is no program `psql`")?;
        let words = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse"];
        let words = words.iter().map(|word| (*word).to_owned());
        let words = std::iter::once(psql.display().to_string()).chain(words);
        let asked = ["-d", conninfo, "-c", statement].map(str::to_owned);
        let words: Vec<String> = words.chain(asked).collect();
        let ran = self.command(&words, &environment, limit)?;
        if ran.code != 0 {
            return Err(format!("the statement failed{}", last_words(&ran.printed)));
        }
        Ok(ran.printed)
    }

    /// The newest `psql`. What Debian has on the path is a script around it, ten times as slow.
    fn psql(&self) -> Option<PathBuf> {
        let versions = std::fs::read_dir(POSTGRES).into_iter().flatten().flatten();
        let number = |path: &PathBuf| -> u32 {
            let name = path.parent().and_then(Path::parent).and_then(Path::file_name);
            name.and_then(|name| name.to_str()?.parse().ok()).unwrap_or_default()
        };
        let found = versions.map(|entry| entry.path().join("bin/psql"));
        found.filter(|path| path.is_file()).max_by_key(number).or_else(|| self.program("psql"))
    }

    fn get(&self, address: &str, wanted: u16, limit: Duration) -> Result<String, String> {
        let agent = agent(limit);
        let fail = |error: ureq::Error| format!("{address} cannot be asked: {error}");
        let mut answer = agent.get(address).call().map_err(fail)?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(KEPT as u64).read_to_string();
        if status != wanted {
            return Err(format!("{address} answers {status}, and not {wanted}"));
        }
        text.map_err(fail)
    }
}

/// What asks over HTTP, and over TLS with the roots of this machine: no redirects, any status is an answer.
#[must_use]
pub fn agent(timeout: Duration) -> ureq::Agent {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(provider))
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .http_status_as_error(false)
        .build()
        .into()
}

/// What a program said last, for the end of a sentence.
#[must_use]
pub fn last_words(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(3)..].join("; ");
    if last.is_empty() { String::new() } else { format!(": {}", cut(&last)) }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TOLD).collect()
}

/// An answer for evidence: numbers and flags; of other text, which may be of people, only how much it is.
fn told(text: &str) -> String {
    const FLAG: usize = 5;
    if text.parse::<f64>().is_ok() || text.len() <= FLAG {
        return format!("`{}`", cut(text));
    }
    format!("{} characters of text", text.chars().count())
}
