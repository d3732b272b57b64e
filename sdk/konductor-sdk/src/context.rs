//! What an operation may use besides its request.

use konductor_model::Value;
use konductor_model::cloud::{CloudRequest, CloudResponse, SendError};

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// For the plugin's author, in detail.
    Trace,
    /// For the plugin's author.
    Debug,
    /// Good to know.
    Info,
    /// Somebody should look.
    Warn,
    /// Something failed.
    Error,
}

/// What the host offers: the real one in the sandbox, another one in a native test.
pub trait Host {
    /// Sends one request.
    ///
    /// # Errors
    /// When there is no answer.
    fn send(&self, request: CloudRequest) -> Result<CloudResponse, SendError>;
    /// Writes a log line.
    fn log(&self, level: LogLevel, message: &str, fields: &[(&str, String)]);
    /// Returns milliseconds since the Unix epoch.
    fn now(&self) -> u64;
    /// Returns random bytes, at most 1,024.
    fn random(&self, length: u32) -> Vec<u8>;
}

/// The configuration and the host, for one operation.
pub struct Context {
    config: Value,
    host: std::sync::Arc<dyn Host + Send + Sync>,
}

impl Context {
    /// Makes a context, for native tests; the SDK makes those of a plugin.
    pub fn new(config: Value, host: std::sync::Arc<dyn Host + Send + Sync>) -> Self {
        Self { config, host }
    }

    /// Returns the provider's configuration; it holds no credentials.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// Returns the configured region, if there is one.
    pub fn region(&self) -> Option<&str> {
        self.config.attribute("region").and_then(Value::as_text)
    }

    /// Sends one request to the cloud; the host signs it.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(&self, request: CloudRequest) -> Result<CloudResponse, SendError> {
        self.host.send(request)
    }

    /// Writes a log line. It must hold no secret.
    pub fn log(&self, level: LogLevel, message: &str, fields: &[(&str, String)]) {
        self.host.log(level, message, fields);
    }

    /// Returns milliseconds since the Unix epoch.
    pub fn now(&self) -> u64 {
        self.host.now()
    }

    /// Returns random bytes, at most 1,024.
    pub fn random(&self, length: u32) -> Vec<u8> {
        self.host.random(length)
    }

    /// Returns the host, for what must own it.
    pub fn host(&self) -> std::sync::Arc<dyn Host + Send + Sync> {
        self.host.clone()
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
