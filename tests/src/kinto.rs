//! A Kinto server of one test.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::checkout;
use crate::service::Service;

/// A running Kinto server with nothing in it; it is gone when this is dropped.
pub struct Kinto(Service);

impl Kinto {
    /// Starts a server on a free port, and returns when it listens.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open() -> Self {
        Self::of_script(&checkout::example("plugins/python-kinto").join("server.py"))
    }

    /// Starts the server of a script, which takes a free port when it is told to take 0, and prints where it listens.
    ///
    /// # Panics
    /// When it does not start.
    pub fn of_script(script: &Path) -> Self {
        let python = checkout::python_environment().join("bin/python");
        Self(Service::printing_its_port(
            Command::new(python).arg("-B").arg(script),
        ))
    }

    /// Returns where it is.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Returns what a user (`NAME:PASSWORD`) sees at a path; null where there is nothing, or nothing for that user.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn at(&self, path: &str, user: &str) -> Value {
        let authorization = format!("Basic {}", STANDARD.encode(user));
        self.0
            .at(path, &json!({ "Authorization": authorization }), &[403, 404])
    }
}
