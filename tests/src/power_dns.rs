//! A PowerDNS server of one test, and what Python's own client of HTTP sees in it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::checkout;

/// How long the server may take to start. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The one of the example's stack.
const KEY: &str = "change-me-please";
const LISTENING: &str = "[webserver] Listening for HTTP requests";

/// Makes the server's database from the schema of its package.
const DATABASE: &str = "import pathlib, sqlite3, sys
sqlite3.connect(sys.argv[1]).executescript(pathlib.Path(sys.argv[2]).read_text())";

/// Sends one request, and prints status and body as JSON.
const ASK: &str = r#"
import json, sys, urllib.error, urllib.request
method, url, key, body = sys.argv[1:]
request = urllib.request.Request(url, method=method, headers={"X-API-Key": key}, data=body.encode() or None)
try:
    answer = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30)
except urllib.error.HTTPError as error:
    answer = error
text = answer.read().decode()
print(json.dumps([answer.status, json.loads(text) if text.startswith(("{", "[")) else None]))
"#;

/// A running server with nothing in it; it is gone when this is dropped.
pub struct PowerDns {
    server: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

/// Returns the folder with the component of the example in Rust.
///
/// # Panics
/// When it has not been built.
pub fn example_plugins() -> PathBuf {
    let folder = checkout::root().join("target/examples/plugins");
    assert!(
        folder.join("powerdns.wasm").is_file(),
        "{} holds no powerdns.wasm: run `cargo xtask examples` first",
        folder.display()
    );
    folder
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
        let port = listening_port(server.id());
        Self {
            server,
            port,
            _folder: folder,
        }
    }

    /// Returns where its API is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
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
        let url = format!("{}/api/v1/servers/localhost{path}", self.url());
        let answer = Command::new(checkout::python())
            .args(["-c", ASK, method, &url, KEY, body])
            .env_clear()
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{method} {path} has no answer: {said}");
        let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
        (answer[0].as_u64().unwrap(), answer[1].clone())
    }

    /// Returns what is at a path, or null where there is nothing.
    ///
    /// # Panics
    /// When there is no answer, or another failure.
    pub fn at(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "");
        assert!(matches!(status, 200 | 404), "{path}: {status} {body}");
        body
    }
}

impl Drop for PowerDns {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Returns the one port of TCP that a process listens on.
fn listening_port(process: u32) -> u16 {
    let place = PathBuf::from(format!("/proc/{process}"));
    let sockets: Vec<String> = std::fs::read_dir(place.join("fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|target| Some(socket(&target)?.to_owned()))
        .collect();
    let table = std::fs::read_to_string(place.join("net/tcp")).unwrap();
    let ports: Vec<u16> = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        // The state 0A is LISTEN.
        .filter(|columns| columns[3] == "0A" && sockets.iter().any(|socket| socket == columns[9]))
        .map(|columns| u16::from_str_radix(columns[1].rsplit(':').next().unwrap(), 16).unwrap())
        .collect();
    assert_eq!(ports.len(), 1, "the server should listen on one port: {table}");
    ports[0]
}

/// Returns the number of a socket that a descriptor stands for: `socket:[4711]`.
fn socket(target: &Path) -> Option<&str> {
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')
}
