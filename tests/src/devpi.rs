//! A devpi server of one test.

use std::process::Command;

use serde_json::{Value, json};

use crate::checkout::{example, prepared};
use crate::service::Service;

/// A running devpi server with nothing of its own but its first user; it is gone when this is dropped.
pub struct Devpi {
    service: Service,
    /// Where it keeps its data.
    _folder: tempfile::TempDir,
}

impl Devpi {
    /// Starts a server on a free port, and returns when it listens.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::printing_its_port(
            Command::new(prepared("javascript-plugin/venv/bin/python", "languages"))
                .arg("-B")
                .arg(example("plugins/javascript-devpi").join("server.py"))
                .arg(folder.path()),
        );
        Self {
            service,
            _folder: folder,
        }
    }

    /// Returns where it is.
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// Returns what is at a path; null where there is nothing.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn at(&self, path: &str) -> Value {
        let headers = json!({ "Accept": "application/json" });
        self.service.at(path, &headers, &[404])["result"].take()
    }

    /// Tells whether a user can log in with a password.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn lets_in(&self, user: &str, password: &str) -> bool {
        let headers = json!({ "Accept": "application/json", "Content-Type": "application/json" });
        let credentials = json!({ "user": user, "password": password }).to_string();
        let (status, _) = self.service.ask("POST", "/+login", &headers, &credentials);
        assert!(matches!(status, 200 | 401), "{status}");
        status == 200
    }
}
