//! A PostgreSQL server of one test, and what `psql` sees in it.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::checkout;
use crate::openssl::CertificateAuthority;

/// How long the server may take to start. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server with an empty database `konductor`; it is gone when this is dropped. It listens on a socket in its
/// own folder and nowhere else, so that two tests cannot meet.
pub struct PostgreSqlServer {
    server: Option<Child>,
    folder: tempfile::TempDir,
    tls: Option<Tls>,
}

/// How it is reached over TLS.
struct Tls {
    /// The certificate of the server's authority.
    certificate: PathBuf,
    port: u16,
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
        let mut server = Self {
            server: None,
            folder,
            tls: None,
        };
        server.start();
        server.query_in("postgres", "CREATE DATABASE konductor");
        server
    }

    /// Makes a server that listens on loopback too, where it takes connections over TLS alone. Its certificate is from
    /// an authority of its own.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open_with_tls() -> Self {
        let mut server = Self::open();
        server.kill();
        let folder = server.folder.path();
        let authority = CertificateAuthority::create(folder);
        authority.issue("server", "server");
        let key = folder.join("server.key");
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        std::fs::write(
            folder.join("data/pg_hba.conf"),
            "local all all trust\nhostssl all all 127.0.0.1/32 trust\n",
        )
        .unwrap();
        // It cannot be told to take any free port, so it is given one that was free a moment ago; another if it is not.
        for attempt in 1.. {
            let port = free_port();
            server.tls = Some(Tls {
                certificate: authority.certificate(),
                port,
            });
            match server.try_start() {
                Ok(()) => break,
                Err(log) => assert!(attempt < 10, "postgres did not start:\n{log}"),
            }
        }
        server
    }

    /// Starts the server again after [`Self::kill`].
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&mut self) {
        self.try_start()
            .unwrap_or_else(|log| panic!("postgres did not start:\n{log}"));
    }

    /// Starts the server; an error is what it said.
    fn try_start(&mut self) -> Result<(), String> {
        let mut settings = vec![
            "fsync=off".to_owned(),
            "max_connections=50".to_owned(),
            "shared_buffers=16MB".to_owned(),
        ];
        match &self.tls {
            None => settings.push("listen_addresses=".to_owned()),
            Some(tls) => {
                let file = |name: &str| self.folder.path().join(name).display().to_string();
                settings.extend([
                    "listen_addresses=127.0.0.1".to_owned(),
                    format!("port={}", tls.port),
                    "ssl=on".to_owned(),
                    format!("ssl_cert_file={}", file("server.pem")),
                    format!("ssl_key_file={}", file("server.key")),
                ]);
            }
        }
        let mut server = program("postgres")
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-k")
            .arg(self.socket_folder())
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
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
    }

    /// Returns the file with the certificate of the server's authority, in PEM.
    ///
    /// # Panics
    /// When the server has no TLS.
    pub fn certificate_file(&self) -> PathBuf {
        self.tls.as_ref().unwrap().certificate.clone()
    }

    /// Returns the URL of the database over TLS.
    ///
    /// # Panics
    /// When the server has no TLS.
    pub fn url_over_tls(&self) -> String {
        let port = self.tls.as_ref().unwrap().port;
        format!("postgresql://konductor@localhost:{port}/konductor?sslmode=require")
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
        let port = self.tls.as_ref().map_or(5432, |tls| tls.port);
        self.socket_folder().join(format!(".s.PGSQL.{port}"))
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
            .args(["-p", &self.tls.as_ref().map_or(5432, |tls| tls.port).to_string()])
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

#[allow(clippy::disallowed_types, reason = "nothing is sent: it asks for a free port")]
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
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
