//! Records what a plugin sends and what it is answered.
//!
//! What is taken stays in memory until the end, because some secrets are known only then: one that the cloud makes up is a
//! secret when the plugin says so, after the answer. Nothing is written before every known secret is out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use konductor_recording::{
    Answer as RecordedAnswer, Body, Draws, Failure, FailureKind, Interaction, LARGEST_BODY, LARGEST_FILE,
    MOST_INTERACTIONS, Outcome, Recording,
};

use crate::echo::Echoes;
use crate::named_secrets::NamedSecrets;
use crate::neutral::{Neutral, Place, Tokens, answer_headers, own_mark, replaced};
use crate::operation::request_id;
use crate::redaction::REPLACEMENT;
use crate::transport::{Answer, AttemptError, Sending, Transport};
use crate::vault::{TOKEN_LENGTH, Vault, tokens};

/// Stands where an answer has its own identifier.
const REQUEST_IDENTIFIER: &[u8] = b"recorded-request";

/// Why nothing is recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Some secrets cannot be found in what is sent.
    #[error(
        "nothing can be recorded with these secrets, which cannot be told from other text: {}; give texts of {} to {} bytes",
        .names.join(", "), crate::vault::SHORTEST_ECHO, crate::vault::LONGEST_ECHO
    )]
    Secrets {
        /// Their names.
        names: Vec<String>,
    },
    /// Something is larger than a recording may be.
    #[error("nothing is recorded: {what}; check fewer or smaller objects at once")]
    TooLarge {
        /// What, with the limit.
        what: String,
    },
    /// A text looks like a placeholder.
    #[error(
        "nothing is recorded: `{request}` has `{mark}` in it or in its answer, which stands for something else in a recording"
    )]
    Mark {
        /// The method and the URL.
        request: String,
        /// The beginning of a placeholder.
        mark: &'static str,
    },
}

/// What was taken of one sending.
struct Taken {
    resource: String,
    place: Place,
    request: http::Request<Bytes>,
    outcome: Option<Result<Answer, (FailureKind, String)>>,
}

#[derive(Default)]
struct State {
    taken: Vec<Taken>,
    bytes: usize,
    credentials: Echoes,
    known: Vec<String>,
    vaults: Vec<Arc<Vault>>,
    too_large: Option<String>,
}

/// Takes the requests and answers of one run. It has no `Debug`: it holds secrets until the end.
pub struct Recorder {
    plugin: String,
    draws: Draws,
    tokens: Tokens,
    secrets: NamedSecrets,
    state: Mutex<State>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder")
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// Begins a recording of a plugin, and draws what the run needs at random.
    ///
    /// # Errors
    /// When there are secrets that could not be kept out of it.
    pub fn new(plugin: impl Into<String>, secrets: NamedSecrets) -> Result<Arc<Self>, RecordError> {
        if !secrets.beyond_hiding().is_empty() {
            return Err(RecordError::Secrets {
                names: secrets.beyond_hiding().to_vec(),
            });
        }
        let draws = Draws::new(Timestamp::now(), rand::random());
        Ok(Arc::new(Self {
            plugin: plugin.into(),
            draws,
            tokens: Tokens::new(draws),
            secrets,
            state: Mutex::default(),
        }))
    }

    /// Returns what the run draws from.
    pub fn draws(&self) -> &Draws {
        &self.draws
    }

    /// Draws an idempotency token. The recording has its number in its place.
    pub fn token(&self) -> String {
        self.tokens.next()
    }

    /// Returns the recording, with every secret that is known by now replaced.
    ///
    /// # Errors
    /// When it would be too large, or would not be read again as it was written.
    pub fn finish(&self) -> Result<Recording, RecordError> {
        let state = self.state();
        if let Some(what) = &state.too_large {
            return Err(RecordError::TooLarge { what: what.clone() });
        }
        let mut writer = Writer {
            neutral: Neutral {
                secrets: &self.secrets,
                tokens: &self.tokens,
            },
            state: &state,
            unnamed: Mutex::default(),
        };
        let interactions = state
            .taken
            .iter()
            .map(|taken| writer.interaction(taken))
            .collect::<Result<_, _>>()?;
        Ok(Recording::new(self.plugin.clone(), self.draws, interactions))
    }

    /// Keeps the secrets of a vault out of the recording, also those that come into it later.
    pub(crate) fn hide_secrets_of(&self, vault: &Arc<Vault>) {
        self.state().vaults.push(Arc::clone(vault));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request before it is sent, so that the order is that of the sendings. Returns its number.
    fn begin(&self, sending: &Sending<'_>) -> Option<usize> {
        let mut state = self.state();
        for secret in sending.redaction.lasting() {
            if !state.known.iter().any(|known| known == secret.reveal()) {
                state.credentials.add(secret.reveal().as_bytes(), REPLACEMENT);
                state.known.push(secret.reveal().to_owned());
            }
        }
        let request = &sending.request;
        state.take_size(
            request.body().len(),
            &format!("the body of a request for {}", sending.resource),
        );
        if state.taken.len() >= MOST_INTERACTIONS {
            state
                .too_large
                .get_or_insert_with(|| format!("more than {MOST_INTERACTIONS} requests"));
        }
        if state.too_large.is_some() {
            return None;
        }
        // A signature is another one each time: it is taken out at once.
        let mut copy = http::Request::new(Bytes::from(sending.redaction.body(request.body().to_vec())));
        copy.method_mut().clone_from(request.method());
        copy.uri_mut().clone_from(request.uri());
        copy.headers_mut().clone_from(request.headers());
        state.taken.push(Taken {
            resource: sending.resource.to_owned(),
            place: Place {
                endpoint: sending.endpoint.to_owned(),
                own_address: sending.own_address.cloned(),
            },
            request: copy,
            outcome: None,
        });
        Some(state.taken.len().saturating_sub(1))
    }

    fn end(&self, number: usize, outcome: Result<Answer, (FailureKind, String)>) {
        let mut state = self.state();
        if let Ok(answer) = &outcome {
            state.take_size(answer.body.len(), "the body of an answer");
        }
        if let Some(taken) = state.taken.get_mut(number) {
            taken.outcome = Some(outcome);
        }
    }
}

impl State {
    fn take_size(&mut self, size: usize, what: &str) {
        self.bytes = self.bytes.saturating_add(size);
        if size > LARGEST_BODY {
            self.too_large
                .get_or_insert_with(|| format!("{what} has more than {LARGEST_BODY} bytes"));
        } else if self.bytes > LARGEST_FILE {
            self.too_large
                .get_or_insert_with(|| format!("all bodies together have more than {LARGEST_FILE} bytes"));
        }
        if self.too_large.is_some() {
            // Nothing will come of it.
            self.taken.clear();
        }
    }
}

/// Sends over another transport, and records.
pub(crate) struct Recorded<T> {
    inner: T,
    recorder: Arc<Recorder>,
}

impl<T: Transport> Recorded<T> {
    pub(crate) fn new(inner: T, recorder: Arc<Recorder>) -> Self {
        Self { inner, recorder }
    }
}

#[async_trait]
impl<T: Transport> Transport for Recorded<T> {
    async fn send(&self, sending: Sending<'_>) -> Result<Answer, AttemptError> {
        let number = self.recorder.begin(&sending);
        let redaction = sending.redaction;
        let result = self.inner.send(sending).await;
        if let Some(number) = number {
            let outcome = match &result {
                Ok(answer) => Ok(Answer {
                    body: redaction.body(answer.body.clone()),
                    ..answer.clone()
                }),
                Err(error) => Err((kind(error), redaction.text(&message(error)))),
            };
            self.recorder.end(number, outcome);
        }
        result
    }
}

fn kind(error: &AttemptError) -> FailureKind {
    match error {
        AttemptError::Denied(_) => FailureKind::Denied,
        AttemptError::NotConnected(_) => FailureKind::NotConnected,
        AttemptError::TimedOut(_) => FailureKind::TimedOut,
        AttemptError::TooLarge(_) => FailureKind::TooLarge,
        AttemptError::Lost(_) | AttemptError::Unrecorded(_) => FailureKind::Lost,
    }
}

fn message(error: &AttemptError) -> String {
    match error {
        AttemptError::Denied(text)
        | AttemptError::NotConnected(text)
        | AttemptError::Lost(text)
        | AttemptError::TooLarge(text)
        | AttemptError::Unrecorded(text) => text.clone(),
        AttemptError::TimedOut(_) => String::new(),
    }
}

/// Writes what was taken, with everything that is known at the end.
struct Writer<'a> {
    neutral: Neutral<'a>,
    state: &'a State,
    /// The numbers of secrets that have no name, by their token.
    unnamed: Mutex<HashMap<Vec<u8>, usize>>,
}

impl Writer<'_> {
    fn interaction(&mut self, taken: &Taken) -> Result<Interaction, RecordError> {
        let request = &taken.request;
        let answer = taken.outcome.as_ref().and_then(|outcome| outcome.as_ref().ok());
        let url = request.uri().to_string();
        let bodies = [url.as_bytes(), request.body()]
            .into_iter()
            .chain(answer.map(|answer| answer.body.as_slice()));
        let headers = answer
            .into_iter()
            .flat_map(|answer| answer.headers.values().map(|value| value.as_bytes()));
        let mark = bodies.chain(headers).find_map(own_mark);
        let written = self
            .neutral
            .request(request, &taken.place, &|text| self.without_secrets(text));
        if let Some(mark) = mark {
            return Err(RecordError::Mark {
                request: written.to_string(),
                mark,
            });
        }
        let text = |text: &[u8]| {
            self.neutral
                .text(self.without_secrets(text.to_vec()), &taken.place)
        };
        let outcome = match &taken.outcome {
            Some(Ok(answer)) => {
                let content_type = answer.headers.get(http::header::CONTENT_TYPE);
                let content_type = content_type.and_then(|value| value.to_str().ok());
                let mut body = answer.body.clone();
                if let Some(id) = request_id(&answer.headers, &body) {
                    body = replaced(body, id.as_bytes(), REQUEST_IDENTIFIER);
                }
                let is_head = request.method() == http::Method::HEAD;
                Outcome::Answer(RecordedAnswer {
                    status: answer.status.as_u16(),
                    headers: answer_headers(&answer.headers, is_head)
                        .into_iter()
                        .map(|(name, value)| (name, String::from_utf8_lossy(&text(&value)).into_owned()))
                        .collect(),
                    body: Body::of(content_type, &text(&body)),
                })
            }
            Some(Err((kind, message))) => Outcome::Failure(Failure {
                kind: *kind,
                message: String::from_utf8_lossy(&text(message.as_bytes())).into_owned(),
            }),
            None => Outcome::Failure(Failure {
                kind: FailureKind::TimedOut,
                message: "the caller stopped waiting".to_owned(),
            }),
        };
        Ok(Interaction {
            resource: String::from_utf8_lossy(&text(taken.resource.as_bytes())).into_owned(),
            request: written,
            outcome,
        })
    }

    /// Takes out the credentials, the secrets that have a name, and those that only the plugin's vault knows.
    fn without_secrets(&self, text: Vec<u8>) -> Vec<u8> {
        let text = self.state.credentials.replaced(&text, None).unwrap_or(text);
        let mut text = self
            .neutral
            .secrets
            .echoes()
            .replaced(&text, None)
            .unwrap_or(text);
        for vault in &self.state.vaults {
            let (sealed, is_changed) = vault.seal_echoes(text);
            text = if is_changed {
                self.numbered(&sealed)
            } else {
                sealed
            };
        }
        text
    }

    /// Replaces tokens of a vault by numbers, in the order in which they are first written.
    fn numbered(&self, text: &[u8]) -> Vec<u8> {
        let mut unnamed = self.unnamed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut result = Vec::with_capacity(text.len());
        let mut rest = 0_usize;
        for start in tokens(text) {
            let end = start.saturating_add(TOKEN_LENGTH);
            let token = text.get(start..end).unwrap_or_default().to_vec();
            let next = unnamed.len().saturating_add(1);
            let number = *unnamed.entry(token).or_insert(next);
            result.extend_from_slice(text.get(rest..start).unwrap_or_default());
            result.extend_from_slice(format!("{{{{secret:unnamed-{number}}}}}").as_bytes());
            rest = end;
        }
        result.extend_from_slice(text.get(rest..).unwrap_or_default());
        result
    }
}
