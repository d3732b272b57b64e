//! The simulated Azure of `tests/clouds/azure`, asked line by line, as a cloud for native tests.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use konductor_sdk::model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use serde_json::{Value as Json, json};

/// The subscription that the simulator has.
pub const SUBSCRIPTION: &str = "00000000-1111-2222-3333-444444444444";

/// A simulated Azure; it ends when this is dropped.
pub struct Simulator {
    process: Child,
    dialogue: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Simulator {
    /// Starts one with nothing in it, whose operations go on without waiting.
    pub fn start() -> Arc<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut process = Command::new("python3")
            .arg(root.join("tests/clouds/azure/server.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator needs Python 3.11 or newer as `python3`");
        let to = process.stdin.take().unwrap();
        let mut from = BufReader::new(process.stdout.take().unwrap());
        let mut ready = String::new();
        from.read_line(&mut ready).unwrap();
        assert!(ready.contains("subscription_id"), "{ready}");
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

    /// Checks that nothing is there, and that every answer was as Azure's definitions say.
    pub fn finish(&self) {
        assert_eq!(self.ask(&json!({"contents": {}})), json!([]));
        assert_eq!(self.ask(&json!({"faults": {}})), json!([]));
    }

    /// Returns how many requests of a kind came since the last time.
    pub fn counts(&self) -> Json {
        self.ask(&json!({"counts": {}}))["counts"].take()
    }
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
        let path = percent_encoding::percent_decode_str(&request.path)
            .decode_utf8()
            .unwrap()
            .into_owned();
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
            "path": path,
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
