//! What requests to key management services have in common: JSON, a few attempts, and answers that are told shortly.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use konductor_broker::{Broker, BrokerError, BrokerOptions, OwnRequestError, OwnRequests};
use konductor_state::keys::KeyProviderError;
use serde_json::Value as Json;

use super::failed;
use crate::environment::Environment;
use crate::network::Network;
use crate::object_requests::NoPlugins;

/// How often a request is sent; wrapping and unwrapping may be done twice.
const ATTEMPTS: u32 = 4;

/// The longest text of an answer that is repeated in a message.
const LONGEST: usize = 300;

/// A way to one service, made when it is needed first.
pub struct Connection {
    environment: Environment,
    made: OnceLock<Made>,
}

struct Made {
    requests: OwnRequests,
    // Credentials are looked up over connections of its own.
    _broker: Broker,
}

impl Connection {
    pub fn new(environment: Environment) -> Self {
        Self {
            environment,
            made: OnceLock::new(),
        }
    }

    /// Returns the way, or makes it.
    pub fn requests(
        &self,
        connect: impl FnOnce(&Broker) -> Result<OwnRequests, BrokerError>,
    ) -> Result<&OwnRequests, KeyProviderError> {
        if let Some(made) = self.made.get() {
            return Ok(&made.requests);
        }
        let mut options = BrokerOptions::default();
        Network::of(&self.environment)
            .and_then(|network| network.for_calls(&mut options))
            .map_err(|error| failed(error.to_string().trim_end().to_owned()))?;
        let unusable = |error: BrokerError| failed(error.to_string());
        let broker = Broker::new(options, Arc::new(NoPlugins)).map_err(unusable)?;
        let made = Made {
            requests: connect(&broker).map_err(unusable)?,
            _broker: broker,
        };
        Ok(&self.made.get_or_init(|| made).requests)
    }
}

/// Sends a request until there is an answer that will not change, and returns its JSON; `reason` finds in the answer why
/// it was refused.
pub async fn ask(
    requests: &OwnRequests,
    request: &http::Request<Vec<u8>>,
    reason: impl Fn(&Json) -> Option<String>,
) -> Result<Json, KeyProviderError> {
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
        }
        let answer = match requests.send(request.clone()).await {
            Ok(answer) => answer,
            Err(OwnRequestError::NoAnswer(reason)) => {
                last = reason;
                continue;
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        let status = answer.status();
        let json: Json = serde_json::from_slice(answer.body()).unwrap_or_default();
        if status.is_success() {
            return Ok(json);
        }
        let told = reason(&json).unwrap_or_default();
        let told: String = told.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        last = format!("it answers {status}: {told}");
        let busy = status.is_server_error() || status.as_u16() == 429 || told.contains("Throttl");
        if !busy {
            break;
        }
    }
    Err(failed(last.trim_end_matches(": ").to_owned()))
}
