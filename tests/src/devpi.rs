//! A devpi server of one test, and what Python's own client of HTTP sees in it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::checkout;

/// Prints what is at a path of the server, or null where there is nothing. A document that is given is posted there.
const LOOK: &str = r#"
import sys, urllib.error, urllib.request
url, *posted = sys.argv[1:]
body = posted[0].encode() if posted else None
headers = {"Accept": "application/json", "Content-Type": "application/json"}
request = urllib.request.Request(url, body, headers)
try:
    print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60).read().decode())
except urllib.error.HTTPError as error:
    assert error.code in (401, 404), error
    print("null")
"#;

/// A running devpi server with nothing of its own but the user `root`; it is gone when this is dropped.
pub struct Devpi {
    server: Child,
    port: u16,
    /// Where it keeps its data.
    _folder: tempfile::TempDir,
}

/// Returns the folder with the component of the JavaScript example.
///
/// # Panics
/// When it has not been built.
pub fn javascript_plugins() -> PathBuf {
    let folder = checkout::root().join("target/javascript-plugin/plugins");
    assert!(
        folder.join("devpi.wasm").is_file(),
        "{} holds no devpi.wasm: run `cargo xtask languages` first",
        folder.display()
    );
    folder
}

fn python() -> PathBuf {
    let python = checkout::root().join("target/javascript-plugin/venv/bin/python");
    assert!(
        python.is_file(),
        "{} is missing: run `cargo xtask languages` first",
        python.display()
    );
    python
}

impl Devpi {
    /// Starts a server on a free port, and returns when it listens.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(python())
            .arg("-B")
            .arg(checkout::root().join("examples/plugins/javascript-devpi/server.py"))
            .arg(folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server can be started");
        let mut line = String::new();
        let output = server.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let port = line.trim().parse();
        let port = port.unwrap_or_else(|_| panic!("the server should print its port, not {line:?}"));
        Self {
            server,
            port,
            _folder: folder,
        }
    }

    /// Returns where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns what is at a path, as Python's own client gets it; null where there is nothing.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn at(&self, path: &str) -> Value {
        self.ask(path, None)["result"].take()
    }

    /// Tells whether a user can log in with a password.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn lets_in(&self, user: &str, password: &str) -> bool {
        let credentials = serde_json::json!({ "user": user, "password": password });
        self.ask("/+login", Some(&credentials))["result"].is_object()
    }

    fn ask(&self, path: &str, posted: Option<&Value>) -> Value {
        let answer = Command::new(python())
            .args(["-c", LOOK, &format!("{}{path}", self.url())])
            .args(posted.map(Value::to_string))
            .env_clear()
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{path} cannot be read: {said}");
        serde_json::from_slice(&answer.stdout).unwrap()
    }
}

impl Drop for Devpi {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
