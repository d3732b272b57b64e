//! A simulated cloud of this folder, asked line by line, as a cloud for native tests of a plugin.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use konductor_sdk::model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use serde_json::{Value as Json, json};

/// A simulated cloud; it ends when this is dropped.
pub struct Simulator {
    process: Child,
    dialogue: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Simulator {
    /// Starts the one of a folder beside this file, with nothing in it, by a Python that has what it needs.
    pub fn start(cloud: &str, python: &Path) -> Arc<Self> {
        let mut process = Command::new(python)
            .arg(root().join("tests/clouds").join(cloud).join("server.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", python.display()));
        let to = process.stdin.take().unwrap();
        let mut from = BufReader::new(process.stdout.take().unwrap());
        let mut ready = String::new();
        from.read_line(&mut ready).unwrap();
        assert!(ready.contains("url"), "{ready}");
        Arc::new(Self {
            process,
            dialogue: Mutex::new((to, from)),
        })
    }

    /// Asks for one thing that the head of `server.py` lists.
    pub fn ask(&self, question: &Json) -> Json {
        let mut dialogue = self.dialogue.lock().unwrap();
        writeln!(dialogue.0, "{question}").unwrap();
        let mut line = String::new();
        dialogue.1.read_line(&mut line).unwrap();
        let mut answer: Json = serde_json::from_str(&line).unwrap();
        assert!(answer.get("error").is_none(), "{question}: {answer}");
        answer["ok"].take()
    }
}

/// Returns the top folder of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[async_trait]
impl Cloud for Simulator {
    async fn send(&self, _: &str, request: CloudRequest) -> Result<CloudResponse, SendError> {
        let map = |pairs: Vec<(String, String)>| -> Json {
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_lowercase(), Json::String(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let query: serde_json::Map<String, Json> = request
            .query
            .into_iter()
            .map(|(name, value)| (name, Json::String(value)))
            .collect();
        let answer = self.ask(&json!({"send": {
            "method": request.method,
            "path": request.path,
            "query": query,
            "headers": map(request.headers),
            "body": String::from_utf8(request.body).unwrap(),
        }}));
        let headers = answer["headers"].as_object().cloned().unwrap_or_default();
        Ok(CloudResponse {
            status: u16::try_from(answer["status"].as_u64().unwrap()).unwrap(),
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            body: match &answer["body"] {
                Json::Null => Vec::new(),
                body => body.to_string().into_bytes(),
            },
        })
    }
}
