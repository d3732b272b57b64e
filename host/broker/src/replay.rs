//! Answers requests out of a recording. Nothing here, and nothing a replaying broker is made of, can open a connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use konductor_model::SecretText;
use konductor_model::manifest::EndpointProtocol;
use konductor_recording::{
    Answer as RecordedAnswer, Draws, Failure, FailureKind, Outcome, Recording, Replayed,
};

use crate::bearer::BearerSource;
use crate::credentials::{AccessKeys, CredentialBase, CredentialSource};
use crate::grant::Grant;
use crate::http_credential::HttpCredential;
use crate::named_secrets::NamedSecrets;
use crate::neutral::{Neutral, Place, Tokens, restored};
use crate::transport::{Answer, AttemptError, Sending, Transport};

/// Problems and unused requests that are kept; of more only the number.
const MOST_TOLD: usize = 10;

/// A recording in the place of a network.
pub struct Replay {
    draws: Draws,
    tokens: Tokens,
    secrets: NamedSecrets,
    state: Mutex<State>,
}

struct State {
    replayed: Replayed,
    unrecorded: Vec<String>,
    more_unrecorded: usize,
}

/// How a replay went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayOutcome {
    /// How many requests were answered.
    pub answered: usize,
    /// The first requests that are not in the recording, each with the nearest that is and the difference.
    pub unrecorded: Vec<String>,
    /// How many more there were.
    pub more_unrecorded: usize,
    /// The first recorded requests that were never made.
    pub unused: Vec<String>,
    /// How many more there are.
    pub more_unused: usize,
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").finish_non_exhaustive()
    }
}

impl Replay {
    /// Begins to replay. The secrets have the names that they had when it was recorded, and may have other values.
    pub fn new(recording: Recording, secrets: NamedSecrets) -> Arc<Self> {
        Arc::new(Self {
            draws: recording.draws,
            tokens: Tokens::new(recording.draws),
            secrets,
            state: Mutex::new(State {
                replayed: Replayed::new(recording.interactions),
                unrecorded: Vec::new(),
                more_unrecorded: 0,
            }),
        })
    }

    /// Returns what the recorded run drew from.
    pub fn draws(&self) -> &Draws {
        &self.draws
    }

    /// Returns the next idempotency token, the same as in the recorded run.
    pub fn token(&self) -> String {
        self.tokens.next()
    }

    /// Says how it went.
    pub fn finish(&self) -> ReplayOutcome {
        let state = self.state();
        let unused: Vec<String> = state
            .replayed
            .unused()
            .map(|(number, interaction)| {
                let of = crate::audit::printable(&interaction.resource);
                let request = crate::audit::printable(&interaction.request.to_string());
                format!("request {number} of the recording, for {of}: {request}")
            })
            .collect();
        ReplayOutcome {
            answered: state.replayed.answered(),
            unrecorded: state.unrecorded.clone(),
            more_unrecorded: state.more_unrecorded,
            more_unused: unused.len().saturating_sub(MOST_TOLD),
            unused: unused.into_iter().take(MOST_TOLD).collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outcome(&self, sending: &Sending<'_>) -> Result<Answer, AttemptError> {
        let place = Place {
            endpoint: sending.endpoint.to_owned(),
            own_address: sending.own_address.cloned(),
        };
        let neutral = Neutral {
            secrets: &self.secrets,
            tokens: &self.tokens,
        };
        let request = neutral.request(&sending.request, &place, &|text| text);
        let resource = neutral.text(sending.resource.as_bytes().to_vec(), &place);
        let resource = String::from_utf8_lossy(&resource).into_owned();
        let mut state = self.state();
        let taken = state
            .replayed
            .take(&resource, &request)
            .map(|interaction| interaction.outcome.clone());
        match taken {
            Ok(Outcome::Answer(answer)) => Ok(self.answer(&answer, &place)),
            Ok(Outcome::Failure(failure)) => Err(attempt_error(failure, sending)),
            Err(error) => {
                let text = crate::audit::printable(&error.to_string());
                if state.unrecorded.len() < MOST_TOLD {
                    state.unrecorded.push(text.clone());
                } else {
                    state.more_unrecorded = state.more_unrecorded.saturating_add(1);
                }
                Err(AttemptError::Unrecorded(text))
            }
        }
    }

    /// Makes an answer as it came then, with the secrets and addresses of now.
    fn answer(&self, recorded: &RecordedAnswer, place: &Place) -> Answer {
        let restored = |text: Vec<u8>| restored(text, place, &self.secrets, &self.draws);
        let body = restored(recorded.body.bytes());
        let mut headers = HeaderMap::new();
        for (name, value) in &recorded.headers {
            let value = restored(value.clone().into_bytes());
            // A name was checked when it was read; a value can hold a secret that no header may.
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_bytes(&value),
            ) {
                headers.insert(name, value);
            }
        }
        headers
            .entry(header::CONTENT_LENGTH)
            .or_insert_with(|| body.len().into());
        Answer {
            // It was checked when it was read.
            status: StatusCode::from_u16(recorded.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers,
            body,
        }
    }
}

fn attempt_error(failure: Failure, sending: &Sending<'_>) -> AttemptError {
    match failure.kind {
        FailureKind::Denied => AttemptError::Denied(failure.message),
        FailureKind::NotConnected => AttemptError::NotConnected(failure.message),
        FailureKind::Lost => AttemptError::Lost(failure.message),
        FailureKind::TimedOut => AttemptError::TimedOut(sending.timeout),
        FailureKind::TooLarge => AttemptError::TooLarge(failure.message),
    }
}

/// Carries a plugin's requests out of a recording.
pub(crate) struct OutOfRecording(Arc<Replay>);

impl OutOfRecording {
    pub(crate) fn new(replay: Arc<Replay>) -> Self {
        Self(replay)
    }
}

#[async_trait]
impl Transport for OutOfRecording {
    async fn send(&self, sending: Sending<'_>) -> Result<Answer, AttemptError> {
        self.0.outcome(&sending)
    }
}

/// Carries nothing: a replay fetches no credentials.
pub(crate) struct NoNetwork;

#[async_trait]
impl Transport for NoNetwork {
    async fn send(&self, _: Sending<'_>) -> Result<Answer, AttemptError> {
        Err(AttemptError::Denied("a replay fetches no credentials".to_owned()))
    }
}

/// Returns what signs requests that go nowhere: nobody's credentials.
pub(crate) fn stand_ins(
    plugin: &str,
    grant: &Grant,
) -> (
    BTreeMap<String, CredentialSource>,
    BTreeMap<String, BearerSource>,
    BTreeMap<String, HttpCredential>,
) {
    let mut credentials = BTreeMap::new();
    let mut bearer_sources = BTreeMap::new();
    let mut http_credentials = BTreeMap::new();
    for endpoint in &grant.endpoints {
        let name = endpoint.credentials.clone().unwrap_or_else(|| plugin.to_owned());
        match endpoint.protocol {
            EndpointProtocol::Http => {
                http_credentials.insert(name, HttpCredential::None);
            }
            EndpointProtocol::Azure | EndpointProtocol::Google => {
                bearer_sources.insert(name, BearerSource::Fixed(SecretText::new("replayed")));
            }
            EndpointProtocol::Aws => {
                let keys = AccessKeys {
                    access_key_id: "REPLAYED".to_owned(),
                    secret_access_key: SecretText::new("replayed"),
                    session_token: None,
                };
                let source = CredentialSource {
                    base: CredentialBase::Keys(keys),
                    ..CredentialSource::default()
                };
                credentials.insert(name, source);
            }
        }
    }
    (credentials, bearer_sources, http_credentials)
}
