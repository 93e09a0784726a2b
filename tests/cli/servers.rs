//! Real servers that stand for those in production: on a socket in a directory of their own, ended
//! by their process id.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const NOBODY: u32 = 65_534;

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// PostgreSQL with the shop in it.
    pub(crate) fn postgres() -> Self {
        let folder = folder();
        let bin = postgres_programs();
        let data = folder.path().join("data");
        let mut initdb = command(&bin.join("initdb"));
        initdb.args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-N",
            "-k",
            "--locale=C",
            "-E",
            "UTF8",
            "-D",
        ]);
        ran(initdb.arg(&data));
        let mut server = command(&bin.join("postgres"));
        server.arg("-D").arg(&data).args(["-c", "listen_addresses=", "-c", "wal_level=replica"]);
        server.arg("-c").arg(format!("unix_socket_directories={}", folder.path().display()));
        let server = Self::start(&mut server, folder);
        let socket = server.path("").display().to_string();
        server.wait(Command::new("psql").args(["-h", &socket, "-U", "postgres", "-c", "SELECT 1"]));
        ran(Command::new("psql")
            .args(["-q", "-h", &socket, "-U", "postgres", "-d", "postgres", "-f"])
            .arg("fixtures/real/shop.cluster.sql"));
        server
    }

    /// MariaDB with the shop in it.
    pub(crate) fn mariadb() -> Self {
        let folder = folder();
        let data = folder.path().join("data");
        let mut install = command(Path::new("mariadb-install-db"));
        install.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
        ran(install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]));
        let socket = folder.path().join("s");
        let mut server = command(Path::new("/usr/sbin/mariadbd"));
        server.args(["--no-defaults", "--skip-networking"]);
        server.arg(format!("--datadir={}", data.display()));
        let server = Self::start(server.arg(format!("--socket={}", socket.display())), folder);
        let client = || {
            let mut client = Command::new("mariadb");
            client.args(["--no-defaults", "-u", "root", "-S"]).arg(&socket);
            client
        };
        server.wait(client().args(["-e", "SELECT 1"]));
        ran(client().args(["-e", "CREATE DATABASE shop; CREATE USER app"]));
        let dump = fs::File::open("fixtures/real/shop.mariadb.sql").unwrap();
        ran(client().arg("shop").stdin(dump));
        server
    }

    /// Redis, asking for a password.
    pub(crate) fn redis(password: &str) -> Self {
        let folder = folder();
        let mut server = command(Path::new("redis-server"));
        server.args(["--port", "0", "--save", "", "--requirepass", password, "--dir"]);
        server.arg(folder.path()).arg("--unixsocket").arg(folder.path().join("s"));
        let server = Self::start(&mut server, folder);
        let mut ping = Command::new("redis-cli");
        server.wait(ping.args(["-e", "-a", password, "-s"]).arg(server.path("s")).arg("PING"));
        server
    }

    fn start(command: &mut Command, folder: tempfile::TempDir) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, folder }
    }

    /// Waits until a client is answered.
    fn wait(&self, client: &mut Command) {
        client.stdout(Stdio::null()).stderr(Stdio::null());
        for _ in 0..600 {
            if client.status().unwrap().success() {
                return;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("the server did not get ready");
    }

    /// A file in its directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The directory, as a part of a URL.
    pub(crate) fn in_url(&self, name: &str) -> String {
        self.path(name).display().to_string().replace('/', "%2F")
    }

    /// What SQL gives in the shop of PostgreSQL.
    pub(crate) fn answer(&self, sql: &str) -> String {
        self.in_database("shop", sql)
    }

    /// What SQL gives in a database of PostgreSQL.
    pub(crate) fn in_database(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new("psql");
        psql.args(["-Atq", "-U", "postgres", "-d", database, "-c", sql, "-h"]).arg(self.path(""));
        let output = psql.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs SQL in the shop of PostgreSQL.
    pub(crate) fn psql(&self, sql: &str) {
        let mut psql = Command::new("psql");
        ran(psql.args(["-q", "-U", "postgres", "-d", "shop", "-c", sql, "-h"]).arg(self.path("")));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the programs of PostgreSQL lie, of the newest version.
pub(crate) fn postgres_programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").unwrap().flatten();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    versions.map(|entry| entry.path()).max_by_key(number).unwrap().join("bin")
}

/// A directory of the user that servers run as.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("s").tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    folder
}

/// A program run as nobody, where this is root: servers refuse to be it.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").stdin(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn ran(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
