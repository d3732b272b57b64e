//! An OCI registry of one test: Debian's `docker-registry` on loopback, with TLS, a private authority and a password.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::checkout;
use crate::openssl::CertificateAuthority;

/// How long the registry may take to start. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(60);

const USER: &str = "officer";
const PASSWORD: &str = "correct horse battery";
/// The password as `htpasswd -B` keeps it, with the least work bcrypt allows: every request pays for it.
const PASSWORD_HASH: &str = "$2y$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS";

/// A running registry with nothing in it; it is gone when this is dropped.
pub struct OciRegistry {
    port: u16,
    server: Option<Child>,
    log: Arc<Mutex<Vec<String>>>,
    authority: CertificateAuthority,
    folder: tempfile::TempDir,
}

impl OciRegistry {
    /// Starts a registry on a free port, and returns when it listens.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = CertificateAuthority::create(folder.path());
        authority.issue("registry", "server");
        let users = format!("{USER}:{PASSWORD_HASH}\n");
        std::fs::write(folder.path().join("htpasswd"), users).unwrap();
        std::fs::write(
            folder.path().join("configuration.yml"),
            configuration(folder.path()),
        )
        .unwrap();
        let mut registry = Self {
            port: 0,
            server: None,
            log: Arc::default(),
            authority,
            folder,
        };
        registry.start();
        registry
    }

    fn start(&mut self) {
        let mut server = Command::new(checkout::registry())
            .arg("serve")
            .arg(self.folder.path().join("configuration.yml"))
            .env_clear()
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the registry can be started");
        let output = server.stderr.take().unwrap();
        self.server = Some(server);
        let log = Arc::clone(&self.log);
        let (sender, listening) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(port) = listens_on(&line) {
                    let _ = sender.send(port);
                }
                log.lock().unwrap().push(line);
            }
        });
        // The port was the system's choice, and only the log says which: two tests cannot meet on one.
        self.port = listening.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!(
                "the registry should say where it listens: {:#?}",
                self.log.lock().unwrap()
            )
        });
    }

    /// Ends the registry, as when the network is unplugged. What it holds stays for [`Self::blobs`].
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // Failing means that it has ended already.
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Returns host and port, as they stand in a reference.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the source of a repository, as it stands in `konductor.yaml`.
    pub fn source(&self, repository: &str) -> String {
        format!("oci://{}/{repository}", self.host())
    }

    /// Returns the file with the private authority's certificate, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.authority.certificate()
    }

    /// Returns the name that may log in.
    pub fn user(&self) -> &str {
        USER
    }

    /// Returns the password of that name.
    pub fn password(&self) -> &str {
        PASSWORD
    }

    /// Writes the credential file of Docker into a folder, for `DOCKER_CONFIG`, and returns the folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_docker_configuration<'a>(&self, folder: &'a Path) -> &'a Path {
        write_docker_configuration(folder, &self.host(), USER, PASSWORD);
        folder
    }

    /// Asks it as any other client would, with the password: `get("/v2/", "*/*")`.
    ///
    /// # Panics
    /// When no answer comes.
    pub fn get(&self, path: &str, accept: &str) -> RegistryAnswer {
        self.ask("GET", PASSWORD, path, accept)
    }

    /// Asks it with a password of the caller's choice.
    ///
    /// # Panics
    /// When no answer comes.
    pub fn ask(&self, method: &str, password: &str, path: &str, accept: &str) -> RegistryAnswer {
        let output = Command::new(checkout::python())
            .arg(checkout::root().join("tests/python/oci_client.py"))
            .arg(self.certificate())
            .args([USER, password, method])
            .arg(format!("https://{}{path}", self.host()))
            .arg(accept)
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .expect("Python can be started");
        assert!(
            output.status.success(),
            "{method} {path}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        RegistryAnswer {
            status: answer["status"].as_u64().unwrap(),
            headers: answer["headers"].clone(),
            body: STANDARD.decode(answer["body"].as_str().unwrap()).unwrap(),
        }
    }

    /// Returns the files that hold the blobs, manifests among them; each is named by its digest's folder.
    ///
    /// # Panics
    /// When they cannot be listed.
    pub fn blobs(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        // Nothing was pushed as long as there is no such folder.
        let mut folders = vec![self.folder.path().join("storage")];
        while let Some(folder) = folders.pop().filter(|folder| folder.exists()) {
            for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name() == "data" {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }
}

/// What a registry answered.
pub struct RegistryAnswer {
    /// The status code.
    pub status: u64,
    /// The headers, by name in lower case.
    pub headers: Value,
    /// The body.
    pub body: Vec<u8>,
}

impl RegistryAnswer {
    /// Returns the body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("should be JSON: {error}: {text}"))
    }
}

impl Drop for OciRegistry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes a credential file of Docker with one registry in it.
///
/// # Panics
/// When it cannot be written.
pub fn write_docker_configuration(folder: &Path, host: &str, user: &str, password: &str) {
    let login = STANDARD.encode(format!("{user}:{password}"));
    let configuration = json!({"auths": {host: {"auth": login}}});
    std::fs::write(folder.join("config.json"), configuration.to_string()).unwrap();
}

fn configuration(folder: &Path) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    // A fresh one for each test: uploads under way are signed with it.
    let secret = folder.file_name().unwrap().to_string_lossy();
    json!({
        "version": "0.1",
        "log": {"level": "info", "formatter": "text"},
        "storage": {"filesystem": {"rootdirectory": file("storage")}, "delete": {"enabled": true}},
        "http": {
            "addr": "127.0.0.1:0",
            "secret": secret,
            "tls": {"certificate": file("registry.pem"), "key": file("registry.key")},
        },
        "auth": {"htpasswd": {"realm": "tests", "path": file("htpasswd")}},
    })
    .to_string()
}

/// Reads the port from the line that says where the registry listens.
fn listens_on(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
