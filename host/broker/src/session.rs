//! One plugin's way out: checks a request against the grant, signs it, sends it, and judges the answer.

mod limit_owner;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use konductor_model::RateLimit;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use konductor_model::manifest::EndpointProtocol;
use tokio::time::Instant;

use crate::account::{Question, named_resources, owner_header};
use crate::admission::{Admission, Purposes};
use crate::admitted::AdmittedSession;
use crate::audit::PendingCall;
use crate::authentication::{
    Authenticated, Authentication, Authenticators, Bearer, Signer, with_credential, with_signature,
    with_token,
};
use crate::broker::{Shared, WayOut};
use crate::denial::Denials;
use crate::endpoint::{self, Address};
use crate::grant::{EVERY_REGION, EndpointGrant, Grant, is_common_region};
use crate::named_account::{self, Foreign};
use crate::operation::{operation, request_id};
use crate::placement::place;
use crate::presentation::presentable;
use crate::redaction::Redaction;
use crate::request::{RequestError, check_headers, check_method, encode_path, encode_query};
use crate::retry::{Verdict, error_code, judge, may_repeat, retry_after};
use crate::shared_limit::SharedThrottle;
use crate::throttle::Throttle;
use crate::token_operation::{self, Judged, Judgement};
use crate::transport::{AttemptError, Sending};
use crate::vault::Vault;

pub(crate) struct Session {
    shared: Arc<Shared>,
    way_out: WayOut,
    plugin: String,
    grant: Grant,
    authenticators: Authenticators,
    rate_limit: Option<RateLimit>,
    vault: Arc<Vault>,
    purposes: Purposes,
}

/// A request that passed every check, ready to be signed.
struct Prepared {
    address: Address,
    authentication: Authentication,
    throttle: Arc<Throttle>,
    /// The rate limit was waited for already.
    is_admitted: bool,
    method: Method,
    uri: http::Uri,
    headers: HeaderMap,
    body: Bytes,
    may_repeat: bool,
    accounts: BTreeSet<String>,
    /// The endpoint's identifier.
    endpoint: String,
    /// The operator says where the endpoint is.
    is_overridden: bool,
    /// What the call is made for.
    resource: String,
}

/// What one attempt came to, if it is not the last.
struct Failed {
    outcome: Result<CloudResponse, SendError>,
    retry_after: Option<std::time::Duration>,
}

impl Session {
    pub(crate) fn new(
        shared: Arc<Shared>,
        way_out: WayOut,
        plugin: String,
        grant: Grant,
        authenticators: Authenticators,
        vault: Arc<Vault>,
    ) -> Self {
        Self {
            shared,
            way_out,
            plugin,
            grant,
            authenticators,
            rate_limit: None,
            vault,
            purposes: Purposes::default(),
        }
    }

    /// Says what is known of the rate limit.
    pub(crate) fn with_rate_limit(mut self, known: Option<RateLimit>) -> Self {
        self.rate_limit = known;
        self
    }

    fn denials(&self) -> Denials<'_> {
        Denials {
            plugin: &self.plugin,
            grant: &self.grant,
        }
    }

    /// Returns what authenticates an endpoint's requests. The broker has made sure that it is there.
    fn authentication(&self, endpoint: &EndpointGrant) -> Result<Authentication, SendError> {
        let name = endpoint.credentials.as_ref().unwrap_or(&self.plugin);
        let found = self.authenticators.of(endpoint, name);
        found.ok_or_else(|| {
            SendError::NoCredentials(format!("the credentials of `{name}` are not configured"))
        })
    }

    fn endpoint(&self, id: &str) -> Result<&EndpointGrant, SendError> {
        self.grant
            .endpoints
            .iter()
            .find(|endpoint| endpoint.id == id)
            .ok_or_else(|| self.denials().endpoint(id))
    }

    fn refused(&self, endpoint: &EndpointGrant, error: &RequestError) -> SendError {
        match error {
            RequestError::TooLarge { .. } => SendError::TooLarge(error.to_string()),
            _ => self.denials().request(endpoint, &error.to_string()),
        }
    }

    fn region<'a>(&self, endpoint: &'a EndpointGrant, asked: Option<&'a str>) -> Result<&'a str, SendError> {
        let region = asked.unwrap_or(&endpoint.default_region);
        let granted = region == endpoint.default_region
            || endpoint.regions.contains(region)
            || (endpoint.regions.contains(EVERY_REGION) && is_common_region(region));
        granted
            .then_some(region)
            .ok_or_else(|| self.denials().region(endpoint, region))
    }

    /// Checks a request and works out where it goes. Nothing is sent, resolved or waited for.
    fn prepare(
        &self,
        call: &mut PendingCall,
        resource: &str,
        mut request: CloudRequest,
    ) -> Result<Prepared, SendError> {
        let endpoint = self.endpoint(&request.endpoint)?;
        let region = self.region(endpoint, request.region.as_deref())?;
        let address = endpoint::resolve(endpoint, region, &self.shared.fips)
            .map_err(|reason| self.denials().address(endpoint, &reason))?;
        let method = check_method(&request.method).map_err(|error| self.refused(endpoint, &error))?;
        if endpoint
            .methods
            .as_ref()
            .is_some_and(|granted| !granted.contains(method.as_str()))
        {
            return Err(self.denials().method(endpoint, method.as_str()));
        }
        let path =
            encode_path(&request.path, endpoint.protocol).map_err(|error| self.refused(endpoint, &error))?;
        let secrets =
            place(&self.vault, &mut request).map_err(|error| self.denials().secret(endpoint, &error))?;
        call.placed(secrets);
        let query = encode_query(&request.query).map_err(|error| self.refused(endpoint, &error))?;
        let mut headers = check_headers(&request.headers).map_err(|error| self.refused(endpoint, &error))?;
        let limit = self.shared.limits.request_body;
        if request.body.len() > limit {
            let size = request.body.len();
            return Err(SendError::TooLarge(format!(
                "the request's body has {size} bytes; the limit is {limit}"
            )));
        }
        let resources = match endpoint.protocol {
            EndpointProtocol::Google => named_account::named_buckets(method.as_str(), &path, &request.body),
            _ => named_resources(&address.signing_service, &path, &headers),
        };
        if let Some(foreign) = resources.iter().find(|resource| !is_covered(endpoint, resource)) {
            return Err(self.denials().resource(endpoint, foreign));
        }
        if let Some(name) = owner_header(&headers).filter(|_| !endpoint.accounts.is_empty()) {
            return Err(self.denials().owner_header(endpoint, name));
        }
        named_account::check(endpoint, &path, &request.query, &request.body).map_err(
            |foreign| match foreign {
                Foreign::Account(account) => self.denials().named_account(endpoint, &account),
                Foreign::Nothing => self.denials().no_account_named(endpoint),
            },
        )?;
        let judged = token_operation::judge(&Judged {
            protocol: endpoint.protocol,
            service: &address.signing_service,
            method: method.as_str(),
            path: &path,
            query: &request.query,
            headers: &headers,
            body: &request.body,
        });
        match judged {
            Judgement::Harmless => {}
            Judgement::Token(operation) if endpoint.token_operations.contains(&operation) => {}
            Judgement::Token(operation) => {
                return Err(self.denials().token_operation(endpoint, &operation));
            }
            Judgement::Ambiguous(reason) => return Err(self.denials().ambiguous(endpoint, reason)),
        }
        let mut url = address.origin.clone();
        url.set_path(&path);
        url.set_query((!query.is_empty()).then_some(query.as_str()));
        // What the parser made of it is what goes out; it must be what was checked.
        if url.path() != path
            || url.query().unwrap_or_default() != query
            || url.origin() != address.origin.origin()
        {
            return Err(self
                .denials()
                .request(endpoint, "its target does not survive encoding unchanged"));
        }
        self.way_out
            .egress
            .check(&url)
            .map_err(|error| self.denials().address(endpoint, &error.to_string()))?;
        call.addressed(
            &address.signing_region,
            &endpoint::host_of(&url),
            // The names are those of AWS: they would say something else about another API.
            if endpoint.protocol == EndpointProtocol::Aws {
                operation(
                    &address.signing_service,
                    &method,
                    &path,
                    &request.query,
                    &headers,
                    &request.body,
                )
            } else {
                None
            },
        );
        // Set here, or the client would add its own after signing.
        for (name, value) in [
            ("accept", "*/*"),
            ("user-agent", concat!("konductor/", env!("CARGO_PKG_VERSION"))),
        ] {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        let authentication = self.authentication(endpoint)?;
        let uri = url
            .as_str()
            .parse()
            .map_err(|_| self.denials().request(endpoint, "its target is no URI"))?;
        Ok(Prepared {
            throttle: self
                .shared
                .throttle(authentication.throttle_key(&address), self.rate_limit),
            is_admitted: false,
            may_repeat: may_repeat(&method, request.idempotent),
            accounts: endpoint.accounts.clone(),
            endpoint: endpoint.id.clone(),
            is_overridden: endpoint.override_url.is_some(),
            resource: resource.to_owned(),
            authentication,
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
        let attempts = call.attempts();
        let expired = |what: &str| {
            let effect = if attempts == 0 {
                "nothing was sent"
            } else {
                "earlier attempts failed"
            };
            SendError::Timeout(format!(
                "{what} within {:?}; {effect}",
                self.shared.limits.call_timeout
            ))
        };
        let waited_for = attempts == 0 && request.is_admitted;
        if !waited_for
            && tokio::time::timeout_at(deadline, request.throttle.acquire())
                .await
                .is_err()
        {
            let silent = request.throttle.shared().and_then(SharedThrottle::why_silent);
            return Ok(Err(expired(&match silent {
                Some(why) => format!("the shared rate limit could not be asked ({why})"),
                None => "the rate limit left no room for the call".to_owned(),
            })));
        }
        let authenticated = match &request.authentication {
            Authentication::Aws(signer) => self.signed(request, signer, deadline, &expired).await,
            Authentication::Bearer(bearer, scope) => {
                carrying_token(request, bearer, scope, deadline, &expired).await
            }
            Authentication::Http(credential) => with_credential(unsigned(request), credential),
        };
        let Authenticated {
            request: signed,
            redaction,
            used,
        } = match authenticated {
            Ok(authenticated) => authenticated,
            Err(error) => return Ok(Err(error)),
        };
        let sent_at = Instant::now();
        let timeout = self
            .shared
            .limits
            .attempt_timeout
            .min(deadline.duration_since(sent_at));
        call.sent();
        let sending = Sending {
            resource: &request.resource,
            endpoint: &request.endpoint,
            own_address: request.is_overridden.then_some(&request.address.origin),
            request: signed,
            redaction: &redaction,
            limits: &self.shared.limits,
            timeout,
        };
        let answer = match self.way_out.transport.send(sending).await {
            Ok(answer) => answer,
            Err(error) => return self.no_answer(request, error, &redaction),
        };
        let code = error_code(answer.status, &answer.headers, &answer.body);
        let verdict = match judge(answer.status, code.as_deref()) {
            // Clouds with tokens say no more than that.
            Verdict::Final
                if answer.status == StatusCode::UNAUTHORIZED && request.authentication.is_bearer() =>
            {
                Verdict::ExpiredCredentials
            }
            verdict => verdict,
        };
        let wait = retry_after(&answer.headers);
        // An identifier that holds an echo is none, and would carry it into the record.
        let id = request_id(&answer.headers, &answer.body)
            .filter(|id| redaction.text(id) == *id)
            .filter(|id| self.vault.seal_text(id) == *id);
        call.answered(answer.status.as_u16(), id);
        if verdict == Verdict::Throttled {
            request.throttle.slow_down(sent_at);
        } else {
            request.throttle.recover();
        }
        let answer = Ok(presentable(answer, &redaction, &self.vault));
        let again = match verdict {
            Verdict::Final => false,
            Verdict::Throttled => true,
            Verdict::ServerFailure => request.may_repeat,
            Verdict::ExpiredCredentials => used.forget() && !std::mem::replace(renewed, true),
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

    /// Signs a request for AWS, with credentials that are valid now.
    async fn signed(
        &self,
        request: &Prepared,
        signer: &Signer,
        deadline: Instant,
        expired: &(dyn Fn(&str) -> SendError + Sync),
    ) -> Result<Authenticated, SendError> {
        let credentials = tokio::time::timeout_at(deadline, signer.cache.get())
            .await
            .map_err(|_| expired("the credential source did not answer"))?
            .map_err(|error| SendError::NoCredentials(error.to_string()))?;
        let account = tokio::time::timeout_at(deadline, self.bound_account(request, signer, &credentials))
            .await
            .map_err(|_| expired("the token service did not say whose the credentials are"))??;
        with_signature(
            unsigned(request),
            &request.address,
            &signer.cache,
            credentials,
            account.as_deref(),
        )
    }

    /// Returns the account that a request is bound to, where its endpoint's grant names some.
    async fn bound_account(
        &self,
        request: &Prepared,
        signer: &Signer,
        credentials: &Credentials,
    ) -> Result<Option<String>, SendError> {
        if request.accounts.is_empty() {
            return Ok(None);
        }
        let endpoint = self.endpoint(&request.endpoint)?;
        let account = self
            .account(request, signer, credentials)
            .await
            .map_err(|reason| self.denials().unknown_account(endpoint, &reason))?;
        if request.accounts.contains(&account) {
            Ok(Some(account))
        } else {
            Err(self.denials().account(endpoint, &account))
        }
    }

    /// Returns the account of credentials; the token service is asked once for each.
    async fn account(
        &self,
        request: &Prepared,
        signer: &Signer,
        credentials: &Credentials,
    ) -> Result<String, String> {
        let question = Question {
            shared: &self.shared,
            way_out: &self.way_out,
            plugin: &self.plugin,
            resource: &request.resource,
            region: &request.address.signing_region,
            credentials,
        };
        signer.cache.account(credentials, question.ask()).await
    }

    fn no_answer(
        &self,
        request: &Prepared,
        error: AttemptError,
        redaction: &Redaction,
    ) -> Result<Result<CloudResponse, SendError>, Failed> {
        let host = request.uri.authority().map_or("", http::uri::Authority::as_str);
        let text = self.vault.seal_text(&redaction.text(&format!("{host}: {error}")));
        let (error, again) = match error {
            AttemptError::Denied(_) => (
                SendError::Denied(format!(
                    "plugin `{}` may not call endpoint `{}`: {text}; no grant can allow it",
                    self.plugin, request.endpoint
                )),
                false,
            ),
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
            AttemptError::Unrecorded(_) => (SendError::Other(text), false),
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
        self.send_after(resource, request, None).await
    }

    async fn admit(self: Arc<Self>, purpose: &str) -> Option<Arc<dyn Cloud>> {
        // Without endpoints nothing is ever sent.
        if self.grant.endpoints.is_empty() {
            return None;
        }
        let admission = self.purposes.admit(purpose).await;
        Some(Arc::new(AdmittedSession::new(self, admission)))
    }
}

impl Session {
    /// Sends a request of a call that was waited for, if it was.
    pub(crate) async fn send_after(
        &self,
        resource: &str,
        request: CloudRequest,
        admission: Option<&Admission>,
    ) -> Result<CloudResponse, SendError> {
        let permit =
            match tokio::time::timeout(self.shared.limits.call_timeout, self.shared.audit.reserve()).await {
                Ok(Ok(permit)) => permit,
                Ok(Err(error)) => {
                    return Err(SendError::Denied(format!(
                        "calls cannot be recorded, so none is made: {error}"
                    )));
                }
                Err(_) => {
                    return Err(SendError::Timeout(
                        "the record of calls took no more; nothing was sent".to_owned(),
                    ));
                }
            };
        let mut call = PendingCall::begin(permit, &self.plugin, resource, &request);
        let result = match self.prepare(&mut call, resource, request) {
            Ok(mut prepared) => {
                // Before anybody else can wait for it.
                self.name_limit(&prepared).await;
                prepared.is_admitted = admission.is_some_and(|admission| admission.first(&prepared.throttle));
                self.deliver(&mut call, &prepared).await
            }
            Err(error) => Err(error),
        };
        call.finish(result.as_ref().err());
        result
    }
}

/// Says whether a grant covers what a request names.
fn is_covered(endpoint: &EndpointGrant, resource: &str) -> bool {
    let prefixes = &endpoint.resource_prefixes;
    prefixes.is_empty()
        || prefixes
            .iter()
            .any(|prefix| resource.starts_with(prefix.as_str()))
}

fn unsigned(request: &Prepared) -> http::Request<Bytes> {
    let mut unsigned = http::Request::new(request.body.clone());
    unsigned.method_mut().clone_from(&request.method);
    unsigned.uri_mut().clone_from(&request.uri);
    unsigned.headers_mut().clone_from(&request.headers);
    unsigned
}

/// Puts a token that is valid now into a request.
async fn carrying_token(
    request: &Prepared,
    bearer: &Bearer,
    scope: &str,
    deadline: Instant,
    expired: &(dyn Fn(&str) -> SendError + Sync),
) -> Result<Authenticated, SendError> {
    let token = tokio::time::timeout_at(deadline, bearer.cache.get(scope))
        .await
        .map_err(|_| expired("the token service did not answer"))?
        .map_err(|error| SendError::NoCredentials(error.to_string()))?;
    with_token(unsigned(request), &bearer.cache, scope, token)
}
