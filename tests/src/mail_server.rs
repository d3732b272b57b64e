//! A mail server with TLS and passwords, whose certificate is from an authority of its own.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::checkout;
use crate::line_process::LineProcess;

/// How long a mail may take. It is there to end a hanging test, not to time anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail server; it is gone when this is dropped. It takes mail from a user with the right password alone.
pub struct MailServer {
    server: LineProcess,
    folder: tempfile::TempDir,
    ready: Value,
}

impl MailServer {
    /// The user that may send.
    pub const USER: &'static str = "konductor";
    /// The user's password.
    pub const PASSWORD: &'static str = "correct horse";

    /// Starts a server.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let python = checkout::python();
        let server = LineProcess::start_server(python, "mail_server.py", "mail", folder.path(), PATIENCE);
        Self {
            ready: server.next(),
            server,
            folder,
        }
    }

    /// Returns the file with the certificate of the server's authority.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Returns its address where TLS is there from the start.
    pub fn smtps(&self) -> String {
        format!("smtps://127.0.0.1:{}", self.ready["smtps"])
    }

    /// Returns its port where TLS comes with STARTTLS.
    ///
    /// # Panics
    /// When the server did not say.
    pub fn starttls(&self) -> u16 {
        u16::try_from(self.ready["starttls"].as_u64().unwrap()).unwrap()
    }

    /// Waits for the next mail.
    ///
    /// # Panics
    /// When none comes for a long time.
    pub fn next(&self) -> Value {
        self.server.next()
    }

    /// Tells whether a mail came that was not asked for yet.
    pub fn has_mail(&self) -> bool {
        !self.server.rest().is_empty()
    }
}
