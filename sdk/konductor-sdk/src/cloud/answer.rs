//! One answer, and what its status means.

use std::time::Duration;

use konductor_model::cloud::CloudResponse;
use konductor_model::{Disposition, Failure};
use serde::de::DeserializeOwned;

use super::{Explain, Explanation};
use crate::typed::{Attributes, Object};

/// The headers that clouds put their identifier of a request into.
const REQUEST_ID: [&str; 4] = [
    "x-request-id",
    "x-amzn-requestid",
    "x-ms-request-id",
    "x-correlation-id",
];

/// How much of a body a message shows, in characters.
const SHOWN: usize = 200;

/// An answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer(CloudResponse);

impl std::fmt::Debug for Answer {
    /// Shows no header and no body: any of them may hold a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.0.status)
            .field("body_bytes", &self.0.body.len())
            .finish()
    }
}

impl Answer {
    /// Wraps a response.
    pub fn new(response: CloudResponse) -> Self {
        Self(response)
    }

    /// Returns the status.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Returns the first header with a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0
            .headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns the body.
    pub fn bytes(&self) -> &[u8] {
        &self.0.body
    }

    /// Returns the body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.body).into_owned()
    }

    fn unreadable(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure {
            http_status: Some(self.status()),
            ..Failure::new(
                Disposition::Other,
                format!("the cloud's answer cannot be read: {error}"),
            )
        }
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// When it is none, or not of the form asked for.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.0.body).map_err(|error| self.unreadable(&error))
    }

    /// Reads the body as XML.
    ///
    /// # Errors
    /// When it is none, or not of the form asked for.
    pub fn xml<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        quick_xml::de::from_str(&self.text()).map_err(|error| self.unreadable(&error))
    }

    /// Reads the body as an object: its identifier from one member, which is text, and its attributes from the members
    /// of their names; see [`Attributes::from_json`].
    ///
    /// # Errors
    /// When it is no JSON, or something is missing or of another type.
    pub fn object<R: Attributes>(&self, id: &str) -> Result<Object<R>, Failure> {
        Object::named_in_json(id, &self.json()?)
    }

    /// Returns when the cloud wants to be asked again, where it says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.header("retry-after")?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// Returns the answer, or its failure where it is no success.
    pub(super) fn checked(self, explain: Explain) -> Result<Self, Failure> {
        if (200..300).contains(&self.status()) {
            return Ok(self);
        }
        let explanation = explain(&self).unwrap_or_default();
        let message = if explanation.message.is_empty() {
            let body: String = self.text().chars().take(SHOWN).collect();
            format!(
                "the cloud answered with status {}: {}",
                self.status(),
                body.trim()
            )
        } else {
            explanation.message
        };
        let disposition = explanation
            .disposition
            .unwrap_or_else(|| disposition_of_status(self.status()));
        Err(Failure {
            code: explanation.code,
            http_status: Some(self.status()),
            request_id: REQUEST_ID
                .iter()
                .find_map(|name| self.header(name))
                .map(str::to_owned),
            ..Failure::new(disposition, message)
        })
    }
}

/// Returns what a status that is no success means for the host. A conflict may pass, so a status 409 that says that
/// something exists already has to be told by its code.
pub fn disposition_of_status(status: u16) -> Disposition {
    match status {
        404 | 410 => Disposition::NotFound,
        401 | 403 | 407 => Disposition::Denied,
        409 | 412 | 423 | 425 => Disposition::Conflict,
        429 => Disposition::Throttled,
        501 => Disposition::Unsupported,
        408 | 500..=599 => Disposition::Unavailable,
        400..=499 => Disposition::Invalid,
        _ => Disposition::Other,
    }
}

/// Reads `code` and `message` of a JSON object, also below `error`.
pub(super) fn explain_json(answer: &Answer) -> Option<Explanation> {
    let body: serde_json::Value = answer.json().ok()?;
    let place = body
        .get("error")
        .filter(|error| error.is_object())
        .unwrap_or(&body);
    let text = |name: &str| {
        place
            .get(name)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let message = text("message").or_else(|| text("detail")).or_else(|| {
        body.get("error")
            .and_then(|error| error.as_str())
            .map(str::to_owned)
    })?;
    Some(Explanation {
        code: text("code").or_else(|| text("type")).unwrap_or_default(),
        message,
        disposition: None,
    })
}
