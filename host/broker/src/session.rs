//! One plugin's way out: checks a request against the grant, signs it, sends it, and judges the answer.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use tokio::time::Instant;

use crate::audit::{PendingCall, printable};
use crate::broker::Shared;
use crate::credential_cache::CredentialCache;
use crate::endpoint::{self, Address};
use crate::grant::{EndpointGrant, Grant};
use crate::operation::{operation, request_id};
use crate::redaction::Redaction;
use crate::request::{RequestError, check_headers, check_method, encode_path, encode_query};
use crate::retry::{Verdict, error_code, judge, may_repeat, retry_after};
use crate::signing;
use crate::throttle::Throttle;
use crate::transport::{Answer, AttemptError, send_once};

/// Headers of an answer that stay on this side: they set or carry credentials, or belong to the connection.
const HIDDEN_HEADERS: [&str; 13] = [
    "set-cookie",
    "set-cookie2",
    "authorization",
    "authentication-info",
    "www-authenticate",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "x-amz-security-token",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
];

pub(crate) struct Session {
    shared: Arc<Shared>,
    plugin: String,
    grant: Grant,
    credential_number: usize,
    credentials: Arc<CredentialCache>,
}

/// A request that passed every check, ready to be signed.
struct Prepared {
    address: Address,
    throttle: Arc<Throttle>,
    method: Method,
    uri: http::Uri,
    headers: HeaderMap,
    body: Bytes,
    may_repeat: bool,
}

/// What one attempt came to, if it is not the last.
struct Failed {
    outcome: Result<CloudResponse, SendError>,
    retry_after: Option<std::time::Duration>,
}

impl Session {
    pub(crate) fn new(
        shared: Arc<Shared>,
        plugin: String,
        grant: Grant,
        credential_number: usize,
        credentials: Arc<CredentialCache>,
    ) -> Self {
        Self {
            shared,
            plugin,
            grant,
            credential_number,
            credentials,
        }
    }

    fn endpoint(&self, id: &str) -> Result<&EndpointGrant, SendError> {
        self.grant.endpoints.iter().find(|endpoint| endpoint.id == id).ok_or_else(|| {
            let id = printable(id);
            let granted: Vec<&str> = self.grant.endpoints.iter().map(|endpoint| endpoint.id.as_str()).collect();
            let granted = if granted.is_empty() { "none".to_owned() } else { granted.join(", ") };
            SendError::Denied(format!(
                "plugin `{plugin}` may not call endpoint `{id}`; granted are: {granted}. An endpoint is granted from \
                 the plugin's manifest: its author adds `{{\"id\": \"{id}\", \"protocol\": \"aws\", \"service\": \
                 \"{id}\"}}` to `endpoints`",
                plugin = self.plugin,
            ))
        })
    }

    fn region<'a>(&self, endpoint: &'a EndpointGrant, asked: Option<&'a str>) -> Result<&'a str, SendError> {
        let region = asked.unwrap_or(&endpoint.default_region);
        if region == endpoint.default_region || endpoint.regions.contains(region) {
            return Ok(region);
        }
        let mut granted: Vec<&str> = endpoint.regions.iter().map(String::as_str).collect();
        if !endpoint.regions.contains(&endpoint.default_region) {
            granted.push(&endpoint.default_region);
        }
        let region = printable(region);
        Err(SendError::Denied(format!(
            "plugin `{}` may not call endpoint `{}` in region `{region}`; granted are: {}. Regions are \
             granted by the module's configuration: set `region: {region}`, or ask for a granted one",
            self.plugin,
            endpoint.id,
            granted.join(", "),
        )))
    }

    /// Checks a request and works out where it goes. Nothing is sent, resolved or waited for.
    fn prepare(&self, call: &mut PendingCall, request: CloudRequest) -> Result<Prepared, SendError> {
        let endpoint = self.endpoint(&request.endpoint)?;
        let region = self.region(endpoint, request.region.as_deref())?;
        let address = endpoint::resolve(endpoint, region).map_err(SendError::Denied)?;
        let method = check_method(&request.method, endpoint.methods.as_ref()).map_err(refused)?;
        let path = encode_path(&request.path).map_err(refused)?;
        let query = encode_query(&request.query).map_err(refused)?;
        let mut headers = check_headers(&request.headers).map_err(refused)?;
        let limit = self.shared.limits.request_body;
        if request.body.len() > limit {
            let size = request.body.len();
            return Err(SendError::TooLarge(format!(
                "the request's body has {size} bytes; the limit is {limit}"
            )));
        }
        let mut url = address.origin.clone();
        url.set_path(&path);
        url.set_query((!query.is_empty()).then_some(query.as_str()));
        // What the parser made of it is what goes out; it must be what was checked.
        if url.path() != path
            || url.query().unwrap_or_default() != query
            || url.origin() != address.origin.origin()
        {
            return Err(SendError::Denied(
                "the request's target does not survive encoding unchanged".to_owned(),
            ));
        }
        self.shared
            .egress
            .check(&url)
            .map_err(|error| SendError::Denied(error.to_string()))?;
        call.addressed(
            &address.signing_region,
            &host_of(&url),
            operation(
                &address.signing_service,
                &method,
                &path,
                &request.query,
                &headers,
                &request.body,
            ),
        );
        // Set here, or the client would add its own after signing.
        for (name, value) in [
            ("accept", "*/*"),
            ("user-agent", concat!("konductor/", env!("CARGO_PKG_VERSION"))),
        ] {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        let uri = url
            .as_str()
            .parse()
            .map_err(|_| SendError::Denied("the request's target is no URI".to_owned()))?;
        Ok(Prepared {
            throttle: self.shared.throttle((
                self.credential_number,
                endpoint.account.clone(),
                address.signing_service.clone(),
                address.signing_region.clone(),
            )),
            may_repeat: may_repeat(&method, request.idempotent),
            address,
            method,
            uri,
            headers,
            body: Bytes::from(request.body),
        })
    }

    async fn deliver(&self, call: &mut PendingCall, request: &Prepared) -> Result<CloudResponse, SendError> {
        let deadline = Instant::now() + self.shared.limits.call_timeout;
        let mut renewed = false;
        loop {
            let failed = match self.attempt(call, request, deadline, &mut renewed).await {
                Ok(answer) => return answer,
                Err(failed) => failed,
            };
            if call.attempts() >= self.shared.retry.most_attempts {
                return failed.outcome;
            }
            let pause = self
                .shared
                .retry
                .pause(call.attempts(), failed.retry_after, rand::random());
            // Waiting beyond the deadline would only turn a known outcome into a timeout.
            if Instant::now() + pause >= deadline {
                return failed.outcome;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends once. `Ok` is the end of the call, `Err` may be tried again.
    async fn attempt(
        &self,
        call: &mut PendingCall,
        request: &Prepared,
        deadline: Instant,
        renewed: &mut bool,
    ) -> Result<Result<CloudResponse, SendError>, Failed> {
        let expired = |what: &str| {
            let effect = if call.attempts() == 0 {
                "nothing was sent"
            } else {
                "earlier attempts failed"
            };
            SendError::Timeout(format!(
                "{what} within {:?}; {effect}",
                self.shared.limits.call_timeout
            ))
        };
        if tokio::time::timeout_at(deadline, request.throttle.acquire())
            .await
            .is_err()
        {
            return Ok(Err(expired("the rate limit left no room for the call")));
        }
        let credentials = match tokio::time::timeout_at(deadline, self.credentials.get()).await {
            Ok(Ok(credentials)) => credentials,
            Ok(Err(error)) => return Ok(Err(SendError::NoCredentials(error.to_string()))),
            Err(_) => return Ok(Err(expired("the credential source did not answer"))),
        };
        let (signed, redaction) = match sign(request, &credentials) {
            Ok(signed) => signed,
            Err(error) => return Ok(Err(error)),
        };
        let sent_at = Instant::now();
        let timeout = self
            .shared
            .limits
            .attempt_timeout
            .min(deadline.duration_since(sent_at));
        call.sent();
        let answer = match send_once(&self.shared.client, signed, &self.shared.limits, timeout).await {
            Ok(answer) => answer,
            Err(error) => return self.no_answer(request, error, &redaction),
        };
        let code = error_code(answer.status, &answer.headers, &answer.body);
        let verdict = judge(answer.status, code.as_deref());
        let wait = retry_after(&answer.headers);
        // An identifier that holds an echo is none, and would carry it into the record.
        let id = request_id(&answer.headers, &answer.body).filter(|id| redaction.text(id) == *id);
        call.answered(answer.status.as_u16(), id);
        if verdict == Verdict::Throttled {
            request.throttle.slow_down(sent_at);
        } else {
            request.throttle.recover();
        }
        let answer = Ok(presentable(answer, &redaction));
        let again = match verdict {
            Verdict::Final => false,
            Verdict::Throttled => true,
            Verdict::ServerFailure => request.may_repeat,
            Verdict::ExpiredCredentials => {
                self.credentials.forget(&credentials);
                !std::mem::replace(renewed, true)
            }
        };
        if again {
            Err(Failed {
                outcome: answer,
                retry_after: wait,
            })
        } else {
            Ok(answer)
        }
    }

    fn no_answer(
        &self,
        request: &Prepared,
        error: AttemptError,
        redaction: &Redaction,
    ) -> Result<Result<CloudResponse, SendError>, Failed> {
        let host = request.uri.authority().map_or("", http::uri::Authority::as_str);
        let text = redaction.text(&format!("{host}: {error}"));
        let (error, again) = match error {
            AttemptError::Denied(_) => (SendError::Denied(text), false),
            // Nothing was sent, so nothing can happen twice.
            AttemptError::NotConnected(_) => (SendError::Connection(text), true),
            AttemptError::Lost(_) => (
                SendError::Connection(format!("{text}; its effect is not known")),
                request.may_repeat,
            ),
            AttemptError::TimedOut(_) => (
                SendError::Timeout(format!("{text}; its effect is not known")),
                request.may_repeat,
            ),
            AttemptError::TooLarge(_) => (SendError::TooLarge(text), false),
        };
        if again {
            Err(Failed {
                outcome: Err(error),
                retry_after: None,
            })
        } else {
            Ok(Err(error))
        }
    }
}

#[async_trait]
impl Cloud for Session {
    async fn send(&self, resource: &str, request: CloudRequest) -> Result<CloudResponse, SendError> {
        let mut call = PendingCall::begin(Arc::clone(&self.shared.audit), &self.plugin, resource, &request);
        let result = match self.prepare(&mut call, request) {
            Ok(prepared) => self.deliver(&mut call, &prepared).await,
            Err(error) => Err(error),
        };
        call.finish(result.as_ref().err());
        result
    }
}

fn refused(error: RequestError) -> SendError {
    match error {
        RequestError::TooLarge { .. } => SendError::TooLarge(error.to_string()),
        _ => SendError::Denied(error.to_string()),
    }
}

fn sign(
    request: &Prepared,
    credentials: &Credentials,
) -> Result<(http::Request<Bytes>, Redaction), SendError> {
    let mut signed = http::Request::new(request.body.clone());
    signed.method_mut().clone_from(&request.method);
    signed.uri_mut().clone_from(&request.uri);
    signed.headers_mut().clone_from(&request.headers);
    let signature = signing::sign(&mut signed, &request.address, credentials, SystemTime::now())
        .map_err(|error| SendError::Other(error.to_string()))?;
    Ok((signed, Redaction::new(credentials, Some(&signature))))
}

/// Returns what the guest may see of an answer.
fn presentable(answer: Answer, redaction: &Redaction) -> CloudResponse {
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| !HIDDEN_HEADERS.contains(&name.as_str()))
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                redaction.text(&String::from_utf8_lossy(value.as_bytes())),
            )
        })
        .collect();
    CloudResponse {
        status: answer.status.as_u16(),
        headers,
        body: redaction.body(answer.body),
    }
}

/// Returns host and, where it is not the scheme's own, port.
fn host_of(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
