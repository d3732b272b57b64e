//! A PowerDNS server of one test.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::checkout;
use crate::service::{Service, listening_ports};

/// How long the server may take to start. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The one of the example's stack.
const KEY: &str = "change-me-please";
const LISTENING: &str = "[webserver] Listening for HTTP requests";

/// Makes the server's database from the schema of its package.
const DATABASE: &str = "import pathlib, sqlite3, sys
sqlite3.connect(sys.argv[1]).executescript(pathlib.Path(sys.argv[2]).read_text())";

/// A running server with nothing in it; it is gone when this is dropped.
pub struct PowerDns {
    service: Service,
    _folder: tempfile::TempDir,
}

/// Returns the folder that the server was unpacked into, and the one of its libraries.
fn unpacked() -> (PathBuf, PathBuf) {
    let root = checkout::root().join("target/powerdns");
    let libraries = std::fs::read_dir(root.join("usr/lib"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .find(|folder| folder.join("pdns").is_dir());
    let libraries = libraries.unwrap_or_else(|| {
        panic!(
            "{} holds no PowerDNS: run `cargo xtask examples` first",
            root.display()
        )
    });
    (root, libraries)
}

impl PowerDns {
    /// Starts a server, whose API is on a free port, and returns when it listens. It answers no DNS.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open() -> Self {
        let (root, libraries) = unpacked();
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        let database = folder.path().join("pdns.sqlite3");
        let made = Command::new(checkout::python())
            .args(["-c", DATABASE])
            .arg(&database)
            .arg(root.join("usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"))
            .status()
            .unwrap();
        assert!(made.success(), "the server's database cannot be made");
        let mut server = Command::new(root.join("usr/sbin/pdns_server"))
            .arg(format!("--config-dir={place}"))
            .arg(format!("--socket-dir={place}"))
            .arg(format!("--module-dir={}", libraries.join("pdns").display()))
            .args(["--load-modules=gsqlite3", "--launch=gsqlite3"])
            .arg(format!("--gsqlite3-database={}", database.display()))
            .args([
                "--api=yes",
                "--webserver=yes",
                "--webserver-address=127.0.0.1",
                "--webserver-port=0",
            ])
            .arg(format!("--api-key={KEY}"))
            // An address that no machine has: the port for DNS cannot be the system's choice.
            .args(["--local-address=192.0.2.1", "--local-address-nonexist-fail=no"])
            .args([
                "--daemon=no",
                "--guardian=no",
                "--disable-syslog",
                "--loglevel=6",
                "--security-poll-suffix=",
            ])
            .args(["--zone-cache-refresh-interval=0"])
            .env_clear()
            .env("LD_LIBRARY_PATH", &libraries)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server can be started");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (sender, listening) = channel();
        let output = server.stderr.take().unwrap();
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.contains(LISTENING) {
                    let _ = sender.send(());
                }
                lines.lock().unwrap().push(line);
            }
        });
        if listening.recv_timeout(PATIENCE).is_err() {
            let _ = server.kill();
            panic!(
                "the server should say that it listens: {:#?}",
                log.lock().unwrap()
            );
        }
        // The port was the system's choice, and the server does not say which: two tests cannot meet on one.
        let ports = listening_ports(server.id());
        assert_eq!(ports.len(), 1, "the server should listen on one port");
        let port = ports[0];
        Self {
            service: Service::listening(server, port),
            _folder: folder,
        }
    }

    /// Returns where its API is.
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// Returns the key of its API.
    pub fn key(&self) -> &str {
        KEY
    }

    /// Asks its API, as any other client would: `ask("GET", "/zones", "")`; a body is JSON. Returns the status and what
    /// came, null where that is no JSON.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> (u64, Value) {
        self.service
            .ask(method, &api(path), &json!({ "X-API-Key": KEY }), body)
    }

    /// Returns what is at a path, or null where there is nothing.
    ///
    /// # Panics
    /// When there is no answer, or another failure.
    pub fn at(&self, path: &str) -> Value {
        self.service.at(&api(path), &json!({ "X-API-Key": KEY }), &[404])
    }
}

fn api(path: &str) -> String {
    format!("/api/v1/servers/localhost{path}")
}
