//! A Kinto server of one test, and what Python's own client of HTTP sees in it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::checkout;

/// Prints what is at a path of the server, or null where there is nothing.
const LOOK: &str = r#"
import base64, sys, urllib.error, urllib.request
url, user = sys.argv[1:]
request = urllib.request.Request(url, headers={"Authorization": "Basic " + base64.b64encode(user.encode()).decode()})
try:
    print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).read().decode())
except urllib.error.HTTPError as error:
    assert error.code in (403, 404), error
    print("null")
"#;

/// A running Kinto server with nothing in it; it is gone when this is dropped.
pub struct Kinto {
    server: Child,
    port: u16,
}

/// Returns the folder with the component of the Python example.
///
/// # Panics
/// When it has not been built.
pub fn python_plugins() -> PathBuf {
    let folder = checkout::root().join("target/python-plugin/plugins");
    assert!(
        folder.join("kinto.wasm").is_file(),
        "{} holds no kinto.wasm: run `cargo xtask languages` first",
        folder.display()
    );
    folder
}

/// Returns the virtual environment that plugins in Python are tested and built with.
pub fn python_environment() -> PathBuf {
    checkout::root().join("target/python-plugin/venv")
}

fn python() -> PathBuf {
    let python = python_environment().join("bin/python");
    assert!(
        python.is_file(),
        "{} is missing: run `cargo xtask languages` first",
        python.display()
    );
    python
}

impl Kinto {
    /// Starts a server on a free port, and returns when it listens.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open() -> Self {
        Self::of_script(&checkout::root().join("examples/plugins/python-kinto/server.py"))
    }

    /// Starts the server of a script, which takes a free port when it is told to take 0, and prints where it listens.
    ///
    /// # Panics
    /// When it does not start.
    pub fn of_script(script: &Path) -> Self {
        let mut server = Command::new(python())
            .arg("-B")
            .arg(script)
            .env_clear()
            .env("PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server can be started");
        let mut line = String::new();
        let output = server.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap_or_default().parse();
        let port = port.unwrap_or_else(|_| panic!("the server should print its port, not {line:?}"));
        Self { server, port }
    }

    /// Returns where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns what is at a path, as Python's own client gets it; null where there is nothing.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn at(&self, path: &str, user: &str) -> Value {
        let answer = Command::new(python())
            .args(["-c", LOOK, &format!("{}{path}", self.url()), user])
            .env_clear()
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{path} cannot be read: {said}");
        serde_json::from_slice(&answer.stdout).unwrap()
    }
}

impl Drop for Kinto {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
