//! A server of one test on loopback, and what Python's own client of HTTP sees in it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::checkout;

/// Sends one request, and prints status and body as JSON; a body that is none is null.
const ASK: &str = r#"
import json, sys, urllib.error, urllib.request
method, url, headers, body = sys.argv[1:]
request = urllib.request.Request(url, method=method, headers=json.loads(headers), data=body.encode() or None)
try:
    answer = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)
except urllib.error.HTTPError as error:
    answer = error
text = answer.read().decode()
print(json.dumps([answer.status, json.loads(text) if text.startswith(("{", "[")) else None]))
"#;

/// A running server; it is gone when this is dropped.
pub(crate) struct Service {
    server: Child,
    port: u16,
}

impl Service {
    /// Starts a server that prints a line with its port at the end when it listens.
    pub(crate) fn printing_its_port(command: &mut Command) -> Self {
        let mut server = command
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

    /// Takes over a server that listens.
    pub(crate) fn listening(server: Child, port: u16) -> Self {
        Self { server, port }
    }

    /// Returns where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends a request, as any other client would. Returns the status and what came, null where that is no JSON.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &Value, body: &str) -> (u64, Value) {
        let url = format!("{}{path}", self.url());
        let answer = Command::new(checkout::python())
            .args(["-c", ASK, method, &url, &headers.to_string(), body])
            .env_clear()
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{method} {path} has no answer: {said}");
        let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
        (answer[0].as_u64().unwrap(), answer[1].clone())
    }

    /// Returns what is at a path; null where the status is one of those that mean that nothing is there.
    pub(crate) fn at(&self, path: &str, headers: &Value, absent: &[u64]) -> Value {
        let (status, body) = self.ask("GET", path, headers, "");
        if absent.contains(&status) {
            return Value::Null;
        }
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Returns the ports of TCP that a process listens on.
pub(crate) fn listening_ports(process: u32) -> Vec<u16> {
    let place = PathBuf::from(format!("/proc/{process}"));
    let sockets: Vec<String> = std::fs::read_dir(place.join("fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|target| Some(socket(&target)?.to_owned()))
        .collect();
    let table = std::fs::read_to_string(place.join("net/tcp")).unwrap();
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        // The state 0A is LISTEN.
        .filter(|columns| columns[3] == "0A" && sockets.iter().any(|socket| socket == columns[9]))
        .map(|columns| u16::from_str_radix(columns[1].rsplit(':').next().unwrap(), 16).unwrap())
        .collect()
}

/// Returns the number of a socket that a descriptor stands for: `socket:[4711]`.
fn socket(target: &Path) -> Option<&str> {
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')
}
