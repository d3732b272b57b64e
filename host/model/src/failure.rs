//! Why an operation of a provider failed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::path::Path;

/// Why an operation failed, by what should be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    /// The object does not exist.
    NotFound,
    /// An object with this identity exists already.
    AlreadyExists,
    /// The object is busy or depends on another; a later attempt may succeed.
    Conflict,
    /// The cloud asked to slow down.
    Throttled,
    /// The credentials or the grant do not allow it.
    Denied,
    /// The request can never succeed as it is.
    Invalid,
    /// A quota of the account is reached.
    Quota,
    /// The cloud or the network failed; a later attempt may succeed.
    Unavailable,
    /// The provider does not implement it.
    Unsupported,
    /// Anything else; it is not tried again.
    Other,
    /// The plugin itself failed: it panicked, looped, ran out of memory or answered nonsense.
    Plugin,
    /// The operation was stopped before it ended.
    Cancelled,
}

impl Disposition {
    /// Tells whether a later attempt may succeed.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Conflict | Self::Throttled | Self::Unavailable)
    }
}

impl Disposition {
    /// Tells whether the cloud has decided that it will not do it, and so has left nothing behind.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Invalid | Self::Quota | Self::AlreadyExists)
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Quota => "quota reached",
            Self::Unavailable => "unavailable",
            Self::Unsupported => "not supported",
            Self::Other => "failed",
            Self::Plugin => "plugin failure",
            Self::Cancelled => "cancelled",
        })
    }
}

/// The failure of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What should be done about it.
    pub disposition: Disposition,
    /// The cloud's own code, for example `InvalidVpcID.NotFound`; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// What happened.
    pub message: String,
    /// The status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The cloud's request identifier, for a support case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The attribute it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Path>,
    /// Open detail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<(String, String)>,
    /// What is wrong with the request, when the disposition is `Invalid`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// Makes a failure.
    pub fn new(disposition: Disposition, message: impl Into<String>) -> Self {
        Self {
            disposition,
            code: String::new(),
            message: message.into(),
            http_status: None,
            request_id: None,
            at: None,
            details: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Makes a failure of a request that can never succeed as it is.
    pub fn invalid(diagnostics: impl Into<Diagnostics>) -> Self {
        let Diagnostics(diagnostics) = diagnostics.into();
        let message = diagnostics
            .first()
            .map_or_else(|| "the request is invalid".to_owned(), |d| d.summary.clone());
        Self {
            diagnostics,
            ..Self::new(Disposition::Invalid, message)
        }
    }

    /// Adds the cloud's code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// Returns what to tell people, as diagnostics that name the resource.
    pub fn to_diagnostics(&self, resource: impl fmt::Display) -> Diagnostics {
        if !self.diagnostics.is_empty() {
            return Diagnostics(
                self.diagnostics
                    .iter()
                    .map(|d| d.clone().resource(&resource))
                    .collect(),
            );
        }
        let mut diagnostic = Diagnostic::error(self.to_string()).resource(resource);
        diagnostic.at.clone_from(&self.at);
        if let Some(request) = &self.request_id {
            diagnostic.detail = format!("cloud request {request}");
        }
        diagnostic.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.disposition)?;
        if !self.code.is_empty() {
            write!(f, "{}: ", self.code)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
