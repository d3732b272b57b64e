//! One request and what came of it.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::body::Body;

/// A request as it was sent, without what authenticates it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The URL. The operator's own address of an endpoint is written as `{{endpoint:ID}}`.
    pub url: String,
    /// The headers that matter, in lower case.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "headers"
    )]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Body::is_empty")]
    pub body: Body,
}

impl Request {
    /// Tells whether its method changes nothing. That another changes nothing either is not known.
    pub fn only_reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The status.
    #[serde(deserialize_with = "status")]
    pub status: u16,
    /// The headers but those that differ each time and those that no plugin sees, in lower case.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "headers"
    )]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Body::is_empty")]
    pub body: Body,
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The gate refused the address.
    Denied,
    /// No connection came about.
    NotConnected,
    /// The connection broke.
    Lost,
    /// It took too long.
    TimedOut,
    /// The answer was too large.
    TooLarge,
}

/// That no answer came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// How.
    pub kind: FailureKind,
    /// What was said about it.
    pub message: String,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An answer.
    Answer(Answer),
    /// None.
    Failure(Failure),
}

/// A request and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Interaction {
    /// What it was made for: the name of a resource, or what else the call was about.
    pub resource: String,
    /// The request.
    pub request: Request,
    /// What came of it.
    pub outcome: Outcome,
}

/// How it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(rename = "for")]
    resource: String,
    request: Request,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl TryFrom<Form> for Interaction {
    type Error = &'static str;

    fn try_from(form: Form) -> Result<Self, Self::Error> {
        let outcome = match (form.answer, form.failure) {
            (Some(answer), None) => Outcome::Answer(answer),
            (None, Some(failure)) => Outcome::Failure(failure),
            _ => return Err("expected one of `answer` and `failure` beside `request`"),
        };
        Ok(Self {
            resource: form.resource,
            request: form.request,
            outcome,
        })
    }
}

impl From<Interaction> for Form {
    fn from(interaction: Interaction) -> Self {
        let (answer, failure) = match interaction.outcome {
            Outcome::Answer(answer) => (Some(answer), None),
            Outcome::Failure(failure) => (None, Some(failure)),
        };
        Self {
            resource: interaction.resource,
            request: interaction.request,
            answer,
            failure,
        }
    }
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if (100..=999).contains(&status) {
        Ok(status)
    } else {
        Err(de::Error::custom("expected a status of three digits"))
    }
}

/// Reads headers that can be headers: an answer's are handed to the broker as if they had come over the wire.
fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let headers = BTreeMap::<String, String>::deserialize(deserializer)?;
    for (name, value) in &headers {
        let is_name = HeaderName::from_bytes(name.as_bytes()).is_ok_and(|known| known.as_str() == name);
        if !is_name {
            return Err(de::Error::custom(format!(
                "expected the name of a header in lower case, not {name:?}"
            )));
        }
        if HeaderValue::from_bytes(value.as_bytes()).is_err() {
            return Err(de::Error::custom(format!(
                "the value of header `{name}` holds a character that no header may hold"
            )));
        }
    }
    Ok(headers)
}
