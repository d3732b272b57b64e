//! A PostgreSQL server of one test, and what `psql` sees in it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::checkout;

/// How long the server may take to start. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server with an empty database `konductor`; it is gone when this is dropped. It listens on a socket in its
/// own folder and nowhere else, so that two tests cannot meet.
pub struct PostgreSqlServer {
    server: Option<Child>,
    folder: tempfile::TempDir,
}

impl PostgreSqlServer {
    /// Makes a server and starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let made = program("initdb")
            .args([
                "--no-sync",
                "--no-instructions",
                "--auth=trust",
                "--username=konductor",
            ])
            .args(["--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .output()
            .expect("initdb can be started");
        assert!(
            made.status.success(),
            "initdb failed: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let mut server = Self { server: None, folder };
        server.start();
        server.query_in("postgres", "CREATE DATABASE konductor");
        server
    }

    /// Starts the server again after [`Self::kill`].
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&mut self) {
        let mut server = program("postgres")
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-k")
            .arg(self.socket_folder())
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "max_connections=50",
            ])
            .args(["-c", "shared_buffers=16MB"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("postgres can be started");
        let log = server.stderr.take().unwrap();
        self.server = Some(server);
        let (sender, ready) = channel();
        std::thread::spawn(move || {
            let mut seen = Vec::new();
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if line.contains("database system is ready to accept connections") {
                    let _ = sender.send(Ok(()));
                }
                seen.push(line);
            }
            let _ = sender.send(Err(seen.join("\n")));
        });
        ready
            .recv_timeout(PATIENCE)
            .expect("postgres says when it is ready")
            .unwrap_or_else(|log| panic!("postgres did not start:\n{log}"));
    }

    /// Ends the server at once, with every connection, as when its machine is switched off.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            // SIGQUIT: its processes end without a word, and clean nothing up. Failing means that it has ended.
            let _ = kill_process(Pid::from_child(&server), Signal::QUIT);
            let _ = server.wait();
        }
    }

    fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the socket it listens on.
    pub fn socket(&self) -> PathBuf {
        self.socket_folder().join(".s.PGSQL.5432")
    }

    /// Returns the URL of the database, over the socket.
    pub fn url(&self) -> String {
        let folder = self.socket_folder().to_str().unwrap().replace('/', "%2F");
        format!("postgresql://konductor@{folder}/konductor")
    }

    /// Returns the URL of the database through something that listens on loopback.
    pub fn url_through(&self, port: u16) -> String {
        format!("postgresql://konductor@127.0.0.1:{port}/konductor?sslmode=disable")
    }

    /// Runs a statement with `psql` and returns the rows, columns separated by `|`.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn query(&self, sql: &str) -> String {
        self.query_in("konductor", sql)
    }

    #[track_caller]
    fn query_in(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(checkout::postgresql("psql"));
        with_libraries(&mut psql);
        let answer = psql
            .args([
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
                "-U",
                "konductor",
                "-d",
                database,
                "-h",
            ])
            .arg(self.socket_folder())
            .args(["-v", "ON_ERROR_STOP=1", "-c", sql])
            .output()
            .expect("psql can be started");
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{sql}: {said}");
        String::from_utf8(answer.stdout).unwrap().trim_end().to_owned()
    }
}

impl Drop for PostgreSqlServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Makes a call of a program of the server. It refuses to run as root; root starts it in a namespace where it does not
/// see that it is.
fn program(name: &str) -> Command {
    let program = checkout::postgresql(name);
    let mut command = if geteuid().is_root() {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-user=65534", "--map-group=65534", "--"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    with_libraries(&mut command);
    command
}

/// A server that was unpacked has libraries of its own beside it.
fn with_libraries(command: &mut Command) {
    let unpacked = checkout::root().join("target/postgresql/usr/lib");
    let libraries = std::fs::read_dir(unpacked)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .find(|folder| folder.join("libpq.so.5").exists());
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .env("TZ", "UTC");
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
}
