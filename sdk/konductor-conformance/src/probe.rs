//! What stands between the provider and the cloud: it counts, records and spoils calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use konductor_model::Manifest;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use konductor_model::manifest::EndpointProtocol;

/// What is done to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not sent; the answer asks to slow down.
    Throttled,
    /// It is not sent; the answer is a server error.
    ServerError,
    /// It is sent, its answer is lost, and no later call of the operation is sent: the process died.
    LostAnswer,
    /// It is not sent; the answer refuses it and repeats what it said.
    Echoed,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The endpoint's identifier.
    pub endpoint: String,
    /// The method.
    pub method: String,
    /// The path, without parameters.
    pub path: String,
    /// The cloud's name of what it does, where the protocol says it: `ec2:CreateVpc`.
    pub permission: Option<String>,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.permission {
            Some(permission) => f.write_str(permission),
            None => write!(f, "{} {} {}", self.endpoint, self.method, self.path),
        }
    }
}

type Endpoint = (EndpointProtocol, String);

#[derive(Default)]
struct State {
    endpoints: BTreeMap<String, Endpoint>,
    pure: bool,
    pure_calls: Vec<Call>,
    calls: Vec<Call>,
    fault: Option<(usize, Fault)>,
    dead: bool,
}

/// A cloud in front of the cloud.
pub struct Probe {
    cloud: Arc<dyn Cloud>,
    state: Mutex<State>,
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").finish_non_exhaustive()
    }
}

impl Probe {
    /// Puts a probe in front of a cloud. The provider must be made with it and nothing else.
    pub fn new(cloud: Arc<dyn Cloud>) -> Arc<Self> {
        Arc::new(Self {
            cloud,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns the protocols of the endpoints, for answers in their form.
    pub(crate) fn learn(&self, manifest: &Manifest) {
        self.state().endpoints = manifest
            .endpoints
            .iter()
            .map(|endpoint| (endpoint.id.clone(), (endpoint.protocol, endpoint.service.clone())))
            .collect();
    }

    /// Begins a pure call: nothing may be sent.
    pub(crate) fn begin_pure(&self) {
        self.state().pure = true;
    }

    /// Begins an operation, whose call number `fault.0`, from 0, is spoilt.
    pub(crate) fn begin(&self, fault: Option<(usize, Fault)>) {
        let mut state = self.state();
        state.pure = false;
        state.dead = false;
        state.calls.clear();
        state.fault = fault;
    }

    /// Returns the calls since the operation began, and spoils no more.
    pub(crate) fn end(&self) -> Vec<Call> {
        let mut state = self.state();
        state.fault = None;
        state.dead = false;
        std::mem::take(&mut state.calls)
    }

    /// Returns what was sent in pure calls since it was last asked.
    pub(crate) fn take_pure_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state().pure_calls)
    }
}

#[async_trait]
impl Cloud for Probe {
    async fn send(&self, resource: &str, request: CloudRequest) -> Result<CloudResponse, SendError> {
        let fault = {
            let mut state = self.state();
            let endpoint = state.endpoints.get(&request.endpoint).cloned();
            let call = Call {
                permission: permission(endpoint.as_ref(), &request),
                endpoint: request.endpoint.clone(),
                method: request.method.clone(),
                path: request.path.clone(),
            };
            if state.pure {
                state.pure_calls.push(call);
                return Err(SendError::Denied("a pure call may send nothing".to_owned()));
            }
            if state.dead {
                return Err(SendError::Connection("the connection is gone".to_owned()));
            }
            let position = state.calls.len();
            state.calls.push(call);
            let fault = state
                .fault
                .filter(|(at, _)| *at == position)
                .map(|(_, fault)| fault);
            state.dead = fault == Some(Fault::LostAnswer);
            fault.map(|fault| (fault, endpoint))
        };
        match fault {
            None => self.cloud.send(resource, request).await,
            Some((Fault::LostAnswer, _)) => {
                let _ = self.cloud.send(resource, request).await;
                Err(SendError::Timeout(
                    "no answer; the effect is not known".to_owned(),
                ))
            }
            Some((fault, endpoint)) => Ok(spoilt(fault, endpoint.as_ref(), &request)),
        }
    }
}

/// Returns the permission a call needs, where the protocol names its action.
fn permission(endpoint: Option<&Endpoint>, request: &CloudRequest) -> Option<String> {
    let Some((EndpointProtocol::Aws, service)) = endpoint else {
        return None;
    };
    let target = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("x-amz-target"))
        .and_then(|(_, value)| value.rsplit('.').next());
    let queried = || {
        let found = request.query.iter().find(|(name, _)| name == "Action");
        found.map(|(_, value)| value.as_str())
    };
    let posted = || {
        let body = std::str::from_utf8(&request.body).ok()?;
        body.split('&').find_map(|pair| pair.strip_prefix("Action="))
    };
    let action = target.or_else(queried).or_else(posted)?;
    Some(format!("{service}:{action}"))
}

/// Makes an answer that fails in the form of the endpoint's protocol.
fn spoilt(fault: Fault, endpoint: Option<&Endpoint>, request: &CloudRequest) -> CloudResponse {
    let aws = endpoint
        .filter(|(protocol, _)| *protocol == EndpointProtocol::Aws)
        .map(|(_, service)| service.as_str());
    let (status, code, message) = match (fault, aws) {
        (Fault::Throttled, Some("s3")) => (503, "SlowDown", "Please reduce your request rate.".to_owned()),
        (Fault::Throttled, Some("ec2")) => {
            (503, "RequestLimitExceeded", "Request limit exceeded.".to_owned())
        }
        (Fault::Throttled, Some(_)) => (400, "ThrottlingException", "Rate exceeded".to_owned()),
        (Fault::Throttled, None) => (429, "too_many_requests", "Too many requests.".to_owned()),
        (Fault::Echoed, _) => {
            let mut said = String::from_utf8_lossy(&request.body).into_owned();
            for (name, value) in &request.query {
                said.push_str(&format!(" {name}={value}"));
            }
            (400, "InvalidRequest", format!("cannot take {said}"))
        }
        (Fault::ServerError | Fault::LostAnswer, _) => {
            (500, "InternalError", "An internal error has occurred.".to_owned())
        }
    };
    let escaped = message
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let error = format!("<Error><Code>{code}</Code><Message>{escaped}</Message>");
    let (kind, body) = match aws {
        Some("ec2") => (
            "text/xml",
            format!(
                "<Response><Errors>{error}</Error></Errors><RequestID>conformance</RequestID></Response>"
            ),
        ),
        Some("s3") => (
            "application/xml",
            format!("{error}<RequestId>conformance</RequestId></Error>"),
        ),
        _ => (
            "application/json",
            serde_json::json!({"__type": code, "code": code, "message": message,
                "error": {"code": status, "status": code, "message": message}})
            .to_string(),
        ),
    };
    CloudResponse {
        status,
        headers: vec![
            ("content-type".to_owned(), kind.to_owned()),
            ("x-amzn-errortype".to_owned(), code.to_owned()),
        ],
        body: body.into_bytes(),
    }
}
