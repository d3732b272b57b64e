//! Asks token services: over a gate and connections of their own, with small answers, and without a secret in a text.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::Value as Json;
use url::Url;

use crate::audit::printable;
use crate::broker::{CallLimits, WayOut};
use crate::redaction::Redaction;
use crate::retry::RetryOptions;
use crate::transport::{Answer, AttemptError, Sending};

/// The time for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Answers of token services are small.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// How often a service that fails is asked before that counts as no answer.
const MOST_ATTEMPTS: u32 = 3;

/// The longest part of an answer that an error repeats.
const LONGEST_TEXT: usize = 300;

/// Sends to token services what a source asks.
pub(crate) struct TokenRequests {
    way_out: WayOut,
    limits: CallLimits,
    retry: RetryOptions,
}

/// One question to a token service.
pub(crate) struct Question<'a> {
    pub(crate) url: &'a Url,
    pub(crate) method: Method,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Vec<u8>,
    /// Texts in it that no error may repeat.
    pub(crate) secrets: Vec<String>,
}

impl<'a> Question<'a> {
    /// Asks without a body.
    pub(crate) fn get(url: &'a Url) -> Self {
        Self {
            url,
            method: Method::GET,
            headers: Vec::new(),
            body: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// Asks with a form. All that stands in it is taken for secret, but for the names.
    pub(crate) fn form(url: &'a Url, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        Self {
            method: Method::POST,
            headers: vec![(
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded".to_owned(),
            )],
            body: body.into_bytes(),
            secrets: fields
                .iter()
                .filter(|(name, _)| SECRET_FIELDS.contains(name))
                .map(|(_, value)| (*value).to_owned())
                .collect(),
            ..Self::get(url)
        }
    }

    /// Asks with JSON, authenticated by a token.
    pub(crate) fn json(url: &'a Url, token: &str, body: &Json) -> Self {
        Self {
            method: Method::POST,
            headers: vec![
                (header::CONTENT_TYPE, "application/json".to_owned()),
                (header::AUTHORIZATION, format!("Bearer {token}")),
            ],
            body: body.to_string().into_bytes(),
            secrets: vec![token.to_owned()],
            ..Self::get(url)
        }
    }
}

/// Fields of forms that say who asks.
const SECRET_FIELDS: [&str; 6] = [
    "assertion",
    "client_assertion",
    "client_secret",
    "password",
    "refresh_token",
    "subject_token",
];

impl TokenRequests {
    pub(crate) fn new(way_out: WayOut, limits: CallLimits, retry: RetryOptions) -> Self {
        Self {
            way_out,
            limits: CallLimits {
                response_body: LARGEST_ANSWER,
                ..limits
            },
            retry,
        }
    }

    /// Returns the JSON that a service answers with.
    ///
    /// # Errors
    /// When it refuses, or gives no answer or none in JSON; with what it says and without what it was asked with.
    pub(crate) async fn json(&self, question: &Question<'_>) -> Result<Json, String> {
        let answer = self.ask(question).await?;
        serde_json::from_slice(&answer.body).map_err(|_| {
            format!(
                "{} answered something that is not JSON",
                crate::endpoint::host_of(question.url)
            )
        })
    }

    /// Returns the body of a service's answer.
    ///
    /// # Errors
    /// When it refuses or gives no answer.
    pub(crate) async fn ask(&self, question: &Question<'_>) -> Result<Answer, String> {
        let host = crate::endpoint::host_of(question.url);
        self.way_out
            .egress
            .check_identity(question.url)
            .map_err(|error| error.to_string())?;
        let redaction = Redaction::of_configured(&question.secrets);
        let mut attempts = 0;
        loop {
            let result = self.attempt(question, &redaction).await;
            attempts += 1;
            let again = match &result {
                Ok(answer) => {
                    answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS
                }
                // Asking for a token has no effect that could happen twice.
                Err(error) => matches!(
                    error,
                    AttemptError::NotConnected(_) | AttemptError::Lost(_) | AttemptError::TimedOut(_)
                ),
            };
            if again && attempts < MOST_ATTEMPTS {
                tokio::time::sleep(self.retry.pause(attempts, None, rand::random())).await;
                continue;
            }
            return match result {
                Ok(answer) if answer.status.is_success() => Ok(answer),
                Ok(answer) => {
                    let said = redaction.text(&explanation(&answer.body));
                    Err(format!("{host} answered {}{said}", answer.status.as_u16()))
                }
                Err(error) => Err(redaction.text(&format!("{host}: {error}"))),
            };
        }
    }

    async fn attempt(&self, question: &Question<'_>, redaction: &Redaction) -> Result<Answer, AttemptError> {
        let unusable = |what: &str| AttemptError::Denied(format!("the request for a token has {what}"));
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("konductor/", env!("CARGO_PKG_VERSION"))),
        );
        for (name, value) in &question.headers {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| unusable("a header with a character that no header may hold"))?;
            value.set_sensitive(*name == header::AUTHORIZATION);
            headers.insert(name.clone(), value);
        }
        let mut request = http::Request::new(Bytes::from(question.body.clone()));
        request.method_mut().clone_from(&question.method);
        *request.headers_mut() = headers;
        *request.uri_mut() = question
            .url
            .as_str()
            .parse()
            .map_err(|_| unusable("an address that is no URI"))?;
        let sending = Sending {
            resource: "",
            endpoint: "",
            own_address: None,
            request,
            redaction,
            limits: &self.limits,
            timeout: TIMEOUT,
        };
        self.way_out.transport.send(sending).await
    }
}

/// Returns what a token service says about a refusal (RFC 6749, or the form of the cloud's other APIs), to be put
/// behind the status.
fn explanation(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Json>(body) else {
        return String::new();
    };
    let text = |place: &str| body.pointer(place).and_then(Json::as_str);
    let code = text("/error").or_else(|| text("/error/status"));
    let description = text("/error_description").or_else(|| text("/error/message"));
    let said: Vec<&str> = [code, description].into_iter().flatten().collect();
    if said.is_empty() {
        return String::new();
    }
    let said: String = said.join(": ").chars().take(LONGEST_TEXT).collect();
    format!(": {}", printable(&said))
}

/// Reads a token answer (RFC 6749, section 5.1): the token and how long it is good.
pub(crate) fn granted(answer: &Json) -> Option<(String, Duration)> {
    let token = answer.get("access_token")?.as_str()?;
    // Some services write the number as a text.
    let seconds = match answer.get("expires_in") {
        Some(Json::String(text)) => text.parse().ok()?,
        Some(number) => number.as_u64()?,
        None => 0,
    };
    (!token.is_empty()).then(|| (token.to_owned(), Duration::from_secs(seconds)))
}
