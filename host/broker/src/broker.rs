//! The broker of one run: the client, the gate, the rate limits and the credentials that its sessions share.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cidr::IpCidr;
use konductor_model::RateLimit;
use konductor_model::cloud::Cloud;
use konductor_model::manifest::EndpointProtocol;
use url::Url;

use crate::audit::AuditSink;
use crate::authentication::{Authenticators, Bearer, Signer};
use crate::bearer::BearerSource;
use crate::bearer::cache::BearerCache;
use crate::bearer::token_requests::TokenRequests;
use crate::credential_cache::CredentialCache;
use crate::credentials::{CredentialSource, ProviderContext};
use crate::egress::{Egress, Resolver, SystemResolver};
use crate::endpoint;
use crate::fips::FipsRule;
use crate::grant::{EVERY_REGION, EndpointGrant, Grant, override_problem};
use crate::http_credential::HttpCredential;
use crate::identity_http::identity_http;
use crate::own_requests::{OwnAuthentication, OwnRequests};
use crate::recorder::{Recorded, Recorder};
use crate::replay::{self, NoNetwork, OutOfRecording, Replay};
use crate::retry::RetryOptions;
use crate::session::Session;
use crate::shared_limit::{SharedLimits, SharedThrottle};
use crate::throttle::{Throttle, ThrottleOptions};
use crate::transport::{ClientTemplate, Network, Transport};
use crate::vault::Vault;

/// Sizes in bytes and times that bound every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// The largest body a guest may send.
    pub request_body: usize,
    /// The largest body that is taken from the cloud.
    pub response_body: usize,
    /// The largest headers, names and values together, that are taken from the cloud.
    pub response_headers: usize,
    /// The time to make a connection, TLS included.
    pub connect_timeout: Duration,
    /// The time for one sending, up to the last byte of the answer.
    pub attempt_timeout: Duration,
    /// The time for a whole call: waiting for the rate limit, all sendings and the pauses between them.
    pub call_timeout: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            request_body: 64 * 1024 * 1024,
            response_body: 64 * 1024 * 1024,
            response_headers: 64 * 1024,
            connect_timeout: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(60),
            call_timeout: Duration::from_secs(300),
        }
    }
}

/// What the operator configures for all plugins.
#[derive(Clone)]
pub struct BrokerOptions {
    /// Sizes and times.
    pub limits: CallLimits,
    /// Rate limits, for every identity, service and region.
    pub throttle: ThrottleOptions,
    /// Counts what other processes send too, against rate limits that the operator knows of.
    pub shared_limits: Option<Arc<dyn SharedLimits>>,
    /// How often a call is sent again.
    pub retry: RetryOptions,
    /// Private networks that cloud hosts may resolve into, such as those of VPC endpoints.
    pub private_networks: Vec<IpCidr>,
    /// A proxy for everything but loopback and the instance's credential service. It resolves names itself.
    pub proxy: Option<Url>,
    /// Hosts, domains and networks that are reached without the proxy, comma-separated as in `NO_PROXY`.
    pub no_proxy: String,
    /// PEM bundles of certificate authorities to trust beside the system's.
    pub extra_root_certificates: Vec<Vec<u8>>,
    /// Where roles are assumed instead of the region's token service: a local emulator.
    pub sts_endpoint: Option<Url>,
    /// Only FIPS endpoints are used, for plugins and for the token service; what has none is refused.
    pub fips_required: bool,
    /// Overrides that the operator says are FIPS endpoints.
    pub fips_overrides: Vec<Url>,
    /// Looks names up.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            limits: CallLimits::default(),
            throttle: ThrottleOptions::default(),
            shared_limits: None,
            retry: RetryOptions::default(),
            private_networks: Vec::new(),
            proxy: None,
            no_proxy: String::new(),
            extra_root_certificates: Vec::new(),
            sts_endpoint: None,
            fips_required: false,
            fips_overrides: Vec::new(),
            resolver: Arc::new(SystemResolver),
        }
    }
}

impl std::fmt::Debug for BrokerOptions {
    /// Shows no proxy: its URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrokerOptions")
            .field("limits", &self.limits)
            .field("throttle", &self.throttle)
            .field("retry", &self.retry)
            .field("private_networks", &self.private_networks)
            .field("sts_endpoint", &self.sts_endpoint)
            .field("fips_required", &self.fips_required)
            .finish_non_exhaustive()
    }
}

/// What one plugin's session is made of.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The plugin's name, for the record.
    pub plugin: String,
    /// What it may reach.
    pub grant: Grant,
    /// What its requests are signed with, by the name that endpoints refer to; the plugin's own stand under its
    /// own name.
    pub credentials: BTreeMap<String, CredentialSource>,
    /// What its requests to clouds with OAuth tokens are authenticated with, by the same names.
    pub bearer_sources: BTreeMap<String, BearerSource>,
    /// What authenticates its requests to HTTP APIs that are no cloud, by the same names.
    pub http_credentials: BTreeMap<String, HttpCredential>,
    /// The rate limit that the operator knows of, for each service and region with the same credentials; where none is
    /// known it is learned from the answers.
    pub rate_limit: Option<RateLimit>,
    /// The plugin's sealed secrets: the same vault that its sandbox has. None where it gets no secrets.
    pub vault: Option<Arc<Vault>>,
}

/// Why a broker or a session cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// A configured certificate is not PEM.
    #[error("a configured root certificate cannot be read; give PEM (`-----BEGIN CERTIFICATE-----`)")]
    Certificate {
        /// What the reader says.
        source: rustls::pki_types::pem::Error,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up; check the configured root certificates")]
    Tls {
        /// What the library says.
        source: rustls::Error,
    },
    /// The HTTP client or its proxy cannot be set up.
    #[error("the HTTP client cannot be set up; check the proxy and the certificates")]
    Client {
        /// What the client says.
        source: reqwest::Error,
    },
    /// There are no credentials.
    #[error(transparent)]
    Credentials(#[from] crate::credentials::CredentialError),
    /// A configured address may not be used.
    #[error("the configured {what} may not be used: {reason}")]
    Address {
        /// Which one.
        what: &'static str,
        /// Why not, and what was expected.
        reason: String,
    },
    /// A grant does not make sense; everything wrong with it is listed.
    #[error("the grant of plugin `{plugin}` cannot be used: {}", .problems.join("; "))]
    Grant {
        /// The plugin.
        plugin: String,
        /// What is wrong, each with what was expected.
        problems: Vec<String>,
    },
}

/// A gate, and what sends through it: one session's own, or one source's of credentials.
pub(crate) struct WayOut {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) egress: Arc<Egress>,
}

/// What carries the requests of a run. One that is replayed holds nothing that could open a connection.
enum Traffic {
    Network(ClientTemplate),
    Recorded(ClientTemplate, Arc<Recorder>),
    Replayed(Arc<Replay>),
}

/// What a way out is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// What a plugin sends.
    Plugin,
    /// Fetching credentials, which is never recorded.
    Credentials,
}

/// Whose rate limit counts: credentials, service, region.
pub(crate) type ThrottleKey = (usize, String, String);

/// What the sessions of a run share: no connection and no gate, which each has of its own.
pub(crate) struct Shared {
    pub(crate) limits: CallLimits,
    pub(crate) retry: RetryOptions,
    pub(crate) audit: Arc<dyn AuditSink>,
    pub(crate) fips: FipsRule,
    pub(crate) sts_endpoint: Option<Url>,
    throttle: ThrottleOptions,
    shared_limits: Option<Arc<dyn SharedLimits>>,
    throttles: Mutex<HashMap<ThrottleKey, Arc<Throttle>>>,
}

impl Shared {
    /// Returns the rate limit of a key, which all sessions share: the first says what is known of it. What is known can be
    /// shared with other processes too; what is learned cannot.
    pub(crate) fn throttle(&self, key: ThrottleKey, known: Option<RateLimit>) -> Arc<Throttle> {
        let made = || match (known, &self.shared_limits) {
            (Some(limit), Some(ledger)) => Throttle::sharing(
                self.throttle.limited(limit),
                SharedThrottle::new(Arc::clone(ledger), limit),
            ),
            (Some(limit), None) => Throttle::new(self.throttle.limited(limit)),
            (None, _) => Throttle::new(self.throttle),
        };
        let mut throttles = self.throttles.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(throttles.entry(key).or_insert_with(|| Arc::new(made())))
    }
}

/// Everything that plugins send in one run goes through one of these.
pub struct Broker {
    shared: Arc<Shared>,
    traffic: Traffic,
    resolver: Arc<dyn Resolver>,
    private_networks: Vec<IpCidr>,
    credentials: Mutex<Vec<Arc<CredentialCache>>>,
    bearers: Mutex<Vec<Arc<BearerCache>>>,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker")
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

impl Broker {
    /// Makes a broker. Nothing is connected or resolved yet.
    ///
    /// # Errors
    /// When a configured certificate, proxy or token service address cannot be used.
    pub fn new(options: BrokerOptions, audit: Arc<dyn AuditSink>) -> Result<Self, BrokerError> {
        let template = ClientTemplate::new(&options)?;
        Self::over(Traffic::Network(template), options, audit)
    }

    /// Makes a broker whose plugins' requests and answers are recorded. What fetches credentials is not.
    ///
    /// # Errors
    /// Those of [`Broker::new`].
    pub fn recording(
        options: BrokerOptions,
        audit: Arc<dyn AuditSink>,
        recorder: Arc<Recorder>,
    ) -> Result<Self, BrokerError> {
        let template = ClientTemplate::new(&options)?;
        Self::over(Traffic::Recorded(template, recorder), options, audit)
    }

    /// Makes a broker that answers out of a recording. Every gate stands as in any other, but there is no client behind
    /// them: it can open no connection, looks no name up and needs no credentials; those of its sessions are not used.
    ///
    /// # Errors
    /// When a configured token service address cannot be used.
    pub fn replaying(
        options: BrokerOptions,
        audit: Arc<dyn AuditSink>,
        replay: Arc<Replay>,
    ) -> Result<Self, BrokerError> {
        Self::over(Traffic::Replayed(replay), options, audit)
    }

    fn over(
        traffic: Traffic,
        options: BrokerOptions,
        audit: Arc<dyn AuditSink>,
    ) -> Result<Self, BrokerError> {
        if let Some(endpoint) = &options.sts_endpoint {
            let refused = |reason: String| BrokerError::Address {
                what: "token service",
                reason,
            };
            if let Some(problem) = override_problem(endpoint) {
                return Err(refused(problem.to_owned()));
            }
            let fips = FipsRule::of(&options);
            fips.check_override(endpoint).map_err(refused)?;
        }
        let broker = Self {
            traffic,
            shared: Arc::new(Shared {
                limits: options.limits,
                retry: options.retry,
                audit,
                fips: FipsRule::of(&options),
                sts_endpoint: options.sts_endpoint,
                throttle: options.throttle,
                shared_limits: options.shared_limits,
                throttles: Mutex::default(),
            }),
            resolver: options.resolver,
            private_networks: options.private_networks,
            credentials: Mutex::default(),
            bearers: Mutex::default(),
        };
        // What cannot be reached is told now and not by the first session.
        broker.way_out(Purpose::Plugin)?;
        Ok(broker)
    }

    /// Makes a gate and what sends through it, for one session or one source of credentials.
    fn way_out(&self, purpose: Purpose) -> Result<WayOut, BrokerError> {
        let egress = Arc::new(Egress::new(
            Arc::clone(&self.resolver),
            self.private_networks.clone(),
        ));
        let proxy = match &self.traffic {
            Traffic::Network(template) | Traffic::Recorded(template, _) => template.proxy(),
            Traffic::Replayed(_) => None,
        };
        let hosts = [
            ("proxy", proxy),
            ("token service", self.shared.sts_endpoint.as_ref()),
        ];
        for (what, url) in hosts {
            if let Some(url) = url {
                egress.allow(url).map_err(|error| BrokerError::Address {
                    what,
                    reason: error.to_string(),
                })?;
            }
        }
        let transport: Arc<dyn Transport> = match &self.traffic {
            Traffic::Network(template) => Arc::new(network(template, &egress)?),
            Traffic::Recorded(template, recorder) => {
                let network = network(template, &egress)?;
                match purpose {
                    Purpose::Plugin => Arc::new(Recorded::new(network, Arc::clone(recorder))),
                    Purpose::Credentials => Arc::new(network),
                }
            }
            Traffic::Replayed(replay) => match purpose {
                Purpose::Plugin => Arc::new(OutOfRecording::new(Arc::clone(replay))),
                Purpose::Credentials => Arc::new(NoNetwork),
            },
        };
        Ok(WayOut { transport, egress })
    }

    /// Makes a plugin's way out. Its grant cannot be changed afterwards.
    ///
    /// # Errors
    /// When the grant does not make sense, with everything that is wrong with it.
    pub fn session(&self, options: SessionOptions) -> Result<Arc<dyn Cloud>, BrokerError> {
        let SessionOptions {
            plugin,
            grant,
            credentials,
            bearer_sources,
            http_credentials,
            rate_limit,
            vault,
        } = options;
        let (credentials, bearer_sources, http_credentials) = match &self.traffic {
            Traffic::Replayed(_) => replay::stand_ins(&plugin, &grant),
            _ => (credentials, bearer_sources, http_credentials),
        };
        let vault = vault.unwrap_or_default();
        if let Traffic::Recorded(_, recorder) = &self.traffic {
            recorder.hide_secrets_of(&vault);
        }
        let mut problems = grant.problems();
        for endpoint in &grant.endpoints {
            let name = endpoint.credentials.as_ref().unwrap_or(&plugin);
            let is_configured = match endpoint.protocol {
                EndpointProtocol::Http => http_credentials.contains_key(name),
                EndpointProtocol::Aws => credentials.contains_key(name),
                protocol => bearer_sources
                    .get(name)
                    .is_some_and(|source| source.serves(protocol)),
            };
            if !is_configured {
                problems.push(format!(
                    "endpoint `{}` is called with the credentials of `{name}`, which are not configured",
                    endpoint.id
                ));
            }
        }
        let way_out = self.way_out(Purpose::Plugin)?;
        if problems.is_empty() {
            for endpoint in &grant.endpoints {
                let id = &endpoint.id;
                if let Some(url) = &endpoint.override_url
                    && let Err(error) = way_out.egress.allow(url)
                {
                    problems.push(format!("endpoint `{id}`: {error}"));
                }
                let regions = endpoint.regions.iter().filter(|region| *region != EVERY_REGION);
                for region in BTreeSet::from_iter(regions.chain([&endpoint.default_region])) {
                    if let Err(reason) = endpoint::resolve(endpoint, region, &self.shared.fips) {
                        problems.push(reason);
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(BrokerError::Grant { plugin, problems });
        }
        let mut signers = BTreeMap::new();
        for (name, mut source) in credentials {
            if source.region.is_none() {
                let signs =
                    |endpoint: &&EndpointGrant| *endpoint.credentials.as_ref().unwrap_or(&plugin) == name;
                let endpoint = grant.endpoints.iter().find(signs);
                source.region = endpoint.map(|endpoint| endpoint.default_region.clone());
            }
            let (number, cache) = self.cache(source)?;
            signers.insert(name, Signer { number, cache });
        }
        let mut bearers = BTreeMap::new();
        for (name, source) in bearer_sources {
            let (number, cache) = self.bearer_cache(source)?;
            bearers.insert(name, Bearer { number, cache });
        }
        let authenticators = Authenticators {
            signers,
            bearers,
            http: http_credentials,
        };
        let session = Session::new(
            Arc::clone(&self.shared),
            way_out,
            plugin,
            grant,
            authenticators,
            vault,
        );
        Ok(Arc::new(session.with_rate_limit(rate_limit)))
    }

    /// Fetches credentials now, so that a run can fail before it starts rather than in its first call.
    ///
    /// # Errors
    /// When the source has none, with what to do.
    pub async fn check_credentials(&self, source: CredentialSource) -> Result<(), BrokerError> {
        let (_, cache) = self.cache(source)?;
        cache.get().await?;
        Ok(())
    }

    /// Makes a way out for the host itself, to one service at one address, with credentials of the standard chain or
    /// of another source. No plugin gets hold of it.
    ///
    /// # Errors
    /// When the address is one that nothing may be sent to.
    pub fn own_requests(
        &self,
        origin: &Url,
        service: &str,
        region: &str,
        mut source: CredentialSource,
    ) -> Result<OwnRequests, BrokerError> {
        let way_out = self.way_to(origin)?;
        source.region.get_or_insert_with(|| region.to_owned());
        let address = endpoint::Address {
            origin: origin.clone(),
            signing_region: region.to_owned(),
            signing_service: service.to_owned(),
        };
        let (_, cache) = self.cache(source)?;
        let authentication = OwnAuthentication::Aws(cache);
        Ok(OwnRequests::new(
            way_out,
            address,
            authentication,
            self.shared.limits,
        ))
    }

    /// Makes a way out for the host itself, to one HTTP API at one address. No plugin gets hold of it.
    ///
    /// # Errors
    /// When the address is one that nothing may be sent to.
    pub fn own_http_requests(
        &self,
        origin: &Url,
        credential: HttpCredential,
    ) -> Result<OwnRequests, BrokerError> {
        let address = endpoint::Address {
            origin: origin.clone(),
            signing_region: String::new(),
            signing_service: String::new(),
        };
        Ok(OwnRequests::new(
            self.way_to(origin)?,
            address,
            OwnAuthentication::Http(credential),
            self.shared.limits,
        ))
    }

    fn way_to(&self, origin: &Url) -> Result<WayOut, BrokerError> {
        let way_out = self.way_out(Purpose::Credentials)?;
        way_out
            .egress
            .allow(origin)
            .map_err(|error| BrokerError::Address {
                what: "service",
                reason: error.to_string(),
            })?;
        Ok(way_out)
    }

    /// Returns the one cache of a source, and its number.
    fn cache(&self, source: CredentialSource) -> Result<(usize, Arc<CredentialCache>), BrokerError> {
        let mut caches = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = caches
            .iter()
            .enumerate()
            .find(|(_, cache)| *cache.source() == source)
        {
            return Ok((found.0, Arc::clone(found.1)));
        }
        let WayOut { transport, egress } = self.way_out(Purpose::Credentials)?;
        let context = ProviderContext {
            http: identity_http(transport, egress, self.shared.limits),
            region: source.region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
            sts_endpoint: self.shared.sts_endpoint.clone(),
            fips: self.shared.fips.is_required(),
        };
        let cache = Arc::new(CredentialCache::new(source, context));
        caches.push(Arc::clone(&cache));
        Ok((caches.len() - 1, cache))
    }
}

impl Broker {
    /// Returns the one cache of a source of tokens, and its number.
    fn bearer_cache(&self, source: BearerSource) -> Result<(usize, Arc<BearerCache>), BrokerError> {
        let mut caches = self.bearers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = caches
            .iter()
            .enumerate()
            .find(|(_, cache)| *cache.source() == source)
        {
            return Ok((found.0, Arc::clone(found.1)));
        }
        let way_out = self.way_out(Purpose::Credentials)?;
        let requests = TokenRequests::new(way_out, self.shared.limits, self.shared.retry);
        let cache = Arc::new(BearerCache::new(source, requests));
        caches.push(Arc::clone(&cache));
        Ok((caches.len() - 1, cache))
    }
}

/// Makes a client with connections of its own.
fn network(template: &ClientTemplate, egress: &Arc<Egress>) -> Result<Network, BrokerError> {
    Ok(Network(template.client(egress)?))
}
