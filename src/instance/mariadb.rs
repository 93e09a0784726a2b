//! MariaDB: started without a network, reached through its socket by its own user alone.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::template::Template;
use super::{InstanceError, Quarters, READY, check_socket, find_program, plain, wait_until};
use crate::clock::Stopwatch;
use crate::fs::chown_tree;
use crate::process::{End, Finished, ProcessError, Service, unprivileged};
use crate::target::{Engine, Row, SqlTarget, TargetError};
use crate::wire::manifest::Profile;

/// Where servers lie that are not for everybody's path.
const SERVERS: [&str; 3] = ["/usr/sbin", "/usr/libexec", "/usr/local/sbin"];

/// Settings of every throwaway server: no configuration of the machine is read, nothing that was
/// restored starts by itself.
const QUIET: [&str; 7] = [
    "--no-defaults",
    "--skip-networking",
    "--event-scheduler=OFF",
    "--skip-log-bin",
    "--local-infile=0",
    "--skip-slave-start",
    "--character-set-server=utf8mb4",
];

/// Settings of a server that need not survive a power failure.
const FAST: [&str; 5] = [
    "--innodb-doublewrite=0",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-buffer-pool-size=256M",
    "--innodb-log-file-size=256M",
];

/// Errors whose words quote no values: of others only number and line are kept.
const WITHOUT_VALUES: [&str; 18] = [
    "1005", "1007", "1045", "1046", "1049", "1050", "1051", "1054", "1142", "1146", "1180", "1215",
    "1227", "1305", "1356", "1419", "1449", "1452",
];

/// A server that runs until it is dropped.
pub struct MariaDb<'a> {
    quarters: Quarters<'a>,
    service: Service,
    server: PathBuf,
    client: PathBuf,
    checker: PathBuf,
    socket: String,
    user: String,
    database: String,
    /// What it says of its version.
    pub version: String,
    /// Seconds from its start until it answered.
    pub ready_seconds: f64,
}

impl<'a> MariaDb<'a> {
    /// Starts an empty server. `cache` holds the files of new servers from one drill to the next.
    ///
    /// # Errors
    /// When it is not installed, or did not get ready.
    pub fn start(
        quarters: Quarters<'a>,
        profile: Profile,
        cache: Option<&Path>,
    ) -> Result<Self, InstanceError> {
        let server = find(&quarters, "mariadbd")?;
        let installer = find(&quarters, "mariadb-install-db")?;
        let (client, checker) = (find(&quarters, "mariadb")?, find(&quarters, "mariadb-check")?);
        let data = quarters.folder.join("data");
        let socket = quarters.folder.join("s");
        check_socket(&socket)?;
        let socket = socket.display().to_string();
        let user = quarters.user.clone().or_else(unprivileged).ok_or(InstanceError::NoUser)?;
        let version = quarters.ask(&server, &["--no-defaults", "--version"], &[])?;
        let version = version_line(&version);
        let template = Template::of(cache, &format!("{version} for {}", user.name));
        if !template.copy_to(&data)? {
            let at = format!("--datadir={}", data.display());
            // Whoever asks is known to the kernel by its user: there is no password.
            let account = format!("--auth-root-socket-user={}", user.name);
            let method = "--auth-root-authentication-method=socket";
            let arguments = ["--no-defaults", &at, method, &account, "--skip-test-db"];
            quarters.ask(&installer, &arguments, &[])?;
            template.keep(&data);
        }
        if let Some(user) = &quarters.user {
            chown_tree(&quarters.folder, user.id, user.group)?;
        }
        let watch = Stopwatch::start();
        let service = serve(&quarters, &server, profile, &data, &socket);
        let (user, database) = (user.name, "mysql".to_owned());
        let mut started = Self {
            quarters,
            service,
            server,
            client,
            checker,
            socket,
            user,
            database,
            version: version_in(version),
            ready_seconds: 0.0,
        };
        let answers = || UnixStream::connect(&started.socket).is_ok();
        wait_until(answers, &started.service, &started.quarters, READY)?;
        started.command("mysql", "SELECT 1")?;
        started.ready_seconds = watch.seconds();
        Ok(started)
    }

    /// Where clients run beside it.
    #[must_use]
    pub fn quarters(&self) -> &Quarters<'a> {
        &self.quarters
    }

    /// The database that questions go to from now on.
    pub fn look_at(&mut self, database: &str) {
        database.clone_into(&mut self.database);
    }

    /// The database that is looked at.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The programs of the server and of its client.
    #[must_use]
    pub fn programs(&self) -> (&Path, &Path) {
        (&self.server, &self.client)
    }

    /// What a client needs to reach it.
    #[must_use]
    pub fn address(&self) -> Vec<&str> {
        vec!["--no-defaults", "--socket", &self.socket, "--user", &self.user]
    }

    /// Its socket, and the user that may use it.
    #[must_use]
    pub fn socket_and_user(&self) -> [&str; 2] {
        [&self.socket, &self.user]
    }

    /// Runs a command, in whichever database.
    ///
    /// # Errors
    /// When it fails.
    pub fn command(&self, database: &str, sql: &str) -> Result<String, InstanceError> {
        let mut arguments = self.address();
        arguments.extend(["--batch", "--skip-column-names", database, "-e", sql]);
        self.quarters.ask(&self.client, &arguments, &[])
    }

    /// `ERROR 1062 (23000) at line 5 in file: 'feed': Duplicate entry 'a row' for key 'PRIMARY'`
    /// without its words, unless these can be no values. What is no error can only be rows.
    #[must_use]
    pub fn without_values(line: &str) -> Option<String> {
        let rest = line.strip_prefix("ERROR ")?;
        let number = rest.split(' ').next().unwrap_or_default();
        if WITHOUT_VALUES.contains(&number) {
            return Some(line.to_owned());
        }
        let end = line.find(" in file").or_else(|| line.find(": ")).unwrap_or(line.len());
        Some(line[..end].to_owned())
    }

    /// Ends it, with all that it started.
    ///
    /// # Errors
    /// When it had been lost.
    pub fn stop(self) -> Result<Finished, ProcessError> {
        self.service.stop()
    }
}

fn serve(
    quarters: &Quarters<'_>,
    server: &Path,
    profile: Profile,
    data: &Path,
    socket: &str,
) -> Service {
    let own = [
        format!("--datadir={}", data.display()),
        format!("--socket={socket}"),
        format!("--tmpdir={}", quarters.folder.display()),
        format!("--pid-file={}", quarters.folder.join("pid").display()),
        format!("--secure-file-priv={}", quarters.folder.display()),
    ];
    let fast: &[&str] = if profile == Profile::Fast { &FAST } else { &[] };
    let mut arguments = QUIET.to_vec();
    arguments.extend(own.iter().map(String::as_str).chain(fast.iter().copied()));
    quarters.serve(server, &arguments, &[])
}

fn find(quarters: &Quarters<'_>, name: &str) -> Result<PathBuf, InstanceError> {
    find_program(quarters, name, &SERVERS)
        .ok_or(InstanceError::NotInstalled("MariaDB (mariadb-server)"))
}

/// What a server says of its version, without the warnings around it, which tell the time.
fn version_line(text: &str) -> &str {
    text.lines().find(|line| line.contains(" Ver ")).unwrap_or(text)
}

/// The version in `mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64`.
fn version_in(text: &str) -> String {
    let mut words = text.split_ascii_whitespace().skip_while(|word| *word != "Ver").skip(1);
    words.next().unwrap_or_default().to_owned()
}

/// A value as the client writes it, on one line.
fn unescaped(text: &str) -> Option<String> {
    if text == "NULL" {
        return None;
    }
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text.chars());
    while let Some(character) = rest.next() {
        plain.push(match character {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                other => other.unwrap_or('\\'),
            },
            other => other,
        });
    }
    Some(plain)
}

impl SqlTarget for MariaDb<'_> {
    fn engine(&self) -> Engine {
        Engine::MariaDb
    }

    fn query(&self, sql: &str) -> Result<Vec<Row>, TargetError> {
        ask(&self.quarters, &self.client, &self.address(), &[], &self.database, sql)
            .map_err(|error| TargetError(plain(&error, Self::without_values)))
    }

    fn damage(&self) -> Result<Vec<String>, TargetError> {
        let mut arguments = self.address();
        arguments.extend(["--check", "--extended", &self.database]);
        let mut printed = Vec::new();
        let mut keep = |bytes: &[u8]| printed.extend_from_slice(bytes);
        let finished = self
            .quarters
            .run(&self.checker, &arguments, &[], &mut keep)
            .map_err(|error| TargetError(error.to_string()))?;
        let text = String::from_utf8_lossy(&printed).into_owned();
        if finished.end != End::Exited(0) {
            let (how, said) = (super::how(&finished.end), super::last_words(&text));
            return Err(TargetError(format!("mariadb-check {how}: {said}")));
        }
        let sound = |line: &&str| line.trim_end().ends_with("OK");
        Ok(text.lines().filter(|line| !sound(line)).map(str::to_owned).collect())
    }

    fn quoted(&self, name: &str) -> String {
        quoted(name)
    }
}

/// A name in a query, whatever it holds.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// What a query gives that can only read.
pub(super) fn ask(
    quarters: &Quarters<'_>,
    client: &Path,
    address: &[&str],
    environment: &[(&str, &str)],
    database: &str,
    sql: &str,
) -> Result<Vec<Row>, InstanceError> {
    let readonly = "--init-command=SET time_zone = '+00:00', tx_read_only = 1, \
                    group_concat_max_len = 1048576";
    let mut arguments = address.to_vec();
    arguments.extend(["--batch", "--skip-column-names", readonly, database, "-e", sql]);
    let text = quarters.ask(client, &arguments, environment)?;
    Ok(text.lines().map(|line| line.split('\t').map(unescaped).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_the_client_writes_them() {
        for (written, meant) in [
            ("a", Some("a")),
            ("NULL", None),
            ("a\\tb\\nc\\\\d\\0", Some("a\tb\nc\\d\0")),
            ("", Some("")),
        ] {
            assert_eq!(unescaped(written).as_deref(), meant);
        }
        let said = "2026-11-21 12:53:09 0 [Warning] failed to retrieve the MAC address\nmariadbd  Ver 10.11.14-MariaDB for x\n";
        assert_eq!(version_line(said), "mariadbd  Ver 10.11.14-MariaDB for x");
        assert_eq!(version_in("mariadbd  Ver 10.11.14-MariaDB for x on y"), "10.11.14-MariaDB");
    }

    #[test]
    fn errors_lose_what_may_be_values() {
        for (line, wanted) in [
            (
                "ERROR 1062 (23000) at line 5 in file: 'f': Duplicate entry 'secret'",
                Some("ERROR 1062 (23000) at line 5"),
            ),
            (
                "ERROR 1146 (42S02) at line 5: Table 'a.b' doesn't exist",
                Some("ERROR 1146 (42S02) at line 5: Table 'a.b' doesn't exist"),
            ),
            ("a row", None),
        ] {
            assert_eq!(MariaDb::without_values(line).as_deref(), wanted);
        }
    }
}
