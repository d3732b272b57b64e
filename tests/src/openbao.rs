//! An OpenBao server of one test, which speaks the protocol of HashiCorp Vault.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::{Value, json};

use crate::checkout;
use crate::service::{Service, listening_ports};

/// How long the server may take to start. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(120);

const ROOT: &str = "root-token-of-this-test";

/// A running server with an engine at `transit`; it and all that it knows is gone when this is dropped.
pub struct OpenBao {
    service: Service,
}

impl OpenBao {
    /// Starts a server that keeps everything in memory.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(checkout::openbao())
            .args([
                "server",
                "-dev",
                "-dev-no-store-token",
                "-dev-listen-address=127.0.0.1:0",
            ])
            .arg(format!("-dev-root-token-id={ROOT}"))
            .env_clear()
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server can be started");
        let output = server.stdout.take().unwrap();
        let (sender, started) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.contains("Development mode should NOT be used") {
                    let _ = sender.send(());
                }
            }
        });
        if started.recv_timeout(PATIENCE).is_err() {
            let _ = server.kill();
            panic!("the server should say that it has started");
        }
        // The port was the system's choice. Another one may be that of a cluster, which answers nobody.
        let ports = listening_ports(server.id());
        let port = ports.into_iter().find(|port| {
            let health = format!("http://127.0.0.1:{port}/v1/sys/health");
            let script = "import sys, urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=20)";
            let asked = Command::new(checkout::python())
                .args(["-c", script, &health])
                .stderr(Stdio::null())
                .status();
            asked.unwrap().success()
        });
        let port = port.expect("the server answers on one of its ports");
        let opened = Self {
            service: Service::listening(server, port),
        };
        opened.ask("POST", "/v1/sys/mounts/transit", &json!({ "type": "transit" }));
        opened
    }

    /// Returns where it is.
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// Makes a key, and a token that may encrypt and decrypt with it and nothing else.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn key(&self, name: &str) -> String {
        self.ask("POST", &format!("/v1/transit/keys/{name}"), &json!({}));
        let policy = ["encrypt", "decrypt"]
            .map(|operation| format!("path \"transit/{operation}/{name}\" {{ capabilities = [\"update\"] }}"))
            .join("\n");
        self.ask(
            "POST",
            &format!("/v1/sys/policies/acl/{name}"),
            &json!({ "policy": policy }),
        );
        let token = self.ask(
            "POST",
            "/v1/auth/token/create",
            &json!({ "policies": [name], "no_default_policy": true }),
        );
        token["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// Asks as the one who may do everything, and returns what the server answers.
    ///
    /// # Panics
    /// When it refuses.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let headers = json!({ "X-Vault-Token": ROOT, "Content-Type": "application/json" });
        let (status, answer) = self.service.ask(method, path, &headers, &body.to_string());
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }
}
